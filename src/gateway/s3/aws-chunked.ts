// The aws-chunked body: frames of `size[;chunk-signature=…]`, bytes, line end; a frame of size 0; perhaps a trailer.
// Bytes are handed on as they arrive; a frame's hash and signature are handed on when it has ended.
// AWS: "Signature calculations for the authorization header: transferring payload in multiple chunks", with and without trailer.
import { createHash } from 'node:crypto';
import { Frame_Kind } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { ByteReader } from './byte-reader.ts';
import { S3Error } from './errors.ts';
import type { SignedFrame } from './frame-verifier.ts';

/** Longest line of a frame's head or of the trailer. */
export const MAX_FRAMING_LINE = 1024;
/** Most lines of a trailer. */
export const MAX_TRAILERS = 8;

const FRAME_HEAD = /^([0-9a-fA-F]{1,13})(?:;chunk-signature=([0-9a-f]{64}))?$/;
const TRAILER_SIGNATURE = 'x-amz-trailer-signature';

export interface FramedForm {
  readonly signed: boolean;
  readonly trailer: boolean;
  /** Takes each signed frame in order; may make the body wait. `last`: none follows. */
  readonly onFrame: (frame: SignedFrame, last: boolean) => Promise<void> | undefined;
}

/** The trailer's fields, lower-case names; empty when the form has none. */
export type Trailer = ReadonlyMap<string, string>;

/** Yields the payload's bytes; returns the trailer. Throws S3Error for anything but a whole, well-formed body. */
export async function* decodeAwsChunked(reader: ByteReader, form: FramedForm): AsyncGenerator<Uint8Array, Trailer> {
  for (;;) {
    const { size, signature } = await readHead(reader, form.signed);
    const hash = form.signed ? createHash('sha256') : undefined;
    for (let left = size; left > 0; ) {
      const data = await reader.some(left);
      if (data === undefined) throw new S3Error('IncompleteBody');
      left -= data.length;
      hash?.update(data);
      yield data;
    }
    const last = size === 0;
    if (hash !== undefined) {
      await form.onFrame({ kind: Frame_Kind.KIND_DATA, sha256: hash.digest(), signature }, last && !form.trailer);
    }
    if (last && form.trailer) break;
    await reader.lineEnd();
    if (last) break;
  }
  const trailer = form.trailer ? await readTrailer(reader, form) : new Map<string, string>();
  if (!(await reader.atEnd())) throw new S3Error('IncompleteBody', 'The body goes on after its last frame.');
  return trailer;
}

async function readHead(reader: ByteReader, signed: boolean): Promise<{ size: number; signature: string }> {
  const line = await reader.line(MAX_FRAMING_LINE);
  if (line === undefined) throw new S3Error('IncompleteBody');
  const match = FRAME_HEAD.exec(line);
  if (match === null) throw new S3Error('IncompleteBody', 'The framing of the body is malformed.');
  const signature = match[2];
  if (signed && signature === undefined) throw new S3Error('SignatureDoesNotMatch');
  return { size: Number.parseInt(match[1] as string, 16), signature: signature ?? '' };
}

async function readTrailer(reader: ByteReader, form: FramedForm): Promise<Trailer> {
  const fields = new Map<string, string>();
  let signature: string | undefined;
  let canonical = '';
  for (;;) {
    const line = await reader.line(MAX_FRAMING_LINE);
    if (line === undefined) {
      // some clients end with the signature's line
      if (signature !== undefined) break;
      throw new S3Error('MalformedTrailerError');
    }
    if (line === '') {
      // AWS: the documented example has an empty line before the trailer's signature
      if (!form.signed || signature !== undefined) break;
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === '' || fields.has(name) || signature !== undefined || fields.size >= MAX_TRAILERS) {
      throw new S3Error('MalformedTrailerError');
    }
    if (name === TRAILER_SIGNATURE) {
      signature = value;
    } else {
      fields.set(name, value);
      canonical += `${name}:${value}\n`;
    }
  }
  if (form.signed) {
    if (!/^[0-9a-f]{64}$/.test(signature ?? '')) throw new S3Error('SignatureDoesNotMatch');
    const sha256 = createHash('sha256').update(canonical, 'latin1').digest();
    await form.onFrame({ kind: Frame_Kind.KIND_TRAILER, sha256, signature: signature as string }, true);
  }
  return fields;
}
