// The open volume: each public operation is one resolution or transaction of the filesystem rules, plus the data they name.
import { childrenNamed } from './bulk-reading.ts';
import type { BlockStore } from './chunk/block-store.ts';
import { Budget } from './chunk/byte-budget.ts';
import { FileOpener, requireInode, xattrsOf } from './file-opener.ts';
import { BackgroundBackup } from './maintenance/backup.ts';
import { BackgroundCompaction } from './maintenance/compaction.ts';
import { toAttributes } from './meta/attributes.ts';
import { BackgroundJobs } from './meta/background-jobs.ts';
import type { Change } from './meta/change.ts';
import { composeSlices, recordsByChunk, TooManyPieces } from './meta/compose.ts';
import type { DeletionQueue } from './meta/deletion-queue.ts';
import type { Node } from './meta/engine.ts';
import { requireChangeable, requireMayRemove, touchParent } from './meta/entry-rules.ts';
import { commitFile, existingFile } from './meta/file-commit.ts';
import { releaseFileLock, tryFileLock } from './meta/file-lock.ts';
import { change, type FilesystemContext, look, MAY_READ, MAY_WRITE, requireAccess } from './meta/filesystem-context.ts';
import type { IdAllocator } from './meta/id-allocator.ts';
import { TYPE_DIRECTORY } from './meta/inode.ts';
import { makeDirectories, makeNewDirectory } from './meta/make-directories.ts';
import { foreseeEntry, removeEntry } from './meta/removal.ts';
import { removeFiles } from './meta/remove-files.ts';
import { removeTree } from './meta/remove-tree.ts';
import { renameEntry } from './meta/rename.ts';
import { resolveDirectory, resolveNode, resolveParent, resolveWith } from './meta/resolve.ts';
import { endSession, Heartbeat } from './meta/session.ts';
import { at, encodeName, encodePath, showPath } from './meta/volume-path.ts';
import type { ObjectStore } from './storage/object-store.ts';
import {
  type Attributes,
  type CommitGuard,
  type CommitOptions,
  CommitUnknownError,
  type CreateOptions,
  type DirectoryEntry,
  type ExistingFile,
  type FileLock,
  type FilePiece,
  type FileReader,
  type FileWriter,
  type ListOptions,
  type OpenedFile,
  type Volume,
  VolumeError,
  type VolumePath,
  type VolumeUsage,
} from './volume.ts';
import { listDirectory } from './volume-listing.ts';
import { VolumeFileWriter } from './volume-writer.ts';

const DEFAULT_FILE_MODE = 0o666;
const DEFAULT_DIRECTORY_MODE = 0o777;
/** How long closing waits for the data of removed files to be deleted. */
const DRAIN_MS = 10_000;

/** What a volume is made of; `openVolume` puts it together. */
export interface VolumeParts {
  readonly fs: FilesystemContext;
  readonly objects: ObjectStore;
  readonly blocks: BlockStore;
  readonly sliceIds: IdAllocator;
  readonly deletions: DeletionQueue;
  /** For what reads the metadata over a connection of its own. */
  readonly metaUrl?: string;
}

