// The bytes of an open file as the body of a reply: whatever ends it (the end, an error, a client that went away before or
// after the first byte) closes the file once.
import type { ExistingFile, FileReader } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { OperationContext } from '../s3/operation.ts';
import type { ByteRange } from './range.ts';
import { answering } from './volume-errors.ts';

/** Streams the range and closes the reader. `signal`: the request's; its abort closes a reader that nobody read from. */
export function fileBody(reader: FileReader, range: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const source = reader.read(range.start, range.end, signal, { reuse: true })[Symbol.asyncIterator]();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    signal.removeEventListener('abort', onAbort);
    closing ??= reader.close();
    return closing;
  };
  // a failed close after an abort has nobody to tell; the read that follows reports the abort itself
  const onAbort = (): void => void close().catch(() => undefined);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });

  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      try {
        const result = await source.next();
        if (result.done) await close();
        return result;
      } catch (error) {
        await close();
        throw error;
      }
    },
    async return() {
      await source.return?.();
      await close();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** Reads a range of the very inode that was found. Throws OperationAborted when it is not all there any more. */
export async function readRange(
  context: OperationContext,
  found: ExistingFile,
  range: ByteRange,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  if (range.start === range.end) return;
  const reader = await answering('object', () => context.volume.openInode(found.attributes.inode));
  try {
    let read = 0;
    for await (const bytes of reader.read(range.start, range.end, context.signal, { reuse: true })) {
      take(bytes);
      read += bytes.length;
    }
    if (read !== range.end - range.start)
      throw new S3Error('OperationAborted', 'The source changed while it was copied.');
  } finally {
    await reader.close();
  }
}
