// The gateway's flags about moving and caching blocks, checked and turned into options of the volume.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { count, durationMs, sizeInBytes } from './flag-values.ts';
import { UsageError } from './root-credentials.ts';
import { megabitsPerSecond } from './size.ts';

/** As VolumeOptions has them; members that were not asked for are left out. */
export interface TransferSettings {
  readonly processes: number;
  readonly storageClass?: string;
  readonly tag?: string;
  readonly getTimeoutMs: number;
  readonly putTimeoutMs: number;
  readonly ioRetries: number;
  readonly maxDownloads: number;
  readonly maxDeletes: number;
  readonly uploadLimit?: number;
  readonly downloadLimit?: number;
  readonly prefetch: number;
  readonly skipDirMtimeMs: number;
  readonly cacheDirectories: readonly string[];
  readonly writeback: boolean;
  readonly stagingDirectory: string;
  readonly cacheSize: number;
  readonly freeSpaceRatio: number;
  readonly cacheMode: number;
  readonly subdir: readonly string[];
  readonly checkStorage: boolean;
  readonly backupIntervalMs: number;
  readonly backupSkipTrash: boolean;
  readonly maxReadahead: number;
}

/** Where the Go client caches if it is not told. */
const DEFAULT_CACHE_DIRECTORY = process.getuid?.() === 0 ? '/var/jfsCache' : join(homedir(), '.juicefs', 'cache');

type Text = (name: string) => string | undefined;
type IsOn = (name: string) => boolean;

/** Reads and checks; throws UsageError with one line that says what would be right. */
export function readTransferSettings(text: Text, isOn: IsOn, workers: number): TransferSettings {
  const duration = (name: string, flag: string, fallback: string): number =>
    durationMs(text(name) ?? fallback, flag, { positive: true });
  const number = (name: string, flag: string, fallback: number, least: number, most: number): number =>
    count(text(name) ?? String(fallback), flag, least, most);
  const directories = cacheDirectories(text('cacheDir'));
  return {
    processes: workers,
    ...given('storageClass', text('storageClass')),
    ...given('tag', text('tag')),
    getTimeoutMs: duration('getTimeout', '--get-timeout', '60s'),
    putTimeoutMs: duration('putTimeout', '--put-timeout', '60s'),
    ioRetries: number('ioRetries', '--io-retries', 10, 0, 100),
    maxDownloads: number('maxDownloads', '--max-downloads', 200, 1, 10_000),
    maxDeletes: number('maxDeletes', '--max-deletes', 10, 0, 10_000),
    ...given('uploadLimit', bandwidth(text('uploadLimit'), '--upload-limit')),
    ...given('downloadLimit', bandwidth(text('downloadLimit'), '--download-limit')),
    prefetch: number('prefetch', '--prefetch', 1, 0, 1000),
    skipDirMtimeMs: durationMs(text('skipDirMtime') ?? '100ms', '--skip-dir-mtime'),
    cacheDirectories: directories,
    writeback: isOn('writeback'),
    stagingDirectory: directories[0] ?? DEFAULT_CACHE_DIRECTORY,
    cacheSize: sizeInBytes(text('cacheSize') ?? '100G', '--cache-size'),
    freeSpaceRatio: ratio(text('freeSpaceRatio') ?? '0.1'),
    cacheMode: mode(text('cacheMode') ?? '0600'),
    subdir: (text('subdir') ?? '').split('/').filter((name) => name !== ''),
    checkStorage: isOn('checkStorage'),
    backupIntervalMs: durationMs(text('backupMeta') ?? '1h', '--backup-meta'),
    backupSkipTrash: isOn('backupSkipTrash'),
    maxReadahead: text('maxReadahead') === undefined ? 0 : sizeInBytes(text('maxReadahead') ?? '', '--max-readahead'),
  };
}

function given<K extends string, V>(name: K, value: V | undefined): { readonly [key in K]?: V } {
  const members: { [key in K]?: V } = {};
  if (value !== undefined) members[name] = value;
  return members;
}

/** `memory` asks for no directory: blocks are held by readers alone. */
function cacheDirectories(text: string | undefined): string[] {
  const directories = (text ?? '').split(':').filter((directory) => directory !== '');
  return directories.includes('memory') ? [] : directories.map((directory) => resolve(directory));
}

function bandwidth(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  try {
    return megabitsPerSecond(text);
  } catch {
    throw new UsageError(`${flag} must be Mbps, e.g. 100 or 1G, not ${JSON.stringify(text)}`);
  }
}

function ratio(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0 && value < 1))
    throw new UsageError(`--free-space-ratio must be from 0 to below 1, not ${JSON.stringify(text)}`);
  return value;
}

function mode(text: string): number {
  if (!/^(0o)?[0-7]{1,4}$/.test(text))
    throw new UsageError(`--cache-mode must be octal, e.g. 0600, not ${JSON.stringify(text)}`);
  return Number.parseInt(text.replace('0o', ''), 8) & 0o777;
}
