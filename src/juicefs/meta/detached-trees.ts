// Trees that lie outside the tree of the volume: who clones a directory makes the copy aside and attaches it at the end, so a clone
// that broke off leaves one behind. This removes it. JuiceFS: doCleanupDetachedNode in pkg/meta.
import type { Change } from './change.ts';
import type { Node } from './engine.ts';
import { change, type FilesystemContext, look } from './filesystem-context.ts';
import { emptyDirectory } from './remove-tree.ts';

const PAGE = 1000;
const MAX_TREES = 1_000_000;
/** The parent of a directory that nothing above it counts. */
const NOWHERE = 0n;

/** Each tree that was begun before this unix second. */
export async function* detachedTrees(fs: FilesystemContext, begunBefore: number): AsyncGenerator<bigint> {
  const given = new Set<bigint>();
  for (;;) {
    const page = await look(fs, async (reader) => reader.detachedNodes(begunBefore, given.size + PAGE));
    const fresh = page.filter((inode) => !given.has(inode));
    if (fresh.length === 0) return;
    for (const inode of fresh) {
      given.add(inode);
      yield inode;
    }
  }
}

/** Removes such a tree, with nothing kept in the trash; false when it is none any more, or others still put something into it. */
export async function removeDetachedTree(fs: FilesystemContext, inode: bigint, begunBefore: number): Promise<boolean> {
  const cut = await change(fs, (current) => cutOff(current, inode, begunBefore));
  if (cut === undefined) return false;
  await emptyDirectory(fs, inode, { skipTrash: true });
  return change(fs, async (current) => {
    const { tx } = current;
    const node = await tx.lockNode(inode);
    if (node === undefined || (await tx.hasEntries(inode))) return false;
    await tx.deleteXattrs(inode);
    await tx.deleteDirectoryUsage(inode);
    await tx.deleteNode(inode);
    await tx.deleteDetachedNode(inode);
    current.addUsage(node, -node.length, -1);
    return true;
  });
}

/**
 * Takes the tree's root from the directory that it was to be attached to: the quotas of that one have never counted it, and must not
 * give back what is removed now.
 */
async function cutOff(current: Change, inode: bigint, begunBefore: number): Promise<Node | undefined> {
  const { tx } = current;
  const node = await tx.lockNode(inode);
  if (!(await tx.detachedNodes(begunBefore, MAX_TREES)).includes(inode)) return undefined;
  if (node === undefined) {
    await tx.deleteDetachedNode(inode);
    return undefined;
  }
  if (node.parent !== NOWHERE) {
    node.parent = NOWHERE;
    await tx.updateNode(node);
  }
  return node;
}
