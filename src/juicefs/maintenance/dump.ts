// Writes a volume's metadata as the JSON that `juicefs dump` writes and `juicefs load` reads: settings, counters, then the tree,
// an entry at a time, so that memory stays small whatever the volume's size. The trash is a tree of its own.
import { CHUNK_SIZE, decodeRecords } from '../chunk/slice-record.ts';
import { type FormatRecord, orderedMembers, withoutSecrets } from '../format/format-record.ts';
import type { AclRule, ChunkRow, Entry, MetaReader, Node, Quota } from '../meta/engine.ts';
import { ROOT_INODE, TRASH_INODE, TYPE_DIRECTORY, TYPE_FILE, TYPE_SYMLINK } from '../meta/inode.ts';
import { VolumeError } from '../volume.ts';
import { type AdminOptions, jsonText, withVolume } from './administer.ts';
import { escapeDump } from './dump-text.ts';

export interface DumpOptions extends AdminOptions {
  /** Dump only this directory, as the root of a volume. Its components. */
  readonly subdir?: readonly string[];
  /** Leave the secrets of the settings as they are stored. */
  readonly keepSecrets?: boolean;
  readonly skipTrash?: boolean;
  /** Takes a piece of the text; resolves when it can take more. */
  readonly write: (text: string) => Promise<void>;
}

const PAGE = 1000;
const MAX_ROWS = 1_000_000;
const MAX_DEPTH = 10_000;
/** Files of up to this size have their chunks read together with those of their neighbours. */
const SMALL_FILE_BYTES = 4 * CHUNK_SIZE;
const INDENT = '  ';
/** Text gathered before it is written. */
const WRITE_CHARACTERS = 64 * 1024;
const TYPES = ['regular', 'directory', 'symlink', 'fifo', 'blockdev', 'chardev', 'socket'];

/** Dumps a volume: as of one moment from a SQL database, and from others what was there when each part was read. */
export async function dumpVolume(metaUrl: string, options: DumpOptions): Promise<void> {
  await withVolume(metaUrl, { ...options, readOnly: true }, async (engine, format) => {
    let started = false;
    await engine.survey(async (reader) => {
      // What was written cannot be taken back.
      if (started) throw new VolumeError('EIO', 'the database interrupted the dump; run it again');
      started = true;
      await new Dump(reader, format, options).run();
    });
  });
}

const NO_DETAILS: Details = { xattrs: new Map() };

/** What an entry has beside its node. */
interface Details {
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly symlink?: Uint8Array | undefined;
  /** Absent where there may be too many to hold with those of other entries. */
  readonly chunks?: readonly ChunkRow[];
}

class Dump {
  readonly #reader: MetaReader;
  readonly #format: FormatRecord;
  readonly #options: DumpOptions;
  #acl: ReadonlyMap<number, AclRule> = new Map();
  #text = '';
  #entries = 0;

