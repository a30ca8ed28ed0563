// `portcullis authz`: the sidecar as a process. Reads the command line and the environment, serves, and ends: with its supervisor's
// pipe (--supervised), or on SIGTERM and SIGINT.
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ConsoleSessions } from '../authz/administration/console-sessions.ts';
import { StoreIdentityWriter } from '../authz/administration/store-identity-writer.ts';
import { tokenKeyOf } from '../authz/administration/token-key.ts';
import { RecentDecisions } from '../authz/audit/recent-decisions.ts';
import { Asks } from '../authz/grpc/asks.ts';
import { BucketChanges } from '../authz/grpc/bucket-changes.ts';
import { type CallerSettings, Callers } from '../authz/grpc/callers.ts';
import { Explainer } from '../authz/grpc/explain.ts';
import { ListenError } from '../authz/grpc/listen.ts';
import { startGrpcServer } from '../authz/grpc/server.ts';
import { PendingSignIns } from '../authz/http/console/pending-sign-ins.ts';
import { PolicyDesk } from '../authz/http/console/policy-desk.ts';
import { SignInThrottle } from '../authz/http/console/sign-in-throttle.ts';
import { createAdminService } from '../authz/http/create-admin-service.ts';
import { SidecarMetrics } from '../authz/http/sidecar-metrics.ts';
import { Authorizer } from '../authz/identity/authorizer.ts';
import { IamDirectory } from '../authz/identity/iam-directory.ts';
import type { PolicySettings } from '../authz/identity/policy-program.ts';
import { differingReadings } from '../authz/identity/policy-readings.ts';
import { DIALECT_NAMES, type DialectName } from '../authz/policy/index.ts';
import type { IamStore } from '../authz/store/iam-store.ts';
import { type OpenedStore, openStore, StoreError } from '../authz/store/open-store.ts';
import { environmentKeys, targetProblem } from '../gateway/events/index.ts';
import { type AuditFlags, type AuditOptions, addAuditFlags, auditOptions, openAuditSinks } from './audit-flags.ts';
import { authoritiesFolder } from './certificate-files.ts';
import { parseGoDuration } from './go-duration.ts';
import { openHttpDoors, readTlsFiles, type TlsFiles, type TlsFlags } from './http-doors.ts';
import {
  describeProviders,
  type IdentityProviderSettings,
  NO_PROVIDERS,
  readIdentityProviders,
} from './identity-providers.ts';
import { createLogger, type Logger } from './logger.ts';
import { type RootCredentials, readRootCredentials, scrubSecrets, UsageError } from './root-credentials.ts';
import { readCallers, readToken } from './token-file.ts';
import { VERSION } from './version.ts';

const WHOM = ['everyone', 'anonymous'] as const;

/** Dialects whose engines let bucket policies speak to the anonymous only. */
const ANONYMOUS_ONLY: ReadonlySet<DialectName> = new Set(['juicefs', 'minio']);

export interface ServeAuthzOptions extends AuditOptions {
  /** `unix:PATH` or `HOST:PORT`; port 0 picks one. */
  readonly listen: string;
  readonly httpListen?: string | undefined;
  /** A URL as parseStoreUrl reads it, or a store that is open already and becomes the sidecar's. */
  readonly store: string | IamStore;
  readonly storage?: string | undefined;
  readonly bucket?: string | undefined;
  readonly subdir?: string | undefined;
  /** Identities are read and never changed. */
  readonly readOnly?: boolean;
  /** Identity files that are replaced or removed go to the volume's trash. */
  readonly iamTrash?: boolean;
  readonly kmsSecretKey?: string | undefined;
  readonly root: RootCredentials;
  readonly refreshMs?: number;
  readonly dialect?: DialectName;
  /** Whom bucket policies bind; the dialect's own habit when absent. */
  readonly bucketPolicies?: PolicySettings['bucketPolicies'] | undefined;
  /** What callers must show as bearer metadata. */
  readonly token?: string | undefined;
  /** Callers may name principals and set the time. */
  readonly trustCallers?: boolean;
  /** Whether documents that come with a question are evaluated (PolicySimulation). Default true. */
  readonly policySimulation?: boolean;
  /** Region of presigned URLs that are made here. */
  readonly region?: string | undefined;
  /** The account of everyone here, in ARNs: 12 digits. */
  readonly accountId?: string | undefined;
  readonly identityProviders?: IdentityProviderSettings;
  /** Callers with a scope of their own. */
  readonly callers?: readonly CallerSettings[];
  /** `HOST:PORT` of the HTTP door over TLS. */
  readonly httpsListen?: string | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly logger: Logger;
  readonly nowMs?: () => number;
}

