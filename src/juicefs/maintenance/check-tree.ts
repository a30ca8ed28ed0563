// Checks what a volume's rows say about its directories, and puts it right when asked: link counts, statistics, directories
// without attributes, and for the whole volume its usage and quotas.
import type { FormatRecord } from '../format/format-record.ts';
import { currentTimeNs } from '../meta/change.ts';
import type { DirectoryUsage, Entry, MetaEngine, Node } from '../meta/engine.ts';
import { chargedSpace, DIRECTORY_LENGTH, ROOT_INODE, TRASH_INODE, TYPE_DIRECTORY, TYPE_FILE } from '../meta/inode.ts';
import { VolumeError } from '../volume.ts';
import { type AdminOptions, withVolume } from './administer.ts';
import { directoriesBelow, entriesOf, type WalkedDirectory } from './tree.ts';

export interface CheckTreeOptions extends AdminOptions {
  /** Components of the directory to check. */
  readonly path: readonly string[];
  readonly recursive?: boolean;
  readonly repair?: boolean;
  /** Check the statistics of directories, too. */
  readonly syncDirStat?: boolean;
  /** Mode of directories that are made anew. */
  readonly repairMode?: number;
}

export interface TreeReport {
  /** A line for each thing that is wrong; with `repair`, that was wrong. */
  readonly problems: readonly string[];
  readonly directories: number;
  /** Files met on the way. */
  readonly files: ReadonlySet<bigint>;
}

/** Checks a directory, or all below it. */
export function checkTree(metaUrl: string, options: CheckTreeOptions): Promise<TreeReport> {
  const readOnly = options.repair !== true;
  return withVolume(metaUrl, { ...options, readOnly }, async (engine, format) => {
    if (!readOnly) await engine.prepareForWriting();
    return new TreeCheck(engine, format, options).run();
  });
}

const DEFAULT_MODE = 0o755;

class TreeCheck {
  readonly #engine: MetaEngine;
  readonly #format: FormatRecord;
  readonly #options: CheckTreeOptions;
  readonly #problems: string[] = [];
  readonly #files = new Set<bigint>();
  #directories = 0;

  constructor(engine: MetaEngine, format: FormatRecord, options: CheckTreeOptions) {
    this.#engine = engine;
    this.#format = format;
    this.#options = options;
  }

