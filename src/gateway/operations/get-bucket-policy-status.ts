// GetBucketPolicyStatus: whether the policy of a bucket lets everyone in. The sidecar judges that.
import { defineOperation } from '../s3/operation.ts';
import { element, xmlDocument } from '../s3/xml.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import { xmlReply } from './listing.ts';

export const getBucketPolicyStatus = defineOperation({
  name: 'GetBucketPolicyStatus',
  match: { method: 'GET', target: 'bucket', query: ['policyStatus'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:GetBucketPolicyStatus', bucket }],
  async handle(grant, context) {
    await requireBucket(context, grant.input.bucket);
    const { policyIsPublic } = await grant.configuration.read(grant.input.bucket);
    return xmlReply(xmlDocument('PolicyStatus', element('IsPublic', policyIsPublic)));
  },
});
