// The file of a binary dump: segments, each a type, a length and a message; a mark; and a footer that says where the segments of a
// kind are and how many rows they hold. JuiceFS: pkg/meta/backup.go.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Batch, decodeBatch, encodeBatch, type ListName } from './messages.ts';

const MAGIC = 0x747083;
const VERSION = 1;
const HEAD_BYTES = 12;
const END_BYTES = 4;
const LENGTH_BYTES = 8;
/** A longer segment is none: clients write some 100,000 rows into one. */
const MAX_SEGMENT_BYTES = 1 << 30;
const FORMAT_TYPE = 1;

/** Of each list, the type of its segments and the name that the footer has for them. */
const TYPES: Readonly<Record<ListName, readonly [type: number, name: string]>> = {
  counters: [2, 'counter'],
  nodes: [3, 'node'],
  edges: [4, 'edge'],
  chunks: [5, 'chunk'],
  sliceRefs: [6, 'sliceRef'],
  symlinks: [7, 'symlink'],
  sustained: [8, 'sustained'],
  deletedFiles: [9, 'delFile'],
  xattrs: [10, 'xattr'],
  acls: [11, 'acl'],
  statistics: [12, 'stat'],
  quotas: [13, 'quota'],
  userQuotas: [13, 'quota'],
  groupQuotas: [13, 'quota'],
  parents: [14, 'parent'],
  changes: [15, 'changeLog'],
};

export type Segment = { readonly format: string } | { readonly batch: Batch };

/** Rows of a kind in a dump, and where their segments begin. */
export interface SegmentInfo {
  readonly offsets: readonly number[];
  readonly rows: number;
}

/** Writes segments, and at the end what belongs after them. */
export class SegmentWriter {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #infos = new Map<string, { offsets: number[]; rows: number }>();
  #position = 0;

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  async format(text: string): Promise<void> {
    const message = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(Buffer.from(text)).finish();
    await this.#segment(FORMAT_TYPE, 'format', 1, message);
  }

  /** Rows of one kind; nothing where there are none. */
  async batch(batch: Batch): Promise<void> {
    const lists = Object.entries(batch).filter(([, items]) => items.length > 0);
    const [first] = lists;
    if (first === undefined) return;
    const [type, name] = TYPES[first[0] as ListName];
    const rows = lists.reduce((total, [, items]) => total + items.length, 0);
    await this.#segment(type, name, rows, encodeBatch(batch));
  }

  async #segment(type: number, name: string, rows: number, message: Uint8Array): Promise<void> {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32BE(type, 0);
    head.writeBigUInt64BE(BigInt(message.length), 4);
    const info = this.#infos.get(name) ?? { offsets: [], rows: 0 };
    this.#infos.set(name, info);
    info.offsets.push(this.#position);
    info.rows += rows;
    this.#position += head.length + message.length;
    await this.#write(Buffer.concat([head, message]));
  }

  async end(): Promise<void> {
    const mark = Buffer.alloc(END_BYTES);
    mark.writeUInt32BE(MAGIC, 0);
    const footer = encodeFooter(this.#infos);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeBigUInt64BE(BigInt(footer.length), 0);
    await this.#write(Buffer.concat([mark, footer, length]));
  }
}

/** The segments of a dump in order; RangeError when it is none, is damaged, or is cut anywhere: at the latest after the last of them. */
export async function* readSegments(source: AsyncIterable<Uint8Array>): AsyncGenerator<Segment> {
  const bytes = new ByteQueue(source);
  for (;;) {
    const type = (await bytes.take(4)).readUInt32BE(0);
    if (type === MAGIC) break;
    const length = Number((await bytes.take(8)).readBigUInt64BE(0));
    if (type === 0 || type > MAX_TYPE || length > MAX_SEGMENT_BYTES) {
      throw new RangeError(`there is no segment of type ${type} and ${length} bytes`);
    }
    const message = await bytes.take(length);
    yield type === FORMAT_TYPE ? { format: decodeFormat(message) } : { batch: decodeBatch(message) };
  }
  decodeFooter(await bytes.rest());
}

/** What a dump's end says of it; RangeError when it is no whole dump. */
export function decodeFooter(end: Uint8Array): Map<string, SegmentInfo> {
  const bytes = Buffer.from(end.buffer, end.byteOffset, end.length);
  const length = bytes.length < LENGTH_BYTES ? -1 : Number(bytes.readBigUInt64BE(bytes.length - LENGTH_BYTES));
  const start = bytes.length - LENGTH_BYTES - length;
  if (length < 0 || start < 0) throw new RangeError('the dump is cut: its footer is missing');
  const reader = new BinaryReader(bytes.subarray(start, start + length));
  const infos = new Map<string, SegmentInfo>();
  let magic = 0;
  let version = 0;
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1 && wire === WireType.Varint) magic = reader.uint32();
    else if (number === 2 && wire === WireType.Varint) version = reader.uint32();
    else if (number === 3 && wire === WireType.LengthDelimited) infos.set(...decodeInfo(reader.bytes()));
    else reader.skip(wire);
  }
  if (magic !== MAGIC) throw new RangeError('the dump is cut: its footer is missing');
  if (version !== VERSION) throw new RangeError(`a dump of version ${version} is not known`);
  return infos;
}

const MAX_TYPE = Math.max(...Object.values(TYPES).map(([type]) => type));

function encodeFooter(infos: ReadonlyMap<string, SegmentInfo>): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).uint32(MAGIC).tag(2, WireType.Varint).uint32(VERSION);
  for (const [name, { offsets, rows }] of infos) {
    writer.tag(3, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).fork();
    for (const offset of offsets) writer.uint64(offset);
    writer.join().tag(2, WireType.Varint).uint64(rows);
    writer.join().join();
  }
  return writer.finish();
}

function decodeInfo(entry: Uint8Array): [string, SegmentInfo] {
  let name = '';
  let rows = 0;
  const offsets: number[] = [];
  const reader = new BinaryReader(entry);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1 && wire === WireType.LengthDelimited) name = reader.string();
    else if (number === 2 && wire === WireType.LengthDelimited) {
      const info = new BinaryReader(reader.bytes());
      while (info.pos < info.len) {
        const [field, kind] = info.tag();
        if (field === 2 && kind === WireType.Varint) rows = Number(info.uint64());
        else if (field === 1 && kind === WireType.LengthDelimited) {
          const packed = new BinaryReader(info.bytes());
          while (packed.pos < packed.len) offsets.push(Number(packed.uint64()));
        } else info.skip(kind);
      }
    } else reader.skip(wire);
  }
  return [name, { offsets, rows }];
}

function decodeFormat(message: Uint8Array): string {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1 && wire === WireType.LengthDelimited) return Buffer.from(reader.bytes()).toString('utf8');
    reader.skip(wire);
  }
  throw new RangeError('the dump holds no settings');
}

/** Bytes of a stream, taken by number. */
class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Buffer> {
    while (this.#length < count) {
      if (!(await this.#more())) throw new RangeError('the dump is cut');
    }
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all.subarray(count)];
    this.#length -= count;
    return all.subarray(0, count);
  }

  async rest(): Promise<Buffer> {
    while (await this.#more()) {
      if (this.#length > MAX_SEGMENT_BYTES) throw new RangeError('the footer is too long');
    }
    return Buffer.concat(this.#pieces);
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#pieces.push(next.value);
    this.#length += next.value.length;
    return true;
  }
}
