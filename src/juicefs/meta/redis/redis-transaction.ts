// The writing primitives over Redis: which keys and fields each changes, and what it relies on. That is said by `lock…`,
// `hold…` and by the entries it adds and removes, so that changes of one directory do not get in each other's way.
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
  type Entry,
  type Flock,
  MetaConflict,
  type MetaTransaction,
  type NameRange,
  type Node,
  type OwnerKind,
  type Quota,
  type SliceRef,
  type UsageCounter,
  type Walk,
  type WalkBrings,
} from '../engine.ts';
import { chunkCount, isTrash, ROOT_INODE, TYPE_DIRECTORY } from '../inode.ts';
import { RedisChanges } from './redis-changes.ts';
import { counterOffset, sliceField } from './redis-keys.ts';
import { isWithin, USAGE_KEYS } from './redis-reader.ts';
import { asArray, asBuffer, asHash, asNumber, asOptional } from './redis-reply.ts';
import { PATH } from './redis-scripts.ts';

const NOTHING = Buffer.alloc(0);
/** Lua's numbers hold no greater inode. */
const MAX_LUA_INODE = 2n ** 53n;
const UNLIMITED = Buffer.alloc(16, 0xff);

export class RedisTransaction extends RedisChanges implements MetaTransaction {
  // Names in memory and on the server together: this transaction's own entries count.
  override async entries(parent: bigint, range: NameRange, limit: number): Promise<Entry[]> {
    const stored = await this.hash(this.keys.directory(parent));
    const edges = [...stored]
      .map(([field, value]) => ({ name: Buffer.from(field, 'latin1'), ...decodeEdge(value) }))
      .filter(({ name }) => isWithin(name, range))
      .sort((a, b) => Buffer.compare(a.name, b.name))
      .slice(0, limit);
    const nodes = await Promise.all(edges.map(({ inode }) => this.node(inode)));
    return edges.map((edge, i) => ({ ...edge, node: nodes[i] }));
  }

  override async hasEntries(parent: bigint): Promise<boolean> {
    const key = this.keys.directory(parent);
    const stored = asNumber(await this.call('HLEN', key));
    this.check('hlen', key, '', String(stored));
    return this.hasSeenFields(key) ? (await this.hash(key)).size > 0 : stored > 0;
  }

  async foresee(parent: bigint, names: readonly Uint8Array[]): Promise<void> {
    const entries = await this.seeFields(this.keys.directory(parent), names.map(toBuffer));
    await this.seeTexts(
      entries.flatMap((entry) => (entry === undefined ? [] : [this.keys.node(decodeEdge(entry).inode)])),
    );
  }

  async foreseePath(
    names: readonly Uint8Array[],
    other: { readonly parent: bigint; readonly name: Uint8Array },
  ): Promise<void> {
    const elsewhere = this.keys.directory(other.parent);
    const words = [this.keys.prefix, String(ROOT_INODE), elsewhere, toBuffer(other.name), ...names.map(toBuffer)];
    const reply = [...asArray(await this.volume.connection.run(PATH, words))];
    const quotas = asHash(reply.pop());
    const [first = NOTHING, ...rest] = reply.map(asBuffer);
    const spaces = rest.splice(-3);
    const nodes = rest.splice(-2);
    this.sawField(elsewhere, toBuffer(other.name), first);
    const inodes = [ROOT_INODE];
    rest.forEach((entry, i) => {
      this.sawField(this.keys.directory(inodes[0] ?? ROOT_INODE), toBuffer(names[i] ?? NOTHING), entry);
      const inode = entry.length === 0 ? undefined : decodeEdge(entry).inode;
      // The script follows no inode that its numbers cannot hold.
      if (inode !== undefined && inode < MAX_LUA_INODE) inodes.unshift(inode);
    });
    nodes.forEach((node, i) => {
      const inode = inodes[i];
      if (inode !== undefined && node.length > 0) this.sawText(this.keys.node(inode), node);
    });
    this.sawHash(this.keys.of('dirQuota'), quotas);
    const [last, before] = inodes;
    const trash = first.length === 0 ? undefined : decodeEdge(first).inode;
    // The script tells of no other inode that is elsewhere.
    const told = trash !== undefined && isTrash(trash) ? trash : undefined;
    [last, before, told].forEach((inode, i) => {
      const space = spaces[i] ?? NOTHING;
      if (inode !== undefined) this.sawField(this.keys.of('dirUsedSpace'), Buffer.from(String(inode)), space);
    });
  }

