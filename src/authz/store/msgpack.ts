// Reads the part of MessagePack that bucket metadata uses. Every length is checked against what is there.

export type MsgpackValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | MsgpackExtension
  | readonly MsgpackValue[]
  | ReadonlyMap<string, MsgpackValue>;

export interface MsgpackExtension {
  readonly extension: number; // its type, -128..127
  readonly data: Uint8Array;
}

/** Deepest nesting that is read. */
const MAX_DEPTH = 16;

/** Thrown for bytes that are not one complete value. */
export class MsgpackError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MsgpackError';
  }
}

/** Decodes one value that fills `bytes`. Map keys must be strings. Throws MsgpackError. */
export function decodeMsgpack(bytes: Uint8Array): MsgpackValue {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    if (this.#at !== this.#bytes.byteLength) throw new MsgpackError('there is more than one value');
  }

  value(depth: number): MsgpackValue {
    if (depth > MAX_DEPTH) throw new MsgpackError('nested too deeply');
    const lead = this.#uint(1);
    if (lead < 0x80) return lead;
    if (lead >= 0xe0) return lead - 256;
    if (lead < 0x90) return this.#map(lead & 0x0f, depth);
    if (lead < 0xa0) return this.#array(lead & 0x0f, depth);
    if (lead < 0xc0) return this.#text(lead & 0x1f);
    switch (lead) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#uint(1 << (lead - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (lead - 0xc7)));
      case 0xca:
        return this.#number(4, (at) => this.#view.getFloat32(at));
      case 0xcb:
        return this.#number(8, (at) => this.#view.getFloat64(at));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (lead - 0xcc));
      case 0xcf:
        return this.#number(8, (at) => this.#view.getBigUint64(at));
      case 0xd0:
        return this.#number(1, (at) => this.#view.getInt8(at));
      case 0xd1:
        return this.#number(2, (at) => this.#view.getInt16(at));
      case 0xd2:
        return this.#number(4, (at) => this.#view.getInt32(at));
      case 0xd3:
        return this.#number(8, (at) => this.#view.getBigInt64(at));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (lead - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (lead - 0xd9)));
      case 0xdc:
        return this.#array(this.#uint(2), depth);
      case 0xdd:
        return this.#array(this.#uint(4), depth);
      case 0xde:
        return this.#map(this.#uint(2), depth);
      case 0xdf:
        return this.#map(this.#uint(4), depth);
      default:
        throw new MsgpackError(`unknown type 0x${lead.toString(16)}`);
    }
  }

  #number<N>(size: number, read: (at: number) => N): N {
    const at = this.#at;
    this.#take(size);
    return read(at);
  }

  #uint(size: number): number {
    if (size === 1) return this.#number(1, (at) => this.#view.getUint8(at));
    if (size === 2) return this.#number(2, (at) => this.#view.getUint16(at));
    return this.#number(4, (at) => this.#view.getUint32(at));
  }

  #take(length: number): Uint8Array {
    const from = this.#at;
    if (from + length > this.#bytes.byteLength) throw new MsgpackError('ends early');
    this.#at = from + length;
    return this.#bytes.subarray(from, this.#at);
  }

  #text(length: number): string {
    return Buffer.from(this.#take(length)).toString('utf8');
  }

  #extension(length: number): MsgpackExtension {
    const extension = this.#number(1, (at) => this.#view.getInt8(at));
    return { extension, data: this.#take(length) };
  }

  #array(length: number, depth: number): MsgpackValue[] {
    const items: MsgpackValue[] = [];
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1));
    return items;
  }

  #map(length: number, depth: number): ReadonlyMap<string, MsgpackValue> {
    const map = new Map<string, MsgpackValue>();
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string') throw new MsgpackError('a map key is not a string');
      map.set(key, this.value(depth + 1));
    }
    return map;
  }
}
