// Loads a JSON dump into an empty database. The tree is read as it comes and written in batches; counters, statistics, quotas
// and references are counted anew from what was loaded. The settings are written last: a load that broke off is no volume.

import { z } from 'zod';
import { encodeRecords } from '../chunk/slice-record.ts';
import { type FormatRecord, parseFormat } from '../format/format-record.ts';
import { REMOVED_SECRET } from '../format/secrets.ts';
import type { AclRule, MetaEngine, Node } from '../meta/engine.ts';
import {
  chargedSpace,
  DIRECTORY_LENGTH,
  ROOT_INODE,
  TRASH_INODE,
  TYPE_DIRECTORY,
  TYPE_FILE,
  TYPE_SYMLINK,
} from '../meta/inode.ts';
import { openEngine } from '../meta/meta-url.ts';
import { loadFormat } from '../open-volume.ts';
import { encryptionCipher, unseal } from '../storage/encrypted-store.ts';
import { parsePrivateKey } from '../storage/private-key.ts';
import { VolumeOpenError } from '../volume-error.ts';
import type { AdminOptions } from './administer.ts';
import { ChangeBatch } from './change-batch.ts';
import { unescapeDump } from './dump-text.ts';
import { JsonStream } from './json-stream.ts';

const MAX_DEPTH = 10_000;
const TYPES = ['regular', 'directory', 'symlink', 'fifo', 'blockdev', 'chardev', 'socket'];

const exact = z.union([z.bigint(), z.number().int()]).transform((value) => BigInt(value));
const count = z.union([z.bigint(), z.number()]).transform(Number);
const ATTRIBUTES = z.object({
  inode: exact,
  flags: count.default(0),
  type: z.string(),
  mode: count,
  uid: count,
  gid: count,
  atime: exact,
  mtime: exact,
  ctime: exact,
  atimensec: exact.default(0n),
  mtimensec: exact.default(0n),
  ctimensec: exact.default(0n),
  nlink: count.default(1),
  length: count,
  rdev: count.default(0),
  tier: count.default(0),
});
const SLICE = z.object({
  id: exact.default(0n),
  /** The name of `id` in dumps before version 1.0. */
  chunkid: exact.default(0n),
  pos: count.default(0),
  size: count,
  off: count.default(0),
  len: count,
});
const CHUNKS = z.array(z.object({ index: count, slices: z.array(SLICE).nullable() })).nullable();
const XATTRS = z.array(z.object({ name: z.string(), value: z.string() })).nullable();
const ACL_ENTRIES = z
  .array(z.object({ id: count, perm: count }))
  .nullish()
  .transform((entries) => entries ?? []);
const ACL = z.object({
  owner: count,
  group: count,
  mask: count,
  other: count,
  users: ACL_ENTRIES,
  groups: ACL_ENTRIES,
});
const COUNTERS = z.object({ nextInodes: count.default(0), nextChunk: count.default(0), nextTrash: count.default(0) });
const QUOTAS = z.record(z.string(), z.object({ maxSpace: count, maxInodes: count })).nullable();
const DELETED = z.array(z.object({ inode: exact, length: count, expire: count })).nullable();

type Attributes = z.infer<typeof ATTRIBUTES>;
type Usage = { length: number; space: number; inodes: number };

/** What was loaded, for the person who asked. */
export interface LoadedVolume {
  readonly name: string;
  readonly entries: number;
  /** Secrets that the dump did not hold. */
  readonly secretsRemoved: boolean;
}

/** Loads a dump's text; FormatRefused when the database is in use, InvalidFormat when the text is no dump. Nothing stays of a failure. */
export async function loadVolume(
  metaUrl: string,
  dump: AsyncIterable<string>,
  options: AdminOptions,
): Promise<LoadedVolume> {
  const engine = await openEngine(metaUrl, { create: true, environment: options.environment });
  try {
    await requireEmpty(engine);
    await engine.prepareForWriting();
    try {
      return await new Load(engine, new JsonStream(dump), options).run();
    } catch (error) {
      await engine.clear();
      if (!(error instanceof z.ZodError) && !(error instanceof SyntaxError) && !(error instanceof RangeError))
        throw error;
      throw new VolumeOpenError('InvalidFormat', `this is no dump of a volume: ${reasonOf(error)}`, { cause: error });
    }
  } finally {
    await engine.close();
  }
}

