// The messages of a binary dump, as tables of their fields, and their protobuf form. JuiceFS: pkg/meta/pb/backup.proto.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

type FieldKind = 'uint64' | 'int64' | 'uint32' | 'bytes' | 'string' | 'uint64s';
type Fields = Readonly<Record<string, readonly [number: number, kind: FieldKind]>>;
type ValueOf<K extends FieldKind> = K extends 'uint64' | 'int64'
  ? bigint
  : K extends 'uint32'
    ? number
    : K extends 'bytes'
      ? Uint8Array
      : K extends 'uint64s'
        ? readonly bigint[]
        : string;
type MessageOf<F extends Fields> = { readonly [N in keyof F]: ValueOf<F[N][1]> };

const NODE = { inode: [1, 'uint64'], data: [2, 'bytes'] } as const;
const EDGE = { parent: [1, 'uint64'], inode: [2, 'uint64'], name: [3, 'bytes'], type: [4, 'uint32'] } as const;
const CHUNK = { inode: [1, 'uint64'], index: [2, 'uint32'], slices: [3, 'bytes'] } as const;
const SLICE_REF = { id: [1, 'uint64'], size: [2, 'uint32'], refs: [3, 'int64'] } as const;
const XATTR = { inode: [1, 'uint64'], name: [2, 'string'], value: [3, 'bytes'] } as const;
const PARENT = { inode: [1, 'uint64'], parent: [2, 'uint64'], count: [3, 'int64'] } as const;
const SYMLINK = { inode: [1, 'uint64'], target: [2, 'bytes'] } as const;
const SUSTAINED = { session: [1, 'uint64'], inodes: [2, 'uint64s'] } as const;
const DELETED_FILE = { inode: [1, 'uint64'], length: [2, 'uint64'], queued: [3, 'int64'] } as const;
const STATISTICS = {
  inode: [1, 'uint64'],
  length: [2, 'int64'],
  space: [3, 'int64'],
  inodes: [4, 'int64'],
} as const;
const QUOTA = {
  key: [1, 'uint64'],
  maxSpace: [2, 'int64'],
  maxInodes: [3, 'int64'],
  usedSpace: [4, 'int64'],
  usedInodes: [5, 'int64'],
  type: [6, 'uint32'],
} as const;
const ACL = { id: [1, 'uint32'], data: [2, 'bytes'] } as const;
const COUNTER = { name: [1, 'string'], value: [2, 'int64'] } as const;
const CHANGE = { version: [1, 'int64'], entry: [2, 'bytes'] } as const;

/** The lists a batch may hold, by their field. */
const LISTS = {
  nodes: [1, NODE],
  edges: [2, EDGE],
  chunks: [3, CHUNK],
  sliceRefs: [4, SLICE_REF],
  xattrs: [5, XATTR],
  parents: [6, PARENT],
  symlinks: [7, SYMLINK],
  sustained: [8, SUSTAINED],
  deletedFiles: [9, DELETED_FILE],
  statistics: [10, STATISTICS],
  quotas: [11, QUOTA],
  acls: [12, ACL],
  counters: [13, COUNTER],
  changes: [14, CHANGE],
  userQuotas: [15, QUOTA],
  groupQuotas: [16, QUOTA],
} as const satisfies Record<string, readonly [number, Fields]>;

/** Name of a list of a batch. */
export type ListName = keyof typeof LISTS;
/** An item of such a list. */
export type ItemOf<L extends ListName> = MessageOf<(typeof LISTS)[L][1]>;
/** Rows of a volume; a segment's batch has those of one kind. */
export type Batch = { [L in ListName]?: ItemOf<L>[] };

/** A list's place in the batch, once for all of them. */
const LIST_OF_FIELD: ReadonlyMap<number, { readonly name: string; readonly fields: Fields }> = new Map(
  Object.entries(LISTS).map(([name, [number, fields]]) => [number, { name, fields }]),
);

