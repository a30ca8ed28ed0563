// Loads a binary dump into an empty database: rows as they are. It is read twice. The first time it is held against its form, so
// that nothing is written of a dump that is cut, and what its rows refer to among each other is remembered; the second time they are
// written. The settings are written last: a load that broke off is no volume.

import { decodeRecords } from '../../chunk/slice-record.ts';
import { type FormatRecord, parseFormat } from '../../format/format-record.ts';
import { REMOVED_SECRET } from '../../format/secrets.ts';
import { decodeAclRule } from '../../meta/acl-codec.ts';
import { decodeNode } from '../../meta/attr-codec.ts';
import type { MetaEngine, OwnerKind, SliceRef } from '../../meta/engine.ts';
import { ROOT_INODE, TYPE_DIRECTORY } from '../../meta/inode.ts';
import { openEngine } from '../../meta/meta-url.ts';
import { VolumeError } from '../../volume.ts';
import { VolumeOpenError } from '../../volume-error.ts';
import type { AdminOptions } from '../administer.ts';
import { ChangeBatch } from '../change-batch.ts';
import { type LoadedVolume, requireEmpty } from '../load.ts';
import { type Batch, type ItemOf, requireNumber } from './messages.ts';
import { readSegments } from './segments.ts';

const COUNTERS = new Set(['usedSpace', 'totalInodes', 'nextInode', 'nextChunk', 'nextSession', 'nextTrash']);
const QUOTA_OWNERS: Readonly<Record<number, OwnerKind>> = { 1: 'user', 2: 'group' };

/** Loads a dump that can be read twice; FormatRefused when the database is in use, InvalidFormat when it is no dump. Nothing stays of a failure. */
export async function loadVolumeBinary(
  metaUrl: string,
  dump: () => AsyncIterable<Uint8Array>,
  options: AdminOptions,
): Promise<LoadedVolume> {
  const engine = await openEngine(metaUrl, { create: true, environment: options.environment });
  try {
    await requireEmpty(engine);
    const survey = await surveyOf(dump());
    await engine.prepareForWriting();
    try {
      return await new BinaryLoad(engine, survey, options).run(dump());
    } catch (error) {
      await engine.clear();
      throw error;
    }
  } finally {
    await engine.close();
  }
}

interface Survey {
  readonly format: FormatRecord;
  /** Inodes of files that have, or had, several links. */
  readonly linked: ReadonlySet<bigint>;
  /** Slices that do not have one reference. */
  readonly references: ReadonlyMap<bigint, SliceRef>;
}

async function surveyOf(dump: AsyncIterable<Uint8Array>): Promise<Survey> {
  let format: FormatRecord | undefined;
  let rooted = false;
  let counted = false;
  const linked = new Set<bigint>();
  const references = new Map<bigint, SliceRef>();
  try {
    for await (const segment of readSegments(dump)) {
      if ('format' in segment) {
        format = parseFormat(segment.format);
        continue;
      }
      for (const { inode, data } of segment.batch.nodes ?? []) {
        const { parent, type, ...node } = decodeNode(inode, data);
        // Times as the databases keep the greatest of them: in microseconds.
        for (const time of [node.atimeNs, node.mtimeNs, node.ctimeNs]) requireNumber(time / 1000n);
        requireNumber(parent);
        if (inode === ROOT_INODE) rooted = true;
        if (parent === 0n && type !== TYPE_DIRECTORY) linked.add(inode);
      }
      for (const { inode, index, slices } of segment.batch.chunks ?? []) {
        for (const { id } of decodeRecords(slices, `inode ${inode}, chunk ${index}`)) requireNumber(id);
      }
      for (const { parent, name } of segment.batch.edges ?? []) requireName(parent, name);
      counted ||= segment.batch.counters?.some(({ name }) => name === 'nextInode') === true;
      for (const { id, size, refs } of segment.batch.sliceRefs ?? []) {
        references.set(id, { id, size, refs: Number(refs) });
      }
    }
  } catch (cause) {
    // A file that cannot be read says so itself.
    const ofTheForm = cause instanceof RangeError || cause instanceof VolumeError;
    if (!ofTheForm && !(cause instanceof Error && cause.constructor === Error)) throw cause;
    throw noDump(cause.message, cause);
  }
  if (format === undefined || !rooted || !counted) throw noDump('the settings, the counters or the root are missing');
  return { format, linked, references };
}

/** Longer than any client makes. */
const MAX_NAME_BYTES = 1024;

function requireName(parent: bigint, name: Uint8Array): void {
  if (name.length === 0 || name.length > MAX_NAME_BYTES || name.includes(0x2f) || name.includes(0)) {
    throw new RangeError(`an entry of directory ${parent} has no name that a file can have`);
  }
}

function noDump(reason: string, cause?: Error): VolumeOpenError {
  const message = `this is no binary dump of a volume: ${reason}`;
  return new VolumeOpenError('InvalidFormat', message, cause === undefined ? undefined : { cause });
}

