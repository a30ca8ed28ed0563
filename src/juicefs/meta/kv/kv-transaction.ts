// The writing primitives over a key-value store. Changes are collected and committed at once, on the condition that what the
// transaction relies on (what it locked or held, the entries it adds and removes) is as it was read. Numbers that are only
// added to (usage, statistics, references) are read at the commit, so that they do not fail what else is true.
import { VolumeError } from '../../volume.ts';
import { encodeAclRule } from '../acl-codec.ts';
import { decodeEdge, decodeNode, encodeEdge, encodeNode } from '../attr-codec.ts';
import {
  type AclRule,
  type ChunkRow,
  type DelayedSlices,
  type DeletedFile,
  type DirectoryUsage,
  type Edge,
  type Flock,
  MetaConflict,
  type MetaTransaction,
  type Node,
  type OwnerKind,
  type Quota,
  type SliceName,
  type SliceRef,
  type UsageCounter,
} from '../engine.ts';
import { big8, isLease, KEYS, readCount, readNumbers, writeCount, writeNumbers } from './kv-keys.ts';
import { KvReader } from './kv-reader.ts';
import type { KvCondition, KvEntry, KvRange, KvStore, KvWrite } from './kv-store.ts';
import { prefixRange } from './kv-store.ts';

const FLOCK_BYTES = 17;
const SLICE_REF = 0x4b;
const INODE_KEY = 0x41;
const CHUNK_KEY = 0x43;
const XATTR_KEY = 0x58;
/** Times that only the added numbers are read again after a failed commit. */
const ADDITION_TRIES = 4;

/** What is added to a value at the commit. */
type Addition =
  | { readonly kind: 'count'; readonly key: Buffer; delta: number }
  | { readonly kind: 'touch'; readonly key: Buffer; delta: number; timeNs: bigint }
  | { readonly kind: 'numbers'; readonly key: Buffer; readonly deltas: number[]; readonly initial: Buffer | undefined };

interface Known {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
  readonly version: bigint;
}

export class KvTransaction extends KvReader implements MetaTransaction {
  /** What was read, by key as latin1. */
  readonly #known = new Map<string, Known>();
  readonly #writes = new Map<string, KvWrite>();
  readonly #conditions = new Map<string, KvCondition>();
  readonly #additions = new Map<string, Addition>();
  /** Directories that must be where and what they are, whatever happens to their times and link counts. */
  readonly #held = new Map<string, { readonly key: Buffer; readonly is: Buffer }>();

  constructor(store: KvStore) {
    super(store);
  }

