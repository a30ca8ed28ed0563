// DeleteBucketPolicy: fine when there is none.
import { defineOperation } from '../s3/operation.ts';
import { bucketOf, requireBucket, requireWritable } from './bucket-access.ts';

export const deleteBucketPolicy = defineOperation({
  name: 'DeleteBucketPolicy',
  match: { method: 'DELETE', target: 'bucket', query: ['policy'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:DeleteBucketPolicy', bucket }],
  async handle(grant, context) {
    requireWritable(context);
    await requireBucket(context, grant.input.bucket);
    await grant.configuration.remove(grant.input.bucket, 'policy');
    return { status: 204 };
  },
});
