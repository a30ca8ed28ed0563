// GetBucketLocation: the location that the bucket was made for, as it was given. The default region's name is left out, as S3 does.
import { defineOperation } from '../s3/operation.ts';
import { xmlDocument } from '../s3/xml.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import { xmlReply } from './listing.ts';

/** Its name is left out. */
const DEFAULT_REGION = 'us-east-1';

export const getBucketLocation = defineOperation({
  name: 'GetBucketLocation',
  match: { method: 'GET', target: 'bucket', query: ['location'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:GetBucketLocation', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    await requireBucket(context, bucket);
    const { location = '' } = (await grant.configuration.read(bucket)).documents;
    return xmlReply(xmlDocument('LocationConstraint', ...(location === DEFAULT_REGION ? [] : [location])));
  },
});
