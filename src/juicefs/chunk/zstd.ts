// Zstandard at level 1, one frame a block with its content size, as the Go client wants it. Node's own codec where there is
// one (22.15 on), else WebAssembly in a thread. The size of what comes out is checked before anything is decoded.
import * as zlib from 'node:zlib';
import { ZstdWorker } from './zstd-worker.ts';

const LEVEL = 1;
/** zstd.h: ZSTD_c_compressionLevel. */
const COMPRESSION_LEVEL = 100;
const MAGIC = 0xfd2fb528;

export interface ZstdCodec {
  compress(block: Uint8Array): Promise<Uint8Array>;
  /** The frame's content, which must have exactly `bytes` bytes. */
  decompress(frame: Uint8Array, bytes: number): Promise<Uint8Array>;
}

type Transform = (
  input: Uint8Array,
  options: { params?: Record<number, number>; maxOutputLength?: number; pledgedSrcSize?: number },
  done: (error: Error | null, result: Buffer) => void,
) => void;

/** Not in every Node's module, nor in its types. */
function nativeFunction(name: string): Transform | undefined {
  const value: unknown = Reflect.get(zlib, name);
  return typeof value === 'function' ? (value as Transform) : undefined;
}

/** Node's codec; undefined where it has none. */
export function nativeZstd(): ZstdCodec | undefined {
  const compress = nativeFunction('zstdCompress');
  const decompress = nativeFunction('zstdDecompress');
  if (compress === undefined || decompress === undefined) return undefined;
  const run = (transform: Transform, input: Uint8Array, options: Parameters<Transform>[1]): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      transform(input, options, (error, result) => (error === null ? resolve(result) : reject(error)));
    });
  return {
    compress: (block) => run(compress, block, { params: { [COMPRESSION_LEVEL]: LEVEL }, pledgedSrcSize: block.length }),
    decompress: async (frame, bytes) => {
      requireContentSize(frame, bytes);
      return exactly(await run(decompress, frame, { maxOutputLength: Math.max(bytes, 1) }), bytes);
    },
  };
}

/** WebAssembly in a thread of its own, started by the first block. */
export function wasmZstd(): ZstdCodec {
  const worker = new ZstdWorker(LEVEL);
  return {
    compress: (block) => worker.run({ task: 'compress', bytes: block, size: block.length }),
    decompress: async (frame, bytes) => {
      requireContentSize(frame, bytes);
      return exactly(await worker.run({ task: 'decompress', bytes: frame, size: bytes }), bytes);
    },
  };
}

let shared: ZstdCodec | undefined;

/** The codec of this process. */
export function zstd(): ZstdCodec {
  shared ??= nativeZstd() ?? wasmZstd();
  return shared;
}

/** A frame that says it holds another number of bytes is damaged, and must not be given memory for what it says. */
function requireContentSize(frame: Uint8Array, bytes: number): void {
  const size = contentSize(frame);
  if (size !== undefined && size !== BigInt(bytes)) {
    throw new RangeError(`the zstd frame holds ${size} bytes, not ${bytes}`);
  }
}

/** The content size in a frame's header; undefined when it has none. RFC 8878, section 3.1.1.1. */
export function contentSize(frame: Uint8Array): bigint | undefined {
  const view = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  if (view.length < 6 || view.readUInt32LE(0) !== MAGIC) throw new RangeError('this is no zstd frame');
  const descriptor = view.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
  if (view.length < at + sizeBytes) throw new RangeError('the zstd frame is cut within its header');
  if (sizeBytes === 1) return BigInt(view.readUInt8(at));
  // Two bytes begin to count where one byte ends.
  if (sizeBytes === 2) return BigInt(view.readUInt16LE(at)) + 256n;
  if (sizeBytes === 4) return BigInt(view.readUInt32LE(at));
  return sizeBytes === 8 ? view.readBigUInt64LE(at) : undefined;
}

function exactly(block: Uint8Array, bytes: number): Uint8Array {
  if (block.length !== bytes) throw new RangeError(`the zstd frame holds ${block.length} bytes, not ${bytes}`);
  return block;
}