  constructor(reader: MetaReader, format: FormatRecord, options: DumpOptions) {
    this.#reader = reader;
    this.#format = format;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { subdir = [], skipTrash } = this.#options;
    const root = await this.#rootOf(subdir);
    this.#acl = new Map((await this.#reader.aclRules()).map((rule) => [rule.id, rule]));
    const head = jsonText(await this.#head(root === ROOT_INODE));
    await this.#write(`${head.slice(0, -2)},`);
    await this.#directory('FSTree', root, 1);
    if (root === ROOT_INODE && skipTrash !== true) {
      await this.#write(',');
      await this.#directory('Trash', TRASH_INODE, 1);
    }
    await this.#write('\n}\n');
    await this.#options.write(this.#text);
  }

  async #rootOf(names: readonly string[]): Promise<bigint> {
    const walk = await this.#reader.walk(
      ROOT_INODE,
      names.map((name) => Buffer.from(name, 'utf8')),
    );
    if (names.length === 0) return ROOT_INODE;
    if (walk.consumed < names.length || walk.edge?.type !== TYPE_DIRECTORY) {
      throw new VolumeError('ENOENT', `there is no directory /${names.join('/')}`);
    }
    return walk.edge.inode;
  }

  async #head(whole: boolean): Promise<Record<string, unknown>> {
    const reader = this.#reader;
    const counters = {
      usedSpace: await reader.counter('usedSpace'),
      usedInodes: await reader.counter('totalInodes'),
      nextInodes: await reader.counter('nextInode'),
      nextChunk: await reader.counter('nextChunk'),
      nextSession: await reader.counter('nextSession'),
      nextTrash: await reader.counter('nextTrash'),
    };
    const sustained: { sid: bigint; inodes: readonly bigint[] }[] = [];
    for (const { id } of await reader.sessions()) {
      const inodes = await reader.sustained(id);
      if (inodes.length > 0) sustained.push({ sid: id, inodes });
    }
    const deleted = await reader.deletedFiles(Number.MAX_SAFE_INTEGER, MAX_ROWS);
    const secrets = this.#options.keepSecrets === true ? [] : (['SecretKey', 'SessionToken'] as const);
    return {
      Setting: orderedMembers(withoutSecrets(this.#format.members, secrets)),
      Counters: counters,
      Sustained: sustained,
      DelFiles: deleted.map(({ inode, length, queued }) => ({ inode, length, expire: queued })),
      ...quotas('Quotas', await reader.directoryQuotas()),
      ...(whole ? quotas('UserQuotas', (await reader.ownerQuotas('user')).filter(isLimited)) : {}),
      ...(whole ? quotas('GroupQuotas', (await reader.ownerQuotas('group')).filter(isLimited)) : {}),
    };
  }

  /** A directory and everything below it. Its entries are read when they are written: a page is all that is held of it. */
  async #directory(
    name: string,
    inode: bigint,
    depth: number,
    known?: { readonly node: Node | undefined; readonly details: Details },
  ): Promise<void> {
    const { node, details } = known ?? (await this.#top(inode));
    if (depth > MAX_DEPTH) throw new VolumeError('EIO', `directory ${inode} is ${depth} levels deep`);
    await this.#open(name, node ?? missingNode(inode, TYPE_DIRECTORY), details, depth);
    await this.#write(`,\n${INDENT.repeat(depth + 1)}"entries": {`);
    let after: Uint8Array = new Uint8Array(0);
    let first = true;
    for (let full = true; full; ) {
      const page = await this.#reader.entries(inode, { after }, PAGE);
      full = page.length === PAGE;
      const details = await this.#detailsOf(page);
      for (const [i, entry] of page.entries()) {
        after = entry.name;
        if (!first) await this.#write(',');
        first = false;
        await this.#entry(entry, details[i] ?? NO_DETAILS, depth + 2);
      }
    }
    await this.#write(`\n${INDENT.repeat(depth + 1)}}\n${INDENT.repeat(depth)}}`);
  }

  async #top(inode: bigint): Promise<{ readonly node: Node | undefined; readonly details: Details }> {
    const [xattrs = NO_DETAILS.xattrs] = await this.#reader.xattrs([inode]);
    return { node: await this.#reader.node(inode), details: { xattrs } };
  }

  /** Of all entries of a page at once: each of its own would be a round trip or two an entry. */
  async #detailsOf(page: readonly Entry[]): Promise<Details[]> {
    const reader = this.#reader;
    const isSmall = ({ node }: Entry): boolean => node?.type === TYPE_FILE && node.length <= SMALL_FILE_BYTES;
    const small = page.filter(isSmall).map(({ inode }) => inode);
    const states =
      reader.files === undefined
        ? await Promise.all(small.map(async (inode) => ({ chunks: await reader.chunks(inode) })))
        : await reader.files(small);
    const chunks = new Map(small.map((inode, i) => [inode, states[i]?.chunks ?? []]));
    const symlinks = await Promise.all(
      page.map(({ inode, type }) => (type === TYPE_SYMLINK ? reader.symlink(inode) : undefined)),
    );
    const xattrs = await reader.xattrs(page.map(({ inode }) => inode));
    return page.map((entry, i) => {
      const known = isSmall(entry) ? chunks.get(entry.inode) : undefined;
      return {
        xattrs: xattrs[i] ?? NO_DETAILS.xattrs,
        symlink: symlinks[i],
        ...(known === undefined ? {} : { chunks: known }),
      };
    });
  }

  async #entry(entry: Entry, details: Details, depth: number): Promise<void> {
    this.#entries += 1;
    if (this.#entries % PAGE === 0) this.#options.onProgress?.('dumped entries', this.#entries);
    const name = escapeDump(entry.name);
    if (entry.type === TYPE_DIRECTORY) {
      await this.#directory(name, entry.inode, depth, { node: entry.node, details });
      return;
    }
    const node = entry.node ?? missingNode(entry.inode, entry.type);
    await this.#open(name, node, details, depth);
    if (node.type === TYPE_FILE) await this.#chunks(node, details.chunks, depth + 1);
    await this.#write(`\n${INDENT.repeat(depth)}}`);
  }

  /** The beginning of an entry: what all types have. */
  async #open(name: string, node: Node, { xattrs, symlink }: Details, depth: number): Promise<void> {
    const inner = `\n${INDENT.repeat(depth + 1)}`;
    let text = `\n${INDENT.repeat(depth)}"${name}": {${inner}"attr": ${jsonText(attributes(node), 0)}`;
    if (symlink !== undefined) text += `,${inner}"symlink": "${escapeDump(symlink)}"`;
    if (xattrs.size > 0) {
      const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
      text += `,${inner}"xattrs": ${jsonText(
        sorted.map(([key, value]) => ({ name: key, value: escapeDump(value) })),
        0,
      )}`;
    }
    for (const [member, id] of [
      ['posix_acl_access', node.accessAcl],
      ['posix_acl_default', node.defaultAcl],
    ] as const) {
      const rule = this.#acl.get(id);
      if (rule === undefined) continue;
      const { owner, group, other, mask, users, groups } = rule;
      text += `,${inner}"${member}": ${JSON.stringify({ owner, group, other, mask, users: listed(users), groups: listed(groups) })}`;
    }
    await this.#write(text);
  }

  async #chunks(node: Node, known: readonly ChunkRow[] | undefined, depth: number): Promise<void> {
    const inner = `\n${INDENT.repeat(depth)}`;
    const chunks = (known ?? (await this.#reader.chunks(node.inode))).map(({ index, slices }) =>
      jsonText({ index, slices: decodeRecords(slices, `inode ${node.inode}, chunk ${index}`).map(dumpedSlice) }, 0),
    );
    if (chunks.length === 1) await this.#write(`,${inner}"chunks": [${chunks[0]}]`);
    if (chunks.length < 2) return;
    await this.#write(`,${inner}"chunks": [${chunks.map((chunk) => `${inner}${INDENT}${chunk}`).join(',')}${inner}]`);
  }

  async #write(text: string): Promise<void> {
    this.#text += text;
    if (this.#text.length < WRITE_CHARACTERS) return;
    const full = this.#text;
    this.#text = '';
    await this.#options.write(full);
  }
}

