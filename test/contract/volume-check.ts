// Recounts everything a volume's rows claim, from the rows and the files of the object store alone. It shares no code with
// the object layer, so that a mistake there is not made here as well. Also a command: tsx volume-check.ts DATABASE OBJECTS/
import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';

const ROOT = 1n;
const TRASH = 0x7fffffff10000000n;
const FILE = 1n;
const DIRECTORY = 2n;
const SYMLINK = 3n;

export interface CheckOptions {
  /** Blocks that nothing refers to are expected: a writer was killed. */
  readonly allowLeakedBlocks?: boolean;
  /** Files queued for deletion are expected to be there still. */
  readonly allowPendingDeletes?: boolean;
}

type Row = Readonly<Record<string, unknown>>;

/** What is wrong with the volume; empty when all is right. `objects` is the Bucket, a directory. */
export function checkVolume(database: string, objects: string, options: CheckOptions = {}): string[] {
  const db = new DatabaseSync(database, { readOnly: true, timeout: 10_000 });
  try {
    const rows = (sql: string): Row[] => {
      const statement = db.prepare(sql);
      statement.setReadBigInts(true);
      return statement.all();
    };
    return new Check(rows, objects, options).run();
  } finally {
    db.close();
  }
}

class Check {
  readonly #problems: string[] = [];
  readonly #rows: (sql: string) => Row[];
  readonly #objects: string;
  readonly #options: CheckOptions;
  readonly #nodes = new Map<bigint, Row>();
  readonly #edges: Row[];
  readonly #format: {
    Name: string;
    BlockSize: number;
    Compression?: string;
    HashPrefix?: boolean;
    EncryptKey?: string;
    UserGroupQuota?: boolean;
  };

  constructor(rows: (sql: string) => Row[], objects: string, options: CheckOptions) {
    this.#rows = rows;
    this.#objects = objects;
    this.#options = options;
    for (const node of rows('SELECT * FROM jfs_node')) this.#nodes.set(big(node.inode), node);
    this.#edges = rows('SELECT * FROM jfs_edge');
    this.#format = JSON.parse(String(rows("SELECT value FROM jfs_setting WHERE name = 'format'")[0]?.value));
  }

  run(): string[] {
    this.#checkTree();
    this.#checkCounters();
    this.#checkDirectoryStatistics();
    this.#checkQuotas();
    if (this.#format.UserGroupQuota === true) this.#checkOwners();
    this.#checkSlices();
    this.#checkSideTables();
    return this.#problems;
  }

  #expect(what: string, actual: unknown, expected: unknown): void {
    if (actual !== expected) this.#problems.push(`${what}: is ${String(actual)}, should be ${String(expected)}`);
  }

  #checkTree(): void {
    const links = new Map<bigint, bigint[]>();
    const subdirectories = new Map<bigint, number>();
    for (const edge of this.#edges) {
      const [parent, inode] = [big(edge.parent), big(edge.inode)];
      const where = `entry ${parent}/${text(edge.name)}`;
      const node = this.#nodes.get(inode);
      this.#expect(`${where} has a node`, node !== undefined, true);
      this.#expect(`${where} type`, big(edge.type), node === undefined ? undefined : big(node.type));
      this.#expect(`${where} parent is a directory`, big(this.#nodes.get(parent)?.type), DIRECTORY);
      links.set(inode, [...(links.get(inode) ?? []), parent]);
      if (big(edge.type) === DIRECTORY) subdirectories.set(parent, (subdirectories.get(parent) ?? 0) + 1);
    }
    const sustained = new Set(this.#rows('SELECT inode FROM jfs_sustained').map((row) => big(row.inode)));
    for (const [inode, node] of this.#nodes) {
      const parents = links.get(inode) ?? [];
      const nlink = Number(big(node.nlink));
      if (big(node.type) === DIRECTORY) {
        if (inode < TRASH) this.#expect(`links of directory ${inode}`, nlink, 2 + (subdirectories.get(inode) ?? 0));
        this.#expect(`entries of directory ${inode}`, parents.length, inode === ROOT || inode === TRASH ? 0 : 1);
      } else {
        this.#expect(`links of ${inode}`, nlink, parents.length);
        if (nlink === 0) this.#expect(`${inode} without links is sustained`, sustained.has(inode), true);
      }
      if (inode === ROOT || inode === TRASH || parents.length === 0) continue;
      if (big(node.parent) !== 0n) this.#expect(`parent of ${inode}`, big(node.parent), parents[0]);
      if (parents.length > 1) this.#expect(`parent of the linked ${inode}`, big(node.parent), 0n);
    }
  }

  #space(node: Row | undefined): bigint {
    if (node === undefined || big(node.type) !== FILE) return 4096n;
    const length = big(node.length);
    return length === 0n ? 4096n : ((length + 4095n) / 4096n) * 4096n;
  }

  #checkCounters(): void {
    let space = 0n;
    let inodes = 0n;
    for (const [inode, node] of this.#nodes) {
      if (inode === ROOT || inode === TRASH) continue;
      space += this.#space(node);
      inodes += 1n;
    }
    const counters = new Map(this.#rows('SELECT * FROM jfs_counter').map((row) => [text(row.name), big(row.value)]));
    this.#expect('usedSpace', counters.get('usedSpace'), space);
    this.#expect('totalInodes', counters.get('totalInodes'), inodes);
    const ordinary = [...this.#nodes.keys()].filter((inode) => inode < TRASH);
    const highest = ordinary.reduce((a, b) => (a > b ? a : b), 1n);
    this.#expect('nextInode is beyond all inodes', (counters.get('nextInode') ?? 0n) > highest, true);
    const [{ id = 0n } = {}] = this.#rows('SELECT max(chunkid) AS id FROM jfs_chunk_ref');
    this.#expect('nextChunk is beyond all slices', (counters.get('nextChunk') ?? 0n) > big(id ?? 0n), true);
  }

  #checkDirectoryStatistics(): void {
    const expected = new Map<bigint, { length: bigint; space: bigint; inodes: bigint }>();
    for (const edge of this.#edges) {
      const node = this.#nodes.get(big(edge.inode));
      const total = expected.get(big(edge.parent)) ?? { length: 0n, space: 0n, inodes: 0n };
      if (big(node?.type) === FILE) total.length += big(node?.length);
      total.space += this.#space(node);
      total.inodes += 1n;
      expected.set(big(edge.parent), total);
    }
    for (const row of this.#rows('SELECT * FROM jfs_dir_stats')) {
      const inode = big(row.inode);
      const total = expected.get(inode) ?? { length: 0n, space: 0n, inodes: 0n };
      this.#expect(`statistics of ${inode} belong to a directory`, big(this.#nodes.get(inode)?.type), DIRECTORY);
      this.#expect(`statistics of ${inode}: length`, big(row.data_length), total.length);
      this.#expect(`statistics of ${inode}: space`, big(row.used_space), total.space);
      this.#expect(`statistics of ${inode}: inodes`, big(row.used_inodes), total.inodes);
    }
  }

  #checkQuotas(): void {
    const quotas = this.#rows('SELECT * FROM jfs_dir_quota');
    if (quotas.length === 0) return;
    const children = new Map<bigint, bigint[]>();
    for (const edge of this.#edges) {
      children.set(big(edge.parent), [...(children.get(big(edge.parent)) ?? []), big(edge.inode)]);
    }
    for (const quota of quotas) {
      let space = 0n;
      let inodes = 0n;
      const pending = [...(children.get(big(quota.inode)) ?? [])];
      for (let inode = pending.pop(); inode !== undefined; inode = pending.pop()) {
        space += this.#space(this.#nodes.get(inode));
        inodes += 1n;
        pending.push(...(children.get(inode) ?? []));
      }
      this.#expect(`quota of ${quota.inode}: space`, big(quota.used_space), space);
      this.#expect(`quota of ${quota.inode}: inodes`, big(quota.used_inodes), inodes);
    }
  }

  /** What users and groups own, the trash included. */
  #checkOwners(): void {
    const expected = new Map<string, { space: bigint; inodes: bigint }>();
    for (const [inode, node] of this.#nodes) {
      if (inode === ROOT || inode === TRASH) continue;
      for (const key of [`1:${big(node.uid)}`, `2:${big(node.gid)}`]) {
        const total = expected.get(key) ?? { space: 0n, inodes: 0n };
        total.space += this.#space(node);
        total.inodes += 1n;
        expected.set(key, total);
      }
    }
    for (const row of this.#rows('SELECT * FROM jfs_user_group_quota')) {
      const key = `${big(row.qtype)}:${big(row.qkey)}`;
      const total = expected.get(key) ?? { space: 0n, inodes: 0n };
      this.#expect(`space of owner ${key}`, big(row.used_space), total.space);
      this.#expect(`inodes of owner ${key}`, big(row.used_inodes), total.inodes);
      expected.delete(key);
    }
    for (const key of expected.keys()) this.#problems.push(`owner ${key} is not counted`);
  }

  #checkSlices(): void {
    const counted = new Map<bigint, { size: bigint; refs: bigint }>();
    const count = (id: bigint, size: bigint): void => {
      if (id === 0n) return;
      const slice = counted.get(id) ?? { size, refs: 0n };
      slice.refs += 1n;
      this.#expect(`size of slice ${id}`, size, slice.size);
      counted.set(id, slice);
    };
    const deleted = new Set(this.#rows('SELECT inode FROM jfs_delfile').map((row) => big(row.inode)));
    if (this.#options.allowPendingDeletes !== true) this.#expect('files pending deletion', deleted.size, 0);
    for (const chunk of this.#rows('SELECT inode, indx, CAST(slices AS BLOB) AS slices FROM jfs_chunk')) {
      const inode = big(chunk.inode);
      this.#expect(`chunk of ${inode} has an owner`, this.#nodes.has(inode) !== deleted.has(inode), true);
      const bytes = blob(chunk.slices);
      this.#expect(`slice list of ${inode} is whole`, bytes.length % 24, 0);
      for (let at = 0; at + 24 <= bytes.length; at += 24) {
        count(bytes.readBigUInt64BE(at + 4), BigInt(bytes.readUInt32BE(at + 12)));
      }
    }
    for (const row of this.#rows('SELECT CAST(slices AS BLOB) AS slices FROM jfs_delslices')) {
      const bytes = blob(row.slices);
      for (let at = 0; at < bytes.length; at += 12)
        count(bytes.readBigUInt64BE(at), BigInt(bytes.readUInt32BE(at + 8)));
    }
    const stored = this.#storedBlocks();
    for (const row of this.#rows('SELECT * FROM jfs_chunk_ref')) {
      const id = big(row.chunkid);
      const slice = counted.get(id);
      this.#expect(`references of slice ${id}`, big(row.refs), slice?.refs ?? 0n);
      if (slice !== undefined) this.#expect(`stored size of slice ${id}`, big(row.size), slice.size);
      counted.delete(id);
      this.#takeBlocks(id, Number(big(row.size)), stored);
    }
    for (const id of counted.keys()) this.#problems.push(`slice ${id} has no reference row`);
    if (this.#options.allowLeakedBlocks !== true) {
      for (const key of stored.keys()) this.#problems.push(`block ${key} belongs to no slice`);
    }
  }

  #storedBlocks(): Map<string, number> {
    const folder = join(this.#objects, this.#format.Name, 'chunks');
    const stored = new Map<string, number>();
    let entries: (string | Buffer)[];
    try {
      entries = readdirSync(folder, { recursive: true });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return stored;
      throw error;
    }
    for (const entry of entries) {
      const path = join(folder, String(entry));
      const status = statSync(path);
      if (status.isFile()) stored.set(relative(folder, path), status.size);
    }
    return stored;
  }

  #takeBlocks(id: bigint, size: number, stored: Map<string, number>): void {
    const blockSize = this.#format.BlockSize * 1024;
    for (let index = 0; index * blockSize < size; index++) {
      const bytes = Math.min(blockSize, size - index * blockSize);
      const folder =
        this.#format.HashPrefix === true
          ? `${(id % 256n).toString(16).toUpperCase().padStart(2, '0')}/${id / 1000000n}`
          : `${id / 1000000n}/${id / 1000n}`;
      const key = `${folder}/${id}_${index}_${bytes}`;
      const found = stored.get(key);
      stored.delete(key);
      if (found === undefined) this.#problems.push(`block ${key} is missing`);
      else if (this.#isPlain()) this.#expect(`bytes of block ${key}`, found, bytes);
    }
  }

  /** Blocks are stored as they are. */
  #isPlain(): boolean {
    const { Compression = 'none', EncryptKey = '' } = this.#format;
    return Compression === 'none' && EncryptKey === '';
  }

  #checkSideTables(): void {
    for (const table of ['xattr', 'symlink']) {
      for (const { inode } of this.#rows(`SELECT inode FROM jfs_${table}`)) {
        this.#expect(`${table} of ${inode} belongs to a node`, this.#nodes.has(big(inode)), true);
      }
    }
    for (const [inode, node] of this.#nodes) {
      if (big(node.type) !== SYMLINK) continue;
      const found = this.#rows(`SELECT 1 FROM jfs_symlink WHERE inode = ${inode}`).length;
      this.#expect(`target of link ${inode}`, found, 1);
    }
    for (const { inode } of this.#rows('SELECT inode FROM jfs_delfile')) {
      this.#expect(`the deleted ${inode} has no node`, this.#nodes.has(big(inode)), false);
    }
  }
}

function big(value: unknown): bigint {
  return typeof value === 'bigint' ? value : -1n;
}

function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
}

function blob(value: unknown): Buffer {
  return value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0);
}

if (process.argv[1] === import.meta.filename) {
  const problems = checkVolume(process.argv[2] ?? '', process.argv[3] ?? '', { allowPendingDeletes: true });
  process.stdout.write(problems.length === 0 ? 'the volume is right\n' : `${problems.join('\n')}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
