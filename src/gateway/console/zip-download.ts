// A selection of objects and folders as one zip archive, streamed while they are read. Each object is an ordinary GetObject of the
// session's user: what they may not read is left out, and named in the archive.
import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { S3Error } from '../s3/errors.ts';
import type { S3Reply } from '../s3/operation.ts';
import { readXml, xmlChild, xmlChildren, xmlText } from '../s3/xml.ts';

/** Objects of one archive; what is beyond is named as left out. */
export const MAX_ZIP_OBJECTS = 100_000;
/** Largest form that names a selection, bytes. */
export const MAX_SELECTION_BYTES = 16 * 1024 * 1024;
const LEFT_OUT = 'LEFT-OUT.txt';

/** Serves an S3 request of the session's user. */
export type AskS3 = (method: 'GET', url: string) => Promise<S3Reply>;

export interface ZipSelection {
  readonly bucket: string;
  /** The folder that is shown; names in the archive are relative to it. */
  readonly base: string;
  readonly keys: readonly string[];
  /** Folders; each ends with '/', or is '' for the whole bucket. */
  readonly prefixes: readonly string[];
}

/** Reads a selection out of a form `base=…&key=…&prefix=…`. Throws S3Error. */
export function readSelection(bucket: string, form: string): ZipSelection {
  const parameters = new URLSearchParams(form);
  const keys = parameters.getAll('key');
  const prefixes = parameters.getAll('prefix');
  if (keys.length + prefixes.length === 0) throw new S3Error('InvalidArgument', 'Nothing is selected.');
  return { bucket, base: parameters.get('base') ?? '', keys, prefixes };
}

/** The body of a form. Throws S3Error. */
export async function readForm(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > MAX_SELECTION_BYTES)
      throw new S3Error('InvalidArgument', 'Too much is selected. Choose its folder instead.');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('latin1');
}

/** The archive's name. */
export function archiveName({ bucket, base, prefixes }: ZipSelection): string {
  const folder = prefixes.length === 1 ? (prefixes[0] ?? '') : base;
  const last = folder.split('/').filter((part) => part !== '');
  return `${last.at(-1) ?? decodeURIComponent(bucket)}.zip`;
}

/** The bytes of the archive. `signal` ends it when the client goes away. */
export function zipOf(selection: ZipSelection, ask: AskS3, signal: AbortSignal): Readable {
  const zip = new ZipFile();
  // Not wrapped: what a slow reader had not taken when the archive was finished would be lost.
  const archive = Readable.from(zip.outputStream, { objectMode: false });
  fill(zip, selection, ask, signal).catch((error: unknown) => {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return archive;
}

async function fill(zip: ZipFile, selection: ZipSelection, ask: AskS3, signal: AbortSignal): Promise<void> {
  const leftOut: string[] = [];
  let count = 0;
  for await (const key of keysOf(selection, ask, leftOut)) {
    signal.throwIfAborted();
    const name = nameIn(selection.base, key);
    if (name === undefined || count === MAX_ZIP_OBJECTS) {
      leftOut.push(key);
      continue;
    }
    count += 1;
    // One at a time: the next object is not opened before this one is through.
    await add(zip, name, () => ask('GET', objectUrl(selection.bucket, key)), signal).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      leftOut.push(key);
    });
  }
  if (leftOut.length > 0) zip.addBuffer(Buffer.from(`${leftOut.join('\n')}\n`), LEFT_OUT, { compress: false });
  zip.end();
}

async function add(zip: ZipFile, name: string, open: () => Promise<S3Reply>, signal: AbortSignal): Promise<void> {
  const { body, headers } = await open();
  const mtime = new Date(headers?.['last-modified'] ?? Date.now());
  const content = body === undefined ? [] : typeof body === 'string' || Buffer.isBuffer(body) ? [body] : body;
  const stream = Readable.from(content as AsyncIterable<Uint8Array>, { objectMode: false, signal });
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('error', reject);
    zip.addReadStream(stream, name, { compress: false, mtime });
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof S3Error && error.status < 500;
}

/** All keys of a selection; folders that may not be listed go to `leftOut`. */
async function* keysOf({ bucket, keys, prefixes }: ZipSelection, ask: AskS3, leftOut: string[]): AsyncIterable<string> {
  yield* keys;
  for (const prefix of prefixes) {
    let token: string | undefined;
    do {
      const query = new URLSearchParams({
        'list-type': '2',
        prefix,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      });
      let reply: S3Reply;
      try {
        reply = await ask('GET', `/${bucket}?${query.toString().replaceAll('+', '%20')}`);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        leftOut.push(prefix);
        break;
      }
      const page = readXml(Buffer.from(reply.body as string), 'ListBucketResult');
      for (const entry of xmlChildren(page, 'Contents')) {
        const key = xmlText(entry, 'Key');
        if (key !== undefined && !key.endsWith('/')) yield key;
      }
      token =
        xmlChild(page, 'NextContinuationToken') === undefined ? undefined : xmlText(page, 'NextContinuationToken');
    } while (token !== undefined);
  }
}

function objectUrl(bucket: string, key: string): string {
  return `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** The path within the archive; undefined for what no archive can hold. */
function nameIn(base: string, key: string): string | undefined {
  const name = key.startsWith(base) ? key.slice(base.length) : key;
  const parts = name.split('/');
  const isSafe = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\\'));
  return isSafe && !/^[A-Za-z]:/.test(name) ? name : undefined;
}