  async foreseeUsage(directories: readonly bigint[]): Promise<void> {
    const fields = directories.map((directory) => Buffer.from(String(directory)));
    await Promise.all([this.seeFields(this.keys.of('dirUsedSpace'), fields), this.seeHash(this.keys.of('dirQuota'))]);
  }

  /** Along what is known of the path, without asking the server again. */
  override async walk(start: bigint, names: readonly Uint8Array[], brings?: WalkBrings): Promise<Walk> {
    let parent = start;
    let edge: Edge | undefined;
    for (const [i, name] of names.entries()) {
      if (edge !== undefined) {
        if (edge.type !== TYPE_DIRECTORY) return { consumed: i, edge, parent, missing: false };
        parent = edge.inode;
      }
      const entry = this.seenField(this.keys.directory(parent), toBuffer(name));
      if (!entry) return super.walk(start, names, brings);
      edge = decodeEdge(entry);
    }
    const stored = edge === undefined ? undefined : this.seenText(this.keys.node(edge.inode));
    const node = edge === undefined || !stored ? undefined : decodeNode(edge.inode, stored);
    return { consumed: names.length, edge, parent, missing: false, node };
  }

  async lockNode(inode: bigint): Promise<Node | undefined> {
    const stored = await this.relyOnText(this.keys.node(inode));
    return stored === undefined ? undefined : decodeNode(inode, stored);
  }

  async holdNode(inode: bigint): Promise<Node | undefined> {
    const key = this.keys.node(inode);
    const stored = await this.text(key);
    if (stored === undefined) return undefined;
    // Its type and flags, and where it is: whether it was moved to the trash.
    if (!this.isWritten(key)) {
      this.check('held', key, '', Buffer.concat([stored.subarray(0, 3), stored.subarray(63, 71)]));
    }
    return decodeNode(inode, stored);
  }

  insertNode(node: Node): void {
    this.#putNode(node);
  }

  updateNode(node: Node): void {
    this.#putNode(node);
  }

