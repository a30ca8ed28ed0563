// Removes many files of one directory in few transactions, each with an answer of its own.
import { VolumeError, type VolumePath } from '../volume.ts';
import { requireMayRemove, touchParent } from './entry-rules.ts';
import { change, type FilesystemContext } from './filesystem-context.ts';
import { TYPE_DIRECTORY } from './inode.ts';
import { removeEntry } from './removal.ts';
import { collectError, removalBatch } from './remove-tree.ts';
import { resolveDirectory } from './resolve.ts';
import { at, encodeName, encodePath, showPath } from './volume-path.ts';

/** Removes files; a result each, same order: undefined or why it was not removed. Rejects when the directory is not there. */
export async function removeFiles(
  fs: FilesystemContext,
  directory: VolumePath,
  names: readonly string[],
): Promise<(VolumeError | undefined)[]> {
  const results: (VolumeError | undefined)[] = [];
  const batch = removalBatch(fs);
  for (let from = 0; from < names.length; from += batch) {
    results.push(...(await removeBatch(fs, directory, names.slice(from, from + batch))));
  }
  return results;
}

async function removeBatch(
  fs: FilesystemContext,
  directory: VolumePath,
  texts: readonly string[],
): Promise<(VolumeError | undefined)[]> {
  const path = encodePath(directory);
  const names = texts.map(nameOrError);
  return change(fs, async (current) => {
    const parent = await at(directory, resolveDirectory(fs, current.tx, path));
    await current.tx.foresee?.(parent.inode, names.filter(isName));
    const results: (VolumeError | undefined)[] = [];
    for (const [i, name] of names.entries()) {
      if (!isName(name)) {
        results.push(name);
        continue;
      }
      const failure = await collectError(async () => {
        requireMayRemove(current, parent, name);
        const edge = await current.tx.edge(parent.inode, name);
        const place = [...directory, texts[i] ?? ''];
        if (edge === undefined) throw new VolumeError('ENOENT', `there is nothing at ${showPath(place)}`);
        if (edge.type === TYPE_DIRECTORY) throw new VolumeError('EISDIR', `${showPath(place)} is a directory`);
        await removeEntry(current, parent, name, edge, { skipTrash: false });
      });
      results.push(failure);
    }
    if (results.includes(undefined)) await touchParent(current, parent, 0);
    return results;
  });
}

function nameOrError(text: string): Buffer | VolumeError {
  try {
    return encodeName(text);
  } catch (error) {
    if (error instanceof VolumeError) return error;
    throw error;
  }
}

function isName(name: Buffer | VolumeError): name is Buffer {
  return Buffer.isBuffer(name);
}
