// Removes a directory with everything in it: many transactions, each small, so that others get their turn between them.
import { VolumeError } from '../volume.ts';
import type { Edge, Entry } from './engine.ts';
import { requireMayRemove, touchParent } from './entry-rules.ts';
import { change, type FilesystemContext, look, MAY_READ, requireAccess } from './filesystem-context.ts';
import { TYPE_DIRECTORY } from './inode.ts';
import { removeEntry } from './removal.ts';
import { resolveParent } from './resolve.ts';

/** Entries removed in one transaction, where the engine takes so many. */
const REMOVAL_BATCH = 100;
/** Times a directory is emptied again because others put something into it. */
const MAX_ROUNDS = 10;

/** Removes what stands at the path and all below it; nothing to do when there is nothing. */
export async function removeTree(
  fs: FilesystemContext,
  names: readonly Uint8Array[],
  options: { skipTrash: boolean },
): Promise<void> {
  const place = await look(fs, async (reader) => {
    try {
      return await resolveParent(fs, reader, names);
    } catch (error) {
      if (error instanceof VolumeError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  });
  if (place?.edge === undefined) return;
  await removeBelow(fs, place.parent.inode, place.name, place.edge, options);
}

/** Removes one entry of a directory, emptying it first if it is one itself. */
async function removeBelow(
  fs: FilesystemContext,
  parent: bigint,
  name: Uint8Array,
  edge: Edge,
  options: { skipTrash: boolean },
): Promise<void> {
  for (let round = 0; ; round++) {
    if (edge.type === TYPE_DIRECTORY) await emptyDirectory(fs, edge.inode, options);
    const [failure] = await removeNames(fs, parent, [{ name, inode: edge.inode }], options);
    if (failure === undefined) return;
    if (failure.code !== 'ENOTEMPTY' || round >= MAX_ROUNDS) throw failure;
  }
}

/** Removes all entries of a directory. */
export async function emptyDirectory(
  fs: FilesystemContext,
  directory: bigint,
  options: { skipTrash: boolean },
): Promise<void> {
  for (;;) {
    const page = await look(fs, async (reader) => {
      const node = await reader.node(directory);
      if (node !== undefined) requireAccess(fs, node, MAY_READ);
      return reader.someEntries(directory, removalBatch(fs));
    });
    if (page.length === 0) return;
    for (const entry of page.filter(isDirectory)) await removeBelow(fs, directory, entry.name, entry, options);
    const others = page.filter((entry) => !isDirectory(entry));
    const failures = await removeNames(fs, directory, others, options);
    const failure = failures.find((one) => one !== undefined);
    if (failure !== undefined) throw failure;
  }
}

/** How many entries one transaction removes. */
export function removalBatch(fs: FilesystemContext): number {
  return Math.min(REMOVAL_BATCH, fs.engine.removalBatch ?? REMOVAL_BATCH);
}

function isDirectory(entry: Entry): boolean {
  return entry.type === TYPE_DIRECTORY;
}

/** Removes entries of one directory in one transaction; of those that cannot be removed, why. Missing ones are done. */
async function removeNames(
  fs: FilesystemContext,
  parent: bigint,
  entries: readonly { readonly name: Uint8Array; readonly inode: bigint }[],
  options: { skipTrash: boolean },
): Promise<(VolumeError | undefined)[]> {
  if (entries.length === 0) return [];
  return change(fs, async (current) => {
    const directory = await current.tx.node(parent);
    if (directory === undefined) return entries.map(() => undefined);
    const results: (VolumeError | undefined)[] = [];
    let links = 0;
    await current.tx.foresee?.(
      parent,
      entries.map(({ name }) => name),
    );
    for (const { name, inode } of entries) {
      const edge = await current.tx.edge(parent, name);
      if (edge === undefined || edge.inode !== inode) {
        results.push(undefined);
        continue;
      }
      const failure = await collectError(async () => {
        requireMayRemove(current, directory, name);
        await removeEntry(current, directory, name, edge, options);
      });
      if (failure === undefined && edge.type === TYPE_DIRECTORY) links -= 1;
      results.push(failure);
    }
    if (results.some((result) => result === undefined)) await touchParent(current, directory, links);
    return results;
  });
}

/** What a refusal says; a fault is no answer, and thrown on. */
export async function collectError(body: () => Promise<void>): Promise<VolumeError | undefined> {
  try {
    await body();
    return undefined;
  } catch (error) {
    if (error instanceof VolumeError && error.code !== 'EIO' && error.code !== 'EBUSY') return error;
    throw error;
  }
}
