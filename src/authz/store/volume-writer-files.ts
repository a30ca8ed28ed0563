// The files of the volume's IAM directory, as text and bytes: the counterpart of record-parsers.ts. Fields stand in the order in
// which `juicefs gateway` writes them.
import { BUCKET_DOCUMENT_NAMES, metadataField } from './bucket-documents.ts';
import type { BucketRecord, GroupRecord, IdentityRecord } from './iam-store.ts';
import { decodeMsgpack, type MsgpackValue } from './msgpack.ts';
import { encodeMsgpack } from './volume-writer-msgpack.ts';

/** How Go writes the times that mean "does not expire": of a user (its zero time) and of a service account (the epoch). */
const NEVER_USER = '0001-01-01T00:00:00Z';
const NEVER_SERVICE_ACCOUNT = '1970-01-01T00:00:00Z';

/** `identity.json` of a user, service account or session. */
export function identityFile(accessKey: string, record: IdentityRecord): string {
  const never = record.parent === '' ? NEVER_USER : NEVER_SERVICE_ACCOUNT;
  return JSON.stringify({
    version: 1,
    credentials: {
      accessKey,
      secretKey: record.secretKey,
      expiration:
        record.expiresAtMs === undefined ? never : `${new Date(record.expiresAtMs).toISOString().slice(0, 19)}Z`,
      ...(record.sessionToken === '' ? {} : { sessionToken: record.sessionToken }),
      status: record.enabled ? 'on' : 'off',
      ...(record.parent === '' ? {} : { parentUser: record.parent }),
      ...(record.name === undefined ? {} : { name: record.name }),
      ...(record.description === undefined ? {} : { description: record.description }),
    },
  });
}

/** `members.json` of a group. */
export function groupFile(record: GroupRecord): string {
  return JSON.stringify({ version: 1, status: record.enabled ? 'enabled' : 'disabled', members: record.members });
}

/** A policy mapping. */
export function mappingFile(policies: readonly string[]): string {
  return JSON.stringify({ version: 1, policy: policies.join(',') });
}

/** Names of the configuration of a bucket, in the order of the file. */
const CONFIGURATIONS = [
  'PolicyConfigJSON',
  'NotificationConfigXML',
  'LifecycleConfigXML',
  'ObjectLockConfigXML',
  'VersioningConfigXML',
  'EncryptionConfigXML',
  'TaggingConfigXML',
  'QuotaConfigJSON',
  'ReplicationConfigXML',
  'BucketTargetsConfigJSON',
  'BucketTargetsConfigMetaJSON',
] as const;
/** u16le format, u16le version. */
const HEADER = Buffer.from([1, 0, 1, 0]);
const TIME_EXTENSION = 5;

/** `.metadata.bin` of a bucket. What the file before had and the record does not know, or has the same, stays in it. */
export function bucketFile(name: string, record: BucketRecord, before: Uint8Array | undefined): Buffer {
  const map = new Map<string, MsgpackValue>([
    ['Name', name],
    ['Created', timeValue(record.createdMs)],
    ['LockEnabled', record.lockEnabled],
    ...CONFIGURATIONS.map((key) => [key, new Uint8Array()] as const),
  ]);
  if (before !== undefined) {
    const existing = decodeMsgpack(before.subarray(HEADER.byteLength));
    if (existing instanceof Map) for (const [key, value] of existing) map.set(key, value);
  }
  map.set('LockEnabled', record.lockEnabled);
  for (const document of BUCKET_DOCUMENT_NAMES) {
    const field = metadataField(document);
    if (field === undefined) continue;
    const text = record.documents.get(document) ?? '';
    const there = map.get(field);
    const same = there instanceof Uint8Array && Buffer.from(there).toString('utf8') === text;
    if (!same) map.set(field, Buffer.from(text));
  }
  return Buffer.concat([HEADER, encodeMsgpack(map)]);
}

/** The documents of a bucket that `.metadata.bin` has no field for; undefined when it has none of them. */
export function bucketExtrasFile(record: BucketRecord): string | undefined {
  const documents = [...record.documents].filter(([name]) => metadataField(name) === undefined);
  if (documents.length === 0) return undefined;
  return JSON.stringify({ version: 1, createdMs: record.createdMs, documents: Object.fromEntries(documents) });
}

/** i64be seconds, u32be nanoseconds. */
function timeValue(ms: number): MsgpackValue {
  const data = Buffer.alloc(12);
  data.writeBigInt64BE(BigInt(Math.floor(ms / 1000)));
  data.writeUInt32BE((ms % 1000) * 1_000_000, 8);
  return { extension: TIME_EXTENSION, data };
}
