// Records as the texts of documents, and back. Identities look as in the files of a volume, so that they can be compared by eye.
import { z } from 'zod';
import { isBucketDocumentName } from './bucket-documents.ts';
import type { BucketRecord, IamRecords, ServerDocument, Unreadable } from './iam-store.ts';
import type { RecordChanges, RecordTable } from './record-changes.ts';
import { parseGroup, parseIdentity, parseJson, parseMapping } from './record-parsers.ts';
import type { FileCrypto } from './volume-files.ts';
import { groupFile, identityFile, mappingFile } from './volume-writer-files.ts';

type StoredRecord<T extends RecordTable> = IamRecords[T] extends ReadonlyMap<string, infer R> ? R : never;
type RecordOf<T extends RecordTable> = Exclude<StoredRecord<T>, Unreadable>;

interface Codec<R> {
  parse(text: string): R | Unreadable;
  format(name: string, record: R): string;
}

const identity: Codec<RecordOf<'users'>> = { parse: parseIdentity, format: identityFile };
const mapping: Codec<RecordOf<'userPolicies'>> = {
  parse: parseMapping,
  format: (_, policies) => mappingFile(policies),
};

const Bucket = z.object({
  version: z.literal(1),
  createdMs: z.number(),
  lockEnabled: z.boolean(),
  documents: z.record(z.string(), z.string()),
});
const Server = z.object({ version: z.literal(1), modifiedMs: z.number(), text: z.string() });

const CODECS: { readonly [T in RecordTable]: Codec<RecordOf<T>> } = {
  users: identity,
  serviceAccounts: identity,
  sessions: identity,
  groups: { parse: parseGroup, format: (_, group) => groupFile(group) },
  policies: { parse: (text) => text, format: (_, text) => text },
  userPolicies: mapping,
  groupPolicies: mapping,
  buckets: { parse: parseBucket, format: (_, record) => formatBucket(record) },
  server: { parse: parseServer, format: (_, { modifiedMs, text }) => JSON.stringify({ version: 1, modifiedMs, text }) },
};

/** The record in a document's text. */
export function parseDocumentText<T extends RecordTable>(kind: T, text: string): StoredRecord<T> | Unreadable {
  const codec: Codec<RecordOf<T>> = CODECS[kind];
  return codec.parse(text);
}

/** The documents that a change writes and removes, in the order in which rights are taken before they are given. */
export function changedDocuments(
  changes: RecordChanges,
): { kind: RecordTable; name: string; text: string | undefined }[] {
  const formatted = <T extends RecordTable>(kind: T) => {
    const codec: Codec<RecordOf<T>> = CODECS[kind];
    const table = changes[kind] as ReadonlyMap<string, RecordOf<T> | undefined> | undefined;
    return [...(table ?? [])].map(([name, record]) => ({
      kind,
      name,
      text: record === undefined ? undefined : codec.format(name, record),
    }));
  };
  return (Object.keys(CODECS) as RecordTable[]).flatMap((kind) => formatted(kind));
}

/** How texts lie in a database whose service has a KMS key: sealed to the document they belong to. */
export class DocumentSeal {
  readonly #crypto: FileCrypto;

  constructor(crypto: FileCrypto) {
    this.#crypto = crypto;
  }

  seal(kind: RecordTable, name: string, text: string): string {
    return `${SEALED}${this.#crypto.encrypt(sealPath(kind, name), text).toString('base64')}`;
  }

  open(kind: RecordTable, name: string, sealed: string): string | Unreadable {
    return this.#crypto.decrypt(sealPath(kind, name), Buffer.from(sealed.slice(SEALED.length), 'base64'));
  }
}

const SEALED = 'sealed:';

export function isSealed(text: string): boolean {
  return text.startsWith(SEALED);
}

function sealPath(kind: RecordTable, name: string): string {
  return `portcullis/${kind}/${name}`;
}

function parseBucket(text: string): BucketRecord | Unreadable {
  const parsed = parseJson(Bucket, text);
  if ('unreadable' in parsed) return parsed;
  const documents = Object.entries(parsed.documents).flatMap(([name, document]) =>
    isBucketDocumentName(name) && document !== '' ? [[name, document] as const] : [],
  );
  return { createdMs: parsed.createdMs, lockEnabled: parsed.lockEnabled, documents: new Map(documents) };
}

function formatBucket({ createdMs, lockEnabled, documents }: BucketRecord): string {
  return JSON.stringify({ version: 1, createdMs, lockEnabled, documents: Object.fromEntries(documents) });
}

function parseServer(text: string): ServerDocument | Unreadable {
  const parsed = parseJson(Server, text);
  if ('unreadable' in parsed) return parsed;
  return { text: parsed.text, modifiedMs: parsed.modifiedMs };
}
