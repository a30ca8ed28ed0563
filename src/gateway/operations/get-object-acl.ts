// GetObjectAcl: the owner has full control, and nobody else is granted anything.
import { defineOperation } from '../s3/operation.ts';
import { ownerOnlyDocument } from './access-control-list.ts';
import { bucketOf, keyOf } from './bucket-access.ts';
import { xmlReply } from './listing.ts';
import { findObject, versionContext } from './object-lookup.ts';

export const getObjectAcl = defineOperation({
  name: 'GetObjectAcl',
  match: { method: 'GET', target: 'object', query: ['acl'] },
  body: 'none',
  parse: (request) => ({
    bucket: bucketOf(request),
    key: keyOf(request),
    versionId: request.query.get('versionId'),
  }),
  questions: ({ bucket, key, versionId }) => [
    { action: 's3:GetObjectAcl', bucket, key, context: versionContext(versionId) },
  ],
  async handle(grant, context) {
    await findObject(grant, context, grant.input);
    return xmlReply(ownerOnlyDocument());
  },
});