function isLimited({ maxSpace, maxInodes }: Quota): boolean {
  return maxSpace !== -1 || maxInodes !== -1;
}

function quotas(name: string, all: readonly Quota[]): Record<string, unknown> {
  if (all.length === 0) return {};
  return {
    [name]: Object.fromEntries(all.map(({ key, maxSpace, maxInodes }) => [String(key), { maxSpace, maxInodes }])),
  };
}

function attributes(node: Node): Record<string, unknown> {
  const split = (time: bigint): [number, number] => {
    const rest = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    return [Number((time - rest) / 1_000_000_000n), Number(rest)];
  };
  const [atime, atimensec] = split(node.atimeNs);
  const [mtime, mtimensec] = split(node.mtimeNs);
  const [ctime, ctimensec] = split(node.ctimeNs);
  const present = (name: string, value: number): Record<string, number> => (value === 0 ? {} : { [name]: value });
  return {
    inode: node.inode,
    ...present('flags', node.flags),
    type: TYPES[node.type - 1] ?? 'unknown',
    mode: node.mode,
    uid: node.uid,
    gid: node.gid,
    atime,
    mtime,
    ctime,
    ...present('atimensec', atimensec),
    ...present('mtimensec', mtimensec),
    ...present('ctimensec', ctimensec),
    nlink: node.nlink,
    length: node.type === TYPE_FILE ? node.length : 0,
    ...present('rdev', node.rdev),
    ...present('tier', node.tier),
  };
}

function dumpedSlice(record: {
  id: bigint;
  pos: number;
  size: number;
  off: number;
  len: number;
}): Record<string, unknown> {
  const { id, pos, size, off, len } = record;
  return { id, ...(pos === 0 ? {} : { pos }), size, ...(off === 0 ? {} : { off }), len };
}

/** What stands for an inode that an entry leads to and that is not there. */
function missingNode(inode: bigint, type: number): Node {
  return {
    inode,
    type,
    flags: 0,
    mode: 0,
    uid: 0,
    gid: 0,
    atimeNs: 0n,
    mtimeNs: 0n,
    ctimeNs: 0n,
    nlink: type === TYPE_DIRECTORY ? 2 : 1,
    length: 0,
    rdev: 0,
    parent: 0n,
    accessAcl: 0,
    defaultAcl: 0,
    tier: 0,
  };
}

/** The Go client writes null for an empty list. */
function listed<T>(entries: readonly T[]): readonly T[] | null {
  return entries.length === 0 ? null : entries;
}
