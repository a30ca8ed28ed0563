// PutBucketAcl: the private ACL is what is anyway; any other is refused.
import { defineOperation } from '../s3/operation.ts';
import { MAX_ACL_DOCUMENT_BYTES, requireOwnerOnly } from './access-control-list.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import { readDocument } from './write-payload.ts';

export const putBucketAcl = defineOperation({
  name: 'PutBucketAcl',
  match: { method: 'PUT', target: 'bucket', query: ['acl'] },
  body: 'payload',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:PutBucketAcl', bucket }],
  async handle(grant, context) {
    await requireBucket(context, grant.input.bucket);
    requireOwnerOnly(grant.request.headers, await readDocument(grant.payload, MAX_ACL_DOCUMENT_BYTES));
    return { status: 200 };
  },
});
