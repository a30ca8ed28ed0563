// All identities, policies and configuration of a store in one JSON document, and back into a store, whichever kind it is. Sessions are
// left out: their tokens are known to their holders and cannot be signed anew.
import { z } from 'zod';
import { serviceAccountLimit } from '../identity/session-token.ts';
import { BUCKET_DOCUMENT_NAMES } from '../store/bucket-documents.ts';
import {
  type BucketRecord,
  type IamRecords,
  type IdentityRecord,
  isUnreadable,
  type ServerDocument,
  type Unreadable,
} from '../store/iam-store.ts';
import { RECORD_TABLES, type RecordChanges, type RecordTable } from '../store/record-changes.ts';
import { isConsoleDocument } from './console-documents.ts';
import { signServiceToken } from './service-accounts.ts';
import { TOKEN_KEY_DOCUMENT } from './token-key.ts';

const Account = z.strictObject({
  secretKey: z.string().min(1),
  status: z.enum(['enabled', 'disabled']),
});
const ServiceAccount = z.strictObject({
  parent: z.string().min(1),
  secretKey: z.string().min(1),
  status: z.enum(['enabled', 'disabled']),
  /** Its inline policy; absent = the rights of its parent. */
  policy: z.string().optional(),
  name: z.string().optional(),
  description: z.string().optional(),
  expiration: z.iso.datetime({ offset: true }).optional(),
});
const Group = z.strictObject({ status: z.enum(['enabled', 'disabled']), members: z.array(z.string()) });
const Bucket = z.strictObject({
  createdMs: z.number().int().nonnegative(),
  lockEnabled: z.boolean(),
  documents: z.partialRecord(z.enum(BUCKET_DOCUMENT_NAMES), z.string().min(1)),
});
const Names = z.array(z.string().min(1));
const byName = <T extends z.ZodType>(value: T) => z.record(z.string().min(1), value).default({});

/** The document; version 1. */
export const IamDocument = z.strictObject({
  version: z.literal(1),
  users: byName(Account),
  groups: byName(Group),
  policies: byName(z.string()),
  userPolicies: byName(Names),
  groupPolicies: byName(Names),
  serviceAccounts: byName(ServiceAccount),
  buckets: byName(Bucket),
  /** Documents of the service: its configuration, and the history of that. */
  server: byName(z.string()),
});
export type IamDocument = z.infer<typeof IamDocument>;

export interface Exported {
  readonly document: IamDocument;
  /** Records that cannot be read, and are not in it. */
  readonly skipped: readonly { readonly subject: string; readonly why: string }[];
}

/** @param tokenKey what the tokens of the store's service accounts are signed with */
export function exportDocument(records: IamRecords, tokenKey: string): Exported {
  const skipped: { subject: string; why: string }[] = [];
  const table = <R extends object | string, T>(
    what: string,
    from: ReadonlyMap<string, R | Unreadable>,
    convert: (record: R, name: string) => T | undefined,
  ): Record<string, T> => {
    const entries: [string, T][] = [];
    for (const [name, record] of [...from].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (isUnreadable(record)) {
        skipped.push({ subject: `${what} ${name}`, why: record.unreadable });
        continue;
      }
      const converted = convert(record as R, name);
      if (converted !== undefined) entries.push([name, converted]);
    }
    return Object.fromEntries(entries);
  };
  const document: IamDocument = {
    version: 1,
    users: table('user', records.users, ({ secretKey, enabled }: IdentityRecord) => ({
      secretKey,
      status: statusOf(enabled),
    })),
    groups: table('group', records.groups, ({ enabled, members }) => ({
      status: statusOf(enabled),
      members: [...members],
    })),
    policies: table('policy', records.policies, (text: string) => text),
    userPolicies: table('policies of user', records.userPolicies, (names: readonly string[]) => [...names]),
    groupPolicies: table('policies of group', records.groupPolicies, (names: readonly string[]) => [...names]),
    serviceAccounts: table('service account', records.serviceAccounts, (record: IdentityRecord, accessKey) => {
      const { secretKey, enabled, parent, name, description, expiresAtMs, sessionToken } = record;
      const limit = serviceAccountLimit({ accessKey, parent, token: sessionToken }, tokenKey);
      if (limit.kind === 'broken') {
        skipped.push({ subject: `service account ${accessKey}`, why: limit.why });
        return undefined;
      }
      return {
        parent,
        secretKey,
        status: statusOf(enabled),
        ...(limit.kind === 'policy' ? { policy: limit.document } : {}),
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
        ...(expiresAtMs === undefined ? {} : { expiration: new Date(expiresAtMs).toISOString() }),
      };
    }),
    buckets: table('bucket', records.buckets, ({ createdMs, lockEnabled, documents }: BucketRecord) => ({
      createdMs,
      lockEnabled,
      documents: Object.fromEntries(documents),
    })),
    server: table('document', records.server, ({ text }: ServerDocument, name) => (isOfStore(name) ? undefined : text)),
  };
  return { document, skipped };
}

