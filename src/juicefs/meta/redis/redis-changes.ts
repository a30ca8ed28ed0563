// What a transaction over Redis has read and is going to change: its own reads see its changes, and the commit is one script
// that first checks that what the transaction relies on still holds. Knows keys and values, not what they mean.
import { MetaConflict } from '../engine.ts';
import { PackedWords, type Word } from './packed-words.ts';
import { RedisReader } from './redis-reader.ts';
import { asArray, asNumber, asOptional } from './redis-reply.ts';
import { COMMIT } from './redis-scripts.ts';

type CheckKind = 'get' | 'hget' | 'held' | 'hlen' | 'list' | 'score';

const RECORD_BYTES = 24;
/** Words of one command; longer ones become several. */
const MAX_WORDS = 1000;

export class RedisChanges extends RedisReader {
  /** What was read or changed of texts (null = not there), of hashes by field, and of lists. */
  readonly #texts = new Map<string, Buffer | null>();
  readonly #fields = new Map<string, Map<string, Buffer | null>>();
  readonly #hashes = new Map<string, ReadonlyMap<string, Buffer>>();
  readonly #lists = new Map<string, Buffer>();
  /** Texts that this transaction wrote: what the server says of them is not what it reads. */
  readonly #written = new Set<string>();
  /** What was added to numbers in hashes. */
  readonly #added = new Map<string, Map<string, number>>();
  /** What was added to numbers that were not read before. */
  readonly #addedTexts = new Map<string, number>();
  /** Hashes that this transaction removed whole. */
  readonly #cleared = new Set<string>();
  readonly #commands: Word[][] = [];
  /** The last command on each key, which fields that follow at once are added to. */
  readonly #latest = new Map<string, Word[]>();
  readonly #checks = new Map<string, readonly [CheckKind, string, Word, Uint8Array | string | undefined]>();

