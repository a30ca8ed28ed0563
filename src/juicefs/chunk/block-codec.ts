// What a block goes through between memory and the object store: compression, by name of the format. A stored block has no
// header of its own: its length in memory is known from its key.
import { compressSync, uncompressSync } from 'lz4-napi';
import { VolumeOpenError } from '../volume-error.ts';
import { zstd } from './zstd.ts';

export interface BlockCodec {
  /** True when the stored bytes are the block's bytes, so that parts of an object can be read. */
  readonly identity: boolean;
  encode(block: Uint8Array): Promise<Uint8Array>;
  /** The block of exactly `bytes` bytes, or a rejection when the stored bytes are damaged. */
  decode(stored: Uint8Array, bytes: number): Promise<Uint8Array>;
}

const none: BlockCodec = {
  identity: true,
  encode: async (block) => block,
  decode: async (stored, bytes) => exactly(stored, bytes),
};

const LZ4_PREFIX_BYTES = 4;

/**
 * Raw LZ4 blocks. The library keeps the decoded size in four bytes before the block; stored blocks have none.
 * Its synchronous calls are meant: what its threads allocate is freed by another thread and piles up in the allocator
 * (gigabytes for a large read), while a block takes but a few milliseconds, and less of the processor, done here.
 */
const lz4: BlockCodec = {
  identity: false,
  encode: async (block) =>
    compressSync(Buffer.from(block.buffer, block.byteOffset, block.length)).subarray(LZ4_PREFIX_BYTES),
  decode: async (stored, bytes) => {
    const prefixed = Buffer.allocUnsafe(LZ4_PREFIX_BYTES + stored.length);
    prefixed.writeUInt32LE(bytes, 0);
    prefixed.set(stored, LZ4_PREFIX_BYTES);
    const decoded = exactly(uncompressSync(prefixed), bytes);
    // Copied into memory that the garbage collector counts, so that it runs before many of these have gathered.
    const block = Buffer.allocUnsafeSlow(bytes);
    block.set(decoded);
    return block;
  },
};

const zstandard: BlockCodec = {
  identity: false,
  encode: (block) => zstd().compress(block),
  decode: (stored, bytes) => zstd().decompress(stored, bytes),
};

const CODECS: ReadonlyMap<string, BlockCodec> = new Map([
  ['', none],
  ['none', none],
  ['lz4', lz4],
  ['zstd', zstandard],
]);

/** Compressions that can be read and written, for messages. */
export const SUPPORTED_COMPRESSIONS = ['none', 'lz4', 'zstd'] as const;

/** The codec of a format's Compression; UnsupportedFormat names one that is not there. */
export function blockCodec(compression: string): BlockCodec {
  const codec = CODECS.get(compression);
  if (codec === undefined) {
    throw new VolumeOpenError(
      'UnsupportedFormat',
      `the compression ${JSON.stringify(compression)} is not supported (${SUPPORTED_COMPRESSIONS.join(', ')} are)`,
    );
  }
  return codec;
}

function exactly(block: Uint8Array, bytes: number): Uint8Array {
  if (block.length !== bytes) throw new RangeError(`the block has ${block.length} bytes, not ${bytes}`);
  return block;
}
