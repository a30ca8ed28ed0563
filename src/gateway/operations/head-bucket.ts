// HeadBucket: whether a bucket is there.
import { defineOperation } from '../s3/operation.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';

export const headBucket = defineOperation({
  name: 'HeadBucket',
  match: { method: 'HEAD', target: 'bucket' },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:ListBucket', bucket }],
  async handle(grant, context) {
    await requireBucket(context, grant.input.bucket);
    return { status: 200, headers: { 'x-amz-bucket-region': 'us-east-1' } };
  },
});
