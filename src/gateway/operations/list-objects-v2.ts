// ListObjectsV2: the listing that is paged by tokens.
import { defineOperation } from '../s3/operation.ts';
import { element, optionalElement, xmlDocument } from '../s3/xml.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import { continuationToken, parseContinuationToken } from './continuation-token.ts';
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

export const listObjectsV2 = defineOperation({
  name: 'ListObjectsV2',
  match: { method: 'GET', target: 'bucket', queryValue: { 'list-type': '2' } },
  body: 'none',
  parse: (request) => {
    const token = request.query.get('continuation-token');
    const startAfter = request.query.get('start-after');
    return {
      ...parseListing(request),
      bucket: bucketOf(request),
      token,
      startAfter,
      after: token === undefined || token === '' ? (startAfter ?? '') : parseContinuationToken(token),
      fetchOwner: request.query.get('fetch-owner') === 'true',
    };
  },
  questions: (input, request) => [{ action: 's3:ListBucket', bucket: input.bucket, context: listingContext(request) }],
  async handle(grant, context) {
    const { input } = grant;
    await requireBucket(context, input.bucket);
    const page = await listPage(context, input.bucket, input, input.after);
    const owner = input.fetchOwner ? await bucketOwner(grant, input.bucket) : undefined;
    const encode = nameEncoder(input);
    return xmlReply(
      xmlDocument(
        'ListBucketResult',
        element('Name', input.bucket),
        element('Prefix', encode(input.prefix)),
        optionalElement('StartAfter', input.startAfter === undefined ? undefined : encode(input.startAfter)),
        optionalElement('ContinuationToken', input.token),
        optionalElement('NextContinuationToken', page.last === undefined ? undefined : continuationToken(page.last)),
        element('KeyCount', page.keys.length + page.commonPrefixes.length),
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