export function encodeBatch(batch: Batch): Uint8Array {
  const writer = new BinaryWriter();
  for (const [name, [number, fields]] of Object.entries(LISTS)) {
    for (const item of batch[name as ListName] ?? []) {
      writer.tag(number, WireType.LengthDelimited).fork();
      encodeFields(writer, fields, item);
      writer.join();
    }
  }
  return writer.finish();
}

/** The batch in these bytes; RangeError or Error where they are none. Fields that are not known are left out. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const batch: Record<string, unknown[]> = {};
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const list = LIST_OF_FIELD.get(number);
    if (list === undefined || wire !== WireType.LengthDelimited) {
      reader.skip(wire);
      continue;
    }
    batch[list.name] ??= [];
    batch[list.name]?.push(decodeFields(new BinaryReader(reader.bytes()), list.fields));
  }
  return batch as Batch;
}

function encodeFields(writer: BinaryWriter, fields: Fields, item: Readonly<Record<string, unknown>>): void {
  for (const [name, [number, kind]] of Object.entries(fields)) {
    const value = item[name];
    if (typeof value === 'bigint' && value !== 0n) {
      writer.tag(number, WireType.Varint);
      if (kind === 'int64') writer.int64(value);
      else writer.uint64(value);
    } else if (typeof value === 'number' && value !== 0) writer.tag(number, WireType.Varint).uint32(value);
    else if (typeof value === 'string' && value !== '') writer.tag(number, WireType.LengthDelimited).string(value);
    else if (value instanceof Uint8Array && value.length > 0) {
      writer.tag(number, WireType.LengthDelimited).bytes(value);
    } else if (Array.isArray(value) && value.length > 0) {
      writer.tag(number, WireType.LengthDelimited).fork();
      for (const one of value) writer.uint64(one);
      writer.join();
    }
  }
}

const ABSENT: Readonly<Record<FieldKind, unknown>> = {
  uint64: 0n,
  int64: 0n,
  uint32: 0,
  bytes: new Uint8Array(0),
  string: '',
  uint64s: [],
};

function decodeFields(reader: BinaryReader, fields: Fields): Record<string, unknown> {
  const item: Record<string, unknown> = {};
  for (const [name, [, kind]] of Object.entries(fields)) item[name] = ABSENT[kind];
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = Object.entries(fields).find(([, [of]]) => of === number);
    if (field === undefined) reader.skip(wire);
    else item[field[0]] = decodeValue(reader, field[1][1], wire, item[field[0]]);
  }
  return item;
}

function decodeValue(reader: BinaryReader, kind: FieldKind, wire: WireType, before: unknown): unknown {
  const delimited = kind === 'bytes' || kind === 'string' || (kind === 'uint64s' && wire !== WireType.Varint);
  if (wire !== (delimited ? WireType.LengthDelimited : WireType.Varint))
    throw new RangeError('a field of another type');
  switch (kind) {
    case 'uint64':
      return requireNumber(BigInt(reader.uint64()));
    case 'int64':
      return BigInt(reader.int64());
    case 'uint32':
      return reader.uint32();
    case 'bytes':
      return reader.bytes();
    case 'string':
      return reader.string();
    case 'uint64s': {
      const numbers = Array.isArray(before) ? [...before] : [];
      if (!delimited) return [...numbers, BigInt(reader.uint64())];
      const packed = new BinaryReader(reader.bytes());
      while (packed.pos < packed.len) numbers.push(BigInt(packed.uint64()));
      return numbers;
    }
  }
}

/** Numbers of inodes, slices and sessions are counted up from 1, and stay below 2^63 also in the trash; a greater one is damage. */
export function requireNumber(value: bigint): bigint {
  if (value > MAX_NUMBER) throw new RangeError(`there is no number ${value} in a volume`);
  return value;
}

const MAX_NUMBER = 2n ** 63n - 1n;