  /** Makes everything happen, or throws MetaConflict. */
  async commit(): Promise<void> {
    if (this.#commands.length === 0 && this.#checks.size === 0) return;
    const words = new PackedWords();
    words.add(this.#checks.size);
    for (const [kind, key, field, found] of this.#checks.values()) {
      words.add(kind);
      words.add(key);
      words.add(field);
      if (found === undefined) words.add('-');
      else words.addMarked('+', found);
    }
    for (const command of this.#commands) {
      words.add(command.length);
      for (const word of command) words.add(word);
    }
    const reply = await this.volume.connection.run(COMMIT, [words.whole()]);
    if (reply !== 1) throw new MetaConflict(`another client changed what was read (${String(reply)})`);
  }

  /** A command on one key, which follows its name. */
  protected do(...command: Word[]): void {
    this.#commands.push(command);
    const [, key] = command;
    if (key !== undefined) this.#latest.set(key.toString(), command);
  }

  /** As `do`, of a command that takes many fields of a hash at once. */
  #doField(name: 'HSET' | 'HDEL', key: string, ...words: Word[]): void {
    const latest = this.#latest.get(key);
    if (latest?.[0] === name && latest.length < MAX_WORDS) latest.push(...words);
    else this.do(name, key, ...words);
  }

  /** The first check of a thing is the one that counts: later ones would see this transaction's own changes. */
  protected check(kind: CheckKind, key: string, field: Word, found: Uint8Array | string | undefined): void {
    const name = `${kind} ${key} ${Buffer.isBuffer(field) ? field.toString('latin1') : field}`;
    if (this.#checks.has(name)) return;
    this.#checks.set(name, [kind, key, field, found]);
  }

  protected override async text(key: string): Promise<Buffer | undefined> {
    const known = this.#texts.get(key);
    if (known !== undefined) return known ?? undefined;
    const stored = await super.text(key);
    this.#texts.set(key, stored ?? null);
    return stored;
  }

  /** Reads texts that are not known yet, in one round trip. */
  protected async seeTexts(keys: readonly string[]): Promise<void> {
    const unknown = keys.filter((key) => !this.#texts.has(key));
    if (unknown.length === 0) return;
    const stored = asArray(await this.call('MGET', ...unknown));
    unknown.forEach((key, i) => {
      // What was written meanwhile counts.
      if (!this.#texts.has(key)) this.#texts.set(key, asOptional(stored[i]) ?? null);
    });
  }

  /** The server said this of a text, or of a field; empty = it is not there. What is known already counts. */
  protected sawText(key: string, value: Buffer): void {
    if (!this.#texts.has(key)) this.#texts.set(key, value.length === 0 ? null : value);
  }

  protected sawField(key: string, field: Buffer, value: Buffer): void {
    const fields = this.#fieldsOf(key);
    if (!fields.has(fieldName(field))) fields.set(fieldName(field), value.length === 0 ? null : value);
  }

  /** The text, which must be the same at the commit. */
  protected async relyOnText(key: string): Promise<Buffer | undefined> {
    const stored = await this.text(key);
    if (!this.#written.has(key)) this.check('get', key, '', stored);
    return stored;
  }

  /** The text if it was read or written; null when it was found missing, or was removed. */
  protected seenText(key: string): Buffer | null | undefined {
    return this.#texts.get(key);
  }

  protected isWritten(key: string): boolean {
    return this.#written.has(key);
  }

  protected setText(key: string, value: Buffer): void {
    this.changeText(key, value, 'SET', key, value);
  }

  /** Changes a text by a command that makes it `value`; null = removes it. */
  protected changeText(key: string, value: Buffer | null, ...command: Word[]): void {
    this.#written.add(key);
    this.#texts.set(key, value);
    this.do(...command);
  }

  /** Adds to a number that others add to, too, and that need not be read. */
  protected addToText(key: string, delta: number): void {
    const known = this.#texts.get(key);
    if (known !== undefined) this.#texts.set(key, Buffer.from(String(asNumber(known) + delta)));
    this.#addedTexts.set(key, (this.#addedTexts.get(key) ?? 0) + delta);
    this.do('INCRBY', key, delta);
  }

  /** A number with what this transaction adds to it. */
  protected async number(key: string): Promise<number> {
    const read = !this.#texts.has(key);
    const stored = asNumber((await this.text(key)) ?? null);
    // Read after it was added to: the server does not know yet.
    return stored + (read ? (this.#addedTexts.get(key) ?? 0) : 0);
  }

  protected override async field(key: string, field: string | Buffer): Promise<Buffer | undefined> {
    const name = fieldName(field);
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
    const hash = this.#cleared.has(key)
      ? new Map<string, Buffer>()
      : new Map(this.#hashes.get(key) ?? (await super.hash(key)));
    for (const [name, value] of this.#fields.get(key) ?? []) {
      if (value === null) hash.delete(name);
      else hash.set(name, value);
    }
    return hash;
  }

  /** The server said this of a whole hash. */
  protected sawHash(key: string, hash: ReadonlyMap<string, Buffer>): void {
    if (!this.#hashes.has(key)) this.#hashes.set(key, hash);
  }

  /** Reads a whole hash; once is enough for the transaction. */
  protected async seeHash(key: string): Promise<void> {
    if (!this.#hashes.has(key)) this.#hashes.set(key, await super.hash(key));
  }

  protected override hashes(keys: readonly string[]): Promise<Map<string, Buffer>[]> {
    return Promise.all(keys.map((key) => this.hash(key)));
  }

  /** Reads fields that are not known yet, in one round trip; all of them as this transaction sees them. */
  protected async seeFields(key: string, names: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    const fields = this.#fieldsOf(key);
    const unknown = names.filter((name) => !fields.has(fieldName(name)));
    if (unknown.length > 0 && !this.#cleared.has(key) && !this.#added.has(key)) {
      const stored = asArray(await this.call('HMGET', key, ...unknown));
      unknown.forEach((name, i) => {
        if (!fields.has(fieldName(name))) fields.set(fieldName(name), asOptional(stored[i]) ?? null);
      });
    }
    return names.map((name) => fields.get(fieldName(name)) ?? undefined);
  }

  /** A field if it was read or written; null when it was found missing, or was removed. */
  protected seenField(key: string, field: string | Buffer): Buffer | null | undefined {
    return this.#fields.get(key)?.get(fieldName(field));
  }

  /** Whether fields of the hash were read or written one by one. */
  protected hasSeenFields(key: string): boolean {
    return this.#fields.has(key);
  }

  protected isCleared(key: string): boolean {
    return this.#cleared.has(key);
  }

  #fieldsOf(key: string): Map<string, Buffer | null> {
    const known = this.#fields.get(key);
    if (known !== undefined) return known;
    const made = new Map<string, Buffer | null>();
    this.#fields.set(key, made);
    return made;
  }

  protected setField(key: string, field: string | Buffer, value: Buffer): void {
    this.#fieldsOf(key).set(fieldName(field), value);
    this.#doField('HSET', key, field, value);
  }

  protected removeField(key: string, field: string | Buffer): void {
    this.#fieldsOf(key).set(fieldName(field), null);
    this.#doField('HDEL', key, field);
  }

  protected clearHash(key: string): void {
    this.#fields.delete(key);
    this.#cleared.add(key);
    this.do('DEL', key);
  }

  /** Adds to a number in a hash that others add to, too: what was read of it follows. */
  protected addToField(key: string, field: string, delta: number): void {
    const fields = this.#fieldsOf(key);
    const known = fields.get(field);
    if (known !== undefined) fields.set(field, Buffer.from(String(asNumber(known) + delta)));
    const added = this.#added.get(key) ?? new Map<string, number>();
    added.set(field, (added.get(field) ?? 0) + delta);
    this.#added.set(key, added);
    this.do('HINCRBY', key, field, delta);
  }

  /** What this transaction adds to a number in a hash. */
  protected addedTo(key: string, field: string): number {
    return this.#added.get(key)?.get(field) ?? 0;
  }

  protected override async list(key: string): Promise<Buffer> {
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const stored = await super.list(key);
    this.#lists.set(key, stored);
    return stored;
  }

  /** Appends slice records, one an element. */
  protected appendToList(key: string, records: Uint8Array): void {
    const known = this.#lists.get(key);
    if (known !== undefined) this.#lists.set(key, Buffer.concat([known, records]));
    const all = Buffer.from(records);
    for (let at = 0; at < all.length; at += RECORD_BYTES * MAX_WORDS) {
      const part = all.subarray(at, at + RECORD_BYTES * MAX_WORDS);
      const count = Math.ceil(part.length / RECORD_BYTES);
      const each = Array.from({ length: count }, (_, i) => part.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES));
      this.do('RPUSH', key, ...each);
    }
  }

  protected removeList(key: string): void {
    this.#lists.set(key, Buffer.of());
    this.do('DEL', key);
  }
}

function fieldName(field: string | Buffer): string {
  return Buffer.isBuffer(field) ? field.toString('latin1') : field;
}