/** Documents that mean nothing in another store. */
function isOfStore(name: string): boolean {
  return name === TOKEN_KEY_DOCUMENT || isConsoleDocument(name);
}

/** What an import does to one record. */
export interface PlannedChange {
  readonly kind: 'add' | 'change' | 'remove';
  readonly table: RecordTable;
  readonly name: string;
}

export interface ImportPlan {
  readonly changes: RecordChanges;
  readonly planned: readonly PlannedChange[];
  /** Records that are there already, the same. */
  readonly unchanged: number;
}

export interface ImportOptions {
  /** Signs the tokens of service accounts in the target. */
  readonly tokenKey: string;
  /** Removes what the target has and the document does not; sessions stay. */
  readonly replace: boolean;
  readonly nowMs: number;
}

/** Tables that an import brings; sessions are no part of it. */
const IMPORTED = RECORD_TABLES.filter((table) => table !== 'sessions');

/** What makes the target hold what the document says. */
export function importPlan(document: IamDocument, records: IamRecords, options: ImportOptions): ImportPlan {
  const planned: PlannedChange[] = [];
  const changes: Partial<Record<RecordTable, ReadonlyMap<string, object | string | undefined>>> = {};
  let unchanged = 0;
  const wanted = wantedRecords(document, records, options);
  for (const table of IMPORTED) {
    const before: ReadonlyMap<string, object | string> = records[table];
    const changed = new Map<string, object | string | undefined>();
    const target = wanted[table];
    for (const [name, record] of target) {
      const was = before.get(name);
      if (was !== undefined && isSame(table, was, record)) {
        unchanged += 1;
        continue;
      }
      changed.set(name, record);
      planned.push({ kind: was === undefined ? 'add' : 'change', table, name });
    }
    if (options.replace) {
      for (const name of before.keys()) {
        if (target.has(name) || (table === 'server' && isOfStore(name))) continue;
        changed.set(name, undefined);
        planned.push({ kind: 'remove', table, name });
      }
    }
    if (changed.size > 0) changes[table] = changed;
  }
  return { changes: changes as RecordChanges, planned, unchanged };
}

type Wanted = Readonly<Record<(typeof IMPORTED)[number], ReadonlyMap<string, object | string>>>;

function wantedRecords(document: IamDocument, records: IamRecords, { tokenKey, nowMs }: ImportOptions): Wanted {
  const map = <T, R>(from: Readonly<Record<string, T>>, convert: (value: T, name: string) => R): Map<string, R> =>
    new Map(Object.entries(from).map(([name, value]) => [name, convert(value, name)]));
  return {
    users: map(document.users, ({ secretKey, status }) => identity({ secretKey, enabled: status === 'enabled' })),
    serviceAccounts: map(document.serviceAccounts, (account, accessKey) =>
      identity({
        secretKey: account.secretKey,
        enabled: account.status === 'enabled',
        parent: account.parent,
        sessionToken: signServiceToken(tokenKey, accessKey, account.parent, account.policy),
        expiresAtMs: account.expiration === undefined ? undefined : Date.parse(account.expiration),
        ...(account.name === undefined ? {} : { name: account.name }),
        ...(account.description === undefined ? {} : { description: account.description }),
      }),
    ),
    groups: map(document.groups, ({ status, members }) => ({ enabled: status === 'enabled', members })),
    policies: map(document.policies, (text) => text),
    userPolicies: map(document.userPolicies, (names) => names),
    groupPolicies: map(document.groupPolicies, (names) => names),
    buckets: map(document.buckets, ({ createdMs, lockEnabled, documents }, bucket): BucketRecord => {
      // A bucket that is there stays the one it is.
      const there = records.buckets.get(bucket);
      const kept = there === undefined || isUnreadable(there) ? undefined : there;
      return {
        createdMs: kept?.createdMs || createdMs,
        lockEnabled: kept?.lockEnabled ?? lockEnabled,
        documents: new Map(
          BUCKET_DOCUMENT_NAMES.flatMap((name) => {
            const text = documents[name];
            return text === undefined ? [] : [[name, text] as const];
          }),
        ),
      };
    }),
    server: map(document.server, (text): ServerDocument => ({ text, modifiedMs: nowMs })),
  };
}

function identity(given: Partial<IdentityRecord> & Pick<IdentityRecord, 'secretKey' | 'enabled'>): IdentityRecord {
  return { expiresAtMs: undefined, sessionToken: '', parent: '', ...given };
}

function isSame(table: RecordTable, a: object | string, b: object | string): boolean {
  return essence(table, a) === essence(table, b);
}

/** A record as text by which it is compared; when a document of the service was written does not matter. */
function essence(table: RecordTable, record: object | string): string {
  if (typeof record === 'string') return record;
  if (table === 'server' && 'text' in record) return String(record.text);
  return JSON.stringify(record, (_, value: unknown) =>
    value instanceof Map
      ? [...value].sort(([x], [y]) => (String(x) < String(y) ? -1 : 1))
      : typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)))
        : value,
  );
}

function statusOf(enabled: boolean): 'enabled' | 'disabled' {
  return enabled ? 'enabled' : 'disabled';
}
