// Opens files for reading: finds them, registers them so that a removal here leaves their data until they are closed, and takes the
// snapshot of attributes and slices that is read. A path and all that a reader needs come in one round trip where the engine can.
import { fileStates } from './bulk-reading.ts';
import type { BlockStore } from './chunk/block-store.ts';
import { Budget } from './chunk/byte-budget.ts';
import { SliceFileReader } from './chunk/file-reader.ts';
import { toAttributes } from './meta/attributes.ts';
import type { ChunkRow, FileState, MetaReader, Node } from './meta/engine.ts';
import { type FilesystemContext, look, MAY_READ, requireAccess, snapshot } from './meta/filesystem-context.ts';
import { TYPE_DIRECTORY } from './meta/inode.ts';
import { resolveNode, resolveWith } from './meta/resolve.ts';
import { at, encodePath, showPath } from './meta/volume-path.ts';
import { type FileReader, type OpenedFile, VolumeError, type VolumePath } from './volume.ts';

/** Part of the buffers that readers may hold. */
const READ_SHARE = 6;
/** Times a path is looked up again because what it named was replaced before it could be opened. */
const MAX_OPEN_TRIES = 5;

export class FileOpener {
  readonly #fs: FilesystemContext;
  readonly #blocks: BlockStore;
  /** Bytes that readers hold. */
  readonly #held: Budget;
  readonly #opened: (inode: bigint, chunks: readonly ChunkRow[]) => void;

  /** @param opened told of every file that is opened, and its slices */
  constructor(fs: FilesystemContext, blocks: BlockStore, opened: (inode: bigint, chunks: readonly ChunkRow[]) => void) {
    const { format, options } = fs;
    this.#fs = fs;
    this.#blocks = blocks;
    this.#held = new Budget(Math.max(Math.floor(options.bufferSize / READ_SHARE), 4 * format.blockSize));
    this.#opened = opened;
  }

