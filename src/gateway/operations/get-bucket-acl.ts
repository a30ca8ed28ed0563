// GetBucketAcl: the owner has full control, and nobody else is granted anything.
import { defineOperation } from '../s3/operation.ts';
import { ownerOnlyDocument } from './access-control-list.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import { xmlReply } from './listing.ts';

export const getBucketAcl = defineOperation({
  name: 'GetBucketAcl',
  match: { method: 'GET', target: 'bucket', query: ['acl'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:GetBucketAcl', bucket }],
  async handle(grant, context) {
    await requireBucket(context, grant.input.bucket);
    return xmlReply(ownerOnlyDocument());
  },
});