export interface RunningAuthz {
  /** Where gRPC is served, with the port that was chosen. */
  readonly address: string;
  readonly httpAddress: string | undefined;
  readonly httpsAddress: string | undefined;
  /** Drains and closes everything. Idempotent. */
  stop(): Promise<void>;
}

const DEFAULT_REGION = 'us-east-1';
const DEFAULT_REFRESH_MS = 5 * 60 * 1000;

/** Starts a sidecar in this process. Throws UsageError when it cannot come up as asked. */
export async function serveAuthz(options: ServeAuthzOptions): Promise<RunningAuthz> {
  const { logger } = options;
  const nowMs = options.nowMs ?? Date.now;
  const dialect = options.dialect ?? 'portcullis';
  const settings: PolicySettings = {
    dialect,
    bucketPolicies: options.bucketPolicies ?? (ANONYMOUS_ONLY.has(dialect) ? 'anonymous' : 'everyone'),
    ...(options.accountId === undefined ? {} : { accountId: options.accountId }),
  };
  const providers = options.identityProviders ?? NO_PROVIDERS;
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const opened = await openStoreOf(options);
    closing.push(() => opened.close());
    const { store } = opened;
    const tokenKey = await tokenKeyOf(opened, options.root.secretKey, options.readOnly !== true);
    const root = { ...options.root, tokenKey };
    const directory = await IamDirectory.open({
      store,
      root,
      settings,
      refreshMs: options.refreshMs ?? DEFAULT_REFRESH_MS,
      nowMs,
      log: {
        problem: ({ subject, problem }) => logger.error({ subject, problem }, 'an identity or policy cannot be used'),
        loaded: (revision, name) => logger.info({ revision, store: name }, 'identities and policies are loaded'),
        failed: (error) => logger.error({ err: error }, 'identities could not be read again; the last ones stand'),
      },
    });
    closing.push(() => directory.close());
    for (const { subject, differences } of differingReadings(directory.current, settings)) {
      logger.warn({ subject, differences }, `${dialect} reads this policy otherwise than juicefs`);
    }
    const sinks = await openAuditSinks(options, logger);
    const metrics = new SidecarMetrics(directory, sinks);
    const audit = new RecentDecisions(sinks);
    closing.push(() => audit.close());
    const trustCallers = options.trustCallers ?? false;
    const records = options.readOnly === true ? undefined : opened.records;
    const writer = records === undefined ? undefined : new StoreIdentityWriter(records, directory);
    const sessions = new ConsoleSessions({
      records: () => directory.current.records,
      writer,
      refresh: () => directory.refresh(),
      nowMs,
    });
    const authorizer = new Authorizer({ directory, settings, trustCallers, bearers: sessions, nowMs });
    const asks = new Asks(authorizer, metrics.counting(audit), nowMs, {
      auditRequired: options.auditRequired === true,
    });
    const admin = createAdminService({
      answer: (ask) => asks.answer(ask),
      explainRequest: (requestId) => audit.explain(requestId),
      directory,
      settings,
      root,
      writer,
      hasDirectory: providers.ldap !== undefined,
      identityProviders: describeProviders(providers),
      nowMs,
      targetProblem: ({ subSystem, target, values }) =>
        targetProblem(subSystem, target, { ...Object.fromEntries(values), ...authoritiesOf(subSystem, target) }),
      version: VERSION,
      usage: async () => store.usage?.(),
    });
    const grpc = await startGrpcServer({
      listen: options.listen,
      token: options.token,
      callers: options.callers ?? [],
      tls: options.tls,
      policySimulation: options.policySimulation ?? true,
      asks,
      explainer: new Explainer(authorizer, asks, trustCallers),
      authorizer,
      bucketChanges: new BucketChanges(asks, admin),
      nowMs,
      onError: (error) => logger.error({ err: error }, 'a question could not be answered'),
    });
    closing.push(() => grpc.stop());
    let ready = true;
    const doors = await openHttpDoors({
      admin,
      console: {
        admin,
        sessions,
        throttle: new SignInThrottle(),
        pending: new PendingSignIns(() => sessions.secret(), nowMs),
        credentials: () => directory.current,
        policies: new PolicyDesk({ directory, settings, root: options.root, nowMs }),
        decisions: audit,
        account: authorizer.account,
        region: options.region ?? DEFAULT_REGION,
      },
      asks,
      authorizer,
      providers,
      callers: new Callers(options.callers ?? [], options.token),
      httpListen: options.httpListen,
      httpsListen: options.httpsListen,
      tls: options.tls,
      isReady: () => ready,
      metrics: metrics.registry,
      logger,
      nowMs,
    });
    closing.push(() => doors.stop());
    closing.push(async () => {
      ready = false;
    });
    const { httpAddress, httpsAddress } = doors;
    return { address: grpc.address, httpAddress, httpsAddress, stop };
  } catch (error) {
    await stop();
    if (error instanceof ListenError || error instanceof StoreError) throw new UsageError(error.message);
    throw error;
  }
}

