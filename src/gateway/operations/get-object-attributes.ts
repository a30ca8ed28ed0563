// GetObjectAttributes: the named attributes of an object, without its bytes.

import { S3Error } from '../s3/errors.ts';
import type { GatewayFeatures } from '../s3/operation.ts';
import { defineOperation, refusalIn } from '../s3/operation.ts';
import { element, type XmlNode, xmlDocument } from '../s3/xml.ts';
import { bucketOf, keyOf } from './bucket-access.ts';
import { refuseEncryptedRead } from './encryption-headers.ts';
import { MAX_KEYS, parseCount, xmlReply } from './listing.ts';
import { MAX_PARTS } from './multipart-upload.ts';
import { objectSize, storedEtag } from './object-attributes.ts';
import {
  checksumElements,
  type ObjectChecksum,
  type ObjectParts,
  partChecksumElement,
  storedChecksum,
  storedParts,
} from './object-checksum.ts';
import { validatorHeaders } from './object-headers.ts';
import { type FoundObject, findObject, versionContext } from './object-lookup.ts';

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const;
type AttributeName = (typeof ATTRIBUTES)[number];

function parseAttributeNames(header: string): readonly AttributeName[] {
  const names = header.split(',').map((name) => name.trim());
  const known = ATTRIBUTES.filter((attribute) => names.includes(attribute));
  if (known.length === 0 || names.some((name) => !(ATTRIBUTES as readonly string[]).includes(name))) {
    throw new S3Error('InvalidArgument', `x-amz-object-attributes should list some of ${ATTRIBUTES.join(', ')}.`, {
      fields: { ArgumentName: 'x-amz-object-attributes', ArgumentValue: header },
    });
  }
  return known;
}

export const getObjectAttributes = defineOperation({
  name: 'GetObjectAttributes',
  match: { method: 'GET', target: 'object', query: ['attributes'] },
  body: 'none',
  parse: (request) => {
    return {
      refusal: refusalIn(() => refuseEncryptedRead(request.headers)),
      bucket: bucketOf(request),
      key: keyOf(request),
      versionId: request.query.get('versionId'),
      names: parseAttributeNames(request.headers.get('x-amz-object-attributes') ?? ''),
      maxParts: parseCount(request.headers, 'x-amz-max-parts', MAX_KEYS),
      marker: request.headers.has('x-amz-part-number-marker')
        ? parseCount(request.headers, 'x-amz-part-number-marker', MAX_PARTS)
        : 0,
    };
  },
  // AWS: both are needed
  questions: ({ bucket, key, versionId }) => [
    { action: 's3:GetObject', bucket, key, context: versionContext(versionId) },
    { action: 's3:GetObjectAttributes', bucket, key, context: versionContext(versionId) },
  ],
  async handle(grant, context) {
    const { names, ...page } = grant.input;
    const found = await findObject(grant, context, grant.input);
    const reply = xmlReply(
      xmlDocument(
        'GetObjectAttributesResponse',
        ...names.flatMap((name) => attribute(name, found, context.features, page)),
      ),
    );
    const lastModified = validatorHeaders(found, context.features)['last-modified'] ?? '';
    return { ...reply, headers: { ...reply.headers, 'last-modified': lastModified } };
  },
});

/** Which parts are asked for. */
interface PartPage {
  readonly maxParts: number;
  /** Only parts behind this number. */
  readonly marker: number;
}

/** One attribute; nothing for what is not recorded. */
function attribute(name: AttributeName, found: FoundObject, features: GatewayFeatures, page: PartPage): XmlNode[] {
  const etag = storedEtag(found.xattrs, features);
  switch (name) {
    case 'ETag':
      return etag === undefined ? [] : [element('ETag', etag)];
    case 'ObjectParts': {
      const parts = storedParts(found.xattrs);
      if (parts !== undefined) return [partsElement(parts, storedChecksum(found.xattrs), page)];
      // uploaded by the Go gateway: how many there were is all that is known
      const count = etag?.split('-')[1];
      return count === undefined ? [] : [element('ObjectParts', element('PartsCount', count))];
    }
    case 'StorageClass':
      return [element('StorageClass', 'STANDARD')];
    case 'ObjectSize':
      return [element('ObjectSize', objectSize(found.attributes))];
    case 'Checksum': {
      const elements = checksumElements(storedChecksum(found.xattrs));
      return elements.length === 0 ? [] : [element('Checksum', elements)];
    }
  }
}

function partsElement(parts: ObjectParts, checksum: ObjectChecksum | undefined, page: PartPage): XmlNode {
  const end = Math.min(page.marker + page.maxParts, parts.sizes.length);
  const listed = parts.sizes.slice(page.marker, end).map((size, i) => {
    const number = page.marker + i + 1;
    const value = parts.checksums[number - 1];
    return element(
      'Part',
      element('PartNumber', number),
      element('Size', size),
      value === undefined || checksum === undefined
        ? undefined
        : partChecksumElement({ algorithm: checksum.algorithm, value }),
    );
  });
  return element(
    'ObjectParts',
    element('PartsCount', parts.sizes.length),
    element('PartNumberMarker', page.marker),
    element('NextPartNumberMarker', Math.max(end, page.marker)),
    element('MaxParts', page.maxParts),
    element('IsTruncated', end < parts.sizes.length),
    listed,
  );
}