class BinaryLoad {
  readonly #engine: MetaEngine;
  readonly #survey: Survey;
  readonly #options: AdminOptions;
  readonly #batch: ChangeBatch;
  /** Slices that were met; their ids are counted up, and stay far below 2^53. */
  readonly #slices = new Set<number>();
  readonly #counters = new Map<string, number>();
  #nodes = 0;

  constructor(engine: MetaEngine, survey: Survey, options: AdminOptions) {
    this.#engine = engine;
    this.#survey = survey;
    this.#options = options;
    this.#batch = new ChangeBatch(engine);
  }

  async run(dump: AsyncIterable<Uint8Array>): Promise<LoadedVolume> {
    for await (const segment of readSegments(dump)) if ('batch' in segment) await this.#rows(segment.batch);
    for (const { id, size, refs } of this.#survey.references.values()) {
      await this.#slice(id, size);
      if (refs !== 1) await this.#batch.add(async (tx) => tx.addSliceRefs(id, size, refs - 1));
    }
    await this.#batch.flush();
    const { format } = this.#survey;
    await this.#engine.write(async (tx) => {
      for (const [name, value] of this.#counters) await tx.setCounter(name, value);
      await tx.putSetting(format.text);
    });
    const { SecretKey, SessionToken } = format.members;
    const secretsRemoved = SecretKey === REMOVED_SECRET || SessionToken === REMOVED_SECRET;
    return { name: format.name, entries: this.#nodes, secretsRemoved };
  }

  async #rows(batch: Batch): Promise<void> {
    // Leases of background jobs are taken anew.
    for (const { name, value } of batch.counters ?? []) if (COUNTERS.has(name)) this.#counters.set(name, Number(value));
    for (const { inode, data } of batch.nodes ?? []) {
      this.#nodes += 1;
      if (this.#nodes % 1000 === 0) this.#options.onProgress?.('loaded nodes', this.#nodes);
      await this.#batch.add(async (tx) => tx.insertNode(decodeNode(inode, data)));
    }
    for (const { parent, inode, name, type } of batch.edges ?? []) {
      // Where links are counted by directory, that is done with the entry: a dump's own counts are the same.
      const node = { inode, type, parent: this.#survey.linked.has(inode) ? 0n : parent };
      await this.#batch.add(async (tx) => tx.insertEdge(parent, name, node));
    }
    for (const chunk of batch.chunks ?? []) await this.#chunk(chunk);
    for (const { inode, target } of batch.symlinks ?? [])
      await this.#batch.add(async (tx) => tx.setSymlink(inode, target));
    for (const { inode, name, value } of batch.xattrs ?? []) {
      await this.#batch.add(async (tx) => tx.setXattr(inode, name, value));
    }
    for (const held of batch.sustained ?? []) await this.#sustained(held);
    for (const { inode, length, queued } of batch.deletedFiles ?? []) {
      await this.#batch.add(async (tx) => tx.queueDeletedFile({ inode, length: Number(length) }, Number(queued)));
    }
    for (const { id, data } of batch.acls ?? []) {
      await this.#batch.add(async (tx) => tx.putAclRule(decodeAclRule(id, Buffer.from(data))));
    }
    for (const { inode, length, space, inodes } of batch.statistics ?? []) {
      const usage = { length: Number(length), space: Number(space), inodes: Number(inodes) };
      await this.#batch.add(async (tx) => tx.putDirectoryUsage(inode, usage));
    }
    for (const quota of batch.quotas ?? []) await this.#quota(QUOTA_OWNERS[quota.type], quota);
    for (const quota of batch.userQuotas ?? []) await this.#quota('user', quota);
    for (const quota of batch.groupQuotas ?? []) await this.#quota('group', quota);
  }

  async #chunk({ inode, index, slices }: ItemOf<'chunks'>): Promise<void> {
    await this.#batch.add(async (tx) => tx.putChunk(inode, index, slices));
    for (const { id, size } of decodeRecords(slices, `inode ${inode}, chunk ${index}`)) await this.#slice(id, size);
  }

  async #slice(id: bigint, size: number): Promise<void> {
    if (id === 0n || this.#slices.has(Number(id))) return;
    this.#slices.add(Number(id));
    await this.#batch.add(async (tx) => tx.insertSliceRef(id, size));
  }

  /** What a session held open is dead with it: the session is there as one that ended, and the clean-up of those takes both away. */
  async #sustained({ session, inodes }: ItemOf<'sustained'>): Promise<void> {
    await this.#batch.add(async (tx) => {
      await tx.insertSession(session, 1, Buffer.from('{}'));
      for (const inode of inodes) await tx.sustain(session, inode);
    });
  }

  async #quota(owner: OwnerKind | undefined, quota: ItemOf<'quotas'>): Promise<void> {
    const { key, maxSpace, maxInodes, usedSpace, usedInodes } = quota;
    const row = {
      key,
      maxSpace: Number(maxSpace),
      maxInodes: Number(maxInodes),
      usedSpace: Number(usedSpace),
      usedInodes: Number(usedInodes),
    };
    await this.#batch.add(async (tx) =>
      owner === undefined ? tx.putDirectoryQuota(row) : tx.putOwnerQuota(owner, row),
    );
  }
}
