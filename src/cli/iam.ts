// `portcullis iam export|import`: carries identities, policies and configuration from one store to another, of whatever kind.
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { exportDocument, IamDocument, type ImportPlan, importPlan } from '../authz/administration/iam-document.ts';
import { tokenKeyOf } from '../authz/administration/token-key.ts';
import { type OpenedStore, openStore, StoreError } from '../authz/store/open-store.ts';
import type { RECORD_TABLES } from '../authz/store/record-changes.ts';
import { StoreBusy } from '../authz/store/record-storage.ts';
import { parseStoreUrl } from '../authz/store/store-url.ts';
import { type RootCredentials, readRootCredentials, UsageError } from './root-credentials.ts';

/** Largest document that is read. */
const MAX_DOCUMENT_BYTES = 256 * 1024 * 1024;

interface StoreFlags {
  readonly store?: string;
  readonly storage?: string;
  readonly bucket?: string;
}
interface ExportFlags extends StoreFlags {
  readonly output?: string;
}
interface ImportFlags extends StoreFlags {
  readonly input?: string;
  readonly dryRun?: boolean;
  readonly replace?: boolean;
}

/** The `iam` subcommand. */
export function iamCommand(): Command {
  const command = new Command('iam').description('carry identities and policies from one store to another');
  storeFlags(command.command('export'))
    .description('write a store as one JSON document, with its secrets; without sessions')
    .option('--output <FILE>', 'file to make, readable by this user alone (default: standard output)')
    .action((flags: ExportFlags) =>
      inStore(flags, (opened, rootSecretKey) => exportStore(opened, rootSecretKey, flags)),
    );
  storeFlags(command.command('import'))
    .description('put what a document says into a store')
    .option('--input <FILE>', 'file to read (default: standard input)')
    .option('--dry-run', 'only say what would change')
    .option('--replace', 'remove what the store has and the document does not')
    .action((flags: ImportFlags) =>
      inStore(flags, (opened, rootSecretKey) => importStore(opened, rootSecretKey, flags)),
    );
  return command;
}

function storeFlags(command: Command): Command {
  return command
    .option('--store <URL>', 'volume:META-URL, sqlite:PATH, postgres://… or etcd://…; also $PORTCULLIS_STORE')
    .option('--storage <TYPE>', 'object storage type of the volume, instead of the one in it')
    .option('--bucket <URL>', 'bucket or directory of the object storage of the volume, instead of the one in it');
}

/** Opens the store, works, and closes it. The root secret is asked for where tokens are signed with it. */
async function inStore(
  { store, storage, bucket }: StoreFlags,
  work: (opened: OpenedStore, rootSecretKey: string) => Promise<void>,
): Promise<void> {
  const url = store ?? process.env.PORTCULLIS_STORE;
  if (url === undefined) throw new UsageError('--store (or $PORTCULLIS_STORE) must say which store');
  const kmsSecretKey = process.env.MINIO_KMS_SECRET_KEY;
  let opened: OpenedStore;
  let root: RootCredentials | undefined;
  try {
    if (parseStoreUrl(url).kind === 'volume') root = readRootCredentials(process.env);
    opened = await openStore(url, { storage, bucket, kmsSecretKey, root, environment: process.env });
  } catch (error) {
    if (error instanceof StoreError) throw new UsageError(error.message);
    throw error;
  }
  try {
    await work(opened, root?.secretKey ?? '');
  } catch (error) {
    if (error instanceof StoreBusy) throw new UsageError(error.message);
    throw error;
  } finally {
    await opened.close();
  }
}

async function exportStore(opened: OpenedStore, rootSecretKey: string, { output }: ExportFlags): Promise<void> {
  const tokenKey = await tokenKeyOf(opened, rootSecretKey, false);
  const { document, skipped } = exportDocument(await opened.store.load(), tokenKey);
  const text = `${JSON.stringify(document, undefined, 1)}\n`;
  if (output === undefined) process.stdout.write(text);
  else writePrivately(output, text);
  for (const { subject, why } of skipped) process.stderr.write(`portcullis: left out ${subject}: ${why}\n`);
  if (skipped.length > 0) throw new UsageError(`${skipped.length} records could not be read and were left out`);
}

async function importStore(opened: OpenedStore, rootSecretKey: string, flags: ImportFlags): Promise<void> {
  const document = await readDocument(flags.input);
  if (opened.records === undefined) throw new UsageError('the store keeps nothing: name another one with --store');
  const replace = flags.replace === true;
  const tokenKey = await tokenKeyOf(opened, rootSecretKey, flags.dryRun !== true);
  const plan = (records: Parameters<typeof importPlan>[1]): ImportPlan =>
    importPlan(document, records, { tokenKey, replace, nowMs: Date.now() });
  if (flags.dryRun === true) {
    print(plan(await opened.store.load()), true);
    return;
  }
  let done: ImportPlan | undefined;
  await opened.records.exclusively(async (stored) => {
    done = plan(await opened.store.load());
    if (done.planned.length > 0) await stored.write(done.changes);
  });
  if (done !== undefined) print(done, false);
}

const SIGNS = { add: '+', change: '~', remove: '-' } as const;
/** What a row of a table is called. */
const SUBJECTS: Readonly<Record<(typeof RECORD_TABLES)[number], string>> = {
  users: 'user',
  serviceAccounts: 'service account',
  sessions: 'session',
  groups: 'group',
  policies: 'policy',
  userPolicies: 'policies of user',
  groupPolicies: 'policies of group',
  buckets: 'configuration of bucket',
  server: 'document',
};

function print({ planned, unchanged }: ImportPlan, dryRun: boolean): void {
  for (const { kind, table, name } of planned) process.stdout.write(`${SIGNS[kind]} ${SUBJECTS[table]} ${name}\n`);
  const count = (kind: keyof typeof SIGNS): number => planned.filter((change) => change.kind === kind).length;
  const sum = `${count('add')} added, ${count('change')} changed, ${count('remove')} removed, ${unchanged} the same`;
  process.stdout.write(dryRun ? `${sum} (nothing was written)\n` : `${sum}\n`);
}

async function readDocument(input: string | undefined): Promise<IamDocument> {
  let text: string;
  try {
    text = input === undefined ? await readStandardInput() : readFileSync(input, 'utf8');
  } catch (cause) {
    throw new UsageError(`--input: cannot read ${input ?? 'standard input'}: ${reasonOf(cause)}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UsageError(`--input: ${input ?? 'standard input'} is not JSON`);
  }
  const parsed = IamDocument.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(
    `--input: ${input ?? 'standard input'} is no document of \`portcullis iam export\`: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}

async function readStandardInput(): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    size += piece.byteLength;
    if (size > MAX_DOCUMENT_BYTES) throw new Error(`it is larger than ${MAX_DOCUMENT_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Never where others could read it, and never over a file that is there. */
function writePrivately(path: string, text: string): void {
  try {
    const file = openSync(path, 'wx', 0o600);
    try {
      writeFileSync(file, text);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new UsageError(`--output: cannot make ${path}: ${reasonOf(cause)}`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
