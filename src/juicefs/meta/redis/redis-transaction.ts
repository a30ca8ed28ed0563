// The writing primitives over Redis. Changes are collected, and seen by the transaction's own reads; the commit is one script
// that first checks that what the transaction relies on still holds. What it relies on is said by `lock…`, `hold…` and by the
// entries it adds and removes, so that changes of one directory do not get in each other's way.
import { encodeAclRule } from '../acl-codec.ts';
import { decodeEdge, decodeNode, encodeEdge, encodeNode } from '../attr-codec.ts';
import {
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
} from '../engine.ts';
import { chunkCount } from '../inode.ts';
import { counterOffset, sliceField } from './redis-keys.ts';
import { RedisReader, type RedisVolume, USAGE_KEYS } from './redis-reader.ts';
import { asArray, asBuffer, asNumber, asOptional } from './redis-reply.ts';
import { COMMIT } from './redis-scripts.ts';

type Word = string | number | Buffer;
type CheckKind = 'get' | 'hget' | 'held' | 'hlen' | 'list' | 'score';

const RECORD_BYTES = 24;
/** Words of one command; longer ones become several. */
const MAX_WORDS = 1000;
const UNLIMITED = Buffer.alloc(16, 0xff);

export class RedisTransaction extends RedisReader implements MetaTransaction {
  /** What was read or changed of texts (null = not there), of hashes by field, and of lists. */
  readonly #texts = new Map<string, Buffer | null>();
  readonly #fields = new Map<string, Map<string, Buffer | null>>();
  readonly #lists = new Map<string, Buffer>();
  /** Texts that this transaction wrote: what the server says of them is not what it reads. */
  readonly #written = new Set<string>();
  /** What was added to numbers in hashes. */
  readonly #added = new Map<string, Map<string, number>>();
  /** What was added to the counters of usage. */
  readonly #usage = new Map<string, number>();
  /** Hashes that this transaction removed whole. */
  readonly #cleared = new Set<string>();
  readonly #commands: Word[][] = [];
  readonly #checks = new Map<string, readonly [CheckKind, string, Word, Buffer]>();

  constructor(volume: RedisVolume) {
    super(volume);
  }

  /** Makes everything happen, or throws MetaConflict. */
  async commit(): Promise<void> {
    if (this.#commands.length === 0 && this.#checks.size === 0) return;
    const words: Word[] = [this.#checks.size];
    for (const check of this.#checks.values()) words.push(...check);
    words.push(this.#commands.length);
    for (const command of this.#commands) words.push(command.length, ...command);
    const reply = await this.volume.connection.run(COMMIT, words);
    if (reply !== 1) throw new MetaConflict(`another client changed what was read (${String(reply)})`);
  }

  #do(...command: Word[]): void {
    this.#commands.push(command);
  }

  /** The first check of a thing is the one that counts: later ones would see this transaction's own changes. */
  #check(kind: CheckKind, key: string, field: Word, found: Uint8Array | string | undefined): void {
    const name = `${kind} ${key} ${Buffer.isBuffer(field) ? field.toString('latin1') : field}`;
    if (this.#checks.has(name)) return;
    const expected = found === undefined ? Buffer.from('-') : Buffer.concat([Buffer.from('+'), Buffer.from(found)]);
    this.#checks.set(name, [kind, key, field, expected]);
  }

  protected override async text(key: string): Promise<Buffer | undefined> {
    const known = this.#texts.get(key);
    if (known !== undefined) return known ?? undefined;
    const stored = await super.text(key);
    this.#texts.set(key, stored ?? null);
    return stored;
  }

  protected override async field(key: string, field: string | Buffer): Promise<Buffer | undefined> {
    const name = Buffer.isBuffer(field) ? field.toString('latin1') : field;
    const fields = this.#fieldsOf(key);
    const known = fields.get(name);
    if (known !== undefined) return known ?? undefined;
    const stored = this.#cleared.has(key) ? undefined : await super.field(key, field);
    const added = this.#added.get(key)?.get(name);
    const seen = added === undefined ? stored : Buffer.from(String(asNumber(stored) + added));
    fields.set(name, seen ?? null);
    return seen;
  }

  protected override async hash(key: string): Promise<Map<string, Buffer>> {
    const hash = this.#cleared.has(key) ? new Map<string, Buffer>() : await super.hash(key);
    for (const [name, value] of this.#fields.get(key) ?? []) {
      if (value === null) hash.delete(name);
      else hash.set(name, value);
    }
    return hash;
  }

  protected override async list(key: string): Promise<Buffer> {
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const stored = await super.list(key);
    this.#lists.set(key, stored);
    return stored;
  }

  #fieldsOf(key: string): Map<string, Buffer | null> {
    const known = this.#fields.get(key);
    if (known !== undefined) return known;
    const made = new Map<string, Buffer | null>();
    this.#fields.set(key, made);
    return made;
  }

  #setText(key: string, value: Buffer): void {
    this.#texts.set(key, value);
    this.#do('SET', key, value);
  }

  #setField(key: string, field: string | Buffer, value: Buffer): void {
    this.#fieldsOf(key).set(Buffer.isBuffer(field) ? field.toString('latin1') : field, value);
    this.#do('HSET', key, field, value);
  }

  #removeField(key: string, field: string | Buffer): void {
    this.#fieldsOf(key).set(Buffer.isBuffer(field) ? field.toString('latin1') : field, null);
    this.#do('HDEL', key, field);
  }

