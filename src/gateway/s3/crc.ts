// The cyclic redundancy checks that S3 knows and Node does not have: CRC-32C and CRC-64/NVME, eight bytes a step.
// Both are reflected, start with all ones and end inverted.

/** Reversed polynomial of CRC-32C (Castagnoli). */
const CRC32C_POLYNOMIAL = 0x82f63b78;
/** Reversed polynomial of CRC-64/NVME, in halves. */
const CRC64NVME_POLYNOMIAL_HIGH = 0x9a6c9329;
const CRC64NVME_POLYNOMIAL_LOW = 0xac4bc9b5;
const SLICES = 8;

let crc32cTables: Uint32Array | undefined;

/** Table k at [256k, 256k+256): the remainder of a byte followed by k zero bytes. */
function makeCrc32cTables(): Uint32Array {
  const tables = new Uint32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CRC32C_POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}

/** CRC-32C of `data`, continuing from `previous` (0 at the start); unsigned. */
export function crc32c(data: Uint8Array, previous = 0): number {
  crc32cTables ??= makeCrc32cTables();
  const t = crc32cTables as { readonly [index: number]: number };
  const d = data as { readonly [index: number]: number };
  let crc = ~previous;
  let i = 0;
  for (const end = data.length - 7; i < end; i += 8) {
    const low = crc ^ (at(d, i) | (at(d, i + 1) << 8) | (at(d, i + 2) << 16) | (at(d, i + 3) << 24));
    crc =
      at(t, 1792 + (low & 0xff)) ^
      at(t, 1536 + ((low >>> 8) & 0xff)) ^
      at(t, 1280 + ((low >>> 16) & 0xff)) ^
      at(t, 1024 + (low >>> 24)) ^
      at(t, 768 + at(d, i + 4)) ^
      at(t, 512 + at(d, i + 5)) ^
      at(t, 256 + at(d, i + 6)) ^
      at(t, at(d, i + 7));
  }
  for (; i < data.length; i++) crc = (crc >>> 8) ^ at(t, (crc ^ at(d, i)) & 0xff);
  return ~crc >>> 0;
}

function at(table: { readonly [index: number]: number }, index: number): number {
  return table[index] as number;
}

interface Crc64Tables {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}
let crc64Tables: Crc64Tables | undefined;

function makeCrc64Tables(): Crc64Tables {
  const high = new Uint32Array(256 * SLICES);
  const low = new Uint32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let h = 0;
    let l = byte;
    for (let bit = 0; bit < 8; bit++) {
      const carry = l & 1;
      l = ((l >>> 1) | (h << 31)) >>> 0;
      h >>>= 1;
      if (carry === 1) {
        h = (h ^ CRC64NVME_POLYNOMIAL_HIGH) >>> 0;
        l = (l ^ CRC64NVME_POLYNOMIAL_LOW) >>> 0;
      }
    }
    high[byte] = h;
    low[byte] = l;
  }
  for (let i = 256; i < high.length; i++) {
    const h = high[i - 256] as number;
    const l = low[i - 256] as number;
    high[i] = (h >>> 8) ^ (high[l & 0xff] as number);
    low[i] = ((l >>> 8) | (h << 24)) ^ (low[l & 0xff] as number);
  }
  return { high, low };
}

/** A running CRC-64/NVME: 64 bits in two halves, as numbers are faster than BigInt. */
export class Crc64Nvme {
  #high = 0xffffffff;
  #low = 0xffffffff;

  update(data: Uint8Array): void {
    crc64Tables ??= makeCrc64Tables();
    const th = crc64Tables.high as { readonly [index: number]: number };
    const tl = crc64Tables.low as { readonly [index: number]: number };
    const d = data as { readonly [index: number]: number };
    let h = this.#high;
    let l = this.#low;
    let i = 0;
    for (const end = data.length - 7; i < end; i += 8) {
      l ^= at(d, i) | (at(d, i + 1) << 8) | (at(d, i + 2) << 16) | (at(d, i + 3) << 24);
      h ^= at(d, i + 4) | (at(d, i + 5) << 8) | (at(d, i + 6) << 16) | (at(d, i + 7) << 24);
      const a = 1792 + (l & 0xff);
      const b = 1536 + ((l >>> 8) & 0xff);
      const c = 1280 + ((l >>> 16) & 0xff);
      const e = 1024 + (l >>> 24);
      const f = 768 + (h & 0xff);
      const g = 512 + ((h >>> 8) & 0xff);
      const j = 256 + ((h >>> 16) & 0xff);
      const k = h >>> 24;
      h = at(th, a) ^ at(th, b) ^ at(th, c) ^ at(th, e) ^ at(th, f) ^ at(th, g) ^ at(th, j) ^ at(th, k);
      l = at(tl, a) ^ at(tl, b) ^ at(tl, c) ^ at(tl, e) ^ at(tl, f) ^ at(tl, g) ^ at(tl, j) ^ at(tl, k);
    }
    for (; i < data.length; i++) {
      const index = (l ^ at(d, i)) & 0xff;
      l = ((l >>> 8) | (h << 24)) ^ at(tl, index);
      h = (h >>> 8) ^ at(th, index);
    }
    this.#high = h;
    this.#low = l;
  }

  /** Eight bytes, most significant first. */
  digest(): Buffer {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeUInt32BE(~this.#high >>> 0, 0);
    bytes.writeUInt32BE(~this.#low >>> 0, 4);
    return bytes;
  }
}
