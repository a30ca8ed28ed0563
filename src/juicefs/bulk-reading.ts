// Reads of many inodes in as few round trips as the engine can: for those who look at thousands of small files at once.

import type { FileState, MetaReader, Node } from './meta/engine.ts';
import type { FilesystemContext } from './meta/filesystem-context.ts';
import { look, snapshot } from './meta/filesystem-context.ts';

/** The entry of that name in each directory, same order; undefined where there is none. */
export function childrenNamed(
  fs: FilesystemContext,
  directories: readonly bigint[],
  name: Uint8Array,
): Promise<(Node | undefined)[]> {
  return look(fs, async (reader) => {
    if (reader.childrenNamed !== undefined) return reader.childrenNamed(directories, name);
    return Promise.all(
      directories.map(async (directory) => {
        const edge = await reader.edge(directory, name);
        return edge === undefined ? undefined : reader.node(edge.inode);
      }),
    );
  });
}

/** Attributes and chunks of each file as of one moment, same order. */
export function fileStates(fs: FilesystemContext, inodes: readonly bigint[]): Promise<FileState[]> {
  return snapshot(fs, async (reader) =>
    reader.files === undefined ? Promise.all(inodes.map((inode) => fileState(reader, inode))) : reader.files(inodes),
  );
}

/** Attributes and chunks of a file. */
async function fileState(reader: MetaReader, inode: bigint): Promise<FileState> {
  return (await reader.file?.(inode)) ?? { node: await reader.node(inode), chunks: await reader.chunks(inode) };
}
