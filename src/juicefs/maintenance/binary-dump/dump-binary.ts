// Writes a volume's metadata as the binary dump of the Go client (`juicefs dump --binary`): its rows, kind by kind, as they are. The
// tree is walked and a page of it held at a time.
import { formatOf, withoutSecrets } from '../../format/format-record.ts';
import { encodeAclRule } from '../../meta/acl-codec.ts';
import { encodeNode } from '../../meta/attr-codec.ts';
import type { ChunkRow, Entry, MetaReader, Node, Quota } from '../../meta/engine.ts';
import { ROOT_INODE, TRASH_INODE, TYPE_DIRECTORY, TYPE_FILE, TYPE_SYMLINK } from '../../meta/inode.ts';
import { VolumeError } from '../../volume.ts';
import { type AdminOptions, withVolume } from '../administer.ts';
import type { Batch, ItemOf, ListName } from './messages.ts';
import { SegmentWriter } from './segments.ts';

export interface BinaryDumpOptions extends AdminOptions {
  /** Leave the secrets of the settings as they are stored. */
  readonly keepSecrets?: boolean;
  /** Takes some of the bytes; resolves when it can take more. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
}

const PAGE = 1000;
const MAX_ROWS = 1_000_000;
/** Rows and bytes of one segment. */
const SEGMENT_ROWS = 10_000;
const SEGMENT_BYTES = 4 << 20;
/** Reads on their way at a time, where an engine has none that answers for many. */
const READS = 64;
const COUNTERS = ['usedSpace', 'totalInodes', 'nextInode', 'nextChunk', 'nextSession', 'nextTrash'] as const;
const QUOTA_TYPES = { directory: 0, user: 1, group: 2 } as const;

/** Dumps a volume: as of one moment from a SQL database, and from others what was there when each part was read. */
export async function dumpVolumeBinary(metaUrl: string, options: BinaryDumpOptions): Promise<void> {
  await withVolume(metaUrl, { ...options, readOnly: true }, async (engine, format) => {
    let started = false;
    await engine.survey(async (reader) => {
      // What was written cannot be taken back.
      if (started) throw new VolumeError('EIO', 'the database interrupted the dump; run it again');
      started = true;
      const secrets = options.keepSecrets === true ? [] : (['SecretKey', 'SessionToken'] as const);
      const writer = new SegmentWriter(options.write);
      await writer.format(formatOf(withoutSecrets(format.members, secrets)).text);
      await new BinaryDump(reader, writer, options).run();
      await writer.end();
    });
  });
}

class BinaryDump {
  readonly #reader: MetaReader;
  readonly #writer: SegmentWriter;
  readonly #options: AdminOptions;
  readonly #rows = new Map<ListName, { items: unknown[]; bytes: number }>();
  /** Files of several links that were met, and in which directories: they are met again. */
  readonly #linked = new Map<bigint, Map<bigint, bigint>>();
  readonly #directories: bigint[] = [];
  #nodes = 0;

  constructor(reader: MetaReader, writer: SegmentWriter, options: AdminOptions) {
    this.#reader = reader;
    this.#writer = writer;
    this.#options = options;
  }

  async run(): Promise<void> {
    await this.#counters();
    await this.#tree();
    for (const [inode, parents] of this.#linked) {
      for (const [parent, count] of parents) await this.#add('parents', { inode, parent, count });
    }
    await this.#withoutLinks();
    await this.#sliceRefs();
    for (const rule of await this.#reader.aclRules()) {
      await this.#add('acls', { id: rule.id, data: encodeAclRule(rule) });
    }
    await this.#quotas();
    for (const list of [...this.#rows.keys()]) await this.#flush(list);
  }

  async #counters(): Promise<void> {
    for (const name of COUNTERS) {
      await this.#add('counters', { name, value: BigInt(await this.#reader.counter(name)) });
    }
  }

  async #tree(): Promise<void> {
    const roots = [ROOT_INODE, TRASH_INODE, ...(await this.#reader.detachedNodes(Number.MAX_SAFE_INTEGER, MAX_ROWS))];
    const nodes = await this.#each(roots, (inode) => this.#reader.node(inode));
    await this.#nodesOf(nodes.filter((node) => node !== undefined));
    for (;;) {
      const directory = this.#directories.pop();
      if (directory === undefined) return;
      await this.#entriesOf(directory);
    }
  }

  async #entriesOf(parent: bigint): Promise<void> {
    let after: Uint8Array = new Uint8Array(0);
    for (let full = true; full; ) {
      const page = await this.#reader.entries(parent, { after }, PAGE);
      full = page.length === PAGE;
      const fresh: Node[] = [];
      for (const entry of page) {
        after = entry.name;
        await this.#add('edges', { parent, inode: entry.inode, name: entry.name, type: entry.type });
        if (entry.node !== undefined && this.#isFresh(parent, entry, entry.node)) fresh.push(entry.node);
      }
      await this.#nodesOf(fresh);
    }
  }

  /** Whether an entry's node was not met before; of those with several links, where they are is remembered. */
  #isFresh(parent: bigint, { inode, type }: Entry, node: Node): boolean {
    if (type === TYPE_DIRECTORY || node.parent !== 0n) return true;
    const met = this.#linked.get(inode);
    const parents = met ?? new Map<bigint, bigint>();
    parents.set(parent, (parents.get(parent) ?? 0n) + 1n);
    this.#linked.set(inode, parents);
    return met === undefined;
  }

  /** Nodes, with all that belongs to each of them. */
  async #nodesOf(nodes: readonly Node[]): Promise<void> {
    for (const node of nodes) await this.#add('nodes', { inode: node.inode, data: encodeNode(node) });
    this.#nodes += nodes.length;
    this.#options.onProgress?.('dumped nodes', this.#nodes);
    const inodes = nodes.map(({ inode }) => inode);
    const xattrs = inodes.length === 0 ? [] : await this.#reader.xattrs(inodes);
    for (const [at, inode] of inodes.entries()) {
      for (const [name, value] of xattrs[at] ?? []) await this.#add('xattrs', { inode, name, value });
    }
    const links = nodes.filter(({ type }) => type === TYPE_SYMLINK).map(({ inode }) => inode);
    const targets = await this.#each(links, (inode) => this.#reader.symlink(inode));
    for (const [at, inode] of links.entries()) {
      await this.#add('symlinks', { inode, target: targets[at] ?? new Uint8Array(0) });
    }
    const files = nodes.filter(({ type, length }) => type === TYPE_FILE && length > 0).map(({ inode }) => inode);
    const chunks = await this.#chunksOf(files);
    for (const [at, inode] of files.entries()) await this.#addChunks(inode, chunks[at] ?? []);
    const directories = nodes.filter(({ type }) => type === TYPE_DIRECTORY).map(({ inode }) => inode);
    const usages = await this.#each(directories, (inode) => this.#reader.directoryUsage(inode));
    for (const [at, inode] of directories.entries()) {
      this.#directories.push(inode);
      const usage = usages[at];
      if (usage === undefined) continue;
      const [length, space, count] = [usage.length, usage.space, usage.inodes].map(BigInt);
      await this.#add('statistics', { inode, length: length ?? 0n, space: space ?? 0n, inodes: count ?? 0n });
    }
  }