function reasonOf(error: Error): string {
  if (!(error instanceof z.ZodError)) return error.message;
  const [issue] = error.issues;
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
}

/** FormatRefused unless nothing of a volume is in the database. */
export async function requireEmpty(engine: MetaEngine): Promise<void> {
  let format: FormatRecord | undefined;
  try {
    format = await loadFormat(engine);
  } catch (error) {
    if (!(error instanceof VolumeOpenError) || error.code !== 'NotFormatted') throw error;
  }
  if (format !== undefined) {
    throw new VolumeOpenError('FormatRefused', `the database ${engine.description} is used by volume ${format.name}`);
  }
  if (!(await engine.look(async (reader) => reader.isEmpty()))) {
    throw new VolumeOpenError('FormatRefused', `the database ${engine.description} is not empty`);
  }
}

class Load {
  readonly #engine: MetaEngine;
  readonly #json: JsonStream;
  readonly #options: AdminOptions;
  readonly #batch: ChangeBatch;
  readonly #links = new Map<bigint, { node: Node; parents: bigint[] }>();
  readonly #references = new Map<bigint, { size: number; count: number }>();
  readonly #rules = new Map<string, AclRule>();
  readonly #quotaUsage = new Map<bigint, Usage>();
  readonly #owners = { user: new Map<number, Usage>(), group: new Map<number, Usage>() };
  readonly #counters = { nextInode: 2n, nextChunk: 1n, nextTrash: 0n, usedSpace: 0, totalInodes: 0 };
  readonly #quotas: Record<'Quotas' | 'UserQuotas' | 'GroupQuotas', z.infer<typeof QUOTAS>> = {
    Quotas: {},
    UserQuotas: {},
    GroupQuotas: {},
  };
  #format: FormatRecord | undefined;
  #entries = 0;

  constructor(engine: MetaEngine, json: JsonStream, options: AdminOptions) {
    this.#engine = engine;
    this.#batch = new ChangeBatch(engine);
    this.#json = json;
    this.#options = options;
  }

  async run(): Promise<LoadedVolume> {
    let counted = false;
    let rooted = false;
    await this.#json.enterObject();
    for (let name = await this.#json.nextMember(); name !== undefined; name = await this.#json.nextMember()) {
      switch (name) {
        case 'Setting':
          this.#format = parseFormat(JSON.stringify(await this.#json.value(), (_key, value) => numeric(value)));
          break;
        case 'Counters':
          this.#atLeast(COUNTERS.parse(await this.#json.value()));
          counted = true;
          break;
        case 'DelFiles':
          await this.#deletedFiles(DELETED.parse(await this.#json.value()));
          break;
        case 'Quotas':
        case 'UserQuotas':
        case 'GroupQuotas':
          this.#quotas[name] = QUOTAS.parse(await this.#json.value());
          break;
        case 'FSTree':
          await this.#entry({ parent: 0n, edgeName: undefined, quotas: [], depth: 0 });
          rooted = true;
          break;
        case 'Trash':
          await this.#entry({ parent: ROOT_INODE, edgeName: undefined, quotas: [], depth: 0 });
          break;
        default:
          // Sessions do not outlive a dump, nor does a change log; what later versions add is theirs.
          await this.#json.value();
      }
    }
    const format = this.#format;
    if (format === undefined || !counted || !rooted) throw new SyntaxError('Setting, Counters or FSTree is missing');
    await this.#finish(format);
    const { SecretKey, SessionToken } = format.members;
    const secretsRemoved = SecretKey === REMOVED_SECRET || SessionToken === REMOVED_SECRET;
    return { name: format.name, entries: this.#entries, secretsRemoved };
  }

  /** Ids that were given out before the dump may have left objects behind: they are not given out again. */
  #atLeast({ nextInodes, nextChunk, nextTrash }: z.infer<typeof COUNTERS>): void {
    this.#counters.nextInode = greater(this.#counters.nextInode, BigInt(nextInodes));
    this.#counters.nextChunk = greater(this.#counters.nextChunk, BigInt(nextChunk));
    this.#counters.nextTrash = greater(this.#counters.nextTrash, BigInt(nextTrash));
  }

  async #deletedFiles(files: z.infer<typeof DELETED>): Promise<void> {
    for (const { inode, length, expire } of files ?? []) {
      await this.#batch.add(async (tx) => tx.queueDeletedFile({ inode, length }, expire));
    }
  }

  /** Reads an entry and all below it, and writes them; its attributes. `quotas`: the directories above it that have one. */
  async #entry(place: {
    readonly parent: bigint;
    readonly edgeName: string | undefined;
    readonly quotas: readonly bigint[];
    readonly depth: number;
  }): Promise<Attributes> {
    if (place.depth > MAX_DEPTH) throw new RangeError(`the tree is more than ${MAX_DEPTH} levels deep`);
    let attr: Attributes | undefined;
    let target: Buffer | undefined;
    let subdirectories = 0;
    let accessAcl = 0;
    let defaultAcl = 0;
    const usage = { length: 0, space: 0, inodes: 0 };
    let again = false;
    await this.#json.enterObject();
    for (let name = await this.#json.nextMember(); name !== undefined; name = await this.#json.nextMember()) {
      if (name === 'attr') {
        attr = ATTRIBUTES.parse(await this.#json.value());
        // The dump of a sub-directory is loaded as a volume of its own.
        if (place.parent === 0n) attr.inode = ROOT_INODE;
        again = await this.#meet(attr, place);
        continue;
      }
      if (attr === undefined) throw new SyntaxError(`${name} comes before the attributes of its entry`);
      const { inode } = attr;
      if (name === 'entries') {
        const quotas = this.#quotas.Quotas?.[String(inode)] === undefined ? place.quotas : [...place.quotas, inode];
        await this.#json.enterObject();
        for (let child = await this.#json.nextMember(); child !== undefined; child = await this.#json.nextMember()) {
          const entry = await this.#entry({ parent: inode, edgeName: child, quotas, depth: place.depth + 1 });
          if (entry.type === 'directory' && inode < TRASH_INODE) subdirectories += 1;
          add(usage, entry);
          for (const quota of quotas) add(usageOf(this.#quotaUsage, quota), entry);
        }
      } else if (name === 'chunks') {
        const chunks = CHUNKS.parse(await this.#json.value());
        if (!again) await this.#chunks(inode, chunks ?? []);
      } else if (name === 'symlink') target = unescapeDump(z.string().parse(await this.#json.value()));
      else if (name === 'xattrs') {
        const xattrs = XATTRS.parse(await this.#json.value());
        for (const { name: key, value } of again ? [] : (xattrs ?? [])) {
          await this.#batch.add(async (tx) => tx.setXattr(inode, key, unescapeDump(value)));
        }
      } else if (name === 'posix_acl_access') accessAcl = this.#rule(ACL.parse(await this.#json.value()));
      else if (name === 'posix_acl_default') defaultAcl = this.#rule(ACL.parse(await this.#json.value()));
      else await this.#json.value();
    }
    if (attr === undefined) throw new SyntaxError('an entry has no attributes');
    if (!again) await this.#node(attr, place.parent, { target, subdirectories, accessAcl, defaultAcl, usage });
    return attr;
  }

  /** Counts an entry and writes its name; whether its inode was met before, under another name. */
  async #meet(attr: Attributes, place: { parent: bigint; edgeName: string | undefined }): Promise<boolean> {
    const { inode } = attr;
    const type = typeOf(attr);
    const { parent, edgeName } = place;
    if (edgeName !== undefined) {
      const name = unescapeDump(edgeName);
      const node = { inode, type, parent: isLinked(attr) ? 0n : parent };
      await this.#batch.add(async (tx) => tx.insertEdge(parent, name, node));
    }
    const linked = this.#links.get(inode);
    if (linked !== undefined) {
      linked.parents.push(parent);
      return true;
    }
    if (inode >= TRASH_INODE) this.#counters.nextTrash = greater(this.#counters.nextTrash, inode - TRASH_INODE);
    else this.#counters.nextInode = greater(this.#counters.nextInode, inode + 1n);
    if (inode !== ROOT_INODE && inode !== TRASH_INODE) {
      const usage = { length: 0, space: 0, inodes: 0 };
      add(usage, attr);
      this.#counters.usedSpace += usage.space;
      this.#counters.totalInodes += 1;
      add(usageOf(this.#owners.user, attr.uid), attr);
      add(usageOf(this.#owners.group, attr.gid), attr);
    }
    this.#entries += 1;
    if (this.#entries % 1000 === 0) this.#options.onProgress?.('loaded entries', this.#entries);
    return false;
  }

  async #chunks(inode: bigint, chunks: NonNullable<z.infer<typeof CHUNKS>>): Promise<void> {
    for (const { index, slices } of chunks) {
      const records = (slices ?? []).map(({ id, chunkid, ...rest }) => ({ ...rest, id: id === 0n ? chunkid : id }));
      if (records.length === 0) continue;
      const stored = encodeRecords(records);
      await this.#batch.add(async (tx) => tx.putChunk(inode, index, stored));
      for (const { id, size } of records) {
        if (id === 0n) continue;
        this.#counters.nextChunk = greater(this.#counters.nextChunk, id + 1n);
        const reference = this.#references.get(id);
        if (reference !== undefined) reference.count += 1;
        else {
          this.#references.set(id, { size, count: 1 });
          await this.#batch.add(async (tx) => tx.insertSliceRef(id, size));
        }
      }
    }
  }

  async #node(
    attr: Attributes,
    parent: bigint,
    more: { target: Buffer | undefined; subdirectories: number; accessAcl: number; defaultAcl: number; usage: Usage },
  ): Promise<void> {
    const type = typeOf(attr);
    const target = type === TYPE_SYMLINK ? (more.target ?? Buffer.alloc(0)) : undefined;
    const node: Node = {
      inode: attr.inode,
      type,
      flags: attr.flags,
      mode: attr.mode,
      uid: attr.uid,
      gid: attr.gid,
      atimeNs: attr.atime * 1_000_000_000n + attr.atimensec,
      mtimeNs: attr.mtime * 1_000_000_000n + attr.mtimensec,
      ctimeNs: attr.ctime * 1_000_000_000n + attr.ctimensec,
      nlink: type === TYPE_DIRECTORY ? 2 + more.subdirectories : 1,
      length: type === TYPE_DIRECTORY ? DIRECTORY_LENGTH : type === TYPE_FILE ? attr.length : (target?.length ?? 0),
      rdev: attr.rdev,
      // A file that has, or had, several links has no one parent.
      parent: isLinked(attr) ? 0n : parent === 0n ? ROOT_INODE : parent,
      accessAcl: more.accessAcl,
      defaultAcl: more.defaultAcl,
      tier: attr.tier,
    };
    if (isLinked(attr)) this.#links.set(attr.inode, { node, parents: [parent] });
    await this.#batch.add(async (tx) => {
      await tx.insertNode(node);
      if (target !== undefined) await tx.setSymlink(node.inode, target);
      // The hours that come to the trash are not counted in its own statistics.
      if (type === TYPE_DIRECTORY && node.inode !== TRASH_INODE) await tx.putDirectoryUsage(node.inode, more.usage);
    });
  }

  #rule(rule: z.infer<typeof ACL>): number {
    const key = JSON.stringify(rule);
    const known = this.#rules.get(key) ?? { ...rule, id: this.#rules.size + 1 };
    this.#rules.set(key, known);
    return known.id;
  }

  async #finish(format: FormatRecord): Promise<void> {
    for (const { node, parents } of this.#links.values()) {
      if (parents.length < 2) continue;
      const linked = { ...node, nlink: parents.length };
      await this.#batch.add(async (tx) => tx.updateNode(linked));
    }
    for (const [id, { size, count: references }] of this.#references) {
      if (references > 1) await this.#batch.add(async (tx) => tx.addSliceRefs(id, size, references - 1));
    }
    for (const rule of this.#rules.values()) await this.#batch.add(async (tx) => tx.putAclRule(rule));
    await this.#finishQuotas(format);
    await this.#batch.flush();
    const { nextInode, nextChunk, nextTrash, usedSpace, totalInodes } = this.#counters;
    await this.#engine.write(async (tx) => {
      await tx.setCounter('nextInode', Number(nextInode));
      await tx.setCounter('nextChunk', Number(nextChunk));
      await tx.setCounter('nextSession', 0);
      await tx.setCounter('nextTrash', Number(nextTrash));
      await tx.setCounter('usedSpace', usedSpace);
      await tx.setCounter('totalInodes', totalInodes);
      await tx.putSetting(format.text);
    });
  }

  async #finishQuotas(format: FormatRecord): Promise<void> {
    for (const [key, limits] of Object.entries(this.#quotas.Quotas ?? {})) {
      const { space, inodes } = usageOf(this.#quotaUsage, BigInt(key));
      const quota = { ...limits, key: BigInt(key), usedSpace: space, usedInodes: inodes };
      await this.#batch.add(async (tx) => tx.putDirectoryQuota(quota));
    }
    for (const [kind, member] of [
      ['user', 'UserQuotas'],
      ['group', 'GroupQuotas'],
    ] as const) {
      const limits = this.#quotas[member] ?? {};
      if (!format.userGroupQuota && Object.keys(limits).length === 0) continue;
      const ids = new Set([...this.#owners[kind].keys(), ...Object.keys(limits).map(Number)]);
      for (const id of ids) {
        const { space, inodes } = usageOf(this.#owners[kind], id);
        const limit = limits[String(id)] ?? { maxSpace: -1, maxInodes: -1 };
        const quota = { ...limit, key: BigInt(id), usedSpace: space, usedInodes: inodes };
        await this.#batch.add(async (tx) => tx.putOwnerQuota(kind, quota));
      }
    }
  }
}

function isLinked({ type, nlink }: Attributes): boolean {
  return type !== 'directory' && nlink > 1;
}

function typeOf({ type }: Attributes): number {
  const index = TYPES.indexOf(type);
  if (index < 0) throw new SyntaxError(`the type ${JSON.stringify(type)} is unknown`);
  return index + 1;
}

/** Counts an entry the way directory statistics do. */
function add(usage: Usage, attr: Attributes): void {
  const length = attr.type === 'regular' ? attr.length : 0;
  usage.length += length;
  usage.space += chargedSpace(length);
  usage.inodes += 1;
}

function usageOf<K>(usages: Map<K, Usage>, key: K): Usage {
  const usage = usages.get(key) ?? { length: 0, space: 0, inodes: 0 };
  usages.set(key, usage);
  return usage;
}

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Settings hold no number that needs more than 53 bits. */
function numeric(value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

/** The bytes of a dump that a client stored in an encrypted volume. EncryptionKeyUnusable or InvalidFormat. */
export function decryptDump(
  stored: Uint8Array,
  pem: string,
  algorithm: string,
  passphrase: string | undefined,
): Buffer {
  const key = parsePrivateKey(pem, passphrase);
  try {
    return unseal(key, encryptionCipher(algorithm), stored);
  } catch (cause) {
    if (cause instanceof VolumeOpenError) throw cause;
    throw new VolumeOpenError('InvalidFormat', 'the dump cannot be decrypted with this key', { cause });
  }
}
