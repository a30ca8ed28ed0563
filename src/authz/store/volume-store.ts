// The store that `juicefs gateway` uses: plain files in the volume under /.minio.sys (IAM-LAYOUT). Files are read again only when
// their inode, time or size changed, so that a refresh costs little more than looking.
import type { Volume } from '../../juicefs/volume.ts';
import type {
  BucketRecord,
  GroupRecord,
  IamRecords,
  IamStore,
  IdentityRecord,
  StoreUsage,
  Unreadable,
} from './iam-store.ts';

import { type BucketExtras, parseGroup, parseIdentity, parseMapping, withExtras } from './record-parsers.ts';
import { type ReadFile, RecordWalk, type VolumeOfWalk } from './record-walk.ts';
import type { VolumeDecryptor } from './volume-files.ts';

type VolumeOfStore = VolumeOfWalk & Pick<Volume, 'usage' | 'close' | 'name' | 'uuid'>;

/** A bucket of two files; the same object while neither changed. */
interface Combined {
  readonly metadata: unknown;
  readonly extras: unknown;
  readonly record: BucketRecord | Unreadable;
}

export class VolumeIamStore implements IamStore {
  readonly name: string;
  readonly #volume: VolumeOfStore;
  readonly #decrypt: VolumeDecryptor | undefined;
  #cache: ReadonlyMap<string, ReadFile> = new Map();
  #combined = new Map<string, Combined>();
  #last: IamRecords | undefined;

  /** Owns the volume from now on. `decrypt` reads files under /config of a volume with a KMS key. */
  constructor(volume: VolumeOfStore, decrypt?: VolumeDecryptor) {
    this.name = `volume ${volume.name}`;
    this.#volume = volume;
    this.#decrypt = decrypt;
  }

  async load(signal?: AbortSignal): Promise<IamRecords> {
    const walk = new RecordWalk(this.#volume, this.#cache, this.#decrypt, signal);
    const records = {
      users: await walk.records<IdentityRecord>('users', parseIdentity),
      serviceAccounts: await walk.records<IdentityRecord>('serviceAccounts', parseIdentity),
      sessions: await walk.records<IdentityRecord>('sessions', parseIdentity),
      groups: await walk.records<GroupRecord>('groups', parseGroup),
      policies: await walk.records<string>('policies', (text) => text),
      userPolicies: await walk.records<readonly string[]>('userPolicies', parseMapping),
      groupPolicies: await walk.records<readonly string[]>('groupPolicies', parseMapping),
      buckets: this.#combine(await walk.buckets(), await walk.bucketExtras()),
      server: await walk.serverDocuments(),
    };
    this.#cache = walk.seen;
    const revision = walk.revision();
    if (this.#last?.revision !== revision) this.#last = { revision, ...records };
    return this.#last;
  }

  /** The volume's engine tells nobody; changes of others are seen at the next load. */
  watch(): () => void {
    return () => undefined;
  }

  async usage(): Promise<StoreUsage> {
    const { usedBytes, usedInodes } = await this.#volume.usage();
    return { id: this.#volume.uuid, bytes: usedBytes, files: usedInodes };
  }

  async close(): Promise<void> {
    await this.#volume.close();
  }

  #combine(
    metadata: ReadonlyMap<string, BucketRecord | Unreadable>,
    extras: ReadonlyMap<string, BucketExtras | Unreadable>,
  ): Map<string, BucketRecord | Unreadable> {
    const next = new Map<string, Combined>();
    for (const [bucket, record] of metadata) {
      const more = extras.get(bucket);
      const before = this.#combined.get(bucket);
      const same = before !== undefined && before.metadata === record && before.extras === more;
      next.set(bucket, same ? before : { metadata: record, extras: more, record: withExtras(record, more) });
    }
    this.#combined = next;
    return new Map([...next].map(([bucket, { record }]) => [bucket, record]));
  }
}