  async #chunksOf(files: readonly bigint[]): Promise<(readonly ChunkRow[])[]> {
    if (files.length === 0) return [];
    if (this.#reader.files === undefined) return this.#each(files, (inode) => this.#reader.chunks(inode));
    return (await this.#reader.files(files)).map(({ chunks }) => chunks);
  }

  async #addChunks(inode: bigint, chunks: readonly ChunkRow[]): Promise<void> {
    for (const { index, slices } of chunks) await this.#add('chunks', { inode, index, slices });
  }

  /** Files that no entry leads to: those that a session holds open, and those whose data is still to be deleted. */
  async #withoutLinks(): Promise<void> {
    for (const { id } of await this.#reader.sessions()) {
      const inodes = await this.#reader.sustained(id);
      if (inodes.length === 0) continue;
      const nodes = await this.#each(inodes, (inode) => this.#reader.node(inode));
      await this.#nodesOf(nodes.filter((node) => node !== undefined && node.nlink === 0) as Node[]);
      await this.#add('sustained', { session: id, inodes });
    }
    for (const file of await this.#reader.deletedFiles(Number.MAX_SAFE_INTEGER, MAX_ROWS)) {
      const { inode, length, queued } = file;
      await this.#add('deletedFiles', { inode, length: BigInt(length), queued: BigInt(queued) });
      await this.#addChunks(inode, await this.#reader.chunksOfDeleted(file));
    }
  }

  /** Of slices that have one reference, which is what a chunk's record says, nothing is kept. */
  async #sliceRefs(): Promise<void> {
    const met = new Set<bigint>();
    for (let cursor: string | undefined, more = true; more; ) {
      const page = await this.#reader.scanSliceRefs(cursor, PAGE);
      for (const { id, size, refs } of page.items) {
        if (refs === 1 || met.has(id)) continue;
        met.add(id);
        await this.#add('sliceRefs', { id, size, refs: BigInt(refs) });
      }
      cursor = page.next;
      more = cursor !== undefined;
    }
  }

  async #quotas(): Promise<void> {
    const of = (type: number, quotas: readonly Quota[]): ItemOf<'quotas'>[] =>
      quotas.map(({ key, maxSpace, maxInodes, usedSpace, usedInodes }) => ({
        key,
        maxSpace: BigInt(maxSpace),
        maxInodes: BigInt(maxInodes),
        usedSpace: BigInt(usedSpace),
        usedInodes: BigInt(usedInodes),
        type,
      }));
    await this.#writer.batch({
      quotas: of(QUOTA_TYPES.directory, await this.#reader.directoryQuotas()),
      userQuotas: of(QUOTA_TYPES.user, await this.#reader.ownerQuotas('user')),
      groupQuotas: of(QUOTA_TYPES.group, await this.#reader.ownerQuotas('group')),
    });
  }

  async #each<I, O>(inputs: readonly I[], read: (input: I) => O | Promise<O>): Promise<O[]> {
    const outputs: O[] = [];
    for (let at = 0; at < inputs.length; at += READS) {
      outputs.push(...(await Promise.all(inputs.slice(at, at + READS).map(async (input) => read(input)))));
    }
    return outputs;
  }

  async #add<L extends ListName>(list: L, item: ItemOf<L>): Promise<void> {
    const rows = this.#rows.get(list) ?? { items: [], bytes: 0 };
    this.#rows.set(list, rows);
    rows.items.push(item);
    for (const value of Object.values<unknown>(item)) if (value instanceof Uint8Array) rows.bytes += value.length;
    if (rows.items.length >= SEGMENT_ROWS || rows.bytes >= SEGMENT_BYTES) await this.#flush(list);
  }

  async #flush(list: ListName): Promise<void> {
    const rows = this.#rows.get(list);
    this.#rows.delete(list);
    if (rows !== undefined) await this.#writer.batch({ [list]: rows.items } as Batch);
  }
}
