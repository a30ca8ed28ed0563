// ListParts: the parts of an upload, by number.
import { defineOperation } from '../s3/operation.ts';
import { element, optionalElement, xmlDocument } from '../s3/xml.ts';
import { requireBucket } from './bucket-access.ts';
import { MAX_KEYS, parseCount, xmlReply } from './listing.ts';
import { findUpload, MAX_PARTS, parseUploadReference, uploadOwner } from './multipart-upload.ts';
import { partChecksumElement, storedChecksum } from './object-checksum.ts';
import { ownerElement } from './owner.ts';
import { isoDate } from './timestamps.ts';
import { partDigests, uploadedParts } from './upload-parts.ts';

export const listParts = defineOperation({
  name: 'ListParts',
  match: { method: 'GET', target: 'object', query: ['uploadId'] },
  body: 'none',
  parse: (request) => ({
    ...parseUploadReference(request),
    maxParts: parseCount(request.query, 'max-parts', MAX_KEYS),
    marker: request.query.has('part-number-marker') ? parseCount(request.query, 'part-number-marker', MAX_PARTS) : 0,
  }),
  questions: ({ bucket, key }) => [{ action: 's3:ListMultipartUploadParts', bucket, key }],
  async handle(grant, context) {
    const { input } = grant;
    await requireBucket(context, input.bucket);
    const upload = await findUpload(context, input);
    const parts = await uploadedParts(context, upload, input.uploadId);
    const after = parts.filter(({ number }) => number > input.marker);
    const page = after.slice(0, input.maxParts);
    const truncated = input.maxParts > 0 && after.length > page.length;
    const digests = await partDigests(context, page);
    const chosen = storedChecksum(upload.xattrs);
    return xmlReply(
      xmlDocument(
        'ListPartsResult',
        element('Bucket', input.bucket),
        element('Key', input.key),
        element('UploadId', input.uploadId),
        ownerElement('Initiator', uploadOwner(upload.xattrs)),
        ownerElement('Owner', uploadOwner(upload.xattrs)),
        element('StorageClass', 'STANDARD'),
        optionalElement('ChecksumAlgorithm', chosen?.algorithm.toUpperCase()),
        optionalElement('ChecksumType', chosen?.type),
        element('PartNumberMarker', input.marker),
        optionalElement('NextPartNumberMarker', page.at(-1)?.number),
        element('MaxParts', input.maxParts),
        element('IsTruncated', truncated),
        page.map(({ number, attributes }, i) =>
          element(
            'Part',
            element('PartNumber', number),
            element('LastModified', isoDate(attributes.mtimeNs)),
            element('ETag', `"${digests[i]?.etag ?? ''}"`),
            element('Size', attributes.size),
            partChecksumElement(digests[i]?.checksum),
          ),
        ),
      ),
    );
  },
});
