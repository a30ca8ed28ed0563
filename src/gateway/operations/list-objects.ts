// ListObjects: the first version of the listing, paged by keys (marker).
import { defineOperation } from '../s3/operation.ts';
import { element, optionalElement, xmlDocument } from '../s3/xml.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import {
  commonPrefixElements,
  listingContext,
  listPage,
  nameEncoder,
  objectElements,
  parseListing,
  xmlReply,
} from './listing.ts';
import { bucketOwner } from './owner.ts';

export const listObjects = defineOperation({
  name: 'ListObjects',
  match: { method: 'GET', target: 'bucket' },
  body: 'none',
  parse: (request) => ({
    ...parseListing(request),
    bucket: bucketOf(request),
    marker: request.query.get('marker') ?? '',
  }),
  questions: (input, request) => [{ action: 's3:ListBucket', bucket: input.bucket, context: listingContext(request) }],
  async handle(grant, context) {
    const { input } = grant;
    await requireBucket(context, input.bucket);
    const page = await listPage(context, input.bucket, input, input.marker);
    const owner = await bucketOwner(grant, input.bucket);
    const encode = nameEncoder(input);
    return xmlReply(
      xmlDocument(
        'ListBucketResult',
        element('Name', input.bucket),
        element('Prefix', encode(input.prefix)),
        element('Marker', encode(input.marker)),
        optionalElement('NextMarker', page.last === undefined ? undefined : encode(page.last)),
        element('MaxKeys', input.maxKeys),
        optionalElement('Delimiter', input.delimiter === '' ? undefined : encode(input.delimiter)),
        optionalElement('EncodingType', input.urlEncoded ? 'url' : undefined),
        element('IsTruncated', page.truncated),
        page.keys.map((listed) => element('Contents', ...objectElements(listed, encode, owner))),
        commonPrefixElements(page.commonPrefixes, encode),
      ),
    );
  },
});
