// PutObjectAcl: the private ACL is what is anyway; any other is refused.
import { defineOperation } from '../s3/operation.ts';
import { MAX_ACL_DOCUMENT_BYTES, requireOwnerOnly } from './access-control-list.ts';
import { bucketOf, keyOf } from './bucket-access.ts';
import { findObject, versionContext } from './object-lookup.ts';
import { readDocument } from './write-payload.ts';

export const putObjectAcl = defineOperation({
  name: 'PutObjectAcl',
  match: { method: 'PUT', target: 'object', query: ['acl'] },
  body: 'payload',
  parse: (request) => ({
    bucket: bucketOf(request),
    key: keyOf(request),
    versionId: request.query.get('versionId'),
  }),
  questions: ({ bucket, key, versionId }) => [
    { action: 's3:PutObjectAcl', bucket, key, context: versionContext(versionId) },
  ],
  async handle(grant, context) {
    await findObject(grant, context, grant.input);
    requireOwnerOnly(grant.request.headers, await readDocument(grant.payload, MAX_ACL_DOCUMENT_BYTES));
    return { status: 200 };
  },
});
