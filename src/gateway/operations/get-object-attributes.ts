// GetObjectAttributes: the named attributes of an object, without its bytes.
import { S3Error } from '../s3/errors.ts';
import type { GatewayFeatures } from '../s3/operation.ts';
import { defineOperation } from '../s3/operation.ts';
import { element, type XmlNode, xmlDocument } from '../s3/xml.ts';
import { bucketOf, keyOf } from './bucket-access.ts';
import { xmlReply } from './listing.ts';
import { objectSize, storedEtag } from './object-attributes.ts';
import { validatorHeaders } from './object-headers.ts';
import { type FoundObject, findObject, versionContext } from './object-lookup.ts';
import { refuseEncryption } from './upload-headers.ts';

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
    refuseEncryption(request.headers);
    return {
      bucket: bucketOf(request),
      key: keyOf(request),
      versionId: request.query.get('versionId'),
      names: parseAttributeNames(request.headers.get('x-amz-object-attributes') ?? ''),
    };
  },
  // AWS: both are needed
  questions: ({ bucket, key, versionId }) => [
    { action: 's3:GetObject', bucket, key, context: versionContext(versionId) },
    { action: 's3:GetObjectAttributes', bucket, key, context: versionContext(versionId) },
  ],
  async handle(grant, context) {
    const { names } = grant.input;
    const found = await findObject(grant, context, grant.input);
    const reply = xmlReply(
      xmlDocument('GetObjectAttributesResponse', ...names.flatMap((name) => attribute(name, found, context.features))),
    );
    const lastModified = validatorHeaders(found, context.features)['last-modified'] ?? '';
    return { ...reply, headers: { ...reply.headers, 'last-modified': lastModified } };
  },
});

/** One attribute; nothing for what is not recorded. */
function attribute(name: AttributeName, found: FoundObject, features: GatewayFeatures): XmlNode[] {
  const etag = storedEtag(found.xattrs, features);
  switch (name) {
    case 'ETag':
      return etag === undefined ? [] : [element('ETag', etag)];
    case 'ObjectParts': {
      const parts = etag?.split('-')[1];
      return parts === undefined ? [] : [element('ObjectParts', element('PartsCount', parts))];
    }
    case 'StorageClass':
      return [element('StorageClass', 'STANDARD')];
    case 'ObjectSize':
      return [element('ObjectSize', objectSize(found.attributes))];
    case 'Checksum':
      return [];
  }
}
