// What a volume is and who works on it, in the shape of `juicefs status`.
import { orderedMembers, withoutSecrets } from '../format/format-record.ts';
import type { MetaEngine, Session } from '../meta/engine.ts';
import { TRASH_INODE, TYPE_DIRECTORY } from '../meta/inode.ts';
import { type AdminOptions, withVolume } from './administer.ts';
import { entriesOf } from './tree.ts';

/** `juicefs status`: names and shapes are the Go client's. */
export interface VolumeStatus {
  readonly Setting: Readonly<Record<string, unknown>>;
  readonly Sessions: readonly SessionStatus[];
  readonly Stat: Readonly<Record<string, number | bigint>>;
}

/** A session with what its client told of itself. */
export interface SessionStatus {
  readonly Sid: bigint;
  readonly Expire: string;
  readonly Sustained?: readonly bigint[];
  readonly [member: string]: unknown;
}

/** 1 PiB: what a volume without a capacity claims to have, until it is four fifths full. */
const UNLIMITED_SPACE = 1n << 50n;
const UNLIMITED_INODES = 10 << 20;
const MAX_ROWS = 1_000_000;

/** The status of a volume; with `more`, also what waits to be deleted (which takes a look at all of it). */
export function volumeStatus(
  metaUrl: string,
  options: AdminOptions & { readonly more?: boolean },
): Promise<VolumeStatus> {
  return withVolume(metaUrl, { ...options, readOnly: true }, async (engine, format) => {
    const [sessions, space, inodes] = await engine.look(async (reader) =>
      Promise.all([reader.sessions(), reader.counter('usedSpace'), reader.counter('totalInodes')]),
    );
    return {
      Setting: orderedMembers(withoutSecrets(format.members)),
      Sessions: sessions.map((session) => sessionStatus(session)),
      Stat: {
        ...usageStatus(space, inodes, format.capacity, format.inodes),
        ...(options.more === true ? withoutZeros(await pending(engine)) : {}),
      },
    };
  });
}

/** One session with the inodes it keeps alive; undefined when there is none of this number. */
export function sessionDetails(metaUrl: string, id: bigint, options: AdminOptions): Promise<SessionStatus | undefined> {
  return withVolume(metaUrl, { ...options, readOnly: true }, async (engine) => {
    const [sessions, sustained] = await engine.look(async (reader) =>
      Promise.all([reader.sessions(), reader.sustained(id)]),
    );
    const session = sessions.find((one) => one.id === id);
    return session === undefined ? undefined : sessionStatus(session, sustained);
  });
}

function sessionStatus({ id, expire, info }: Session, sustained: readonly bigint[] = []): SessionStatus {
  let members: unknown;
  try {
    members = JSON.parse(Buffer.from(info).toString('utf8'));
  } catch (error) {
    // A client that told nothing of itself, or in another form: the session is there all the same.
    if (!(error instanceof SyntaxError)) throw error;
  }
  const told = typeof members === 'object' && members !== null ? members : {};
  return {
    Sid: id,
    Expire: new Date(expire * 1000).toISOString().replace('.000', ''),
    ...told,
    ...(sustained.length > 0 ? { Sustained: sustained } : {}),
  };
}

function usageStatus(space: number, inodes: number, capacity: number, maxInodes: number): VolumeStatus['Stat'] {
  const used = BigInt(Math.max(0, space));
  let total = capacity > 0 ? BigInt(capacity) : UNLIMITED_SPACE;
  if (capacity <= 0) while (total * 8n < used * 10n) total <<= 1n;
  const usedInodes = Math.max(0, inodes);
  let freeInodes = Math.max(0, maxInodes - usedInodes);
  if (maxInodes <= 0) for (freeInodes = UNLIMITED_INODES; usedInodes > freeInodes * 4; ) freeInodes *= 2;
  return {
    UsedSpace: used,
    AvailableSpace: total > used ? total - used : 0n,
    UsedInodes: usedInodes,
    AvailableInodes: freeInodes,
  };
}

/** What lies in the trash and what waits for the clean-up jobs. */
async function pending(engine: MetaEngine): Promise<Record<string, number>> {
  const trash = { count: 0, size: 0 };
  const directories = [TRASH_INODE];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    for await (const { inode, type, node } of entriesOf(engine, next)) {
      if (type === TYPE_DIRECTORY) directories.push(inode);
      if (next === TRASH_INODE) continue;
      trash.count += 1;
      if (type !== TYPE_DIRECTORY) trash.size += node?.length ?? 0;
    }
  }
  const [files, delayed, slices] = await engine.look(async (reader) =>
    Promise.all([
      reader.deletedFiles(Number.MAX_SAFE_INTEGER, MAX_ROWS),
      reader.delayedSlices(Number.MAX_SAFE_INTEGER, MAX_ROWS),
      reader.unreferencedSlices(MAX_ROWS),
    ]),
  );
  const delayedSizes = delayed.flatMap(({ slices: stored }) => {
    const bytes = Buffer.from(stored);
    return Array.from({ length: Math.floor(bytes.length / 12) }, (_, index) => bytes.readUInt32BE(index * 12 + 8));
  });
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  return {
    TrashFileCount: trash.count,
    TrashFileSize: trash.size,
    PendingDeletedFileCount: files.length,
    PendingDeletedFileSize: sum(files.map(({ length }) => length)),
    TrashSliceCount: delayedSizes.length,
    TrashSliceSize: sum(delayedSizes),
    PendingDeletedSliceCount: slices.length,
    PendingDeletedSliceSize: sum(slices.map(({ size }) => size)),
  };
}

function withoutZeros(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0));
}
