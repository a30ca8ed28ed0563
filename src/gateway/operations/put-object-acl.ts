// PutObjectAcl: to whom an object grants what.
import { defineOperation } from '../s3/operation.ts';
import { MAX_ACL_DOCUMENT_BYTES, requestedAcl } from './access-control-list.ts';
import { bucketOf, keyOf, requireWritable } from './bucket-access.ts';
import { ACL_XATTR, changedObjectAcl } from './object-acl.ts';
import { findObject, versionContext } from './object-lookup.ts';
import { answering } from './volume-errors.ts';
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
    requireWritable(context);
    const found = await findObject(grant, context, grant.input);
    const acl = requestedAcl(grant.request.headers, await readDocument(grant.payload, MAX_ACL_DOCUMENT_BYTES));
    const xattrs = new Map([[ACL_XATTR, await changedObjectAcl(grant, grant.input, found, acl)]]);
    await answering('object', () =>
      context.volume.setXattrs(found.path, xattrs, { expectInode: found.attributes.inode }),
    );
    return { status: 200 };
  },
});
