// CompleteMultipartUpload: the listed parts become the object, by reference, in one transaction.
import { createHash } from 'node:crypto';
import type { FilePiece } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import { defineOperation, type OperationContext } from '../s3/operation.ts';
import { element, readXml, xmlChildren, xmlDocument, xmlText } from '../s3/xml.ts';
import { objectPlace, requireBucket, requireWritable } from './bucket-access.ts';
import { decidedGuard, unquoteEtag, writeGuard } from './conditional.ts';
import { xmlReply } from './listing.ts';
import { type FoundUpload, findUpload, MAX_PARTS, MIN_PART_BYTES, parseUploadReference } from './multipart-upload.ts';
import { objectXattrs, storedMetadata, storedTags } from './object-attributes.ts';
import { uploadQuestions } from './upload-headers.ts';
import { partEtags, type UploadedPart, uploadedParts } from './upload-parts.ts';
import { asAnswer, isErrno } from './volume-errors.ts';
import { requireWriteConditions } from './write-conditions.ts';
import { readDocument } from './write-payload.ts';

/** Most bytes of the list of parts: MAX_PARTS of them with checksums. */
export const MAX_COMPLETE_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** AWS: most bytes of an object. */
export const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

/** A part as the client lists it. */
interface ListedPart {
  readonly number: number;
  readonly etag: string;
}

export const completeMultipartUpload = defineOperation({
  name: 'CompleteMultipartUpload',
  match: { method: 'POST', target: 'object', query: ['uploadId'] },
  body: 'payload',
  checksumHeaders: 'object',
  parse: parseUploadReference,
  questions: (_, request) => uploadQuestions(request, []),
  async handle(grant, context) {
    const { input, request } = grant;
    requireWritable(context);
    await requireBucket(context, input.bucket);
    const listed = parseParts(await readDocument(grant.payload, MAX_COMPLETE_DOCUMENT_BYTES));
    const upload = await findUpload(context, input);
    const path = objectPlace(context, input.bucket, input.key);
    const guard = decidedGuard(grant, input, writeGuard(request.headers, context.features));
    await requireWriteConditions(context.volume, path, guard);
    const { pieces, etag } = await joinParts(context, upload, input.uploadId, listed);
    const xattrs = objectXattrs(
      {
        etag,
        metadata: storedMetadata(upload.xattrs),
        tags: storedTags(upload.xattrs, context.features),
      },
      context.features,
    );
    try {
      await context.volume.composeFile(path, pieces, {
        xattrs,
        removeAfter: upload.path,
        ...(guard === undefined ? {} : { guard }),
      });
    } catch (error) {
      // parts that are gone went with the upload, or were replaced while they were joined
      if (!isErrno(error, 'ENOENT')) throw asAnswer(error, 'target');
      await findUpload(context, input);
      throw new S3Error('InvalidPart', undefined, { cause: error });
    }
    return xmlReply(
      xmlDocument(
        'CompleteMultipartUploadResult',
        element('Location', locationOf(request.headers.get('host'), request.rawPath)),
        element('Bucket', input.bucket),
        element('Key', input.key),
        element('ETag', `"${etag}"`),
      ),
    );
  },
});

function locationOf(host: string | undefined, path: string): string {
  return host === undefined ? path : `http://${host}${path}`;
}

/** Reads the list. Throws MalformedXML, InvalidPartOrder, InvalidArgument. */
function parseParts(document: Buffer): readonly ListedPart[] {
  const root = readXml(document, 'CompleteMultipartUpload', MAX_COMPLETE_DOCUMENT_BYTES);
  const parts = xmlChildren(root, 'Part').map((part) => {
    const number = xmlText(part, 'PartNumber')?.trim() ?? '';
    const etag = xmlText(part, 'ETag');
    if (!/^\d{1,9}$/.test(number) || etag === undefined) throw new S3Error('MalformedXML');
    return { number: Number(number), etag: unquoteEtag(etag) };
  });
  if (parts.length === 0 || parts.length > MAX_PARTS) {
    throw new S3Error('MalformedXML', `The document lists 1 to ${MAX_PARTS} parts.`);
  }
  for (const [i, part] of parts.entries()) {
    const before = parts[i - 1];
    if (before !== undefined && before.number >= part.number) throw new S3Error('InvalidPartOrder');
  }
  return parts;
}

/** The pieces of the object, and its ETag. Throws InvalidPart, EntityTooSmall, EntityTooLarge, NoSuchUpload. */
async function joinParts(
  context: OperationContext,
  upload: FoundUpload,
  uploadId: string,
  listed: readonly ListedPart[],
): Promise<{ pieces: readonly FilePiece[]; etag: string }> {
  const uploaded = new Map((await uploadedParts(context, upload, uploadId)).map((part) => [part.number, part]));
  const parts = listed.map(({ number, etag }): UploadedPart => {
    const part = uploaded.get(number);
    if (part === undefined) throw invalidPart(number, etag);
    return part;
  });
  const etags = await partEtags(context, parts);
  const digest = createHash('md5');
  for (const [i, { number, etag }] of listed.entries()) {
    if (etags[i] === undefined || etags[i] !== etag) throw invalidPart(number, etag);
    digest.update(Buffer.from(etag, 'hex'));
  }
  requireSizes(parts);
  const pieces = parts
    .filter(({ attributes }) => attributes.size > 0)
    .map(({ attributes }) => ({ inode: attributes.inode, start: 0, end: attributes.size }));
  return { pieces, etag: `${digest.digest('hex')}-${parts.length}` };
}

function requireSizes(parts: readonly UploadedPart[]): void {
  let total = 0;
  for (const [i, { number, attributes }] of parts.entries()) {
    total += attributes.size;
    if (i < parts.length - 1 && attributes.size < MIN_PART_BYTES) {
      throw new S3Error('EntityTooSmall', undefined, {
        fields: {
          ProposedSize: String(attributes.size),
          MinSizeAllowed: String(MIN_PART_BYTES),
          PartNumber: String(number),
        },
      });
    }
  }
  if (total > MAX_OBJECT_BYTES) throw new S3Error('EntityTooLarge');
}

function invalidPart(number: number, etag: string): S3Error {
  return new S3Error('InvalidPart', undefined, { fields: { PartNumber: String(number), ETag: etag } });
}
