// Opens a volume: engine, format and its checks, object store, session, and the parts that work on them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BlockCache } from './chunk/block-cache.ts';
import { blockCodec } from './chunk/block-codec.ts';
import { BlockStore } from './chunk/block-store.ts';
import { type FormatRecord, parseFormat, requireSupported, requireVersion } from './format/format-record.ts';
import { probeStorage } from './format/probe-storage.ts';
import { openVolumeStore, sameStore } from './format/volume-store.ts';
import { JuiceVolume, type VolumeParts } from './juice-volume.ts';
import { DeletionQueue } from './meta/deletion-queue.ts';
import type { MetaEngine } from './meta/engine.ts';
import { change, type FilesystemContext } from './meta/filesystem-context.ts';
import { IdAllocator } from './meta/id-allocator.ts';
import { ROOT_INODE } from './meta/inode.ts';
import { makeDirectories } from './meta/make-directories.ts';
import { openEngine } from './meta/meta-url.ts';
import { OpenFiles } from './meta/open-files.ts';
import { resolveDirectory } from './meta/resolve.ts';
import { startSession } from './meta/session.ts';
import { encodePath, showPath } from './meta/volume-path.ts';
import { ChangeableStore } from './storage/changeable-store.ts';
import type { ObjectStore } from './storage/object-store.ts';
import { StagingStore } from './storage/staging-store.ts';
import { type Volume, VolumeError } from './volume.ts';
import { VolumeOpenError } from './volume-error.ts';
import { type ResolvedVolumeOptions, resolveOptions, type VolumeOptions } from './volume-options.ts';

/** Ids a client takes at a time, as all clients do. */
const INODE_BATCH = 1024;
const SLICE_BATCH = 4096;
const SUBDIRECTORY_MODE = 0o777;

/** Opens a formatted volume; VolumeOpenError says in one line why it cannot be. Nothing is created by trying. */
export async function openVolume(metaUrl: string, options: VolumeOptions = {}): Promise<Volume> {
  const engine = await openEngine(metaUrl, {
    readOnly: options.readOnly === true,
    environment: options.environment ?? {},
  });
  return new JuiceVolume({ ...(await openParts(engine, options)), metaUrl });
}

/** Checks the format in an open engine and makes the parts of a volume on it; closes the engine when it cannot be. */
export async function openParts(engine: MetaEngine, options: VolumeOptions): Promise<VolumeParts> {
  const resolved = resolveOptions(options);
  try {
    const stored = await loadFormat(engine);
    requireVersion(stored);
    requireSupported(stored, resolved.readOnly);
    const format = stored;
    const changeable = new ChangeableStore(openVolumeStore(format, resolved));
    const objects = withStaging(changeable, format, resolved);
    const layout = { volume: format.name, blockSize: format.blockSize, hashPrefix: format.hashPrefix };
    const cache = openCache(format.uuid, resolved);
    const blocks = new BlockStore(objects, blockCodec(format.compression), layout, resolved, cache);
    if (resolved.checkStorage && !resolved.readOnly) await probeStorage(objects, format.name);
    if (!resolved.readOnly) await engine.prepareForWriting();
    let deletions: DeletionQueue | undefined;
    const fs: FilesystemContext = {
      engine,
      options: resolved,
      inodes: new IdAllocator(engine, 'nextInode', INODE_BATCH, 2n),
      openFiles: new OpenFiles(),
      root: ROOT_INODE,
      format,
      session: 0n,
      lost: undefined,
      onChanged: (change) => deletions?.accept(change),
      onFormat: (next, before) => {
        if (sameStore(next, before)) return;
        followStore(changeable, next, resolved);
        blocks.forget();
      },
    };
    deletions = new DeletionQueue(fs, blocks);
    if (!resolved.readOnly) fs.session = await startSession(fs);
    if (resolved.subdir.length > 0) fs.root = await openSubdirectory(fs);
    const sliceIds = new IdAllocator(engine, 'nextChunk', SLICE_BATCH, 1n);
    return { fs, objects, blocks, sliceIds, deletions };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** The directory that is served as the root; made when it is missing, where that is allowed. */
async function openSubdirectory(fs: FilesystemContext): Promise<bigint> {
  const { subdir, readOnly } = fs.options;
  try {
    const names = encodePath(subdir);
    if (readOnly) return (await fs.engine.look((reader) => resolveDirectory(fs, reader, names))).inode;
    const ids = await fs.inodes.take(names.length);
    return (await change(fs, (current) => makeDirectories(current, names, SUBDIRECTORY_MODE, [...ids]))).inode;
  } catch (cause) {
    if (!(cause instanceof VolumeError)) throw cause;
    throw new VolumeOpenError(
      'DirectoryUnusable',
      `${showPath(subdir)} cannot be served as the root: ${cause.message}`,
      {
        cause,
      },
    );
  }
}

/** With what is staged on a local disk, if anything is to be or was left there. */
function withStaging(store: ObjectStore, format: FormatRecord, options: ResolvedVolumeOptions): ObjectStore {
  const { writeback, stagingDirectory, readOnly, rank, maxUploads, freeSpaceRatio, cacheMode, log } = options;
  if (stagingDirectory === '') return store;
  const directory = join(stagingDirectory, format.uuid, 'portcullis-staged');
  if (!writeback && !existsSync(directory)) return store;
  if (writeback && rank === 0) {
    log.warn(
      'writeback: objects are acknowledged before they are in the object store, and may be lost with this disk',
      {
        directory,
      },
    );
  }
  return new StagingStore(store, {
    directory,
    prefix: `${format.name}/chunks/`,
    accepting: writeback && !readOnly,
    adopting: rank === 0 && !readOnly,
    maxUploads,
    freeSpaceRatio,
    fileMode: cacheMode,
    log,
  });
}

function openCache(uuid: string, options: ResolvedVolumeOptions): BlockCache | undefined {
  if (options.cacheDirectories.length === 0 || options.cacheSize <= 0) return undefined;
  const { cacheDirectories: directories, cacheSize: bytes, cacheMode: fileMode } = options;
  return new BlockCache(uuid, { ...options, directories, bytes, fileMode });
}

/** Another client moved the volume's objects, or changed the keys or limits of their store. */
function followStore(objects: ChangeableStore, format: FormatRecord, options: ResolvedVolumeOptions): void {
  const complain = (error: unknown): void =>
    options.log.warn('the changed storage of the volume cannot be used; the former one stays in use', {
      reason: error instanceof Error ? error.message : String(error),
    });
  try {
    const next = openVolumeStore(format, options);
    options.log.info('the storage of the volume was changed', { storage: next.description });
    objects.replace(next).catch(complain);
  } catch (error) {
    complain(error);
  }
}

/** The format of the volume in a database; NotFormatted when there is none. */
export async function loadFormat(engine: MetaEngine): Promise<FormatRecord> {
  const text = await readSetting(engine);
  if (text === undefined || text === '') {
    throw new VolumeOpenError(
      'NotFormatted',
      `the database ${engine.description} is not formatted; run \`portcullis format\` first`,
    );
  }
  return parseFormat(text);
}

async function readSetting(engine: MetaEngine): Promise<string | undefined> {
  try {
    return await engine.look(async (reader) => reader.setting());
  } catch (cause) {
    throw new VolumeOpenError('DatabaseUnreachable', `cannot read the database ${engine.description}`, { cause });
  }
}
