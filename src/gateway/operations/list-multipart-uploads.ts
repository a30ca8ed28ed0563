// ListMultipartUploads: the open uploads of a bucket, by key and id. The whole work area is looked through, but only a page
// of it is held.
import type { Attributes, DirectoryEntry, Volume, VolumePath } from '../../juicefs/volume.ts';
import type { BucketName } from '../s3/object-name.ts';
import { defineOperation, type OperationContext } from '../s3/operation.ts';
import { element, optionalElement, type XmlNode, xmlDocument } from '../s3/xml.ts';
import { bucketOf, requireBucket } from './bucket-access.ts';
import { compareKeys } from './key-order.ts';
import {
  commonPrefixElements,
  invalidParameter,
  MAX_KEYS,
  nameEncoder,
  parseCount,
  parseListing,
  xmlReply,
} from './listing.ts';
import { isUploadId, uploadOwner, uploadsDirectory } from './multipart-upload.ts';
import { textXattr, UPLOAD_KEY_XATTR } from './object-attributes.ts';
import { type Owner, ownerElement } from './owner.ts';
import { isoDate } from './timestamps.ts';
import { isMissing } from './volume-errors.ts';

interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly attributes: Attributes;
  readonly owner: Owner;
  readonly path: VolumePath;
}

/** A line of the answer: an upload, or the common prefix of several. */
type Line = OpenUpload | { readonly key: string; readonly uploadId: undefined };

export const listMultipartUploads = defineOperation({
  name: 'ListMultipartUploads',
  match: { method: 'GET', target: 'bucket', query: ['uploads'] },
  body: 'none',
  parse: (request) => {
    const keyMarker = request.query.get('key-marker') ?? '';
    const marker = request.query.get('upload-id-marker') ?? '';
    if (marker !== '' && !isUploadId(marker)) {
      throw invalidParameter('upload-id-marker', marker, 'upload-id-marker should be an upload id.');
    }
    return {
      ...parseListing(request),
      bucket: bucketOf(request),
      maxUploads: parseCount(request.query, 'max-uploads', MAX_KEYS),
      keyMarker,
      // AWS: without a key marker it is ignored
      uploadIdMarker: keyMarker === '' ? '' : marker,
    };
  },
  questions: ({ bucket, prefix }) => [
    { action: 's3:ListBucketMultipartUploads', bucket, context: { 's3:prefix': [prefix] } },
  ],
  async handle(grant, context) {
    const { input } = grant;
    await requireBucket(context, input.bucket);
    const page = new FirstLines(input.maxUploads + 1);
    for await (const upload of openUploads(context, input.bucket)) {
      if (!upload.key.startsWith(input.prefix)) continue;
      const at = input.delimiter === '' ? -1 : upload.key.indexOf(input.delimiter, input.prefix.length);
      const line: Line =
        at < 0 ? upload : { key: upload.key.slice(0, at + input.delimiter.length), uploadId: undefined };
      if (isAfter(line, input.keyMarker, input.uploadIdMarker)) page.add(line);
    }
    const lines = page.lines.slice(0, input.maxUploads);
    const truncated = input.maxUploads > 0 && page.lines.length > lines.length;
    const last = truncated ? lines.at(-1) : undefined;
    const encode = nameEncoder(input);
    return xmlReply(
      xmlDocument(
        'ListMultipartUploadsResult',
        element('Bucket', input.bucket),
        element('KeyMarker', encode(input.keyMarker)),
        element('UploadIdMarker', input.uploadIdMarker),
        optionalElement('NextKeyMarker', last === undefined ? undefined : encode(last.key)),
        optionalElement('NextUploadIdMarker', last === undefined ? undefined : (last.uploadId ?? '')),
        element('Prefix', encode(input.prefix)),
        optionalElement('Delimiter', input.delimiter === '' ? undefined : encode(input.delimiter)),
        element('MaxUploads', input.maxUploads),
        optionalElement('EncodingType', input.urlEncoded ? 'url' : undefined),
        element('IsTruncated', truncated),
        lines.flatMap((line) => (line.uploadId === undefined ? [] : [uploadElement(line, encode)])),
        commonPrefixElements(
          lines.flatMap((line) => (line.uploadId === undefined ? [line.key] : [])),
          encode,
        ),
      ),
    );
  },
});