async function openStoreOf(options: ServeAuthzOptions): Promise<OpenedStore> {
  const { store, storage, bucket, subdir, readOnly, kmsSecretKey, root, iamTrash: trash } = options;
  if (typeof store === 'string') {
    const environment = process.env;
    return openStore(store, { storage, bucket, subdir, readOnly, kmsSecretKey, root, trash, environment });
  }
  return { store, records: undefined, sharesTokens: true, close: () => store.close() };
}

/** The certificate authorities of a target, which the machine alone can name: other gateways know no such key. */
function authoritiesOf(subSystem: string, target: string): { readonly ca_cert?: string } {
  const ca_cert = environmentKeys(subSystem, target, process.env).ca_cert ?? authoritiesFolder();
  return ca_cert === undefined ? {} : { ca_cert };
}

interface AuthzFlags extends TlsFlags, AuditFlags {
  readonly listen: string;
  readonly httpListen?: string;
  readonly httpsListen?: string;
  readonly callers?: string;
  readonly accountId?: string;
  readonly store?: string;
  readonly storage?: string;
  readonly bucket?: string;
  readonly subdir?: string;
  readonly readOnly?: boolean;
  readonly iamTrash?: boolean;
  readonly refreshIamInterval: number;
  readonly dialect: DialectName;
  readonly bucketPolicies?: PolicySettings['bucketPolicies'];
  readonly tokenFile?: string;
  readonly trustCallers?: boolean;
  readonly policySimulation: boolean;
  readonly supervised?: boolean;
}

