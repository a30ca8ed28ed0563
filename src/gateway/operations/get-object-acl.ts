// GetObjectAcl: the owner of an object, and to whom it grants what.
import { defineOperation } from '../s3/operation.ts';
import { aclDocument } from './access-control-list.ts';
import { bucketOf, keyOf } from './bucket-access.ts';
import { xmlReply } from './listing.ts';
import { shownAcl } from './object-acl.ts';
import { findObject, versionContext } from './object-lookup.ts';
import { bucketOwner } from './owner.ts';

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
    const found = await findObject(grant, context, grant.input);
    const { owner, grants } = shownAcl(found, await bucketOwner(grant, grant.input.bucket));
    return xmlReply(aclDocument(owner, grants));
  },
});