  async run(): Promise<TreeReport> {
    const top = await this.#top();
    if (top !== undefined) {
      for await (const directory of this.#options.recursive === true ? directoriesBelow(this.#engine, top) : [top]) {
        await this.#directory(directory);
        this.#directories += 1;
        this.#options.onProgress?.('checked directories', this.#directories);
      }
      if (top.inode === ROOT_INODE && this.#options.recursive === true) await this.#volume();
    }
    return { problems: this.#problems, directories: this.#directories, files: this.#files };
  }

  async #top(): Promise<WalkedDirectory | undefined> {
    const names = this.#options.path.map((name) => Buffer.from(name, 'utf8'));
    const path = `/${this.#options.path.join('/')}`;
    if (names.length === 0) {
      const node = await this.#engine.look(async (reader) => reader.node(ROOT_INODE));
      return { inode: ROOT_INODE, path, node, parent: ROOT_INODE };
    }
    const walk = await this.#engine.look(async (reader) => reader.walk(ROOT_INODE, names));
    const { edge } = walk;
    if (edge === undefined || walk.consumed < names.length)
      throw new VolumeError('ENOENT', `there is nothing at ${path}`);
    const node = await this.#engine.look(async (reader) => reader.node(edge.inode));
    if (edge.type !== TYPE_DIRECTORY) {
      this.#files.add(edge.inode);
      if (node === undefined) this.#problems.push(`${path}: inode ${edge.inode} has no attributes`);
      return undefined;
    }
    return { inode: edge.inode, path, node, parent: walk.parent };
  }

  async #directory(directory: WalkedDirectory): Promise<void> {
    const { inode, path, node } = directory;
    const usage: DirectoryUsage = { length: 0, space: 0, inodes: 0 };
    let links = 2;
    for await (const entry of entriesOf(this.#engine, inode)) {
      if (entry.type === TYPE_DIRECTORY) links += 1;
      else {
        this.#files.add(entry.inode);
        if (entry.node === undefined) {
          this.#problems.push(
            `${path}: entry ${Buffer.from(entry.name).toString()} leads to inode ${entry.inode}, which is not there`,
          );
        }
      }
      count(usage, entry);
    }
    if (node === undefined) {
      await this.#found(`${path}: inode ${inode} has no attributes`, () => this.#makeDirectory(directory, links));
    } else if (node.nlink !== links) {
      await this.#found(`${path}: inode ${inode} has ${node.nlink} links, should be ${links}`, () =>
        this.#update(inode, (current) => {
          current.nlink = links;
        }),
      );
    }
    if (this.#options.syncDirStat === true && this.#format.dirStats) await this.#statistics(path, inode, usage);
  }

  async #statistics(path: string, inode: bigint, usage: DirectoryUsage): Promise<void> {
    const stored = await this.#engine.look(async (reader) => reader.directoryUsage(inode));
    // Clients count a cloned directory's own length or not; lengths are put right with the rest, and are no reason to complain.
    const repair = this.#options.repair === true;
    if (stored !== undefined && sameUsage(stored, usage) && (!repair || stored.length === usage.length)) return;
    const is = stored === undefined ? 'missing' : `${stored.length}/${stored.space}/${stored.inodes}`;
    await this.#found(
      `${path}: statistics of inode ${inode} are ${is}, should be ${usage.length}/${usage.space}/${usage.inodes} (length/space/inodes)`,
      () => this.#engine.write(async (tx) => tx.putDirectoryUsage(inode, usage)),
    );
  }

  /** What the counters of the whole volume must be: the tree, the trash, and what sessions keep alive. */
  async #volume(): Promise<void> {
    const seen = new Set<bigint>();
    const total = { length: 0, space: 0, inodes: 0 };
    for (const top of [ROOT_INODE, TRASH_INODE]) {
      for await (const { inode } of directoriesBelow(this.#engine, {
        inode: top,
        path: '/',
        node: undefined,
        parent: top,
      })) {
        for await (const entry of entriesOf(this.#engine, inode)) {
          // Only what has several links is met again.
          if (seen.has(entry.inode)) continue;
          if (entry.type !== TYPE_DIRECTORY && (entry.node?.nlink ?? 0) > 1) seen.add(entry.inode);
          count(total, entry);
        }
      }
    }
    await this.#addSustained(total, seen);
    const [space, inodes] = await this.#engine.look(async (reader) =>
      Promise.all([reader.counter('usedSpace'), reader.counter('totalInodes')]),
    );
    if (space !== total.space || inodes !== total.inodes) {
      await this.#found(
        `the volume's usage is ${space} bytes and ${inodes} inodes, should be ${total.space} and ${total.inodes}`,
        () =>
          this.#engine.write(async (tx) => {
            await tx.setCounter('usedSpace', total.space);
            await tx.setCounter('totalInodes', total.inodes);
          }),
      );
    }
    await this.#quotas();
  }

  async #addSustained(total: DirectoryUsage, seen: Set<bigint>): Promise<void> {
    for (const { id } of await this.#engine.look(async (reader) => reader.sessions())) {
      for (const inode of await this.#engine.look(async (reader) => reader.sustained(id))) {
        const node = await this.#engine.look(async (reader) => reader.node(inode));
        if (node === undefined || seen.has(inode)) continue;
        seen.add(inode);
        count(total, { type: node.type, node });
      }
    }
  }

  async #quotas(): Promise<void> {
    for (const quota of await this.#engine.look(async (reader) => reader.directoryQuotas())) {
      const usage = { length: 0, space: 0, inodes: 0 };
      const top = { inode: quota.key, path: '/', node: undefined, parent: quota.key };
      for await (const { inode } of directoriesBelow(this.#engine, top)) {
        for await (const entry of entriesOf(this.#engine, inode)) count(usage, entry);
      }
      if (quota.usedSpace === usage.space && quota.usedInodes === usage.inodes) continue;
      await this.#found(
        `the quota of inode ${quota.key} counts ${quota.usedSpace} bytes and ${quota.usedInodes} inodes, should be ${usage.space} and ${usage.inodes}`,
        () =>
          this.#engine.write(async (tx) =>
            tx.putDirectoryQuota({ ...quota, usedSpace: usage.space, usedInodes: usage.inodes }),
          ),
      );
    }
  }

  async #found(problem: string, repair: () => Promise<void>): Promise<void> {
    this.#problems.push(this.#options.repair === true ? `${problem}: repaired` : problem);
    if (this.#options.repair === true) await repair();
  }

  async #update(inode: bigint, change: (node: Node) => void): Promise<void> {
    await this.#engine.write(async (tx) => {
      const node = await tx.lockNode(inode);
      if (node === undefined) return;
      change(node);
      await tx.updateNode(node);
    });
  }

  async #makeDirectory({ inode, parent }: WalkedDirectory, nlink: number): Promise<void> {
    const now = currentTimeNs();
    await this.#engine.write(async (tx) => {
      if ((await tx.node(inode)) !== undefined) return;
      await tx.insertNode({
        inode,
        type: TYPE_DIRECTORY,
        flags: 0,
        mode: this.#options.repairMode ?? DEFAULT_MODE,
        uid: 0,
        gid: 0,
        atimeNs: now,
        mtimeNs: now,
        ctimeNs: now,
        nlink,
        length: DIRECTORY_LENGTH,
        rdev: 0,
        parent,
        accessAcl: 0,
        defaultAcl: 0,
        tier: 0,
      });
    });
  }
}

function count(usage: DirectoryUsage, { type, node }: Pick<Entry, 'type' | 'node'>): void {
  const length = type === TYPE_FILE ? (node?.length ?? 0) : 0;
  usage.length += length;
  usage.space += chargedSpace(length);
  usage.inodes += 1;
}

function sameUsage(a: DirectoryUsage, b: DirectoryUsage): boolean {
  return a.space === b.space && a.inodes === b.inodes;
}
