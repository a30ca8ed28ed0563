// CompleteMultipartUpload: the listed parts become the object, by reference, in one transaction.
import { createHash } from 'node:crypto';
import type { ExistingFile, FilePiece, VolumePath } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import { type ChecksumAlgorithm, defineOperation, type Grant, type OperationContext } from '../s3/operation.ts';
import { element, readXml, xmlChildren, xmlDocument, xmlText } from '../s3/xml.ts';
import { objectPlace, requireBucket, requireWritable } from './bucket-access.ts';
import { decidedGuard, unquoteEtag, writeGuard } from './conditional.ts';
import { kept, type LongAnswer } from './keep-alive.ts';
import {
  type FoundUpload,
  findUpload,
  MAX_PARTS,
  MIN_PART_BYTES,
  parseUploadReference,
  type UploadReference,
} from './multipart-upload.ts';
import { ACL_XATTR } from './object-acl.ts';
import {
  objectXattrs,
  storedEtag,
  storedMetadata,
  storedTags,
  textXattr,
  UPLOAD_ID_XATTR,
} from './object-attributes.ts';
import {
  checksumElements,
  joinedChecksum,
  type ObjectChecksum,
  type ObjectParts,
  objectChecksumHeader,
  readPartChecksum,
  storedChecksum,
  uploadChecksum,
} from './object-checksum.ts';
import { createdEvent } from './object-events.ts';
import { uploadQuestions } from './upload-headers.ts';
import { type PartDigests, partDigests, type UploadedPart, uploadedParts } from './upload-parts.ts';
import { asAnswer, isErrno, isMissing } from './volume-errors.ts';
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
  /** Its checksum by the algorithm's name, if the client says one. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

/** What the answer says of the object. */
interface CompletedObject {
  readonly etag: string;
  readonly checksum: ObjectChecksum | undefined;
  readonly size: number;
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
    return kept(completed(grant, context, listed), request);
  },
});

async function completed(
  grant: Grant<UploadReference>,
  context: OperationContext,
  listed: readonly ListedPart[],
): Promise<LongAnswer> {
  const { input, request } = grant;
  const { etag, checksum, size } = await complete(grant, context, listed);
  return {
    document: xmlDocument(
      'CompleteMultipartUploadResult',
      element('Location', locationOf(request.headers.get('host'), request.rawPath)),
      element('Bucket', input.bucket),
      element('Key', input.key),
      element('ETag', `"${etag}"`),
      checksumElements(checksum),
    ),
    // told of again when it is completed again: the one before may not have got so far
    events: [createdEvent('s3:ObjectCreated:CompleteMultipartUpload', input, { size, etag })],
  };
}

/** What is wrong with an upload that another request completes or aborts meanwhile: its parts, or the upload itself, are gone. */
const OVERTAKEN: ReadonlySet<string> = new Set(['InvalidPart', 'NoSuchUpload', 'PreconditionFailed']);

async function complete(
  grant: Grant<UploadReference>,
  context: OperationContext,
  listed: readonly ListedPart[],
): Promise<CompletedObject> {
  const { input } = grant;
  const path = objectPlace(context, input.bucket, input.key);
  const before = (otherwise: S3Error): Promise<CompletedObject> =>
    completedBefore(context, path, { uploadId: input.uploadId, listed, otherwise });
  const upload = await findUpload(context, input).catch(asNotThere);
  if (upload instanceof S3Error) return await before(upload);
  try {
    return await join(grant, context, upload, listed);
  } catch (error) {
    // parts that are gone went with the upload, or were replaced while they were joined
    const isGone = isErrno(error, 'ENOENT');
    if (!isGone && !(error instanceof S3Error && OVERTAKEN.has(error.code))) throw asAnswer(error, 'target');
    const still = await findUpload(context, input).catch(asNotThere);
    if (still instanceof S3Error) return await before(still);
    // its parts may be gone already, and its directory not yet
    return await before(error instanceof S3Error ? error : new S3Error('InvalidPart', undefined, { cause: error }));
  }
}

/** Makes the object. Throws the volume's errors as they are. */
async function join(
  grant: Grant<UploadReference>,
  context: OperationContext,
  upload: FoundUpload,
  listed: readonly ListedPart[],
): Promise<CompletedObject> {
  const { input } = grant;
  const { headers } = grant.request;
  const path = objectPlace(context, input.bucket, input.key);
  const guard = decidedGuard(grant, input, writeGuard(headers, context.features));
  await requireWriteConditions(context.volume, path, guard);
  const joined = await joinParts(context, upload, input.uploadId, listed, headers);
  const { etag, checksum } = joined;
  const xattrs = objectXattrs(
    {
      etag,
      metadata: storedMetadata(upload.xattrs),
      tags: storedTags(upload.xattrs, context.features),
      checksum,
      parts: joined.parts,
      uploadId: input.uploadId,
      acl: upload.xattrs.get(ACL_XATTR),
    },
    context.features,
  );
  await context.volume.composeFile(path, joined.pieces, {
    xattrs,
    removeAfter: upload.path,
    ...(guard === undefined ? {} : { guard }),
  });
  return { etag, checksum, size: joined.pieces.reduce((sum, { start, end }) => sum + end - start, 0) };
}

/** NoSuchUpload as a value. */
function asNotThere(error: unknown): S3Error {
  if (error instanceof S3Error && error.code === 'NoSuchUpload') return error;
  throw error;
}

/**
 * A client that lost the answer asks again: as long as the object is the one that its upload became, it gets the same answer.
 * Throws `otherwise` when it is not.
 */