  #clearHash(key: string): void {
    this.#fields.delete(key);
    this.#cleared.add(key);
    this.#do('DEL', key);
  }

  /** Adds to a number in a hash that others add to, too: what was read of it follows. */
  #addToField(key: string, field: string, delta: number): void {
    const fields = this.#fieldsOf(key);
    const known = fields.get(field);
    if (known !== undefined) fields.set(field, Buffer.from(String(asNumber(known) + delta)));
    const added = this.#added.get(key) ?? new Map<string, number>();
    added.set(field, (added.get(field) ?? 0) + delta);
    this.#added.set(key, added);
    this.#do('HINCRBY', key, field, delta);
  }

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
    const changed = this.#fields.get(key);
    if (changed === undefined) {
      const count = asNumber(await this.call('HLEN', key));
      this.#check('hlen', key, '', String(count));
      return count > 0;
    }
    const stored = asNumber(await this.call('HLEN', key));
    this.#check('hlen', key, '', String(stored));
    return (await this.hash(key)).size > 0;
  }

  async lockNode(inode: bigint): Promise<Node | undefined> {
    const key = this.keys.node(inode);
    const stored = await this.text(key);
    if (!this.#written.has(key)) this.#check('get', key, '', stored);
    return stored === undefined ? undefined : decodeNode(inode, stored);
  }

  async holdNode(inode: bigint): Promise<Node | undefined> {
    const key = this.keys.node(inode);
    const stored = await this.text(key);
    if (stored === undefined) return undefined;
    // Its type and flags, and where it is: whether it was moved to the trash.
    if (!this.#written.has(key)) {
      this.#check('held', key, '', Buffer.concat([stored.subarray(0, 3), stored.subarray(63, 71)]));
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
    const key = this.keys.node(node.inode);
    this.#written.add(key);
    this.#setText(key, encodeNode(node));
  }

  async touchDirectory(inode: bigint, nlinkDelta: number, timeNs: bigint): Promise<boolean> {
    const key = this.keys.node(inode);
    const stored = await this.text(key);
    if (stored === undefined) return false;
    const node = decodeNode(inode, stored);
    const touched = encodeNode({ ...node, nlink: node.nlink + nlinkDelta, mtimeNs: timeNs, ctimeNs: timeNs });
    this.#written.add(key);
    this.#texts.set(key, touched);
    this.#do('TOUCH', key, nlinkDelta, touched.subarray(23, 47));
    return true;
  }

  deleteNode(inode: bigint): void {
    const key = this.keys.node(inode);
    const stored = this.#texts.get(key);
    this.#written.add(key);
    this.#texts.set(key, null);
    this.#do('DEL', key);
    if (stored !== undefined && stored !== null && decodeNode(inode, stored).parent === 0n) {
      this.#clearHash(this.keys.parents(inode));
    }
  }

  async insertEdge(parent: bigint, name: Uint8Array, node: Edge & Pick<Node, 'parent'>): Promise<void> {
    const key = this.keys.directory(parent);
    const field = Buffer.from(name);
    const before = this.#fields.get(key)?.get(field.toString('latin1'));
    if (before !== undefined && before !== null) throw new MetaConflict('the name is taken');
    this.#check('hget', key, field, undefined);
    this.#setField(key, field, encodeEdge(node));
    if (node.parent === 0n) this.#addToField(this.keys.parents(node.inode), String(parent), 1);
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
    this.#check('hget', key, field, stored);
    this.#removeField(key, field);
    if (node?.parent === 0n) this.#addToField(this.keys.parents(edge.inode), String(parent), -1);
  }

  setSymlink(inode: bigint, target: Uint8Array): void {
    this.#setText(this.keys.symlink(inode), Buffer.from(target));
  }

  deleteSymlink(inode: bigint): void {
    this.#do('DEL', this.keys.symlink(inode));
  }

  setXattr(inode: bigint, name: string, value: Uint8Array): void {
    this.#setField(this.keys.xattrs(inode), Buffer.from(name), Buffer.from(value));
  }

  deleteXattr(inode: bigint, name: string): void {
    this.#removeField(this.keys.xattrs(inode), Buffer.from(name));
  }

  deleteXattrs(inode: bigint): void {
    this.#clearHash(this.keys.xattrs(inode));
  }

  appendSlices(inode: bigint, index: number, records: Uint8Array): void {
    const key = this.keys.chunk(inode, index);
    const known = this.#lists.get(key);
    if (known !== undefined) this.#lists.set(key, Buffer.concat([known, records]));
    const all = Buffer.from(records);
    for (let at = 0; at < all.length; at += RECORD_BYTES * MAX_WORDS) {
      const part = all.subarray(at, at + RECORD_BYTES * MAX_WORDS);
      const count = Math.ceil(part.length / RECORD_BYTES);
      const each = Array.from({ length: count }, (_, i) => part.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES));
      this.#do('RPUSH', key, ...each);
    }
  }

  deleteChunk(inode: bigint, index: number): void {
    this.#lists.set(this.keys.chunk(inode, index), Buffer.of());
    this.#do('DEL', this.keys.chunk(inode, index));
  }

  async lockChunks(inode: bigint, first: number, last: number): Promise<ChunkRow[]> {
    const node = await this.node(inode);
    const rows = await this.chunksUpTo(inode, first, Math.min(last, chunkCount(node?.length ?? 0) - 1));
    for (const { index, slices } of rows) this.#check('list', this.keys.chunk(inode, index), '', slices);
    return rows;
  }

  async lockChunk(inode: bigint, index: number): Promise<Uint8Array | undefined> {
    const slices = await this.list(this.keys.chunk(inode, index));
    this.#check('list', this.keys.chunk(inode, index), '', slices);
    return slices.length === 0 ? undefined : slices;
  }

  putChunk(inode: bigint, index: number, records: Uint8Array): void {
    this.deleteChunk(inode, index);
    this.appendSlices(inode, index, records);
  }

  // A slice without a count has one reference.
  insertSliceRef(): void {}

  addSliceRefs(id: bigint, size: number, delta: number): void {
    this.#addToField(this.keys.of('sliceRef'), sliceField({ id, size }), delta);
  }

  override async sliceRefs(slices: readonly { readonly id: bigint; readonly size: number }[]): Promise<SliceRef[]> {
    const key = this.keys.of('sliceRef');
    return Promise.all(
      slices.map(async ({ id, size }) => {
        const field = sliceField({ id, size });
        // What the server says must still be so at the commit; what this transaction adds is not there yet.
        const stored = asOptional(await this.call('HGET', key, field));
        this.#check('hget', key, field, stored);
        return { id, size, refs: 1 + asNumber(stored) + (this.#added.get(key)?.get(field) ?? 0) };
      }),
    );
  }

  async deleteSliceRef(id: bigint, size: number): Promise<void> {
    const key = this.keys.of('sliceRef');
    const field = sliceField({ id, size });
    const stored = await this.field(key, field);
    if (stored === undefined || asNumber(stored) >= 0) return;
    this.#check('hget', key, field, stored);
    this.#removeField(key, field);
  }

  async deleteDelayedSlices({ key, deleted }: Pick<DelayedSlices, 'key' | 'deleted'>): Promise<boolean> {
    const hash = this.keys.of('delSlices');
    const field = `${key}_${deleted}`;
    const stored = await this.field(hash, field);
    if (stored === undefined) return false;
    this.#check('hget', hash, field, stored);
    this.#removeField(hash, field);
    return true;
  }

  putDelayedSlices(key: bigint, unixSeconds: number, slices: Uint8Array): void {
    this.#setField(this.keys.of('delSlices'), `${key}_${unixSeconds}`, Buffer.from(slices));
  }

  queueDeletedFile({ inode, length }: DeletedFile, unixSeconds: number): void {
    this.#do('ZADD', this.keys.of('delfiles'), unixSeconds, `${inode}:${length}`);
  }

  dequeueDeletedFile({ inode, length }: DeletedFile): void {
    this.#do('ZREM', this.keys.of('delfiles'), `${inode}:${length}`);
  }

  sustain(session: bigint, inode: bigint): void {
    this.#do('SADD', this.keys.sustained(session), String(inode));
  }

  release(session: bigint, inode: bigint): void {
    this.#do('SREM', this.keys.sustained(session), String(inode));
  }

  async addToCounter(name: string, delta: number): Promise<number> {
    const key = this.keys.counter(name);
    const stored = await this.text(key);
    if (!this.#written.has(key)) this.#check('get', key, '', stored);
    const value = asNumber(stored ?? null) + delta;
    this.#written.add(key);
    this.#texts.set(key, Buffer.from(String(value)));
    this.#do('INCRBY', key, delta);
    return value + counterOffset(name);
  }

  adjustUsage(name: UsageCounter, delta: number): void {
    const key = this.keys.counter(name);
    const known = this.#texts.get(key);
    if (known !== undefined) this.#texts.set(key, Buffer.from(String(asNumber(known) + delta)));
    this.#usage.set(key, (this.#usage.get(key) ?? 0) + delta);
    this.#do('INCRBY', key, delta);
  }

  override async counter(name: string): Promise<number> {
    const key = this.keys.counter(name);
    const read = !this.#texts.has(key);
    const stored = asNumber((await this.text(key)) ?? null);
    // Read after it was adjusted: the server does not know yet.
    return stored + (read ? (this.#usage.get(key) ?? 0) : 0) + counterOffset(name);
  }

  setCounter(name: string, value: number): void {
    const key = this.keys.counter(name);
    this.#written.add(key);
    this.#setText(key, Buffer.from(String(value - counterOffset(name))));
  }

  async setCounterIfSmall(name: string, value: number, margin: number): Promise<boolean> {
    const key = this.keys.counter(name);
    const stored = await this.text(key);
    if (asNumber(stored ?? null) > value - margin) return false;
    this.#check('get', key, '', stored);
    this.setCounter(name, value);
    return true;
  }

  async addDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): Promise<boolean> {
    if ((await this.field(this.keys.of('dirUsedSpace'), String(inode))) === undefined) return false;
    [length, space, inodes].forEach((delta, i) => {
      const key = USAGE_KEYS[i];
      if (delta !== 0 && key !== undefined) this.#addToField(this.keys.of(key), String(inode), delta);
    });
    return true;
  }

  insertDirectoryUsage(inode: bigint, usage: DirectoryUsage): void {
    if (!this.#cleared.has(this.keys.of('dirUsedSpace'))) {
      this.#check('hget', this.keys.of('dirUsedSpace'), String(inode), undefined);
    }
    this.putDirectoryUsage(inode, usage);
  }

  putDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): void {
    [length, space, inodes].forEach((value, i) => {
      const key = USAGE_KEYS[i];
      if (key !== undefined) this.#setField(this.keys.of(key), String(inode), Buffer.from(String(value)));
    });
  }

  deleteDirectoryUsage(inode: bigint): void {
    for (const key of USAGE_KEYS) this.#removeField(this.keys.of(key), String(inode));
  }

  deleteAllDirectoryUsage(): void {
    for (const key of USAGE_KEYS) this.#clearHash(this.keys.of(key));
  }

  addDirectoryQuotaUsage(inode: bigint, space: number, inodes: number): void {
    this.#addToField(this.keys.of('dirQuotaUsedSpace'), String(inode), space);
    this.#addToField(this.keys.of('dirQuotaUsedInodes'), String(inode), inodes);
  }

  deleteDirectoryQuota(inode: bigint): void {
    for (const suffix of ['', 'UsedSpace', 'UsedInodes']) {
      this.#removeField(this.keys.of(`dirQuota${suffix}`), String(inode));
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
    this.#setField(key, String(quota.key), limits);
    this.#setField(`${key}UsedSpace`, String(quota.key), Buffer.from(String(quota.usedSpace)));
    this.#setField(`${key}UsedInodes`, String(quota.key), Buffer.from(String(quota.usedInodes)));
  }

  addOwnerUsage(kind: OwnerKind, id: number, space: number, inodes: number): void {
    const key = this.keys.of(`${kind}Quota`);
    this.#do('HSETNX', key, String(id), UNLIMITED);
    this.#addToField(`${key}UsedSpace`, String(id), space);
    this.#addToField(`${key}UsedInodes`, String(id), inodes);
  }

  async putAclRule(rule: AclRule): Promise<void> {
    this.#setField(this.keys.of('acl'), String(rule.id), encodeAclRule(rule));
    if ((await this.counter('aclMaxId')) < rule.id) this.setCounter('aclMaxId', rule.id);
  }

  async insertSession(session: bigint, expire: number, info: Uint8Array): Promise<boolean> {
    const key = this.keys.of('allSessions');
    if (asOptional(await this.call('ZSCORE', key, String(session))) !== undefined) return false;
    this.#check('score', key, String(session), undefined);
    this.#do('ZADD', key, expire, String(session));
    this.#setField(this.keys.of('sessionInfos'), String(session), Buffer.from(info));
    return true;
  }

  async refreshSession(session: bigint, expire: number): Promise<boolean> {
    const key = this.keys.of('allSessions');
    const score = asOptional(await this.call('ZSCORE', key, String(session)));
    if (score === undefined) return false;
    this.#check('score', key, String(session), score);
    this.#do('ZADD', key, expire, String(session));
    return true;
  }

  async deleteSession(session: bigint): Promise<void> {
    const locked = asArray(await this.call('SMEMBERS', this.keys.locked(session)));
    for (const key of locked) {
      const owners = asArray(await this.call('HKEYS', asBuffer(key))).map((owner) => asBuffer(owner).toString());
      const mine = owners.filter((owner) => owner.startsWith(`${session}_`));
      if (mine.length > 0) this.#do('HDEL', asBuffer(key), ...mine);
    }
    this.#do('DEL', this.keys.locked(session));
    this.#do('HDEL', this.keys.of('sessionInfos'), String(session));
    this.#do('ZREM', this.keys.of('allSessions'), String(session));
  }

  async flocks(inode: bigint): Promise<Flock[]> {
    const key = this.keys.flocks(inode);
    const stored = await super.hash(key);
    this.#check('hlen', key, '', String(stored.size));
    return [...stored].map(([field, value]) => {
      this.#check('hget', key, field, value);
      const [session = '0', owner = '0'] = field.split('_');
      return { session: BigInt(session), owner: BigInt(`0x${owner}`), kind: value.toString() === 'W' ? 'W' : 'R' };
    });
  }

  putFlock(inode: bigint, lock: Flock): void {
    const key = this.keys.flocks(inode);
    this.#setField(key, lockField(lock), Buffer.from(lock.kind));
    if (lock.kind === 'W') this.#do('SADD', this.keys.locked(lock.session), key);
  }

  async deleteFlock(inode: bigint, lock: Pick<Flock, 'session' | 'owner'>): Promise<void> {
    const key = this.keys.flocks(inode);
    const locks = await this.flocks(inode);
    this.#removeField(key, lockField(lock));
    const others = locks.filter(({ session, owner }) => session === lock.session && owner !== lock.owner);
    if (others.length === 0) this.#do('SREM', this.keys.locked(lock.session), key);
  }

  putSetting(text: string): void {
    this.#written.add(this.keys.of('setting'));
    this.#setText(this.keys.of('setting'), Buffer.from(text));
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

function lockField({ session, owner }: Pick<Flock, 'session' | 'owner'>): string {
  return `${session}_${owner.toString(16).toUpperCase().padStart(16, '0')}`;
}

function isWithin(name: Buffer, { after, from, before }: NameRange): boolean {
  if (after !== undefined && Buffer.compare(name, after) <= 0) return false;
  if (from !== undefined && Buffer.compare(name, from) < 0) return false;
  return before === undefined || Buffer.compare(name, before) < 0;
}
