// This client's session: registered when the volume is opened for writing, refreshed by a heartbeat that also notices
// changes of the format, and the clean-up of sessions whose client died.
import { hostname, networkInterfaces } from 'node:os';
import { CLIENT_VERSION, MAX_META_VERSION, parseFormat } from '../format/format-record.ts';
import { VolumeError } from '../volume.ts';
import { currentTimeNs } from './change.ts';
import { change, type FilesystemContext } from './filesystem-context.ts';
import { removeSustained } from './removal.ts';

/** A session not refreshed for this many heartbeats is dead. */
const HEARTBEATS_TO_LIVE = 5;
/** Stale sessions cleaned in one round. */
const MAX_STALE = 1000;
const JITTER = 0.1;

/** Registers a session and answers its number. */
export async function startSession(fs: FilesystemContext): Promise<bigint> {
  const info = sessionInfo(fs);
  for (;;) {
    const session = await fs.engine.write(async (tx) => {
      const id = BigInt(await tx.addToCounter('nextSession', 1));
      return (await tx.insertSession(id, expiry(fs), info)) ? id : undefined;
    });
    if (session !== undefined) return session;
  }
}

/** Refreshes the session and the format until stopped. */
export class Heartbeat {
  readonly #fs: FilesystemContext;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(fs: FilesystemContext) {
    this.#fs = fs;
    this.#plan();
  }

  /** Waits for a beat under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#beating;
  }

  #plan(): void {
    if (this.#stopped) return;
    const wait = this.#fs.options.heartbeatMs * (1 - JITTER + 2 * JITTER * Math.random());
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat()
        .catch((error: unknown) => {
          this.#fs.options.log.warn('a heartbeat of the session failed', { reason: reasonOf(error) });
        })
        .finally(() => this.#plan());
    }, wait);
    this.#timer.unref();
  }

  async #beat(): Promise<void> {
    const fs = this.#fs;
    // First: into what is another volume now, nothing is written.
    await reloadFormat(fs);
    if (fs.lost !== undefined) return;
    if (!fs.options.readOnly) await refresh(fs);
    if (fs.options.readOnly || !fs.options.backgroundJobs) return;
    const lease = Math.floor((fs.options.heartbeatMs * 0.9) / 1000);
    const mine = await fs.engine.write(async (tx) => tx.setCounterIfSmall('lastCleanupSessions', unixNow(), lease));
    if (mine) await cleanStaleSessions(fs);
  }
}

async function refresh(fs: FilesystemContext): Promise<void> {
  const info = sessionInfo(fs);
  const cameBack = await fs.engine.write(async (tx) => {
    if (await tx.refreshSession(fs.session, expiry(fs))) return false;
    return tx.insertSession(fs.session, expiry(fs), info);
  });
  if (cameBack) fs.options.log.warn('the session was cleaned up by another client; it is registered again');
}

/** Takes over a changed format; a volume that is another one now, or gone, is lost. */
async function reloadFormat(fs: FilesystemContext): Promise<void> {
  const text = await fs.engine.look(async (reader) => reader.setting());
  if (text === fs.format.text) return;
  if (text === undefined) {
    loseVolume(fs, 'the volume is not formatted any more');
    return;
  }
  const format = parseFormat(text);
  if (format.uuid !== fs.format.uuid) loseVolume(fs, 'the volume was formatted anew');
  else if ((format.members.MetaVersion ?? 1) > MAX_META_VERSION)
    loseVolume(fs, 'the volume was upgraded to a newer layout');
  else {
    const before = fs.format;
    fs.format = format;
    fs.onFormat(format, before);
  }
}

function loseVolume(fs: FilesystemContext, reason: string): void {
  if (fs.lost !== undefined) return;
  fs.lost = new VolumeError('EIO', reason);
  fs.options.onLost(fs.lost);
}

/** Ends the sessions whose time ran out: their locks, the files they kept alive, their rows. */
export async function cleanStaleSessions(fs: FilesystemContext): Promise<void> {
  const stale = await fs.engine.look(async (reader) => reader.staleSessions(unixNow(), MAX_STALE));
  for (const session of stale) {
    fs.options.log.info('cleaning up a stale session', { session: String(session) });
    await endSession(fs, session);
  }
}

/** Ends a session: what it kept alive is deleted, its locks and its row go. */
export async function endSession(fs: FilesystemContext, session: bigint): Promise<void> {
  const inodes = await fs.engine.look(async (reader) => reader.sustained(session));
  for (const inode of inodes) await change(fs, (current) => removeSustained(current, session, inode));
  await fs.engine.write(async (tx) => tx.deleteSession(session));
}

function expiry(fs: FilesystemContext): number {
  return unixNow() + Math.ceil((HEARTBEATS_TO_LIVE * fs.options.heartbeatMs) / 1000);
}

/** Unix seconds. */
export function unixNow(): number {
  return Number(currentTimeNs() / 1_000_000_000n);
}

const sessionTexts = new WeakMap<FilesystemContext, Buffer>();

/** The JSON other clients show in their lists; the same for the life of the session. */
function sessionInfo(fs: FilesystemContext): Uint8Array {
  const known = sessionTexts.get(fs);
  if (known !== undefined) return known;
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal && !address.address.startsWith('fe80'))
    .map((address) => address.address);
  const text = JSON.stringify({
    Version: `${CLIENT_VERSION}+portcullis`,
    HostName: hostname(),
    ...(addresses.length > 0 ? { IPAddrs: addresses } : {}),
    MountPoint: fs.options.mountpoint,
    MountTime: new Date().toISOString(),
    ProcessID: process.pid,
  });
  const bytes = Buffer.from(text);
  sessionTexts.set(fs, bytes);
  return bytes;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
