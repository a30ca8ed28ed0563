// GetBucketAcl: the owner of a bucket, and to whom it grants what.
import { defineOperation } from '../s3/operation.ts';
import { aclDocument, privateGrants, readKeptAcl } from './access-control-list.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import { xmlReply } from './listing.ts';

export const getBucketAcl = defineOperation({
  name: 'GetBucketAcl',
  match: { method: 'GET', target: 'bucket', query: ['acl'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:GetBucketAcl', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    await requireBucket(context, bucket);
    const { documents } = await grant.configuration.read(bucket);
    const owner = documents.owner ?? '';
    return xmlReply(aclDocument(owner, readKeptAcl(documents.acl)?.grants ?? privateGrants(owner)));
  },
});
