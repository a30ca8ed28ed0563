// One writing transaction under way: its clock, and the accounting that is settled at its end so that usage counters,
// directory statistics and quotas change together with what they count.
import { VolumeError } from '../volume.ts';
import type { AclContent, AclRule, DeletedFile, DirectoryUsage, MetaTransaction, Node, Quota } from './engine.ts';
import type { FilesystemContext } from './filesystem-context.ts';
import { chargedSpace, isTrash, ROOT_INODE, TYPE_FILE } from './inode.ts';

const MAX_DEPTH = 10_000;
const SCAN_PAGE = 1000;

export class Change {
  readonly fs: FilesystemContext;
  readonly tx: MetaTransaction;
  /** One time for everything the transaction stamps. */
  readonly nowNs: bigint;
  /** Files whose data may be deleted once this is committed. */
  readonly deletedFiles: DeletedFile[] = [];
  /** Files this process holds open, without a link from now on. */
  readonly orphans: bigint[] = [];
  /** Directories this change made: nobody else knows them yet. */
  readonly made = new Set<bigint>();
  #aclRules: AclRule[] | undefined;
  #space = 0;
  #inodes = 0;
  readonly #directories = new Map<bigint, DirectoryUsage>();
  readonly #quotas = new Map<bigint, DirectoryUsage>();
  readonly #owners = new Map<string, { kind: 'user' | 'group'; id: number; space: number; inodes: number }>();

  constructor(fs: FilesystemContext, tx: MetaTransaction) {
    this.fs = fs;
    this.tx = tx;
    this.nowNs = currentTimeNs();
  }

  /** The volume's access control lists, with those this change adds. */
  async aclRules(): Promise<readonly AclRule[]> {
    this.#aclRules ??= [...(await this.tx.aclRules())];
    return this.#aclRules;
  }

  /** Stores an access control list; its number. */
  async addAclRule(rule: AclContent): Promise<number> {
    const id = await this.tx.addAclRule(rule);
    this.#aclRules?.push({ ...rule, id });
    return id;
  }

  /** The volume's usage grows by an inode of this owner (or shrinks). */
  addUsage(node: Pick<Node, 'uid' | 'gid'>, space: number, inodes: number): void {
    this.#space += space;
    this.#inodes += inodes;
    for (const [kind, id] of [
      ['user', node.uid],
      ['group', node.gid],
    ] as const) {
      const key = `${kind}:${id}`;
      const owner = this.#owners.get(key) ?? { kind, id, space: 0, inodes: 0 };
      owner.space += space;
      owner.inodes += inodes;
      this.#owners.set(key, owner);
    }
  }

