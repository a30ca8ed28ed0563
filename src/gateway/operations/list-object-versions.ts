// ListObjectVersions: a JuiceFS volume has no versions, so each object is its own, latest, null one.

import { defineOperation } from '../s3/operation.ts';
import { element, optionalElement, xmlDocument } from '../s3/xml.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import {
  commonPrefixElements,
  invalidParameter,
  listingContext,
  listPage,
  nameEncoder,
  objectElements,
  parseListing,
  xmlReply,
} from './listing.ts';
import { NULL_VERSION } from './object-lookup.ts';
import { bucketOwner } from './owner.ts';

export const listObjectVersions = defineOperation({
  name: 'ListObjectVersions',
  match: { method: 'GET', target: 'bucket', query: ['versions'] },
  body: 'none',
  parse: (request) => {
    const keyMarker = request.query.get('key-marker') ?? '';
    const versionIdMarker = request.query.get('version-id-marker') ?? '';
    if (versionIdMarker !== '' && keyMarker === '') {
      throw invalidParameter('version-id-marker', versionIdMarker, 'A version id marker needs a key marker.');
    }
    return { ...parseListing(request), bucket: bucketOf(request), keyMarker, versionIdMarker };
  },
  // whether who may list keys may list their null versions is the dialect's to say
  questions: (input, request) => [
    { action: 's3:ListBucketVersions', bucket: input.bucket, context: listingContext(request) },
  ],
  async handle(grant, context) {
    const { input } = grant;
    await requireBucket(context, input.bucket);
    const page = await listPage(context, input.bucket, input, input.keyMarker);
    const owner = await bucketOwner(grant, input.bucket);
    const encode = nameEncoder(input);
    const versions = page.keys.map((listed) => {
      const [key, ...rest] = objectElements(listed, encode, owner);
      return element('Version', key, element('VersionId', NULL_VERSION), element('IsLatest', true), ...rest);
    });
    return xmlReply(
      xmlDocument(
        'ListVersionsResult',
        element('Name', input.bucket),
        element('Prefix', encode(input.prefix)),
        element('KeyMarker', encode(input.keyMarker)),
        element('VersionIdMarker', input.versionIdMarker),
        optionalElement('NextKeyMarker', page.last === undefined ? undefined : encode(page.last)),
        optionalElement('NextVersionIdMarker', page.last === undefined ? undefined : NULL_VERSION),
        element('MaxKeys', input.maxKeys),
        optionalElement('Delimiter', input.delimiter === '' ? undefined : encode(input.delimiter)),
        optionalElement('EncodingType', input.urlEncoded ? 'url' : undefined),
        element('IsTruncated', page.truncated),
        versions,
        commonPrefixElements(page.commonPrefixes, encode),
      ),
    );
  },
});
