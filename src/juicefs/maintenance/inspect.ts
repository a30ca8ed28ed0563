// What a path or inode consists of, and how much lies below it: `juicefs info`, without a mount.
import { blockBytes, blockKey } from '../chunk/block-key.ts';
import { decodeRecords, overlayWithHoles, type SliceRecord } from '../chunk/slice-record.ts';
import type { FormatRecord } from '../format/format-record.ts';
import type { MetaEngine, Node } from '../meta/engine.ts';
import { chargedSpace, ROOT_INODE, TYPE_DIRECTORY, TYPE_FILE } from '../meta/inode.ts';
import { VolumeError } from '../volume.ts';
import { type AdminOptions, withVolume } from './administer.ts';
import { directoriesBelow, entriesOf, pathOf } from './tree.ts';

/** Where to look: a path from the root of the volume, or an inode. */
export type InspectedPlace = { readonly path: readonly string[] } | { readonly inode: bigint };

export interface InspectOptions extends AdminOptions {
  /** Count everything below a directory, not its own entries alone. */
  readonly recursive?: boolean;
  /** Count entries, even where statistics say how many there are. */
  readonly strict?: boolean;
  /** Show stored slices, not objects. */
  readonly raw?: boolean;
}

export interface Inspected {
  readonly inode: bigint;
  readonly type: number;
  readonly files: number;
  readonly directories: number;
  readonly length: number;
  readonly size: number;
  readonly paths: readonly string[];
  readonly tier: number;
  readonly storageClass: string;
  /** With `raw`: the stored records, in order. */
  readonly slices: readonly (SliceRecord & { readonly chunk: number })[];
  /** Without `raw`: the objects that a reader reads, in order; an empty key is a hole. */
  readonly objects: readonly InspectedObject[];
}

export interface InspectedObject {
  readonly chunk: number;
  readonly key: string;
  readonly size: number;
  readonly offset: number;
  readonly length: number;
  /** In the file. */
  readonly position: number;
}

/** Looks at each place; VolumeError ENOENT when there is nothing. */
export function inspectVolume(
  metaUrl: string,
  places: readonly InspectedPlace[],
  options: InspectOptions,
): Promise<Inspected[]> {
  return withVolume(metaUrl, { ...options, readOnly: true }, async (engine, format) => {
    const found: Inspected[] = [];
    for (const place of places) found.push(await inspect(engine, format, place, options));
    return found;
  });
}

async function inspect(
  engine: MetaEngine,
  format: FormatRecord,
  place: InspectedPlace,
  options: InspectOptions,
): Promise<Inspected> {
  const node = await nodeAt(engine, place);
  const summary = node.type === TYPE_DIRECTORY ? await summarize(engine, node, options) : fileSummary(node);
  const file = node.type === TYPE_FILE;
  const records = file ? await recordsOf(engine, node) : [];
  const path = await pathOf(engine, node.inode);
  return {
    inode: node.inode,
    type: node.type,
    ...summary,
    paths: path === undefined ? [] : [path],
    tier: node.tier,
    storageClass: format.storageClass === '' ? 'STANDARD' : format.storageClass,
    slices:
      options.raw === true ? records.flatMap(({ chunk, slices }) => slices.map((one) => ({ ...one, chunk }))) : [],
    objects: options.raw === true ? [] : records.flatMap(({ chunk, slices }) => objectsOf(format, node, chunk, slices)),
  };
}

async function nodeAt(engine: MetaEngine, place: InspectedPlace): Promise<Node> {
  const inode = 'inode' in place ? place.inode : await inodeAt(engine, place.path);
  const node = await engine.look(async (reader) => reader.node(inode));
  if (node === undefined) throw new VolumeError('ENOENT', `there is no inode ${inode}`);
  return node;
}

async function inodeAt(engine: MetaEngine, names: readonly string[]): Promise<bigint> {
  if (names.length === 0) return ROOT_INODE;
  const walk = await engine.look(async (reader) =>
    reader.walk(
      ROOT_INODE,
      names.map((name) => Buffer.from(name, 'utf8')),
    ),
  );
  if (walk.edge === undefined || walk.consumed < names.length) {
    throw new VolumeError('ENOENT', `there is nothing at /${names.join('/')}`);
  }
  return walk.edge.inode;
}

type Summary = Pick<Inspected, 'files' | 'directories' | 'length' | 'size'>;

function fileSummary(node: Node): Summary {
  return { files: 1, directories: 0, length: node.length, size: chargedSpace(node.length) };
}

/** The directory itself and its entries; with `recursive`, all below it. */
async function summarize(engine: MetaEngine, top: Node, options: InspectOptions): Promise<Summary> {
  const total = { files: 0, directories: 1, length: 0, size: chargedSpace(0) };
  const place = { inode: top.inode, path: '/', node: top, parent: top.parent };
  for await (const directory of options.recursive === true ? directoriesBelow(engine, place) : [place]) {
    for await (const { type, node } of entriesOf(engine, directory.inode)) {
      const length = type === TYPE_FILE ? (node?.length ?? 0) : 0;
      if (type === TYPE_DIRECTORY) total.directories += 1;
      else total.files += 1;
      total.length += length;
      total.size += chargedSpace(length);
    }
    options.onProgress?.('counted', total.files + total.directories, total.size);
  }
  return total;
}

async function recordsOf(engine: MetaEngine, node: Node): Promise<{ chunk: number; slices: SliceRecord[] }[]> {
  const chunks = await engine.look(async (reader) => reader.chunks(node.inode));
  return chunks.map(({ index, slices }) => ({
    chunk: index,
    slices: decodeRecords(slices, `inode ${node.inode}, chunk ${index}`),
  }));
}

const CHUNK_BYTES = 64 * 1024 * 1024;

function objectsOf(format: FormatRecord, node: Node, chunk: number, slices: readonly SliceRecord[]): InspectedObject[] {
  const layout = { volume: format.name, blockSize: format.blockSize, hashPrefix: format.hashPrefix };
  const objects: InspectedObject[] = [];
  let at = 0;
  const push = (key: string, size: number, offset: number, length: number): void => {
    const position = chunk * CHUNK_BYTES + at;
    if (position < node.length) objects.push({ chunk, key, size, offset, length, position });
    at += length;
  };
  for (const piece of overlayWithHoles(slices)) {
    if (piece.pos > at) push('', piece.pos - at, 0, piece.pos - at);
    if (piece.id === 0n) {
      push('', piece.len, 0, piece.len);
      continue;
    }
    for (let off = piece.off; off < piece.off + piece.len; ) {
      const index = Math.floor(off / layout.blockSize);
      const bytes = blockBytes(layout, piece.size, index);
      const start = off - index * layout.blockSize;
      const length = Math.min(bytes - start, piece.off + piece.len - off);
      push(blockKey(layout, piece.id, index, bytes), bytes, start, length);
      off += length;
    }
  }
  return objects;
}
