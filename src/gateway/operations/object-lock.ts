// Object lock: no bucket has it, as it is about versions, which a JuiceFS volume has none of. Each request is authorized first, and then
// told what S3 tells of a bucket without it.
import { S3Error } from '../s3/errors.ts';
import { defineOperation, type Operation } from '../s3/operation.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';

type Row = readonly [
  operation: string,
  method: 'GET' | 'PUT',
  target: 'bucket' | 'object',
  parameter: string,
  action: string,
];

const ROWS: readonly Row[] = [
  ['PutObjectLockConfiguration', 'PUT', 'bucket', 'object-lock', 's3:PutBucketObjectLockConfiguration'],
  ['GetObjectRetention', 'GET', 'object', 'retention', 's3:GetObjectRetention'],
  ['PutObjectRetention', 'PUT', 'object', 'retention', 's3:PutObjectRetention'],
  ['GetObjectLegalHold', 'GET', 'object', 'legal-hold', 's3:GetObjectLegalHold'],
  ['PutObjectLegalHold', 'PUT', 'object', 'legal-hold', 's3:PutObjectLegalHold'],
];

function refusedOperation([name, method, target, parameter, action]: Row) {
  return defineOperation({
    name,
    match: { method, target, query: [parameter] },
    // whatever body there is stays unread
    body: 'payload',
    checksumHeaders: 'object',
    parse: (request) => ({ bucket: bucketOf(request), key: request.key }),
    questions: ({ bucket, key }) => [{ action, bucket, ...(key === undefined ? {} : { key }) }],
    async handle(grant, context) {
      await requireBucket(context, grant.input.bucket);
      throw target === 'bucket'
        ? new S3Error('InvalidBucketState', 'Object Lock configuration cannot be enabled on existing buckets.')
        : new S3Error('InvalidRequest', 'Bucket is missing Object Lock Configuration.');
    },
  });
}

/** One operation a row. */
export const objectLockOperations: readonly Operation<unknown>[] = ROWS.map(refusedOperation);