function uploadElement(upload: OpenUpload, encode: (name: string) => string): XmlNode {
  return element(
    'Upload',
    element('Key', encode(upload.key)),
    element('UploadId', upload.uploadId),
    ownerElement('Initiator', upload.owner),
    ownerElement('Owner', upload.owner),
    element('StorageClass', 'STANDARD'),
    element('Initiated', isoDate(upload.attributes.atimeNs)),
  );
}

/** AWS: uploads of the marker's key are behind it only by their id, and only when an id was given. */
function isAfter(line: Line, keyMarker: string, uploadIdMarker: string): boolean {
  const order = compareKeys(line.key, keyMarker);
  if (order !== 0 || keyMarker === '') return order > 0;
  return uploadIdMarker !== '' && line.uploadId !== undefined && line.uploadId > uploadIdMarker;
}

function compareLines(a: Line, b: Line): number {
  return compareKeys(a.key, b.key) || compareKeys(a.uploadId ?? '', b.uploadId ?? '');
}

/** The first lines of many, in order and each once, however many come. */
class FirstLines {
  readonly #most: number;
  #lines: Line[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(line: Line): void {
    this.#lines.push(line);
    if (this.#lines.length >= 2 * this.#most + MAX_KEYS) this.#trim();
  }

  get lines(): readonly Line[] {
    this.#trim();
    return this.#lines;
  }

  #trim(): void {
    const sorted = this.#lines.sort(compareLines);
    const unique = sorted.filter((line, i) => {
      const before = sorted[i - 1];
      return before === undefined || compareLines(before, line) !== 0;
    });
    this.#lines = unique.slice(0, this.#most);
  }
}

/** Upload directories whose attributes are asked for at once. */
const XATTR_BATCH = 256;

function openUploads(context: OperationContext, bucket: BucketName): AsyncGenerator<OpenUpload> {
  return openUploadsIn(context.volume, uploadsDirectory(context, bucket), context.signal);
}

type Found = Pick<OpenUpload, 'uploadId' | 'attributes' | 'path'>;

/** The open uploads below a directory of uploads, in no order. */
export async function* openUploadsIn(
  volume: Volume,
  root: VolumePath,
  signal: AbortSignal,
): AsyncGenerator<OpenUpload> {
  let batch: Found[] = [];
  for await (const group of entriesOf(volume, root)) {
    if (group.attributes.type !== 'directory') continue;
    for await (const { name, attributes } of entriesOf(volume, [...root, group.name])) {
      if (!isUploadId(name) || attributes.type !== 'directory') continue;
      batch.push({ uploadId: name, attributes, path: [...root, group.name, name] });
      if (batch.length < XATTR_BATCH) continue;
      yield* withKeys(volume, batch, signal);
      batch = [];
    }
  }
  yield* withKeys(volume, batch, signal);
}

async function* withKeys(volume: Volume, batch: readonly Found[], signal: AbortSignal): AsyncGenerator<OpenUpload> {
  if (batch.length === 0) return;
  signal.throwIfAborted();
  const xattrs = await volume.xattrsOf(batch.map(({ attributes }) => attributes.inode));
  for (const [i, upload] of batch.entries()) {
    const own = xattrs[i] ?? new Map<string, Uint8Array>();
    const key = textXattr(own, UPLOAD_KEY_XATTR);
    if (key !== undefined) yield { key, ...upload, owner: uploadOwner(own) };
  }
}

/** Entries of a directory; none of one that is not there. */
async function* entriesOf(volume: Volume, path: VolumePath): AsyncGenerator<DirectoryEntry> {
  try {
    yield* volume.list(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
