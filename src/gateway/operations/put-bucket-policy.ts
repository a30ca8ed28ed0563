// PutBucketPolicy: the document goes to the sidecar, which decides again, judges it and stores it.
import { S3Error } from '../s3/errors.ts';
import { defineOperation } from '../s3/operation.ts';
import { bucketOf, requireBucket, requireWritable } from './bucket-access.ts';
import { readDocument } from './write-payload.ts';

/** AWS: largest bucket policy, bytes. */
export const MAX_BUCKET_POLICY_BYTES = 20 * 1024;

export const putBucketPolicy = defineOperation({
  name: 'PutBucketPolicy',
  match: { method: 'PUT', target: 'bucket', query: ['policy'] },
  body: 'payload',
  parse: (request) => ({ bucket: bucketOf(request), length: request.contentLength }),
  questions: ({ bucket }) => [{ action: 's3:PutBucketPolicy', bucket }],
  async handle(grant, context) {
    const { bucket, length } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    if (length === undefined) throw new S3Error('MissingContentLength');
    if (length > MAX_BUCKET_POLICY_BYTES) {
      throw new S3Error('EntityTooLarge', `A bucket policy has at most ${MAX_BUCKET_POLICY_BYTES} bytes.`);
    }
    await grant.configuration.set(bucket, 'policy', await readDocument(grant.payload, MAX_BUCKET_POLICY_BYTES));
    return { status: 204 };
  },
});