  /** Makes everything happen, or throws MetaConflict. */
  async commit(): Promise<void> {
    if (this.#writes.size === 0 && this.#additions.size === 0 && this.#conditions.size === 0) return;
    const prepared = await this.#prepare();
    for (let tries = 0; tries < ADDITION_TRIES; tries++) {
      const [conditions, writes] = await this.#added();
      this.#requireSmall(conditions.length, writes.length);
      if (await this.store.commit([...this.#conditions.values(), ...conditions], [...this.#writes.values(), ...writes]))
        return;
      if (this.#additions.size === 0 && this.#held.size === 0) break;
    }
    await this.#undo(prepared);
    throw new MetaConflict('another client changed what was read');
  }

  #isLarge(): boolean {
    const { maxCommit } = this.store;
    const additions = this.#additions.size;
    return this.#writes.size + additions > maxCommit || this.#conditions.size + additions > maxCommit;
  }

  #requireSmall(conditions: number, writes: number): void {
    const size = Math.max(this.#conditions.size + conditions, this.#writes.size + writes);
    if (size <= this.store.maxCommit) return;
    throw new VolumeError('EIO', `a change of ${size} keys is too large for ${this.store.description}`);
  }

  /**
   * A change that is too large for one commit: what nobody can see yet goes first, in parts. These are references to slices
   * (too many of them keep data, and lose none), and chunks and attributes of inodes that have no entry. The references made.
   */
  async #prepare(): Promise<Addition[]> {
    if (!this.#isLarge()) return [];
    const references = [...this.#additions.values()].filter(
      (each) => each.kind === 'count' && each.key[0] === SLICE_REF && each.delta > 0,
    );
    const unseen = [...this.#writes.values()].filter(({ key }) => this.#isUnseen(key));
    // Nobody else knows the new inode: there is nothing to check of it.
    for (const { key } of unseen) this.#conditions.delete(key.toString('latin1'));
    const conditions = [...this.#conditions].filter(([name]) => !this.#writes.has(name));
    // Each reference is a condition as well as a write.
    const part = Math.floor((this.store.maxCommit - this.#held.size) / 2);
    const done: Addition[] = [];
    while (references.length > 0 || unseen.length > 0 || conditions.length > part) {
      const now = references.splice(0, part);
      const writes = unseen.splice(0, part - now.length);
      const checked = conditions.splice(0, part);
      const [versions, sums] = await this.#added(now);
      const held = [...checked.map(([, condition]) => condition), ...versions];
      if (!(await this.store.commit(held, [...sums, ...writes]))) {
        await this.#undo(done);
        throw new MetaConflict('another client changed what was read');
      }
      done.push(...now);
      for (const { key } of now) this.#additions.delete(key.toString('latin1'));
      for (const { key } of writes) this.#writes.delete(key.toString('latin1'));
      for (const [name] of checked) this.#conditions.delete(name);
    }
    return done;
  }

  /** Chunks and extended attributes of an inode that this transaction makes. */
  #isUnseen(key: Buffer): boolean {
    if (key[0] !== INODE_KEY || (key[9] !== CHUNK_KEY && key[9] !== XATTR_KEY)) return false;
    const node = Buffer.concat([key.subarray(0, 9), Buffer.from('I')]).toString('latin1');
    return this.#writes.has(node) && this.#known.get(node)?.value === undefined;
  }

  /** Gives prepared references back; if that fails, their slices stay until garbage collection. */
  async #undo(prepared: readonly Addition[]): Promise<void> {
    for (const addition of prepared) {
      if (addition.kind !== 'count') continue;
      const { key, delta } = addition;
      const [entry] = await this.store.get([key]);
      const value = writeCount(readCount(entry?.value) - delta);
      await this.store.commit([{ key, version: entry?.version ?? 0n }], [{ key, value }]);
    }
  }

  async #added(which: readonly Addition[] = [...this.#additions.values()]): Promise<[KvCondition[], KvWrite[]]> {
    const additions = which.filter(({ key }) => !this.#writes.has(key.toString('latin1')));
    const relied = [...this.#held.values()].filter(({ key }) => !this.#conditions.has(key.toString('latin1')));
    if (additions.length === 0 && relied.length === 0) return [[], []];
    const stored = await this.store.get([...additions, ...relied].map(({ key }) => key));
    const conditions = new Map<string, KvCondition>();
    const writes: KvWrite[] = [];
    additions.forEach((addition, i) => {
      const { key } = addition;
      const entry = stored[i];
      const value = sum(addition, entry?.value);
      if (value === undefined) return;
      conditions.set(key.toString('latin1'), { key, version: entry?.version ?? 0n });
      writes.push({ key, value });
    });
    relied.forEach(({ key, is }, i) => {
      const entry = stored[additions.length + i];
      if (entry === undefined || !placeOf(entry.value).equals(is)) {
        throw new MetaConflict('the directory was removed or moved by another client');
      }
      conditions.set(key.toString('latin1'), { key, version: entry.version });
    });
    return [[...conditions.values()], writes];
  }

  protected override async values(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    const missing = keys.filter(
      (key) => !this.#known.has(key.toString('latin1')) && !this.#writes.has(key.toString('latin1')),
    );
    if (missing.length > 0) {
      const found = await this.store.get(missing);
      missing.forEach((key, i) => {
        const entry = found[i];
        this.#known.set(key.toString('latin1'), { key, value: entry?.value, version: entry?.version ?? 0n });
      });
    }
    return keys.map((key) => {
      const name = key.toString('latin1');
      const written = this.#writes.get(name);
      const value = written === undefined ? this.#known.get(name)?.value : written.value;
      const addition = this.#additions.get(name);
      return addition === undefined || written !== undefined ? value : sum(addition, value);
    });
  }

  protected override async range(range: KvRange, limit: number): Promise<readonly Pick<KvEntry, 'key' | 'value'>[]> {
    const changed = [...this.#writes.values()].filter(({ key }) => isWithin(key, range));
    if (changed.length === 0) return super.range(range, limit);
    // Removed ones leave room for as many more.
    const stored = await super.range(range, limit + changed.length);
    const merged = new Map(stored.map(({ key, value }) => [key.toString('latin1'), { key, value }]));
    for (const { key, value } of changed) {
      if (value === undefined) merged.delete(key.toString('latin1'));
      else merged.set(key.toString('latin1'), { key, value });
    }
    return [...merged.values()].sort((a, b) => Buffer.compare(a.key, b.key)).slice(0, limit);
  }

  /** The value, which must be the same at the commit. */
  async #relyOn(key: Buffer): Promise<Buffer | undefined> {
    const value = await this.value(key);
    const name = key.toString('latin1');
    const known = this.#known.get(name);
    if (known !== undefined && !this.#conditions.has(name)) this.#conditions.set(name, { key, version: known.version });
    return value;
  }

  #put(key: Buffer, value: Buffer): void {
    this.#writes.set(key.toString('latin1'), { key, value });
  }

  #remove(key: Buffer): void {
    this.#writes.set(key.toString('latin1'), { key, value: undefined });
  }

  async #removeAll(prefix: Buffer): Promise<void> {
    for (const { key } of await this.all(prefix)) this.#remove(Buffer.concat([prefix, key]));
  }

  #addCount(key: Buffer, delta: number): void {
    const written = this.#writes.get(key.toString('latin1'));
    if (written?.value !== undefined) {
      this.#put(key, writeCount(readCount(written.value) + delta));
      return;
    }
    const known = this.#additions.get(key.toString('latin1'));
    if (known?.kind === 'count') known.delta += delta;
    else this.#additions.set(key.toString('latin1'), { kind: 'count', key, delta });
  }

  #addNumbers(key: Buffer, deltas: readonly number[], initial?: Buffer): void {
    const name = key.toString('latin1');
    const written = this.#writes.get(name);
    if (written?.value !== undefined) {
      this.#put(key, plus(written.value, deltas));
      return;
    }
    const known = this.#additions.get(name);
    if (known?.kind === 'numbers')
      deltas.forEach((delta, i) => {
        known.deltas[i] = (known.deltas[i] ?? 0) + delta;
      });
    else this.#additions.set(name, { kind: 'numbers', key, deltas: [...deltas], initial });
  }

  async lockNode(inode: bigint): Promise<Node | undefined> {
    const stored = await this.#relyOn(KEYS.node(inode));
    return stored === undefined ? undefined : decodeNode(inode, stored);
  }

  async holdNode(inode: bigint): Promise<Node | undefined> {
    const key = KEYS.node(inode);
    const stored = await this.value(key);
    if (stored === undefined) return undefined;
    if (!this.#writes.has(key.toString('latin1'))) this.#held.set(key.toString('latin1'), { key, is: placeOf(stored) });
    return decodeNode(inode, stored);
  }

  override async hasEntries(parent: bigint): Promise<boolean> {
    const range = prefixRange(KEYS.entries(parent));
    const [first] = await this.range(range, 1);
    if (first !== undefined) return true;
    // What this transaction removes from it, it relies on one by one.
    const touched = [...this.#writes.values()].some(({ key }) => isWithin(key, range));
    if (!touched) this.#conditions.set(`empty ${parent}`, { empty: range });
    return false;
  }

  insertNode(node: Node): void {
    this.#put(KEYS.node(node.inode), encodeNode(node));
  }

  updateNode(node: Node): void {
    const key = KEYS.node(node.inode);
    // The node was read with what this transaction had added to it.
    this.#additions.delete(key.toString('latin1'));
    this.#put(key, encodeNode(node));
  }

  async touchDirectory(inode: bigint, nlinkDelta: number, timeNs: bigint): Promise<boolean> {
    const key = KEYS.node(inode);
    const stored = await this.value(key);
    if (stored === undefined) return false;
    const name = key.toString('latin1');
    const known = this.#additions.get(name);
    if (this.#writes.has(name)) this.#put(key, touched(stored, nlinkDelta, timeNs));
    else if (known?.kind === 'touch') known.delta += nlinkDelta;
    else this.#additions.set(name, { kind: 'touch', key, delta: nlinkDelta, timeNs });
    return true;
  }

  async deleteNode(inode: bigint): Promise<void> {
    const node = await this.node(inode);
    this.#remove(KEYS.node(inode));
    if (node?.parent !== 0n) return;
    await this.#removeAll(KEYS.parents(inode));
    for (const [name, { key }] of this.#additions) {
      if (!isWithin(key, prefixRange(KEYS.parents(inode)))) continue;
      this.#additions.delete(name);
      this.#remove(key);
    }
  }

  async insertEdge(parent: bigint, name: Uint8Array, node: Edge & Pick<Node, 'parent'>): Promise<void> {
    const key = KEYS.entry(parent, name);
    if ((await this.#relyOn(key)) !== undefined) throw new MetaConflict('the name is taken');
    this.#put(key, encodeEdge(node));
    if (node.parent === 0n) this.#addCount(KEYS.parent(node.inode, parent), 1);
  }

  async deleteEdge(
    parent: bigint,
    name: Uint8Array,
    edge: Edge,
    node: Pick<Node, 'parent'> | undefined,
  ): Promise<void> {
    const key = KEYS.entry(parent, name);
    const stored = await this.#relyOn(key);
    if (stored === undefined || decodeEdge(stored).inode !== edge.inode) {
      throw new MetaConflict('the entry was removed or replaced by another client');
    }
    this.#remove(key);
    if (node?.parent === 0n) this.#addCount(KEYS.parent(edge.inode, parent), -1);
  }

  setSymlink(inode: bigint, target: Uint8Array): void {
    this.#put(KEYS.symlink(inode), Buffer.from(target));
  }

  deleteSymlink(inode: bigint): void {
    this.#remove(KEYS.symlink(inode));
  }

  setXattr(inode: bigint, name: string, value: Uint8Array): void {
    this.#put(KEYS.xattr(inode, name), Buffer.from(value));
  }

  deleteXattr(inode: bigint, name: string): void {
    this.#remove(KEYS.xattr(inode, name));
  }

  deleteXattrs(inode: bigint): Promise<void> {
    return this.#removeAll(KEYS.xattrs(inode));
  }

  async appendSlices(inode: bigint, index: number, records: Uint8Array): Promise<void> {
    const key = KEYS.chunk(inode, index);
    this.#put(key, Buffer.concat([(await this.#relyOn(key)) ?? Buffer.of(), records]));
  }

  deleteChunk(inode: bigint, index: number): void {
    this.#remove(KEYS.chunk(inode, index));
  }

  async lockChunks(inode: bigint, first: number, last: number): Promise<ChunkRow[]> {
    const rows = await this.chunks(inode, first, last);
    const locked = await Promise.all(rows.map(({ index }) => this.lockChunk(inode, index)));
    return rows.flatMap(({ index }, i) => {
      const slices = locked[i];
      return slices === undefined ? [] : [{ index, slices }];
    });
  }

  lockChunk(inode: bigint, index: number): Promise<Uint8Array | undefined> {
    return this.#relyOn(KEYS.chunk(inode, index));
  }

  putChunk(inode: bigint, index: number, records: Uint8Array): void {
    this.#put(KEYS.chunk(inode, index), Buffer.from(records));
  }

  // A slice without a count has one reference.
  insertSliceRef(): void {}

  addSliceRefs(id: bigint, size: number, delta: number): void {
    this.#addCount(KEYS.sliceRef({ id, size }), delta);
  }

  override async sliceRefs(slices: readonly SliceName[]): Promise<SliceRef[]> {
    return Promise.all(
      slices.map(async ({ id, size }) => {
        const key = KEYS.sliceRef({ id, size });
        const refs = 1 + readCount(await this.#relyOn(key));
        const addition = this.#additions.get(key.toString('latin1'));
        // Decided upon, so it is written as read and no longer merely added to.
        if (addition !== undefined) this.#put(key, writeCount(refs - 1));
        return { id, size, refs };
      }),
    );
  }

  async deleteSliceRef(id: bigint, size: number): Promise<void> {
    const key = KEYS.sliceRef({ id, size });
    if (readCount(await this.#relyOn(key)) < 0) this.#remove(key);
  }

  async deleteDelayedSlices({ key, deleted }: Pick<DelayedSlices, 'key' | 'deleted'>): Promise<boolean> {
    const name = KEYS.delayedAt(deleted, key);
    if ((await this.#relyOn(name)) === undefined) return false;
    this.#remove(name);
    return true;
  }

  putDelayedSlices(key: bigint, unixSeconds: number, slices: Uint8Array): void {
    this.#put(KEYS.delayedAt(unixSeconds, key), Buffer.from(slices));
  }

  queueDeletedFile({ inode, length }: DeletedFile, unixSeconds: number): void {
    this.#put(KEYS.deletedFile(inode, length), big8(BigInt(unixSeconds)));
  }

  dequeueDeletedFile({ inode, length }: DeletedFile): void {
    this.#remove(KEYS.deletedFile(inode, length));
  }

  sustain(session: bigint, inode: bigint): void {
    this.#put(KEYS.sustainedInode(session, inode), Buffer.of(1));
  }

  release(session: bigint, inode: bigint): void {
    this.#remove(KEYS.sustainedInode(session, inode));
  }

  async addToCounter(name: string, delta: number): Promise<number> {
    const key = KEYS.counter(name);
    const value = readCount(await this.#relyOn(key)) + delta;
    this.#put(key, writeCount(value));
    return value;
  }

  adjustUsage(name: UsageCounter, delta: number): void {
    this.#addCount(KEYS.counter(name), delta);
  }

  setCounter(name: string, value: number): void {
    this.#put(KEYS.counter(name), isLease(name) ? big8(BigInt(value)) : writeCount(value));
  }

  async setCounterIfSmall(name: string, value: number, margin: number): Promise<boolean> {
    await this.#relyOn(KEYS.counter(name));
    if ((await this.counter(name)) > value - margin) return false;
    this.setCounter(name, value);
    return true;
  }

  async addDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): Promise<boolean> {
    if ((await this.value(KEYS.usage(inode))) === undefined) return false;
    this.#addNumbers(KEYS.usage(inode), [length, space, inodes]);
    return true;
  }

  async insertDirectoryUsage(inode: bigint, usage: DirectoryUsage): Promise<void> {
    if ((await this.#relyOn(KEYS.usage(inode))) !== undefined) throw new MetaConflict('the directory has statistics');
    this.putDirectoryUsage(inode, usage);
  }

  putDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): void {
    this.#put(KEYS.usage(inode), writeNumbers(length, space, inodes));
  }

  deleteDirectoryUsage(inode: bigint): void {
    this.#remove(KEYS.usage(inode));
  }

  deleteAllDirectoryUsage(): Promise<void> {
    return this.#removeAll(KEYS.usages);
  }

  addDirectoryQuotaUsage(inode: bigint, space: number, inodes: number): void {
    this.#addNumbers(KEYS.directoryQuota(inode), [0, 0, space, inodes]);
  }

  deleteDirectoryQuota(inode: bigint): void {
    this.#remove(KEYS.directoryQuota(inode));
  }

  putDirectoryQuota(quota: Quota): void {
    this.#put(KEYS.directoryQuota(quota.key), quotaValue(quota));
  }

  putOwnerQuota(kind: OwnerKind, quota: Quota): void {
    this.#put(KEYS.ownerQuota(kind, Number(quota.key)), quotaValue(quota));
  }

  addOwnerUsage(kind: OwnerKind, id: number, space: number, inodes: number): void {
    this.#addNumbers(KEYS.ownerQuota(kind, id), [0, 0, space, inodes], writeNumbers(-1, -1, 0, 0));
  }

  async putAclRule(rule: AclRule): Promise<void> {
    this.#put(KEYS.aclRule(rule.id), encodeAclRule(rule));
    if ((await this.counter('aclMaxId')) < rule.id) this.setCounter('aclMaxId', rule.id);
  }

  async insertSession(session: bigint, expire: number, info: Uint8Array): Promise<boolean> {
    if ((await this.#relyOn(KEYS.session(session))) !== undefined) return false;
    this.#put(KEYS.session(session), big8(BigInt(expire)));
    this.#put(KEYS.sessionInfo(session), Buffer.from(info));
    return true;
  }

  async refreshSession(session: bigint, expire: number): Promise<boolean> {
    if ((await this.#relyOn(KEYS.session(session))) === undefined) return false;
    this.#put(KEYS.session(session), big8(BigInt(expire)));
    return true;
  }

  async deleteSession(session: bigint): Promise<void> {
    this.#remove(KEYS.session(session));
    this.#remove(KEYS.sessionInfo(session));
    for (const { key } of await this.all(KEYS.allFlocks)) {
      if (key.length !== 8) continue;
      const inode = key.readBigUInt64LE(0);
      const locks = await this.flocks(inode);
      const others = locks.filter((lock) => lock.session !== session);
      if (others.length < locks.length) this.#putFlocks(inode, others);
    }
    for (const { key, value } of await this.all(KEYS.allPlocks)) {
      const others = withoutSession(value, session);
      const name = Buffer.concat([KEYS.allPlocks, key]);
      if (others.length === value.length) continue;
      await this.#relyOn(name);
      if (others.length === 0) this.#remove(name);
      else this.#put(name, others);
    }
  }

  async flocks(inode: bigint): Promise<Flock[]> {
    const stored = (await this.#relyOn(KEYS.flocks(inode))) ?? Buffer.of();
    const locks: Flock[] = [];
    for (let at = 0; at + FLOCK_BYTES <= stored.length; at += FLOCK_BYTES) {
      const kind = stored.readUInt8(at + 16) === 0x57 ? 'W' : 'R';
      locks.push({ session: stored.readBigUInt64BE(at), owner: stored.readBigUInt64BE(at + 8), kind });
    }
    return locks;
  }

  async putFlock(inode: bigint, lock: Flock): Promise<void> {
    this.#putFlocks(inode, [...(await this.#flocksOfOthers(inode, lock)), lock]);
  }

  async deleteFlock(inode: bigint, lock: Pick<Flock, 'session' | 'owner'>): Promise<void> {
    this.#putFlocks(inode, await this.#flocksOfOthers(inode, lock));
  }

  async #flocksOfOthers(inode: bigint, lock: Pick<Flock, 'session' | 'owner'>): Promise<Flock[]> {
    return (await this.flocks(inode)).filter(({ session, owner }) => session !== lock.session || owner !== lock.owner);
  }

  #putFlocks(inode: bigint, locks: readonly Flock[]): void {
    const parts = locks.map(({ session, owner, kind }) =>
      Buffer.concat([big8(session), big8(owner), Buffer.from(kind, 'latin1')]),
    );
    if (parts.length === 0) this.#remove(KEYS.flocks(inode));
    else this.#put(KEYS.flocks(inode), Buffer.concat(parts));
  }

  putSetting(text: string): void {
    this.#put(KEYS.setting, Buffer.from(text));
  }
}

/** Reads of one state: the nodes and chunks read are still so at the end. */
export class KvSnapshot extends KvTransaction {
  override node(inode: bigint): Promise<Node | undefined> {
    return this.lockNode(inode);
  }

  override async chunks(inode: bigint, first?: number, last?: number): Promise<ChunkRow[]> {
    const rows = await super.chunks(inode, first, last);
    await Promise.all(rows.map(({ index }) => this.lockChunk(inode, index)));
    return rows;
  }
}

/** The value after an addition; undefined when there is nothing to add to. */
function sum(addition: Addition, stored: Buffer | undefined): Buffer | undefined {
  if (addition.kind === 'count') return writeCount(readCount(stored) + addition.delta);
  if (addition.kind === 'touch')
    return stored === undefined ? undefined : touched(stored, addition.delta, addition.timeNs);
  const base = stored ?? addition.initial;
  return base === undefined ? undefined : plus(base, addition.deltas);
}

/** What holding a directory means: its flags, type, mode, and where it is. */
function placeOf(node: Buffer): Buffer {
  return Buffer.concat([node.subarray(0, 3), node.subarray(63, 71)]);
}

/** A directory's value with other times, and more or fewer links. */
function touched(stored: Buffer, nlinkDelta: number, timeNs: bigint): Buffer {
  const node = decodeNode(0n, stored);
  return encodeNode({ ...node, nlink: node.nlink + nlinkDelta, mtimeNs: timeNs, ctimeNs: timeNs });
}

function plus(stored: Buffer, deltas: readonly number[]): Buffer {
  return writeNumbers(...readNumbers(stored, deltas.length).map((value, i) => value + (deltas[i] ?? 0)));
}

function quotaValue({ maxSpace, maxInodes, usedSpace, usedInodes }: Quota): Buffer {
  return writeNumbers(maxSpace, maxInodes, usedSpace, usedInodes);
}

/** POSIX locks without those of a session: {session, owner, length u32, bytes} each. */
function withoutSession(stored: Buffer, session: bigint): Buffer {
  const kept: Buffer[] = [];
  for (let at = 0; at + 20 <= stored.length; ) {
    const end = at + 20 + stored.readUInt32BE(at + 16);
    if (stored.readBigUInt64BE(at) !== session) kept.push(stored.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

function isWithin(key: Buffer, { start, end }: KvRange): boolean {
  return Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0;
}
