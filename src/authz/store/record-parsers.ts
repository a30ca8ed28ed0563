// The files of the volume's IAM directory, turned into records. What does not read becomes Unreadable, with the reason.
import { z } from 'zod';
import {
  BUCKET_DOCUMENT_NAMES,
  type BucketDocumentName,
  isBucketDocumentName,
  metadataField,
} from './bucket-documents.ts';
import {
  type BucketRecord,
  type GroupRecord,
  type IdentityRecord,
  isUnreadable,
  type Unreadable,
} from './iam-store.ts';
import { decodeMsgpack, MsgpackError, type MsgpackValue } from './msgpack.ts';

const Identity = z.object({
  version: z.literal(1),
  credentials: z.object({
    secretKey: z.string().min(1),
    expiration: z.iso.datetime({ offset: true }).optional(),
    sessionToken: z.string().default(''),
    status: z.enum(['on', 'off', 'enabled', 'disabled', '']).default(''),
    parentUser: z.string().default(''),
    name: z.string().optional(),
    description: z.string().optional(),
  }),
});
const Group = z.object({
  version: z.literal(1),
  status: z.string(),
  members: z.array(z.string()).nullish(),
});
const Mapping = z.object({ version: z.literal(1), policy: z.string() });

/** Go's zero time, and the epoch, stand for "does not expire". */
const NEVER_BEFORE_MS = 1;

/** `identity.json` of a user, service account or session. */
export function parseIdentity(text: string): IdentityRecord | Unreadable {
  const parsed = parseJson(Identity, text);
  if ('unreadable' in parsed) return parsed;
  const { secretKey, expiration, sessionToken, status, parentUser, name, description } = parsed.credentials;
  const expires = expiration === undefined ? 0 : Date.parse(expiration);
  return {
    secretKey,
    enabled: status !== 'off' && status !== 'disabled',
    expiresAtMs: expires < NEVER_BEFORE_MS ? undefined : expires,
    sessionToken,
    parent: parentUser,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  };
}

/** `members.json` of a group. */
export function parseGroup(text: string): GroupRecord | Unreadable {
  const parsed = parseJson(Group, text);
  if ('unreadable' in parsed) return parsed;
  return { enabled: parsed.status !== 'disabled', members: parsed.members ?? [] };
}

/** A policy mapping: the names, comma-separated in the file. */
export function parseMapping(text: string): readonly string[] | Unreadable {
  const parsed = parseJson(Mapping, text);
  if ('unreadable' in parsed) return parsed;
  return parsed.policy
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** `.metadata.bin` of a bucket: u16le format 1, u16le version 1, MessagePack map. */
export function parseBucketMetadata(bytes: Uint8Array): BucketRecord | Unreadable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 5 || view.getUint16(0, true) !== 1 || view.getUint16(2, true) !== 1) {
    return { unreadable: 'it is not bucket metadata of format 1, version 1' };
  }
  try {
    const map = decodeMsgpack(bytes.subarray(4));
    if (!(map instanceof Map)) return { unreadable: 'its metadata is not a map' };
    const documents = new Map<BucketDocumentName, string>();
    for (const name of BUCKET_DOCUMENT_NAMES) {
      const field = metadataField(name);
      const value = field === undefined ? undefined : (map.get(field) ?? undefined);
      if (value === undefined) continue;
      if (!(value instanceof Uint8Array)) return { unreadable: 'a part of its metadata is not bytes' };
      if (value.byteLength > 0) documents.set(name, Buffer.from(value).toString('utf8'));
    }
    return { createdMs: createdMs(map.get('Created')), lockEnabled: map.get('LockEnabled') === true, documents };
  } catch (error) {
    if (error instanceof MsgpackError) return { unreadable: `its metadata is damaged: ${error.message}` };
    throw error;
  }
}

const BucketExtras = z.object({
  version: z.literal(1),
  createdMs: z.number(),
  documents: z.record(z.string(), z.string()),
});
export type BucketExtras = z.infer<typeof BucketExtras>;

/** The documents of a bucket that `.metadata.bin` has no field for. */
export function parseBucketExtras(text: string): BucketExtras | Unreadable {
  return parseJson(BucketExtras, text);
}

/** A bucket with its extra documents; those of a former bucket of its name do not count. */
export function withExtras(
  record: BucketRecord | Unreadable,
  extras: BucketExtras | Unreadable | undefined,
): BucketRecord | Unreadable {
  if (isUnreadable(record) || extras === undefined) return record;
  if ('unreadable' in extras) return { unreadable: `its further configuration cannot be read: ${extras.unreadable}` };
  if (extras.createdMs !== record.createdMs) return record;
  const documents = new Map(record.documents);
  for (const [name, text] of Object.entries(extras.documents)) {
    if (isBucketDocumentName(name) && metadataField(name) === undefined && text !== '') documents.set(name, text);
  }
  return { ...record, documents };
}

/** Extension 5, 12 bytes: i64be seconds, u32be nanoseconds. */
function createdMs(value: MsgpackValue | undefined): number {
  if (typeof value !== 'object' || value === null || !('extension' in value)) return 0;
  if (value.extension !== 5 || value.data.byteLength !== 12) return 0;
  const view = new DataView(value.data.buffer, value.data.byteOffset, 12);
  const ms = Number(view.getBigInt64(0)) * 1000 + Math.floor(view.getUint32(8) / 1e6);
  return ms > 0 ? ms : 0;
}

/** JSON text by a schema. */
export function parseJson<T>(schema: z.ZodType<T>, text: string): T | Unreadable {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { unreadable: 'it is not JSON' };
    throw error;
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return { unreadable: `${issue?.path.join('.') || 'it'}: ${issue?.code ?? 'invalid'}` };
}
