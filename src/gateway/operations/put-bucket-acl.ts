// PutBucketAcl: to whom a bucket grants what; kept, and asked in decisions, by the sidecar.
import type { BucketName } from '../s3/object-name.ts';
import { defineOperation, type Grant } from '../s3/operation.ts';
import { type AclRequest, isPrivate, keptAcl, MAX_ACL_DOCUMENT_BYTES, requestedAcl } from './access-control-list.ts';
import { bucketOf, requireBucket, requireWritable } from './bucket-access.ts';
import { requireAclsAllowed } from './object-acl.ts';
import { readDocument } from './write-payload.ts';

export const putBucketAcl = defineOperation({
  name: 'PutBucketAcl',
  match: { method: 'PUT', target: 'bucket', query: ['acl'] },
  body: 'payload',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:PutBucketAcl', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    const document = await readDocument(grant.payload, MAX_ACL_DOCUMENT_BYTES);
    await setBucketAcl(grant, bucket, requestedAcl(grant.request.headers, document));
    return { status: 200 };
  },
});

/** Keeps the list of a bucket; the private one is that of a bucket without any. */
export async function setBucketAcl(
  { configuration }: Pick<Grant<unknown>, 'configuration'>,
  bucket: BucketName,
  acl: AclRequest,
): Promise<void> {
  const current = await configuration.read(bucket);
  const owner = current.documents.owner ?? '';
  const grants = acl.grants(owner, owner);
  if (isPrivate(grants, owner)) {
    if (current.documents.acl !== undefined) await configuration.remove(bucket, 'acl');
    return;
  }
  requireAclsAllowed(current, { grants });
  await configuration.set(bucket, 'acl', keptAcl({ grants }));
}