  #putNode(node: Node): void {
    this.setText(this.keys.node(node.inode), encodeNode(node));
  }

  async touchDirectory(inode: bigint, nlinkDelta: number, timeNs: bigint): Promise<boolean> {
    const key = this.keys.node(inode);
    const stored = await this.text(key);
    if (stored === undefined) return false;
    const node = decodeNode(inode, stored);
    const touched = encodeNode({ ...node, nlink: node.nlink + nlinkDelta, mtimeNs: timeNs, ctimeNs: timeNs });
    this.changeText(key, touched, 'TOUCH', key, nlinkDelta, touched.subarray(23, 47));
    return true;
  }

  deleteNode(inode: bigint): void {
    const key = this.keys.node(inode);
    const stored = this.seenText(key);
    this.changeText(key, null, 'DEL', key);
    if (stored !== undefined && stored !== null && decodeNode(inode, stored).parent === 0n) {
      this.clearHash(this.keys.parents(inode));
    }
  }

  async insertEdge(parent: bigint, name: Uint8Array, node: Edge & Pick<Node, 'parent'>): Promise<void> {
    const key = this.keys.directory(parent);
    const field = Buffer.from(name);
    const before = this.seenField(key, field);
    if (before !== undefined && before !== null) throw new MetaConflict('the name is taken');
    this.check('hget', key, field, undefined);
    this.setField(key, field, encodeEdge(node));
    if (node.parent === 0n) this.addToField(this.keys.parents(node.inode), String(parent), 1);
  }

  async deleteEdge(
    parent: bigint,
    name: Uint8Array,
    edge: Edge,
    node: Pick<Node, 'parent'> | undefined,
  ): Promise<void> {
    const key = this.keys.directory(parent);
    const field = Buffer.from(name);
    const stored = await this.field(key, field);
    if (stored === undefined || decodeEdge(stored).inode !== edge.inode) {
      throw new MetaConflict('the entry was removed or replaced by another client');
    }
    this.check('hget', key, field, stored);
    this.removeField(key, field);
    if (node?.parent === 0n) this.addToField(this.keys.parents(edge.inode), String(parent), -1);
  }

  setSymlink(inode: bigint, target: Uint8Array): void {
    this.setText(this.keys.symlink(inode), Buffer.from(target));
  }

  deleteSymlink(inode: bigint): void {
    this.do('DEL', this.keys.symlink(inode));
  }

  setXattr(inode: bigint, name: string, value: Uint8Array): void {
    this.setField(this.keys.xattrs(inode), Buffer.from(name), Buffer.from(value));
  }

  deleteXattr(inode: bigint, name: string): void {
    this.removeField(this.keys.xattrs(inode), Buffer.from(name));
  }

  deleteXattrs(inode: bigint): void {
    this.clearHash(this.keys.xattrs(inode));
  }

  appendSlices(inode: bigint, index: number, records: Uint8Array): void {
    this.appendToList(this.keys.chunk(inode, index), records);
  }

  deleteChunk(inode: bigint, index: number): void {
    this.removeList(this.keys.chunk(inode, index));
  }

  async lockChunks(inode: bigint, first: number, last: number): Promise<ChunkRow[]> {
    const node = await this.node(inode);
    const rows = await this.chunksUpTo(inode, first, Math.min(last, chunkCount(node?.length ?? 0) - 1));
    for (const { index, slices } of rows) this.check('list', this.keys.chunk(inode, index), '', slices);
    return rows;
  }

  async lockChunk(inode: bigint, index: number): Promise<Uint8Array | undefined> {
    const slices = await this.list(this.keys.chunk(inode, index));
    this.check('list', this.keys.chunk(inode, index), '', slices);
    return slices.length === 0 ? undefined : slices;
  }

  putChunk(inode: bigint, index: number, records: Uint8Array): void {
    this.deleteChunk(inode, index);
    this.appendSlices(inode, index, records);
  }

  // A slice without a count has one reference.
  insertSliceRef(): void {}

  addSliceRefs(id: bigint, size: number, delta: number): void {
    this.addToField(this.keys.of('sliceRef'), sliceField({ id, size }), delta);
  }

  override async sliceRefs(slices: readonly { readonly id: bigint; readonly size: number }[]): Promise<SliceRef[]> {
    const key = this.keys.of('sliceRef');
    return Promise.all(
      slices.map(async ({ id, size }) => {
        const field = sliceField({ id, size });
        // What the server says must still be so at the commit; what this transaction adds is not there yet.
        const stored = asOptional(await this.call('HGET', key, field));
        this.check('hget', key, field, stored);
        return { id, size, refs: 1 + asNumber(stored) + this.addedTo(key, field) };
      }),
    );
  }

  async deleteSliceRef(id: bigint, size: number): Promise<void> {
    const key = this.keys.of('sliceRef');
    const field = sliceField({ id, size });
    const stored = await this.field(key, field);
    if (stored === undefined || asNumber(stored) >= 0) return;
    this.check('hget', key, field, stored);
    this.removeField(key, field);
  }

  async deleteDelayedSlices({ key, deleted }: Pick<DelayedSlices, 'key' | 'deleted'>): Promise<boolean> {
    const hash = this.keys.of('delSlices');
    const field = `${key}_${deleted}`;
    const stored = await this.field(hash, field);
    if (stored === undefined) return false;
    this.check('hget', hash, field, stored);
    this.removeField(hash, field);
    return true;
  }

  putDelayedSlices(key: bigint, unixSeconds: number, slices: Uint8Array): void {
    this.setField(this.keys.of('delSlices'), `${key}_${unixSeconds}`, Buffer.from(slices));
  }

  queueDeletedFile({ inode, length }: DeletedFile, unixSeconds: number): void {
    this.do('ZADD', this.keys.of('delfiles'), unixSeconds, `${inode}:${length}`);
  }

  dequeueDeletedFile({ inode, length }: DeletedFile): void {
    this.do('ZREM', this.keys.of('delfiles'), `${inode}:${length}`);
  }

  sustain(session: bigint, inode: bigint): void {
    this.do('SADD', this.keys.sustained(session), String(inode));
  }

  release(session: bigint, inode: bigint): void {
    this.do('SREM', this.keys.sustained(session), String(inode));
  }

  deleteDetachedNode(inode: bigint): void {
    this.do('ZREM', this.keys.of('detachedNodes'), String(inode));
  }

  async addToCounter(name: string, delta: number): Promise<number> {
    const key = this.keys.counter(name);
    const value = asNumber((await this.relyOnText(key)) ?? null) + delta;
    this.changeText(key, Buffer.from(String(value)), 'INCRBY', key, delta);
    return value + counterOffset(name);
  }

  adjustUsage(name: UsageCounter, delta: number): void {
    this.addToText(this.keys.counter(name), delta);
  }

  override async counter(name: string): Promise<number> {
    return (await this.number(this.keys.counter(name))) + counterOffset(name);
  }

  setCounter(name: string, value: number): void {
    this.setText(this.keys.counter(name), Buffer.from(String(value - counterOffset(name))));
  }

  async setCounterIfSmall(name: string, value: number, margin: number): Promise<boolean> {
    const stored = await this.relyOnText(this.keys.counter(name));
    if (asNumber(stored ?? null) > value - margin) return false;
    this.setCounter(name, value);
    return true;
  }

  async addDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): Promise<boolean> {
    if ((await this.field(this.keys.of('dirUsedSpace'), String(inode))) === undefined) return false;
    [length, space, inodes].forEach((delta, i) => {
      const key = USAGE_KEYS[i];
      if (delta !== 0 && key !== undefined) this.addToField(this.keys.of(key), String(inode), delta);
    });
    return true;
  }

  insertDirectoryUsage(inode: bigint, usage: DirectoryUsage): void {
    if (!this.isCleared(this.keys.of('dirUsedSpace'))) {
      this.check('hget', this.keys.of('dirUsedSpace'), String(inode), undefined);
    }
    this.putDirectoryUsage(inode, usage);
  }

  putDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): void {
    [length, space, inodes].forEach((value, i) => {
      const key = USAGE_KEYS[i];
      if (key !== undefined) this.setField(this.keys.of(key), String(inode), Buffer.from(String(value)));
    });
  }

  deleteDirectoryUsage(inode: bigint): void {
    for (const key of USAGE_KEYS) this.removeField(this.keys.of(key), String(inode));
  }

  deleteAllDirectoryUsage(): void {
    for (const key of USAGE_KEYS) this.clearHash(this.keys.of(key));
  }

  addDirectoryQuotaUsage(inode: bigint, space: number, inodes: number): void {
    this.addToField(this.keys.of('dirQuotaUsedSpace'), String(inode), space);
    this.addToField(this.keys.of('dirQuotaUsedInodes'), String(inode), inodes);
  }

  deleteDirectoryQuota(inode: bigint): void {
    for (const suffix of ['', 'UsedSpace', 'UsedInodes']) {
      this.removeField(this.keys.of(`dirQuota${suffix}`), String(inode));
    }
  }

  putDirectoryQuota(quota: Quota): void {
    this.#putQuota('dir', quota);
  }

  putOwnerQuota(kind: OwnerKind, quota: Quota): void {
    this.#putQuota(kind, quota);
  }

  #putQuota(kind: 'dir' | OwnerKind, quota: Quota): void {
    const limits = Buffer.alloc(16);
    limits.writeBigInt64BE(BigInt(quota.maxSpace), 0);
    limits.writeBigInt64BE(BigInt(quota.maxInodes), 8);
    const key = this.keys.of(`${kind}Quota`);
    this.setField(key, String(quota.key), limits);
    this.setField(`${key}UsedSpace`, String(quota.key), Buffer.from(String(quota.usedSpace)));
    this.setField(`${key}UsedInodes`, String(quota.key), Buffer.from(String(quota.usedInodes)));
  }

  addOwnerUsage(kind: OwnerKind, id: number, space: number, inodes: number): void {
    const key = this.keys.of(`${kind}Quota`);
    this.do('HSETNX', key, String(id), UNLIMITED);
    this.addToField(`${key}UsedSpace`, String(id), space);
    this.addToField(`${key}UsedInodes`, String(id), inodes);
  }

  async putAclRule(rule: AclRule): Promise<void> {
    this.setField(this.keys.of('acl'), String(rule.id), encodeAclRule(rule));
    if ((await this.counter('aclMaxId')) < rule.id) this.setCounter('aclMaxId', rule.id);
  }

  async addAclRule(rule: AclContent): Promise<number> {
    const id = await this.addToCounter('aclMaxId', 1);
    this.setField(this.keys.of('acl'), String(id), encodeAclRule(rule));
    return id;
  }

  async insertSession(session: bigint, expire: number, info: Uint8Array): Promise<boolean> {
    const key = this.keys.of('allSessions');
    if (asOptional(await this.call('ZSCORE', key, String(session))) !== undefined) return false;
    this.check('score', key, String(session), undefined);
    this.do('ZADD', key, expire, String(session));
    this.setField(this.keys.of('sessionInfos'), String(session), Buffer.from(info));
    return true;
  }

  async refreshSession(session: bigint, expire: number): Promise<boolean> {
    const key = this.keys.of('allSessions');
    const score = asOptional(await this.call('ZSCORE', key, String(session)));
    if (score === undefined) return false;
    this.check('score', key, String(session), score);
    this.do('ZADD', key, expire, String(session));
    return true;
  }

  async deleteSession(session: bigint): Promise<void> {
    const locked = asArray(await this.call('SMEMBERS', this.keys.locked(session)));
    for (const key of locked) {
      const owners = asArray(await this.call('HKEYS', asBuffer(key))).map((owner) => asBuffer(owner).toString());
      const mine = owners.filter((owner) => owner.startsWith(`${session}_`));
      if (mine.length > 0) this.do('HDEL', asBuffer(key), ...mine);
    }
    this.do('DEL', this.keys.locked(session));
    this.do('HDEL', this.keys.of('sessionInfos'), String(session));
    this.do('ZREM', this.keys.of('allSessions'), String(session));
  }

  async flocks(inode: bigint): Promise<Flock[]> {
    const key = this.keys.flocks(inode);
    const stored = await super.hash(key);
    this.check('hlen', key, '', String(stored.size));
    return [...stored].map(([field, value]) => {
      this.check('hget', key, field, value);
      const [session = '0', owner = '0'] = field.split('_');
      return { session: BigInt(session), owner: BigInt(`0x${owner}`), kind: value.toString() === 'W' ? 'W' : 'R' };
    });
  }

  putFlock(inode: bigint, lock: Flock): void {
    const key = this.keys.flocks(inode);
    this.setField(key, lockField(lock), Buffer.from(lock.kind));
    if (lock.kind === 'W') this.do('SADD', this.keys.locked(lock.session), key);
  }

  async deleteFlock(inode: bigint, lock: Pick<Flock, 'session' | 'owner'>): Promise<void> {
    const key = this.keys.flocks(inode);
    const locks = await this.flocks(inode);
    this.removeField(key, lockField(lock));
    const others = locks.filter(({ session, owner }) => session === lock.session && owner !== lock.owner);
    if (others.length === 0) this.do('SREM', this.keys.locked(lock.session), key);
  }

  putSetting(text: string): void {
    this.setText(this.keys.of('setting'), Buffer.from(text));
  }
}

/** Reads of one state: everything read is checked to be still so at the end. */
export class RedisSnapshot extends RedisTransaction {
  override node(inode: bigint): Promise<Node | undefined> {
    return this.lockNode(inode);
  }

  override async chunks(inode: bigint, first = 0, last = Number.MAX_SAFE_INTEGER): Promise<ChunkRow[]> {
    return this.lockChunks(inode, first, last);
  }
}

/** The same bytes. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
}

function lockField({ session, owner }: Pick<Flock, 'session' | 'owner'>): string {
  return `${session}_${owner.toString(16).toUpperCase().padStart(16, '0')}`;
}
