// A request's payload on its way into the volume: streamed, verified, and only then made visible.
import type { Attributes, CommitOptions, FileWriter } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { Payload, PayloadDigests } from '../s3/operation.ts';
import { MAX_UPLOAD_BYTES, tooLarge } from './upload-headers.ts';

/** Bytes that an upload must and may have. */
export interface SizeRange {
  readonly least: number;
  readonly most: number;
}

/** What S3 takes in one upload. */
export const ANY_SIZE: SizeRange = { least: 0, most: MAX_UPLOAD_BYTES };

/**
 * Writes the payload, and commits what `commit` says, which is asked once the payload is verified. Whatever fails on the way leaves nothing.
 */
export async function writePayload(
  payload: Payload | undefined,
  writer: FileWriter,
  signal: AbortSignal,
  commit: (digests: PayloadDigests) => CommitOptions | Promise<CommitOptions>,
  sizes: SizeRange = ANY_SIZE,
): Promise<{ attributes: Attributes; digests: PayloadDigests }> {
  try {
    if (payload === undefined) throw new S3Error('MissingRequestBodyError');
    for await (const bytes of payload.stream) {
      signal.throwIfAborted();
      await writer.take(bytes);
      if (writer.size > sizes.most) throw tooLarge(writer.size, sizes.most);
    }
    if (writer.size < sizes.least) throw tooSmall(writer.size, sizes.least);
    const digests = await payload.verified();
    if (digests.size !== writer.size) throw new Error(`verified ${digests.size} bytes, wrote ${writer.size}`);
    signal.throwIfAborted();
    return { attributes: await writer.commit(await commit(digests)), digests };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** A small document in the payload, whole and verified. Throws MalformedXML beyond the limit. */
export async function readDocument(payload: Payload | undefined, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  if (payload === undefined) return Buffer.alloc(0);
  for await (const bytes of payload.stream) {
    size += bytes.length;
    if (size > limit) throw new S3Error('MalformedXML', `The document exceeds ${limit} bytes.`);
    parts.push(Buffer.from(bytes));
  }
  await payload.verified();
  return Buffer.concat(parts, size);
}

function tooSmall(bytes: number, least: number): S3Error {
  return new S3Error('EntityTooSmall', undefined, {
    fields: { ProposedSize: String(bytes), MinSizeAllowed: String(least) },
  });
}
