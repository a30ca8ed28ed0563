// A process that works on a volume: writing-process.ts put|upload|half|mixed META-URL [SEED]
import { openVolume, type Volume, VolumeError } from '../../src/juicefs/index.ts';
import { mulberry32 } from './random-volume.ts';

const [, , mode, metaUrl = '', seed = '1'] = process.argv;
const WRITERS = 4;
const MIXED_OPERATIONS = 300;

async function put(volume: Volume, path: readonly string[], bytes: number): Promise<void> {
  const writer = volume.create(path);
  try {
    await writer.write(Buffer.alloc(bytes, 1));
    await writer.commit();
  } catch (error) {
    // Refused, for what another process did: nothing of it stays.
    await writer.abort();
    throw error;
  }
}

/** Writes files until it is killed, naming each on a line once it is committed. */
async function putForever(volume: Volume): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const name = `f${next++}`;
      await put(volume, [name], 1000 + next);
      process.stdout.write(`${name}\n`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, work));
}

async function uploadForever(volume: Volume): Promise<void> {
  const writer = volume.create(['d', 'f']);
  // More blocks than may be under way: when the last write returns, some are stored.
  for (let i = 0; i < 20; i++) await writer.write(Buffer.alloc(64 * 1024));
  process.stdout.write('uploaded\n');
  setInterval(() => undefined, 60_000);
}

/** Stops in the middle of a block of 4 MiB, when most of its bytes are with the store. */
async function halfABlock(volume: Volume): Promise<void> {
  const writer = volume.create(['f']);
  for (let i = 0; i < 3; i++) await writer.write(Buffer.alloc(1_100_000, 1));
  process.stdout.write('half\n');
  setInterval(() => undefined, 60_000);
}

/** Few names and many operations, so that processes meet. */
async function mixed(volume: Volume): Promise<void> {
  const random = mulberry32(Number(seed));
  const pick = (n: number): number => Math.floor(random() * n);
  const path = (): string[] => [`d${pick(3)}`, `e${pick(2)}`, `f${pick(6)}`];
  const operations: readonly (() => Promise<unknown>)[] = [
    () => put(volume, path(), pick(200_000)),
    () => put(volume, path(), 10),
    () => volume.unlink(path()),
    () => volume.rename(path(), path()),
    () => volume.mkdirs(path().slice(0, 2)),
    () => volume.rmdir(path().slice(0, 2)),
    () => volume.rename(path().slice(0, 2), path().slice(0, 2)),
    async () => {
      const { inode, size, type } = await volume.stat(path());
      if (type === 'file') await volume.composeFile(path(), [{ inode, start: 0, end: size }]);
    },
  ];
  for (let i = 0; i < MIXED_OPERATIONS; i++) {
    try {
      await operations[pick(operations.length)]?.();
    } catch (error) {
      // What others did meanwhile is an answer; a fault is none.
      if (!(error instanceof VolumeError) || error.code === 'EIO' || error.code === 'EBUSY') throw error;
    }
  }
  await volume.close();
}

const volume = await openVolume(metaUrl, { deleteGraceMs: 0, skipDirMtimeMs: 0 });
if (mode === 'put') await putForever(volume);
else if (mode === 'upload') await uploadForever(volume);
else if (mode === 'half') await halfABlock(volume);
else await mixed(volume);
