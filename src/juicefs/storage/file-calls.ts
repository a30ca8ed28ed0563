// The few calls of the file system that every block goes through, on descriptors and without the objects of node:fs/promises around
// them, which cost more than the calls.
import { close, closeSync, fstat, open, read, writev, writevSync } from 'node:fs';

/** Most buffers of one writev; IOV_MAX of Linux. */
const MAX_VECTORS = 1024;

/** Opens a file; `mode` of one that is made. */
export function openFile(path: string, flags: string, mode?: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, mode, (error, descriptor) => (error === null ? resolve(descriptor) : reject(error)));
  });
}

/** Closes a file that was written: what could not be stored may be said only now. */
export function closeFile(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    close(descriptor, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
}

/** Closes a file that was only read, which cannot fail in a way that matters, and does not wait for it. */
export function closeRead(descriptor: number): void {
  close(descriptor, () => undefined);
}

/** Bytes of an open file. */
export function fileSize(descriptor: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fstat(descriptor, (error, stats) => (error === null ? resolve(stats.size) : reject(error)));
  });
}

/** Reads into all of the buffer from a place in the file; the bytes there were. */
export async function readFully(descriptor: number, buffer: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const bytes = await readSome(descriptor, buffer, filled, position + filled);
    if (bytes === 0) break;
    filled += bytes;
  }
  return filled;
}

/** Bytes that were read into the buffer from `offset` on; 0 at the end of the file. */
export function readSome(descriptor: number, buffer: Buffer, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, offset, buffer.length - offset, position, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });
}

/** Writes all of the pieces, one after the other, from a place in the file. */
export async function writeFully(descriptor: number, pieces: readonly Uint8Array[], from: number): Promise<void> {
  let position = from;
  for (let rest = pieces.filter(({ length }) => length > 0); rest.length > 0; ) {
    const written = await writeSome(descriptor, rest.slice(0, MAX_VECTORS), position);
    position += written;
    rest = after(rest, written);
  }
}

/** As `writeFully` from the beginning of a file, before anything else is done. */
export function writeNow(descriptor: number, pieces: readonly Uint8Array[]): void {
  let position = 0;
  for (let rest = pieces.filter(({ length }) => length > 0); rest.length > 0; ) {
    const written = writevSync(descriptor, rest.slice(0, MAX_VECTORS), position);
    position += written;
    rest = after(rest, written);
  }
}

/** As `closeFile`, before anything else is done. */
export function closeNow(descriptor: number): void {
  closeSync(descriptor);
}

function writeSome(descriptor: number, pieces: Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(descriptor, pieces, position, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
}

/** The pieces without their first `count` bytes. */
function after(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let index = 0;
  for (let next = pieces[index]; next !== undefined && left >= next.length; next = pieces[index]) {
    left -= next.length;
    index++;
  }
  const [cut, ...whole] = pieces.slice(index);
  return cut === undefined ? [] : [cut.subarray(left), ...whole];
}
