// The writing primitives over a key-value store: which keys each changes, and what it relies on (what was locked or held, the
// entries added and removed) or merely adds to.
import { encodeAclRule } from '../acl-codec.ts';
import { decodeEdge, decodeNode, encodeEdge, encodeNode } from '../attr-codec.ts';
import {
  type AclContent,
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
import { KvChanges } from './kv-changes.ts';
import { big8, isLease, KEYS, readCount, writeCount, writeNumbers } from './kv-keys.ts';
import { prefixRange } from './kv-store.ts';

const FLOCK_BYTES = 17;

export class KvTransaction extends KvChanges implements MetaTransaction {
  async foresee(parent: bigint, names: readonly Uint8Array[]): Promise<void> {
    const entries = await this.values(names.map((name) => KEYS.entry(parent, name)));
    await this.values(entries.flatMap((entry) => (entry === undefined ? [] : [KEYS.node(decodeEdge(entry).inode)])));
  }

  async lockNode(inode: bigint): Promise<Node | undefined> {
    const stored = await this.relyOn(KEYS.node(inode));
    return stored === undefined ? undefined : decodeNode(inode, stored);
  }

  async holdNode(inode: bigint): Promise<Node | undefined> {
    const key = KEYS.node(inode);
    const stored = await this.value(key);
    if (stored === undefined) return undefined;
    this.hold(key, stored);
    return decodeNode(inode, stored);
  }

  override async hasEntries(parent: bigint): Promise<boolean> {
    const range = prefixRange(KEYS.entries(parent));
    const [first] = await this.range(range, 1);
    if (first !== undefined) return true;
    // What this transaction removes from it, it relies on one by one.
    if (!this.writesWithin(range)) this.relyOnEmpty(range);
    return false;
  }

  insertNode(node: Node): void {
    this.put(KEYS.node(node.inode), encodeNode(node));
  }

  updateNode(node: Node): void {
    // The node was read with what this transaction had added to it.
    this.replace(KEYS.node(node.inode), encodeNode(node));
  }

  async touchDirectory(inode: bigint, nlinkDelta: number, timeNs: bigint): Promise<boolean> {
    const key = KEYS.node(inode);
    const stored = await this.value(key);
    if (stored === undefined) return false;
    this.addTouch(key, stored, nlinkDelta, timeNs);
    return true;
  }

  async deleteNode(inode: bigint): Promise<void> {
    const node = await this.node(inode);
    this.remove(KEYS.node(inode));
    if (node?.parent !== 0n) return;
    await this.removeAll(KEYS.parents(inode));
  }

  async insertEdge(parent: bigint, name: Uint8Array, node: Edge & Pick<Node, 'parent'>): Promise<void> {
    const key = KEYS.entry(parent, name);
    if ((await this.relyOn(key)) !== undefined) throw new MetaConflict('the name is taken');
    this.put(key, encodeEdge(node));
    if (node.parent === 0n) this.addCount(KEYS.parent(node.inode, parent), 1);
  }

  async deleteEdge(
    parent: bigint,
    name: Uint8Array,
    edge: Edge,
    node: Pick<Node, 'parent'> | undefined,
  ): Promise<void> {
    const key = KEYS.entry(parent, name);
    const stored = await this.relyOn(key);
    if (stored === undefined || decodeEdge(stored).inode !== edge.inode) {
      throw new MetaConflict('the entry was removed or replaced by another client');
    }
    this.remove(key);
    if (node?.parent === 0n) this.addCount(KEYS.parent(edge.inode, parent), -1);
  }

  setSymlink(inode: bigint, target: Uint8Array): void {
    this.put(KEYS.symlink(inode), Buffer.from(target));
  }

  deleteSymlink(inode: bigint): void {
    this.remove(KEYS.symlink(inode));
  }

  setXattr(inode: bigint, name: string, value: Uint8Array): void {
    this.put(KEYS.xattr(inode, name), Buffer.from(value));
  }

  deleteXattr(inode: bigint, name: string): void {
    this.remove(KEYS.xattr(inode, name));
  }

  deleteXattrs(inode: bigint): Promise<void> {
    return this.removeAll(KEYS.xattrs(inode));
  }

  async appendSlices(inode: bigint, index: number, records: Uint8Array): Promise<void> {
    const key = KEYS.chunk(inode, index);
    this.put(key, Buffer.concat([(await this.relyOn(key)) ?? Buffer.of(), records]));
  }

  deleteChunk(inode: bigint, index: number): void {
    this.remove(KEYS.chunk(inode, index));
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
    return this.relyOn(KEYS.chunk(inode, index));
  }

  putChunk(inode: bigint, index: number, records: Uint8Array): void {
    this.put(KEYS.chunk(inode, index), Buffer.from(records));
  }

  // A slice without a count has one reference.
  insertSliceRef(): void {}

  addSliceRefs(id: bigint, size: number, delta: number): void {
    this.addCount(KEYS.sliceRef({ id, size }), delta);
  }

  override async sliceRefs(slices: readonly SliceName[]): Promise<SliceRef[]> {
    return Promise.all(
      slices.map(async ({ id, size }) => {
        const key = KEYS.sliceRef({ id, size });
        const refs = 1 + readCount(await this.relyOn(key));
        // Decided upon, so it is written as read and no longer merely added to.
        if (this.isAddedTo(key)) this.put(key, writeCount(refs - 1));
        return { id, size, refs };
      }),
    );
  }

  async deleteSliceRef(id: bigint, size: number): Promise<void> {
    const key = KEYS.sliceRef({ id, size });
    if (readCount(await this.relyOn(key)) < 0) this.remove(key);
  }

  async deleteDelayedSlices({ key, deleted }: Pick<DelayedSlices, 'key' | 'deleted'>): Promise<boolean> {
    const name = KEYS.delayedAt(deleted, key);
    if ((await this.relyOn(name)) === undefined) return false;
    this.remove(name);
    return true;
  }

  putDelayedSlices(key: bigint, unixSeconds: number, slices: Uint8Array): void {
    this.put(KEYS.delayedAt(unixSeconds, key), Buffer.from(slices));
  }

  queueDeletedFile({ inode, length }: DeletedFile, unixSeconds: number): void {
    this.put(KEYS.deletedFile(inode, length), big8(BigInt(unixSeconds)));
  }

  dequeueDeletedFile({ inode, length }: DeletedFile): void {
    this.remove(KEYS.deletedFile(inode, length));
  }

  sustain(session: bigint, inode: bigint): void {
    this.put(KEYS.sustainedInode(session, inode), Buffer.of(1));
  }

  release(session: bigint, inode: bigint): void {
    this.remove(KEYS.sustainedInode(session, inode));
  }

  deleteDetachedNode(inode: bigint): void {
    this.remove(KEYS.detachedNode(inode));
  }

  async addToCounter(name: string, delta: number): Promise<number> {
    const key = KEYS.counter(name);
    const value = readCount(await this.relyOn(key)) + delta;
    this.put(key, writeCount(value));
    return value;
  }

  adjustUsage(name: UsageCounter, delta: number): void {
    this.addCount(KEYS.counter(name), delta);
  }

  setCounter(name: string, value: number): void {
    this.put(KEYS.counter(name), isLease(name) ? big8(BigInt(value)) : writeCount(value));
  }

  async setCounterIfSmall(name: string, value: number, margin: number): Promise<boolean> {
    await this.relyOn(KEYS.counter(name));
    if ((await this.counter(name)) > value - margin) return false;
    this.setCounter(name, value);
    return true;
  }

  async addDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): Promise<boolean> {
    if ((await this.value(KEYS.usage(inode))) === undefined) return false;
    this.addNumbers(KEYS.usage(inode), [length, space, inodes]);
    return true;
  }

  async insertDirectoryUsage(inode: bigint, usage: DirectoryUsage): Promise<void> {
    if ((await this.relyOn(KEYS.usage(inode))) !== undefined) throw new MetaConflict('the directory has statistics');
    this.putDirectoryUsage(inode, usage);
  }

  putDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): void {
    this.put(KEYS.usage(inode), writeNumbers(length, space, inodes));
  }

  deleteDirectoryUsage(inode: bigint): void {
    this.remove(KEYS.usage(inode));
  }

  deleteAllDirectoryUsage(): Promise<void> {
    return this.removeAll(KEYS.usages);
  }

  addDirectoryQuotaUsage(inode: bigint, space: number, inodes: number): void {
    this.addNumbers(KEYS.directoryQuota(inode), [0, 0, space, inodes]);
  }

  deleteDirectoryQuota(inode: bigint): void {
    this.remove(KEYS.directoryQuota(inode));
  }

  putDirectoryQuota(quota: Quota): void {
    this.put(KEYS.directoryQuota(quota.key), quotaValue(quota));
  }

  putOwnerQuota(kind: OwnerKind, quota: Quota): void {
    this.put(KEYS.ownerQuota(kind, Number(quota.key)), quotaValue(quota));
  }

  addOwnerUsage(kind: OwnerKind, id: number, space: number, inodes: number): void {
    this.addNumbers(KEYS.ownerQuota(kind, id), [0, 0, space, inodes], writeNumbers(-1, -1, 0, 0));
  }

  async putAclRule(rule: AclRule): Promise<void> {
    this.put(KEYS.aclRule(rule.id), encodeAclRule(rule));
    if ((await this.counter('aclMaxId')) < rule.id) this.setCounter('aclMaxId', rule.id);
  }

  async addAclRule(rule: AclContent): Promise<number> {
    const id = await this.addToCounter('aclMaxId', 1);
    this.put(KEYS.aclRule(id), encodeAclRule(rule));
    return id;
  }

  async insertSession(session: bigint, expire: number, info: Uint8Array): Promise<boolean> {
    if ((await this.relyOn(KEYS.session(session))) !== undefined) return false;
    this.put(KEYS.session(session), big8(BigInt(expire)));
    this.put(KEYS.sessionInfo(session), Buffer.from(info));
    return true;
  }

  async refreshSession(session: bigint, expire: number): Promise<boolean> {
    if ((await this.relyOn(KEYS.session(session))) === undefined) return false;
    this.put(KEYS.session(session), big8(BigInt(expire)));
    return true;
  }

  async deleteSession(session: bigint): Promise<void> {
    this.remove(KEYS.session(session));
    this.remove(KEYS.sessionInfo(session));
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
      await this.relyOn(name);
      if (others.length === 0) this.remove(name);
      else this.put(name, others);
    }
  }

  async flocks(inode: bigint): Promise<Flock[]> {
    const stored = (await this.relyOn(KEYS.flocks(inode))) ?? Buffer.of();
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
    if (parts.length === 0) this.remove(KEYS.flocks(inode));
    else this.put(KEYS.flocks(inode), Buffer.concat(parts));
  }

  putSetting(text: string): void {
    this.put(KEYS.setting, Buffer.from(text));
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