/** The `authz` subcommand. */
export function authzCommand(): Command {
  return addAuditFlags(new Command('authz'))
    .description('run the authorization sidecar')
    .requiredOption('--listen <ADDRESS>', 'unix:PATH (private to this user) or HOST:PORT (gRPC)')
    .option('--http-listen <ADDRESS>', 'unix:PATH or HOST:PORT (HTTP: administration, STS, health)')
    .option('--https-listen <ADDRESS>', 'HOST:PORT of the same over TLS; client certificates are asked for (STS)')
    .option('--tls-cert <FILE>', 'certificate of --https-listen, and of --listen over TCP, PEM')
    .option('--tls-key <FILE>', 'private key of --tls-cert, PEM')
    .option('--caller-ca <FILE>', 'authorities of callers: each caller of --listen has to show a certificate, PEM')
    .option('--callers <FILE>', 'JSON list of callers: their tokens or certificates, and what each may ask')
    .option('--client-ca <FILE>', 'authorities whose client certificates are identities, PEM')
    .option('--account-id <DIGITS>', 'account of everyone here, in ARNs (default: 000000000000)', readAccountId)
    .option(
      '--store <URL>',
      'where identities are kept: volume:META-URL, sqlite:PATH, postgres://…, etcd://… or none: (root alone); also $PORTCULLIS_STORE (default: sqlite:DATA/identities.db, DATA being $PORTCULLIS_DATA or ./data)',
    )
    .option('--storage <TYPE>', 'object storage type of the volume, instead of the one in it')
    .option('--bucket <URL>', 'bucket or directory of the object storage of the volume, instead of the one in it')
    .option('--subdir <PATH>', 'directory of the volume that stands for its root')
    .option('--iam-trash', 'let identity files that are replaced or removed go to the trash of the volume')
    .option('--read-only', 'never change identities, policies and bucket configuration')
    .addOption(
      new Option('--refresh-iam-interval <DURATION>', 'how often identities are read again')
        .argParser(readInterval)
        .default(DEFAULT_REFRESH_MS, '5m'),
    )
    .addOption(new Option('--dialect <NAME>', 'policy dialect').choices(DIALECT_NAMES).default('portcullis'))
    .addOption(
      new Option('--bucket-policies <WHOM>', "whom bucket policies bind (default: the dialect's)").choices(WHOM),
    )
    .option('--token-file <FILE>', 'file with a token that callers must show; needed beyond unix sockets and loopback')
    .option('--trust-callers', 'let callers name principals and set the time')
    .option('--no-policy-simulation', 'do not evaluate documents that callers bring (PolicySimulation)')
    .option('--supervised', 'live as long as standard input is open, ignore SIGINT and SIGTERM')
    .action(async (flags: AuthzFlags, command: Command) => {
      const globals: Record<string, unknown> = command.optsWithGlobals();
      const level = globals.trace ? 'trace' : globals.verbose ? 'debug' : globals.quiet ? 'warn' : 'info';
      await runAuthz(flags, createLogger(level));
    });
}

async function runAuthz(flags: AuthzFlags, logger: Logger): Promise<void> {
  const root = readRootCredentials(process.env);
  const kmsSecretKey = process.env.MINIO_KMS_SECRET_KEY;
  const store =
    flags.store ??
    process.env.PORTCULLIS_STORE ??
    `sqlite:${join(process.env.PORTCULLIS_DATA ?? 'data', 'identities.db')}`;
  const identityProviders = readIdentityProviders(process.env);
  scrubSecrets(process.env);
  // Asked for before anything is awaited, so that no signal or closed pipe is missed.
  const ended = flags.supervised === true ? endOfPipe() : endSignal(logger);
  const running = await serveAuthz({
    listen: flags.listen,
    httpListen: flags.httpListen,
    store,
    storage: flags.storage,
    bucket: flags.bucket,
    subdir: flags.subdir,
    readOnly: flags.readOnly === true,
    iamTrash: flags.iamTrash === true,
    kmsSecretKey,
    root,
    refreshMs: flags.refreshIamInterval,
    dialect: flags.dialect,
    bucketPolicies: flags.bucketPolicies,
    ...auditOptions(flags),
    token: flags.tokenFile === undefined ? undefined : readToken(flags.tokenFile),
    trustCallers: flags.trustCallers === true,
    policySimulation: flags.policySimulation,
    logger,
    accountId: flags.accountId,
    identityProviders,
    httpsListen: flags.httpsListen,
    tls: readTlsFiles(flags),
    callers: flags.callers === undefined ? [] : readCallers(flags.callers),
  });
  const event = {
    event: 'ready',
    address: running.address,
    http: running.httpAddress,
    https: running.httpsAddress,
  };
  process.stdout.write(`${JSON.stringify(event)}\n`);
  await ended;
  await running.stop();
  process.stdin.pause();
}

/** Resolves when the supervisor's pipe closes. Its signals are not this process's: the supervisor drains first. */
function endOfPipe(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  return new Promise((resolve) => {
    process.stdin.once('end', resolve);
    process.stdin.once('error', () => resolve());
    process.stdin.resume();
  });
}

function endSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        logger.info({ signal }, 'ending: questions in flight are answered first');
        resolve();
      });
    }
  });
}

function readAccountId(text: string): string {
  if (!/^\d{12}$/.test(text)) throw new InvalidArgumentError('an account id has 12 digits');
  return text;
}

function readInterval(text: string): number {
  const parsed = parseGoDuration(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.message);
  if (parsed.milliseconds < 0) throw new InvalidArgumentError(`${JSON.stringify(text)} is negative; write e.g. "5m"`);
  return parsed.milliseconds;
}
