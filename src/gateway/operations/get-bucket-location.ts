// GetBucketLocation: every bucket is in the default region, whose name S3 leaves out.
import { defineOperation } from '../s3/operation.ts';
import { xmlDocument } from '../s3/xml.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import { xmlReply } from './listing.ts';

export const getBucketLocation = defineOperation({
  name: 'GetBucketLocation',
  match: { method: 'GET', target: 'bucket', query: ['location'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:GetBucketLocation', bucket }],
  async handle(grant, context) {
    await requireBucket(context, grant.input.bucket);
    return xmlReply(xmlDocument('LocationConstraint'));
  },
});
