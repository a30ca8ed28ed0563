// Renames an entry, replacing a file by a file or an empty directory by a directory, as POSIX rename does.
import { VolumeError } from '../volume.ts';
import type { Change } from './change.ts';
import type { Edge, Node } from './engine.ts';
import { holdParent, requireChangeable, requireMayAdd, requireMayRemove, touchParent } from './entry-rules.ts';
import { requireStickyOwner } from './filesystem-context.ts';
import { chargedSpace, isTrash, TYPE_DIRECTORY, TYPE_FILE } from './inode.ts';
import { removeEntry } from './removal.ts';
import { resolveParent } from './resolve.ts';

const SCAN_PAGE = 1000;

/** Moves what stands at `from` to `to`; the moved node. */
export async function renameEntry(
  change: Change,
  from: readonly Uint8Array[],
  to: readonly Uint8Array[],
): Promise<Node> {
  const { fs, tx } = change;
  const source = await resolveParent(fs, tx, from);
  const target = await resolveParent(fs, tx, to);
  if (source.edge === undefined) throw new VolumeError('ENOENT', 'no such file or directory');
  const node = await tx.lockNode(source.edge.inode);
  if (node === undefined) throw new VolumeError('ENOENT', 'no such file or directory');
  const sameDirectory = source.parent.inode === target.parent.inode;
  // Two names of one file, or one name twice: POSIX wants nothing done.
  if (target.edge?.inode === node.inode) return node;
  // One row, one object: its link count is changed from both sides.
  const isDirectory = node.type === TYPE_DIRECTORY;
  const linksWanted = isDirectory && (!sameDirectory || target.edge !== undefined) ? 1 : 0;
  target.parent = await holdParent(change, target.parent, linksWanted);
  if (sameDirectory) source.parent = target.parent;
  requireMayRemove(change, source.parent, source.name);
  requireMayAdd(change, target.parent, target.name, to);
  requireChangeable(node);
  requireStickyOwner(fs, source.parent, node);
  // Held, so that no two directories are moved into each other at the same time.
  const above = await change.ancestors(target.parent.inode, { held: isDirectory && !sameDirectory });
  if (above.includes(node.inode)) throw new VolumeError('EINVAL', 'a directory cannot be moved into itself');
  let targetLinks = 0;
  if (target.edge !== undefined) {
    requireReplaceable(isDirectory, target.edge);
    await removeEntry(change, target.parent, target.name, target.edge, { skipTrash: false });
    if (isDirectory) targetLinks -= 1;
  }
  await moveEdge(change, source, target, node, above);
  if (!sameDirectory) {
    if (node.parent > 0n) node.parent = target.parent.inode;
    if (isDirectory) targetLinks += 1;
    await touchParent(change, source.parent, isDirectory ? -1 : 0);
  }
  node.ctimeNs = change.nowNs;
  await tx.updateNode(node);
  await touchParent(change, target.parent, targetLinks);
  return node;
}

function requireReplaceable(isDirectory: boolean, existing: Edge): void {
  if (isDirectory && existing.type !== TYPE_DIRECTORY) {
    throw new VolumeError('ENOTDIR', 'a directory cannot replace a file');
  }
  if (!isDirectory && existing.type === TYPE_DIRECTORY) {
    throw new VolumeError('EISDIR', 'a file cannot replace a directory');
  }
}

interface Place {
  readonly parent: Node;
  readonly name: Uint8Array;
}

async function moveEdge(
  change: Change,
  source: Place,
  target: Place,
  node: Node,
  aboveTarget: readonly bigint[],
): Promise<void> {
  const { tx } = change;
  await tx.deleteEdge(source.parent.inode, source.name, node, node);
  await tx.insertEdge(target.parent.inode, target.name, node);
  if (source.parent.inode === target.parent.inode) return;
  change.countEntry(source.parent.inode, node, -1, { quota: false });
  change.countEntry(target.parent.inode, node, 1, { quota: false });
  await moveQuotas(change, source.parent.inode, target.parent.inode, node, aboveTarget);
}

/** A tree that leaves one quota's directory and enters another's takes its usage along. */
async function moveQuotas(
  change: Change,
  source: bigint,
  target: bigint,
  node: Node,
  aboveTarget: readonly bigint[],
): Promise<void> {
  const quotas = new Set((await change.tx.directoryQuotas()).map((quota) => quota.key));
  if (quotas.size === 0) return;
  const aboveSource = await change.ancestors(source);
  const affected = [...aboveSource, ...aboveTarget].some((inode) => quotas.has(inode));
  if (!affected) return;
  const { space, inodes } = await treeUsage(change, node);
  if (!isTrash(source)) change.countTree(source, -space, -inodes);
  change.countTree(target, space, inodes);
}

async function treeUsage(change: Change, top: Node): Promise<{ space: number; inodes: number }> {
  let space = 0;
  let inodes = 0;
  const pending: Node[] = [top];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    space += chargedSpace(node.type === TYPE_FILE ? node.length : 0);
    inodes += 1;
    if (node.type !== TYPE_DIRECTORY) continue;
    let after: Uint8Array = new Uint8Array(0);
    for (let full = true; full; ) {
      const page = await change.tx.entries(node.inode, { after }, SCAN_PAGE);
      for (const entry of page) {
        after = entry.name;
        if (entry.node !== undefined) pending.push(entry.node);
      }
      full = page.length === SCAN_PAGE;
    }
  }
  return { space, inodes };
}