  /** An entry leading to this node appears in (+1) or leaves (-1) a directory. Moves of whole trees count quotas themselves. */
  countEntry(directory: bigint, node: Pick<Node, 'type' | 'length'>, sign: 1 | -1, options?: { quota: false }): void {
    const length = node.type === TYPE_FILE ? node.length : 0;
    const usage = { length: sign * length, space: sign * chargedSpace(length), inodes: sign };
    accumulate(this.#directories, directory, usage);
    if (options?.quota !== false && !isTrash(directory)) accumulate(this.#quotas, directory, usage);
  }

  /** A tree of this size enters or leaves the quotas of a directory and those above it. */
  countTree(directory: bigint, space: number, inodes: number): void {
    accumulate(this.#quotas, directory, { length: 0, space, inodes });
  }

  /** Writes the accounting; ENOSPC or EDQUOT when it would exceed a limit. */
  async settle(): Promise<void> {
    await this.#settleVolume();
    await this.#settleOwners();
    if (!this.fs.format.dirStats) return;
    await this.tx.foreseeUsage?.([...this.#directories.keys()]);
    // In order of inode, as all clients' rows are fought over: two changes then cannot wait for each other.
    for (const [directory, usage] of inOrder(this.#directories)) await this.#settleDirectory(directory, usage);
    await this.#settleQuotas();
  }

  async #settleVolume(): Promise<void> {
    const { capacity, inodes } = this.fs.format;
    if (this.#space !== 0) {
      await this.tx.adjustUsage('usedSpace', this.#space);
      if (this.#space > 0 && capacity > 0 && (await this.tx.counter('usedSpace')) > capacity) {
        throw new VolumeError('ENOSPC', 'the volume is full');
      }
    }
    if (this.#inodes !== 0) {
      await this.tx.adjustUsage('totalInodes', this.#inodes);
      if (this.#inodes > 0 && inodes > 0 && (await this.tx.counter('totalInodes')) > inodes) {
        throw new VolumeError('ENOSPC', 'the volume has no inodes left');
      }
    }
  }

  async #settleOwners(): Promise<void> {
    if (!this.fs.format.userGroupQuota) return;
    for (const { kind, id, space, inodes } of this.#owners.values()) {
      if (space === 0 && inodes === 0) continue;
      const quota = await this.tx.ownerQuota(kind, id);
      if (quota !== undefined) requireWithin(quota, space, inodes, `${kind} ${id}`);
      await this.tx.addOwnerUsage(kind, id, space, inodes);
    }
  }

  async #settleDirectory(directory: bigint, usage: DirectoryUsage): Promise<void> {
    if (usage.length === 0 && usage.space === 0 && usage.inodes === 0) return;
    if (await this.tx.addDirectoryUsage(directory, usage)) return;
    // No statistics yet (an older volume, or they were just enabled): count the directory as it is now.
    if ((await this.tx.node(directory)) === undefined) return;
    await this.tx.insertDirectoryUsage(directory, await this.#countDirectory(directory));
  }

  async #countDirectory(directory: bigint): Promise<DirectoryUsage> {
    const total = { length: 0, space: 0, inodes: 0 };
    let after: Uint8Array = new Uint8Array(0);
    for (;;) {
      const page = await this.tx.entries(directory, { after }, SCAN_PAGE);
      for (const { node, name } of page) {
        after = name;
        const length = node?.type === TYPE_FILE ? node.length : 0;
        total.length += length;
        total.space += chargedSpace(length);
        total.inodes += 1;
      }
      if (page.length < SCAN_PAGE) return total;
    }
  }

  async #settleQuotas(): Promise<void> {
    if (this.#quotas.size === 0) return;
    const quotas = new Map((await this.tx.directoryQuotas()).map((quota) => [quota.key, quota]));
    if (quotas.size === 0) return;
    const totals = new Map<bigint, DirectoryUsage>();
    for (const [directory, usage] of this.#quotas) {
      for (const ancestor of await this.ancestors(directory)) {
        if (quotas.has(ancestor)) accumulate(totals, ancestor, usage);
      }
    }
    for (const [directory, { space, inodes }] of inOrder(totals)) {
      const quota = quotas.get(directory);
      if (quota === undefined || (space === 0 && inodes === 0)) continue;
      requireWithin(quota, space, inodes, `directory ${directory}`);
      await this.tx.addDirectoryQuotaUsage(directory, space, inodes);
    }
  }

  /** A directory and those above it, up to the root. */
  async ancestors(directory: bigint, options?: { held: boolean }): Promise<bigint[]> {
    const found: bigint[] = [];
    for (let inode = directory; found.length < MAX_DEPTH; ) {
      found.push(inode);
      if (inode <= ROOT_INODE || isTrash(inode)) break;
      const held = options?.held === true;
      const node = held ? await this.tx.holdNode(inode, false) : await this.tx.node(inode);
      if (node === undefined) break;
      inode = node.parent;
    }
    return found;
  }
}

function inOrder<T>(totals: ReadonlyMap<bigint, T>): [bigint, T][] {
  return [...totals].sort(([a], [b]) => (a < b ? -1 : 1));
}

function accumulate(totals: Map<bigint, DirectoryUsage>, key: bigint, usage: DirectoryUsage): void {
  const total = totals.get(key);
  if (total === undefined) {
    totals.set(key, { ...usage });
    return;
  }
  total.length += usage.length;
  total.space += usage.space;
  total.inodes += usage.inodes;
}

function requireWithin(quota: Quota, space: number, inodes: number, whose: string): void {
  const tooBig = space > 0 && quota.maxSpace > 0 && quota.usedSpace + space > quota.maxSpace;
  const tooMany = inodes > 0 && quota.maxInodes > 0 && quota.usedInodes + inodes > quota.maxInodes;
  if (tooBig || tooMany) throw new VolumeError('EDQUOT', `the quota of ${whose} is used up`);
}

/** The wall clock in nanoseconds, in whole milliseconds. */
export function currentTimeNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
