// What a transaction over a key-value store has read and is going to change. Changes are collected and committed at once, on the
// condition that what the transaction relies on is as it was read. Numbers that are only added to (usage, statistics,
// references) are read at the commit, so that they do not fail what else is true.
import { VolumeError } from '../../volume.ts';
import { decodeNode, encodeNode } from '../attr-codec.ts';
import { MetaConflict } from '../engine.ts';
import { readCount, readNumbers, writeCount, writeNumbers } from './kv-keys.ts';
import { KvReader } from './kv-reader.ts';
import type { KvCondition, KvEntry, KvRange, KvStore, KvWrite } from './kv-store.ts';
import { prefixRange } from './kv-store.ts';

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

export class KvChanges extends KvReader {
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
  protected async relyOn(key: Buffer): Promise<Buffer | undefined> {
    const value = await this.value(key);
    const name = key.toString('latin1');
    const known = this.#known.get(name);
    if (known !== undefined && !this.#conditions.has(name)) this.#conditions.set(name, { key, version: known.version });
    return value;
  }

  protected put(key: Buffer, value: Buffer): void {
    this.#writes.set(key.toString('latin1'), { key, value });
  }

  protected remove(key: Buffer): void {
    this.#writes.set(key.toString('latin1'), { key, value: undefined });
  }

  protected async removeAll(prefix: Buffer): Promise<void> {
    for (const { key } of await this.all(prefix)) this.remove(Buffer.concat([prefix, key]));
    for (const [name, { key }] of this.#additions) {
      if (!isWithin(key, prefixRange(prefix))) continue;
      this.#additions.delete(name);
      this.remove(key);
    }
  }

  /** Writes a value that was read with what this transaction had added to it. */
  protected replace(key: Buffer, value: Buffer): void {
    this.#additions.delete(key.toString('latin1'));
    this.put(key, value);
  }

  protected isAddedTo(key: Buffer): boolean {
    return this.#additions.has(key.toString('latin1'));
  }

  protected writesWithin(range: KvRange): boolean {
    return [...this.#writes.values()].some(({ key }) => isWithin(key, range));
  }

  protected relyOnEmpty(range: KvRange): void {
    this.#conditions.set(`empty ${range.start.toString('latin1')}`, { empty: range });
  }

  /** A directory's node must be where and what it is at the commit, whatever else is changed of it. */
  protected hold(key: Buffer, stored: Buffer): void {
    const name = key.toString('latin1');
    if (!this.#writes.has(name)) this.#held.set(name, { key, is: placeOf(stored) });
  }

  protected addTouch(key: Buffer, stored: Buffer, delta: number, timeNs: bigint): void {
    const name = key.toString('latin1');
    const known = this.#additions.get(name);
    if (this.#writes.has(name)) this.put(key, touched(stored, delta, timeNs));
    else if (known?.kind === 'touch') known.delta += delta;
    else this.#additions.set(name, { kind: 'touch', key, delta, timeNs });
  }

  protected addCount(key: Buffer, delta: number): void {
    const written = this.#writes.get(key.toString('latin1'));
    if (written?.value !== undefined) {
      this.put(key, writeCount(readCount(written.value) + delta));
      return;
    }
    const known = this.#additions.get(key.toString('latin1'));
    if (known?.kind === 'count') known.delta += delta;
    else this.#additions.set(key.toString('latin1'), { kind: 'count', key, delta });
  }

  protected addNumbers(key: Buffer, deltas: readonly number[], initial?: Buffer): void {
    const name = key.toString('latin1');
    const written = this.#writes.get(name);
    if (written?.value !== undefined) {
      this.put(key, plus(written.value, deltas));
      return;
    }
    const known = this.#additions.get(name);
    if (known?.kind === 'numbers')
      deltas.forEach((delta, i) => {
        known.deltas[i] = (known.deltas[i] ?? 0) + delta;
      });
    else this.#additions.set(name, { kind: 'numbers', key, deltas: [...deltas], initial });
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

function isWithin(key: Buffer, { start, end }: KvRange): boolean {
  return Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0;
}
