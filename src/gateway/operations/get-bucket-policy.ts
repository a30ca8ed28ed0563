// GetBucketPolicy: the policy of a bucket, as it is stored.
import { S3Error } from '../s3/errors.ts';
import { defineOperation } from '../s3/operation.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';

export const getBucketPolicy = defineOperation({
  name: 'GetBucketPolicy',
  match: { method: 'GET', target: 'bucket', query: ['policy'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:GetBucketPolicy', bucket }],
  async handle(grant, context) {
    await requireBucket(context, grant.input.bucket);
    const { policy } = (await grant.configuration.read(grant.input.bucket)).documents;
    if (policy === undefined) throw new S3Error('NoSuchBucketPolicy');
    return { status: 200, headers: { 'content-type': 'application/json' }, body: policy };
  },
});
