// Writes MessagePack: the types that bucket metadata uses, each in its shortest form, as Go's encoder does.
import type { MsgpackExtension, MsgpackValue } from './msgpack.ts';

/** Encodes one value. */
export function encodeMsgpack(value: MsgpackValue): Buffer {
  if (value === null) return Buffer.from([0xc0]);
  switch (typeof value) {
    case 'boolean':
      return Buffer.from([value ? 0xc3 : 0xc2]);
    case 'string': {
      const text = Buffer.from(value);
      return Buffer.concat([head(text.byteLength, { fix: 0xa0, most: 31, codes: [0xd9, 0xda, 0xdb] }), text]);
    }
    case 'number':
      return encodeNumber(value);
    case 'bigint':
      return encodeBigint(value);
  }
  if (value instanceof Uint8Array) {
    return Buffer.concat([head(value.byteLength, { codes: [0xc4, 0xc5, 0xc6] }), value]);
  }
  if (value instanceof Map) {
    const entries = [...value].flatMap(([key, item]) => [encodeMsgpack(key), encodeMsgpack(item)]);
    return Buffer.concat([head(value.size, { fix: 0x80, most: 15, codes: [undefined, 0xde, 0xdf] }), ...entries]);
  }
  if (isExtension(value)) return encodeExtension(value);
  const items = value as readonly MsgpackValue[];
  return Buffer.concat([
    head(items.length, { fix: 0x90, most: 15, codes: [undefined, 0xdc, 0xdd] }),
    ...items.map(encodeMsgpack),
  ]);
}

interface HeadForms {
  /** The first byte of the form that has the length in it, and the longest length of that form. */
  readonly fix?: number;
  readonly most?: number;
  /** First bytes of the forms with a length of one, two and four bytes. */
  readonly codes: readonly [number | undefined, number, number];
}

function head(length: number, { fix, most = 0, codes }: HeadForms): Buffer {
  const [one, two, four] = codes;
  if (fix !== undefined && length <= most) return Buffer.from([fix | length]);
  if (one !== undefined && length < 0x100) return Buffer.from([one, length]);
  const bytes = Buffer.alloc(length < 0x1_0000 ? 3 : 5);
  if (bytes.byteLength === 3) bytes.writeUInt16BE(length, 1);
  else bytes.writeUInt32BE(length, 1);
  bytes[0] = bytes.byteLength === 3 ? two : four;
  return bytes;
}

/** First bytes of extensions of 1, 2, 4, 8 and 16 bytes. */
const FIXED_EXTENSIONS: ReadonlyMap<number, number> = new Map([
  [1, 0xd4],
  [2, 0xd5],
  [4, 0xd6],
  [8, 0xd7],
  [16, 0xd8],
]);

function encodeExtension({ extension, data }: MsgpackExtension): Buffer {
  const type = Buffer.alloc(1);
  type.writeInt8(extension);
  const fixed = FIXED_EXTENSIONS.get(data.byteLength);
  const lead = fixed === undefined ? head(data.byteLength, { codes: [0xc7, 0xc8, 0xc9] }) : Buffer.from([fixed]);
  return Buffer.concat([lead, type, data]);
}

function encodeNumber(value: number): Buffer {
  if (Number.isSafeInteger(value)) return encodeBigint(BigInt(value));
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function encodeBigint(value: bigint): Buffer {
  if (value >= 0n && value < 0x80n) return Buffer.from([Number(value)]);
  if (value < 0n && value >= -32n) return Buffer.from([Number(value) & 0xff]);
  const bytes = Buffer.alloc(9);
  bytes[0] = value < 0n ? 0xd3 : 0xcf;
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value), 1);
  return bytes;
}

function isExtension(value: MsgpackValue): value is MsgpackExtension {
  return typeof value === 'object' && value !== null && 'extension' in value;
}