export class JuiceVolume implements Volume {
  readonly name: string;
  readonly uuid: string;
  readonly readOnly: boolean;
  readonly #parts: VolumeParts;
  readonly #fs: FilesystemContext;
  readonly #buffers: Budget;
  readonly #opener: FileOpener;
  readonly #heartbeat: Heartbeat;
  readonly #jobs: BackgroundJobs | undefined;
  readonly #compaction: BackgroundCompaction | undefined;
  readonly #backup: BackgroundBackup | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: VolumeParts) {
    this.#parts = parts;
    this.#fs = parts.fs;
    const { format, options } = parts.fs;
    this.name = format.name;
    this.uuid = format.uuid;
    this.readOnly = options.readOnly;
    this.#buffers = new Budget(Math.max(options.bufferSize - options.smallBlockBytes, format.blockSize));
    this.#opener = new FileOpener(parts.fs, parts.blocks, (inode, chunks) => this.#compaction?.consider(inode, chunks));
    this.#heartbeat = new Heartbeat(parts.fs);
    if (options.readOnly || !options.backgroundJobs) return;
    this.#jobs = new BackgroundJobs(parts.fs, parts.blocks);
    // One of the processes that are this client does it.
    if (parts.metaUrl !== undefined && options.backupIntervalMs > 0 && options.rank === 0) {
      this.#backup = new BackgroundBackup({ ...parts, metaUrl: parts.metaUrl });
    }
    this.#compaction = new BackgroundCompaction({ ...parts, buffers: this.#buffers });
  }

  async stat(path: VolumePath): Promise<Attributes> {
    const names = encodePath(path);
    return toAttributes(await look(this.#fs, (reader) => at(path, resolveNode(this.#fs, reader, names))));
  }

  async statWithXattrs(path: VolumePath): Promise<ExistingFile> {
    const names = encodePath(path);
    return look(this.#fs, async (reader) => {
      const { node, xattrs } = await at(path, resolveWith(this.#fs, reader, names, 'xattrs'));
      return { attributes: toAttributes(node), xattrs: xattrs ?? (await xattrsOf(reader, node.inode)) };
    });
  }

  async xattrsOf(inodes: readonly bigint[]): Promise<ReadonlyMap<string, Uint8Array>[]> {
    return look(this.#fs, async (reader) => reader.xattrs(inodes));
  }

  async *list(path: VolumePath, options?: ListOptions): AsyncGenerator<DirectoryEntry> {
    const names = encodePath(path);
    const directory = await look(this.#fs, (reader) => at(path, resolveDirectory(this.#fs, reader, names)));
    requireAccess(this.#fs, directory, MAY_READ);
    yield* listDirectory(this.#fs, directory.inode, names, options ?? {});
  }

  async isEmpty(path: VolumePath): Promise<boolean> {
    const names = encodePath(path);
    return look(this.#fs, async (reader) => {
      const directory = await at(path, resolveDirectory(this.#fs, reader, names));
      return !(await reader.hasEntries(directory.inode));
    });
  }

  async mkdir(path: VolumePath, options?: { mode?: number }): Promise<Attributes> {
    return this.#make(path, options?.mode, makeNewDirectory);
  }

  async mkdirs(path: VolumePath, options?: { mode?: number }): Promise<Attributes> {
    return this.#make(path, options?.mode, makeDirectories);
  }

  async #make(path: VolumePath, mode: number | undefined, make: typeof makeDirectories): Promise<Attributes> {
    const names = encodePath(path);
    const node = await this.#withInodes(names.length, (current, ids) =>
      at(path, make(current, names, mode ?? DEFAULT_DIRECTORY_MODE, ids)),
    );
    return toAttributes(node);
  }

  async rmdir(path: VolumePath, options?: { guard?: CommitGuard; skipTrash?: boolean }): Promise<void> {
    await this.#remove(path, true, options);
  }

  async unlink(path: VolumePath, options?: { guard?: CommitGuard; skipTrash?: boolean }): Promise<void> {
    await this.#remove(path, false, options);
  }

  async #remove(
    path: VolumePath,
    directory: boolean,
    options: { guard?: CommitGuard; skipTrash?: boolean } | undefined,
  ): Promise<void> {
    const names = encodePath(path);
    await change(this.#fs, async (current) => {
      await foreseeEntry(current, names);
      const { parent, name, edge } = await at(path, resolveParent(this.#fs, current.tx, names));
      if (edge === undefined) throw new VolumeError('ENOENT', `there is nothing at ${showPath(path)}`);
      requireKind(path, edge.type, directory);
      options?.guard?.(await existingFile(this.#fs, current.tx, names, edge));
      requireMayRemove(current, parent, name);
      await removeEntry(current, parent, name, edge, { skipTrash: options?.skipTrash ?? false });
      await touchParent(current, parent, directory ? -1 : 0);
    });
  }

  unlinkMany(directory: VolumePath, names: readonly string[]): Promise<(VolumeError | undefined)[]> {
    return removeFiles(this.#fs, directory, names);
  }

  async removeTree(path: VolumePath, options?: { skipTrash?: boolean }): Promise<void> {
    await removeTree(this.#fs, encodePath(path), { skipTrash: options?.skipTrash ?? false });
  }

  async rename(from: VolumePath, to: VolumePath): Promise<Attributes> {
    const source = encodePath(from);
    const target = encodePath(to);
    return toAttributes(await change(this.#fs, (current) => at(from, renameEntry(current, source, target))));
  }

  async setTimes(path: VolumePath, times: { atimeNs?: bigint; mtimeNs?: bigint }): Promise<void> {
    const names = encodePath(path);
    await change(this.#fs, async (current) => {
      const node = await this.#nodeToChange(current, path, names);
      node.atimeNs = times.atimeNs ?? node.atimeNs;
      node.mtimeNs = times.mtimeNs ?? node.mtimeNs;
      node.ctimeNs = current.nowNs;
      await current.tx.updateNode(node);
    });
  }

  async setXattrs(
    path: VolumePath,
    xattrs: ReadonlyMap<string, Uint8Array | undefined>,
    options?: { expectInode?: bigint },
  ): Promise<void> {
    const names = encodePath(path);
    await change(this.#fs, async (current) => {
      const node = await this.#nodeToChange(current, path, names);
      requireInode(path, node, options?.expectInode);
      for (const [name, value] of xattrs) {
        if (value === undefined) await current.tx.deleteXattr(node.inode, name);
        else await current.tx.setXattr(node.inode, name, value);
      }
    });
  }

  async #nodeToChange(current: Change, path: VolumePath, names: readonly Uint8Array[]): Promise<Node> {
    const found = await at(path, resolveNode(this.#fs, current.tx, names));
    const node = await current.tx.lockNode(found.inode);
    if (node === undefined) throw new VolumeError('ENOENT', `there is nothing at ${showPath(path)}`);
    const { uid } = this.#fs.options;
    if (uid !== node.uid) requireAccess(this.#fs, node, MAY_WRITE);
    requireChangeable(node);
    return node;
  }

  open(path: VolumePath, options?: { expectInode?: bigint }): Promise<FileReader> {
    return this.#opener.open(path, options?.expectInode);
  }

  openWithXattrs(path: VolumePath): Promise<OpenedFile> {
    return this.#opener.openWithXattrs(path);
  }

  openInode(inode: bigint): Promise<FileReader> {
    return this.#opener.openInode(inode);
  }

  openInodes(inodes: readonly bigint[]): Promise<(FileReader | undefined)[]> {
    return this.#opener.openInodes(inodes);
  }

  async childrenNamed(directories: readonly bigint[], name: string): Promise<(Attributes | undefined)[]> {
    const found = await childrenNamed(this.#fs, directories, encodeName(name));
    return found.map((node) => (node === undefined ? undefined : toAttributes(node)));
  }

  create(path: VolumePath, options?: CreateOptions): FileWriter {
    if (this.readOnly) throw new VolumeError('EROFS', 'the volume is open for reading only');
    const names = encodePath(path);
    return new VolumeFileWriter({
      blocks: this.#parts.blocks,
      buffers: this.#buffers,
      sliceIds: this.#parts.sliceIds,
      log: this.#fs.options.log,
      commit: (content, commit) =>
        this.#withInodes(names.length, (current, ids) =>
          commitFile(
            current,
            names,
            { ...content, shared: false },
            {
              mode: options?.mode ?? DEFAULT_FILE_MODE,
              skipTrash: options?.skipTrash ?? false,
              existingParents: options?.existingParents ?? 0,
              xattrs: commit?.xattrs ?? new Map(),
              guard: commit?.guard,
            },
            ids,
          ),
        ),
    });
  }

  async composeFile(
    path: VolumePath,
    pieces: readonly FilePiece[],
    options?: CommitOptions & CreateOptions & { removeAfter?: VolumePath },
  ): Promise<Attributes> {
    try {
      return await this.#composeByReference(path, pieces, options);
    } catch (error) {
      if (!(error instanceof TooManyPieces)) throw error;
    }
    const attributes = await this.#composeByCopy(path, pieces, options);
    if (options?.removeAfter !== undefined) await this.#removeParts(options.removeAfter);
    return attributes;
  }

  async #composeByCopy(
    path: VolumePath,
    pieces: readonly FilePiece[],
    options: (CommitOptions & CreateOptions) | undefined,
  ): Promise<Attributes> {
    const writer = this.create(path, options);
    let reader: FileReader | undefined;
    try {
      for (const { inode, start, end } of pieces) {
        if (reader?.attributes.inode !== inode) {
          await reader?.close();
          reader = await this.openInode(inode);
        }
        for await (const bytes of reader.read(start, end)) await writer.write(bytes);
      }
      return await writer.commit(options);
    } catch (error) {
      await writer.abort();
      throw error;
    } finally {
      await reader?.close();
    }
  }

  async #composeByReference(
    path: VolumePath,
    pieces: readonly FilePiece[],
    options: (CommitOptions & CreateOptions & { removeAfter?: VolumePath }) | undefined,
  ): Promise<Attributes> {
    const names = encodePath(path);
    let records: ReadonlyMap<number, number> = new Map();
    const node = await this.#withInodes(names.length, async (current, ids) => {
      const { slices, length } = await composeSlices(this.#fs, current.tx, pieces);
      records = recordsByChunk(slices);
      const content = { length, mtimeNs: current.nowNs, slices, shared: true };
      const commit = {
        mode: options?.mode ?? DEFAULT_FILE_MODE,
        skipTrash: options?.skipTrash ?? false,
        existingParents: options?.existingParents ?? 0,
        xattrs: options?.xattrs ?? new Map(),
        guard: options?.guard,
      };
      return commitFile(current, names, content, commit, ids);
    });
    this.#compaction?.considerWritten(node.inode, records);
    if (options?.removeAfter !== undefined) await this.#removeParts(options.removeAfter);
    return toAttributes(node);
  }

  /** The file is made by now: parts that cannot be removed are left over, and no reason to fail. */
  async #removeParts(path: VolumePath): Promise<void> {
    try {
      await this.removeTree(path, { skipTrash: true });
    } catch (error) {
      this.#fs.options.log.warn('the parts of a composed file could not be removed', {
        path: showPath(path),
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  async tryLock(inode: bigint): Promise<FileLock | undefined> {
    if (!(await tryFileLock(this.#fs, inode))) return undefined;
    return { release: () => releaseFileLock(this.#fs, inode) };
  }

  async usage(): Promise<VolumeUsage> {
    return look(this.#fs, async (reader) => ({
      usedBytes: await reader.counter('usedSpace'),
      usedInodes: await reader.counter('totalInodes'),
    }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { engine, session } = this.#fs;
    await this.#heartbeat.stop();
    await this.#jobs?.stop();
    await this.#compaction?.stop();
    await this.#backup?.stop();
    try {
      if (!this.readOnly && this.#fs.lost === undefined) {
        this.#fs.openFiles.closeAll();
        await this.#parts.deletions.drain(DRAIN_MS);
        await endSession(this.#fs, session);
        await this.#parts.deletions.drain(DRAIN_MS);
      }
    } finally {
      await engine.close();
      await this.#parts.blocks.close();
      await this.#parts.objects.close();
    }
  }

  /** Runs a change that may make inodes; those it did not use are kept for the next. */
  async #withInodes<T>(count: number, body: (current: Change, ids: bigint[]) => Promise<T>): Promise<T> {
    const reserved = await this.#fs.inodes.take(count);
    let left: bigint[] = [];
    let done = false;
    try {
      const result = await change(this.#fs, async (current) => {
        left = [...reserved];
        return body(current, left);
      });
      done = true;
      return result;
    } catch (error) {
      // Numbers that may be in use are never used again.
      if (error instanceof CommitUnknownError) reserved.length = 0;
      throw error;
    } finally {
      this.#fs.inodes.giveBack(done ? left : reserved);
    }
  }
}

function requireKind(path: VolumePath, type: number, directory: boolean): void {
  if (directory && type !== TYPE_DIRECTORY) throw new VolumeError('ENOTDIR', `${showPath(path)} is not a directory`);
  if (!directory && type === TYPE_DIRECTORY) throw new VolumeError('EISDIR', `${showPath(path)} is a directory`);
}
