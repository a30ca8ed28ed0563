// Sequential writes and reads of files in a volume, MiB a second and CPU time, each beside the same bytes written to and read from
// plain files on the same disk in the same run. npm run bench -- volume-data [LARGEST, e.g. 64M] [FORMAT FLAGS: lz4 | zstd | encrypted]
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatVolume, openVolume, type Volume } from '../src/juicefs/index.ts';
import { cpuSeconds } from './measure.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [4 * KIB, 64 * KIB, MIB, 16 * MIB, 128 * MIB, 1024 * MIB];
/** Bytes moved for each size, at least one file. */
const TOTAL = 256 * MIB;
const MOST_FILES = 2000;
const PIECE = MIB;

interface Place {
  write(name: string, size: number): Promise<void>;
  read(name: string): Promise<number>;
}

const CONTENT = Buffer.concat([randomBytes(PIECE / 2), Buffer.alloc(PIECE / 2, 'log line of the usual kind\n')]);

function piecesOf(size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let left = size; left > 0; left -= PIECE) pieces.push(CONTENT.subarray(0, Math.min(left, PIECE)));
  return pieces;
}

function inVolume(volume: Volume): Place {
  return {
    async write(name, size) {
      const writer = volume.create(['bench', name]);
      for (const piece of piecesOf(size)) await writer.write(piece);
      await writer.commit();
    },
    async read(name) {
      const reader = await volume.open(['bench', name]);
      let size = 0;
      for await (const bytes of reader.read(0, Number.MAX_SAFE_INTEGER)) size += bytes.length;
      await reader.close();
      return size;
    },
  };
}

function onDisk(folder: string): Place {
  return {
    async write(name, size) {
      const file = await open(join(folder, name), 'w');
      for (const piece of piecesOf(size)) await file.write(piece);
      await file.close();
    },
    async read(name) {
      const file = await open(join(folder, name), 'r');
      const buffer = Buffer.alloc(PIECE);
      let size = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, PIECE, size);
        if (bytesRead === 0) break;
        size += bytesRead;
      }
      await file.close();
      return size;
    },
  };
}

interface Rate {
  readonly mibPerSecond: number;
  readonly mibPerCpuSecond: number;
}

async function rate(bytes: number, run: () => Promise<void>): Promise<Rate> {
  const cpu = cpuSeconds([process.pid]);
  const start = performance.now();
  await run();
  const seconds = (performance.now() - start) / 1000;
  const used = cpuSeconds([process.pid]) - cpu;
  return { mibPerSecond: bytes / MIB / seconds, mibPerCpuSecond: bytes / MIB / Math.max(used, 0.01) };
}

async function measureSize(place: Place, size: number): Promise<{ write: Rate; read: Rate }> {
  const count = Math.max(1, Math.min(MOST_FILES, Math.floor(TOTAL / size)));
  const names = Array.from({ length: count }, (_, index) => `${size}-${index}`);
  const write = await rate(count * size, async () => {
    for (const name of names) await place.write(name, size);
  });
  const read = await rate(count * size, async () => {
    for (const name of names) {
      if ((await place.read(name)) !== size) throw new Error(`${name} has another size`);
    }
  });
  return { write, read };
}

function show({ mibPerSecond, mibPerCpuSecond }: Rate): string {
  return `${mibPerSecond.toFixed(1).padStart(8)} (${mibPerCpuSecond.toFixed(0).padStart(5)})`;
}

function sizeText(size: number): string {
  return size >= 1024 * MIB ? `${size / MIB / 1024} GiB` : size >= MIB ? `${size / MIB} MiB` : `${size / KIB} KiB`;
}

/** Prints a table: MiB a second, and in brackets MiB a second of CPU time. */
export async function run(args: readonly string[]): Promise<void> {
  const largest = args.find((argument) => /^\d+M$/.test(argument));
  const limit = largest === undefined ? Number.POSITIVE_INFINITY : Number.parseInt(largest, 10) * MIB;
  const compression = args.find((argument) => argument === 'lz4' || argument === 'zstd') ?? 'none';
  const encryptKey = args.includes('encrypted')
    ? String(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }))
    : '';
  const folder = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'portcullis-bench-'));
  try {
    const metaUrl = `sqlite3://${join(folder, 'meta.db')}`;
    await formatVolume(metaUrl, {
      name: 'bench',
      bucket: join(folder, 'objects'),
      compression,
      encryptKey,
      trashDays: 0,
    });
    const volume = await openVolume(metaUrl, { backgroundJobs: false });
    process.stdout.write(
      `volume on SQLite and local files, compression ${compression}${encryptKey === '' ? '' : ', encrypted'}; MiB/s (MiB/s of CPU)\n` +
        `${'file'.padEnd(9)}${'write'.padStart(17)}${'disk'.padStart(17)}${'ratio'.padStart(7)}${'read'.padStart(17)}${'disk'.padStart(17)}${'ratio'.padStart(7)}\n`,
    );
    for (const size of SIZES.filter((one) => one <= limit)) {
      const ours = await measureSize(inVolume(volume), size);
      const disk = await measureSize(onDisk(folder), size);
      const ratio = (a: Rate, b: Rate): string => (a.mibPerSecond / b.mibPerSecond).toFixed(2).padStart(7);
      process.stdout.write(
        `${sizeText(size).padEnd(9)}${show(ours.write).padStart(17)}${show(disk.write).padStart(17)}${ratio(ours.write, disk.write)}` +
          `${show(ours.read).padStart(17)}${show(disk.read).padStart(17)}${ratio(ours.read, disk.read)}\n`,
      );
    }
    await volume.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