async function completedBefore(
  context: OperationContext,
  path: VolumePath,
  asked: { readonly uploadId: string; readonly listed: readonly ListedPart[]; readonly otherwise: S3Error },
): Promise<CompletedObject> {
  let existing: ExistingFile;
  try {
    existing = await context.volume.statWithXattrs(path);
  } catch (error) {
    throw isMissing(error) ? asked.otherwise : asAnswer(error, 'target');
  }
  if (textXattr(existing.xattrs, UPLOAD_ID_XATTR) !== asked.uploadId) throw asked.otherwise;
  const etag = storedEtag(existing.xattrs, context.features) ?? joinedEtag(asked.listed);
  return { etag, checksum: storedChecksum(existing.xattrs), size: existing.attributes.size };
}

/** AWS: the MD5 of the parts' MD5s, and their number. */
function joinedEtag(parts: readonly ListedPart[]): string {
  const hash = createHash('md5');
  for (const { etag } of parts) hash.update(Buffer.from(etag, 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}

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
    return { number: Number(number), etag: unquoteEtag(etag), checksum: readPartChecksum(part) };
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

interface JoinedParts extends Omit<CompletedObject, 'size'> {
  readonly pieces: readonly FilePiece[];
  readonly parts: ObjectParts;
}

/** The pieces of the object, and what it carries. Throws InvalidPart, EntityTooSmall, EntityTooLarge, NoSuchUpload, BadDigest. */
async function joinParts(
  context: OperationContext,
  upload: FoundUpload,
  uploadId: string,
  listed: readonly ListedPart[],
  headers: ReadonlyMap<string, string>,
): Promise<JoinedParts> {
  const uploaded = new Map((await uploadedParts(context, upload, uploadId)).map((part) => [part.number, part]));
  const parts = listed.map(({ number, etag }): UploadedPart => {
    const part = uploaded.get(number);
    if (part === undefined) throw invalidPart(number, etag);
    return part;
  });
  const digests = await partDigests(context, parts);
  const checksum = checksumOf(storedChecksum(upload.xattrs), parts, digests, headers);
  for (const [i, { number, etag, checksum: said }] of listed.entries()) {
    const known = digests[i];
    if (known?.etag === undefined || known.etag !== etag) throw invalidPart(number, etag);
    if (said !== undefined && !isChecksum(known.checksum, said)) throw invalidPart(number, etag);
  }
  requireSizes(parts, headers.get('x-amz-mp-object-size'));
  const pieces = parts
    .filter(({ attributes }) => attributes.size > 0)
    .map(({ attributes }) => ({ inode: attributes.inode, start: 0, end: attributes.size }));
  return {
    pieces,
    etag: joinedEtag(listed),
    checksum,
    parts: {
      sizes: parts.map(({ attributes }) => attributes.size),
      checksums: checksum === undefined ? [] : digests.map(({ checksum: own }) => own?.value ?? ''),
    },
  };
}

function isChecksum(known: ObjectChecksum | undefined, said: NonNullable<ListedPart['checksum']>): boolean {
  return known !== undefined && known.algorithm === said.algorithm && known.value === said.value;
}

/**
 * The checksum of the object: as its upload chose it, or as the request does that finishes it. Undefined when a part has none.
 * Throws BadDigest when it is not the one that the client says, InvalidRequest when that one cannot be known.
 */
function checksumOf(
  chosen: ObjectChecksum | undefined,
  parts: readonly UploadedPart[],
  digests: readonly PartDigests[],
  headers: ReadonlyMap<string, string>,
): ObjectChecksum | undefined {
  const wanted = objectChecksumHeader(headers);
  const type = headers.get('x-amz-checksum-type')?.toUpperCase();
  if (chosen !== undefined && type !== undefined && type !== chosen.type) {
    throw new S3Error('InvalidRequest', `The upload was created with the ${chosen.type} checksum type.`);
  }
  const plan = chosen ?? (wanted === undefined ? undefined : defaultPlan(wanted.algorithm, headers));
  if (plan === undefined) return undefined;
  const checked = parts.flatMap(({ attributes }, i) => {
    const own = digests[i]?.checksum;
    return own?.algorithm === plan.algorithm ? [{ size: attributes.size, checksum: own.value }] : [];
  });
  const known = checked.length === parts.length ? joinedChecksum(plan, checked) : undefined;
  if (wanted === undefined) return known;
  if (known === undefined) {
    throw new S3Error('InvalidRequest', `Not all parts of the upload have a ${plan.algorithm.toUpperCase()} checksum.`);
  }
  // some clients leave the number of parts out of a composite one
  const values = [known.value, known.value.replace(/-\d+$/, '')];
  if (wanted.algorithm !== known.algorithm || !values.includes(wanted.value)) {
    throw new S3Error('BadDigest', `The ${wanted.algorithm.toUpperCase()} that was sent is not that of the object.`);
  }
  return known;
}

function defaultPlan(algorithm: ChecksumAlgorithm, headers: ReadonlyMap<string, string>): ObjectChecksum | undefined {
  const type = headers.get('x-amz-checksum-type');
  const said = new Map([['x-amz-checksum-algorithm', algorithm as string]]);
  return uploadChecksum(type === undefined ? said : said.set('x-amz-checksum-type', type));
}

function requireSizes(parts: readonly UploadedPart[], said: string | undefined): void {
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
  if (said !== undefined && said !== String(total)) {
    throw new S3Error(
      'InvalidRequest',
      `The object has ${total} bytes, x-amz-mp-object-size said ${said.slice(0, 20)}.`,
    );
  }
}

function invalidPart(number: number, etag: string): S3Error {
  return new S3Error('InvalidPart', undefined, { fields: { PartNumber: String(number), ETag: etag } });
}