  /** As `Volume.open`. */
  async open(path: VolumePath, expectInode: bigint | undefined): Promise<FileReader> {
    const names = encodePath(path);
    for (let attempt = 1; ; attempt++) {
      const node = await look(this.#fs, (reader) => at(path, resolveNode(this.#fs, reader, names)));
      requireInode(path, node, expectInode);
      if (node.type === TYPE_DIRECTORY) throw new VolumeError('EISDIR', `${showPath(path)} is a directory`);
      try {
        return await this.openInode(node.inode);
      } catch (error) {
        // Replaced between the two reads: what stands there now is as good an answer.
        if (!isGone(error) || attempt >= MAX_OPEN_TRIES) throw error;
      }
    }
  }

  /** As `Volume.openWithXattrs`. */
  async openWithXattrs(path: VolumePath): Promise<OpenedFile> {
    const names = encodePath(path);
    for (let attempt = 1; ; attempt++) {
      const opened = await this.#tryOpen(path, names);
      if (opened !== undefined) return opened;
      // Replaced or removed meanwhile: what stands there now is as good an answer.
      if (attempt >= MAX_OPEN_TRIES) throw new VolumeError('ENOENT', `${showPath(path)} is being replaced`);
    }
  }

  /** Undefined when what was found is gone before it was open. */
  async #tryOpen(path: VolumePath, names: readonly Uint8Array[]): Promise<OpenedFile | undefined> {
    const opening = this.#fs.openFiles.begin();
    try {
      const { node, xattrs, chunks } = await look(this.#fs, async (reader) => {
        const found = await at(path, resolveWith(this.#fs, reader, names, 'xattrs and chunks'));
        return { ...found, xattrs: found.xattrs ?? (await xattrsOf(reader, found.node.inode)) };
      });
      const existing = { attributes: toAttributes(node), xattrs };
      if (node.type === TYPE_DIRECTORY) return { ...existing, reader: undefined };
      if (!opening.add(node.inode)) return undefined;
      const reader = await this.#registered(node.inode, chunks === undefined ? undefined : { node, chunks });
      return reader === undefined ? undefined : { ...existing, reader };
    } finally {
      opening.end();
    }
  }

  /** The reader of a file that is registered, and is not any more where there is none: undefined when the file is gone. */
  async #registered(inode: bigint, state: FileState | undefined): Promise<FileReader | undefined> {
    try {
      return this.#readerOf(inode, state ?? (await this.#stateOf(inode)));
    } catch (error) {
      this.#fs.openFiles.remove(inode);
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** As `Volume.openInode`. */
  async openInode(inode: bigint): Promise<FileReader> {
    // Registered first: from here on, a removal in this process keeps the data.
    this.#fs.openFiles.add(inode);
    const reader = await this.#registered(inode, undefined);
    if (reader === undefined) throw new VolumeError('ENOENT', `inode ${inode} is gone`);
    return reader;
  }

  /** As `Volume.openInodes`. */
  async openInodes(inodes: readonly bigint[]): Promise<(FileReader | undefined)[]> {
    const { openFiles } = this.#fs;
    for (const inode of inodes) openFiles.add(inode);
    const opened = new Set<number>();
    try {
      const states = await fileStates(this.#fs, inodes);
      return inodes.map((inode, at) => {
        const { node, chunks } = states[at] ?? { node: undefined, chunks: [] };
        if (node === undefined || node.nlink === 0 || node.type === TYPE_DIRECTORY) return undefined;
        const reader = this.#readerOf(inode, { node, chunks });
        opened.add(at);
        return reader;
      });
    } catch (error) {
      // Nobody gets to close those that were opened.
      opened.clear();
      throw error;
    } finally {
      for (const [at, inode] of inodes.entries()) if (!opened.has(at)) openFiles.remove(inode);
    }
  }

  /** Attributes and chunks of a file as of one moment: in one step, or where that takes several, in a transaction. */
  async #stateOf(inode: bigint): Promise<FileState> {
    return (
      (await look(this.#fs, async (reader) => reader.file?.(inode))) ??
      (await snapshot(this.#fs, async (reader) => ({
        node: await reader.node(inode),
        chunks: await reader.chunks(inode),
      })))
    );
  }

  /** Who calls has registered the inode as open. ENOENT, EISDIR, EACCES. */
  #readerOf(inode: bigint, { node, chunks }: FileState): FileReader {
    if (node === undefined || node.nlink === 0) throw new VolumeError('ENOENT', `inode ${inode} is gone`);
    // Pipes, sockets and devices are listed as files of no bytes, and read so.
    if (node.type === TYPE_DIRECTORY) throw new VolumeError('EISDIR', `inode ${inode} is a directory`);
    requireAccess(this.#fs, node, MAY_READ);
    this.#opened(inode, chunks);
    return new SliceFileReader({
      attributes: toAttributes(node),
      chunks: new Map(chunks.map((chunk) => [chunk.index, chunk.slices])),
      blocks: this.#blocks,
      held: this.#held,
      reload: async () => this.#chunksOf(inode),
      onClose: () => this.#fs.openFiles.remove(inode),
    });
  }

  /** The slices of a file as they are now. */
  async #chunksOf(inode: bigint): Promise<ReadonlyMap<number, Uint8Array>> {
    const chunks = await look(this.#fs, async (reader) => reader.chunks(inode));
    return new Map(chunks.map((chunk) => [chunk.index, chunk.slices]));
  }
}

/** All extended attributes of an inode. */
export async function xattrsOf(reader: MetaReader, inode: bigint): Promise<ReadonlyMap<string, Uint8Array>> {
  const [xattrs] = await reader.xattrs([inode]);
  return xattrs ?? new Map();
}

/** ENOENT when another inode stands at the path than the expected one. */
export function requireInode(path: VolumePath, node: Node, expected: bigint | undefined): void {
  if (expected !== undefined && node.inode !== expected) {
    throw new VolumeError('ENOENT', `${showPath(path)} is another file now`);
  }
}

function isGone(error: unknown): boolean {
  return error instanceof VolumeError && error.code === 'ENOENT';
}
