// The gateway's command line and environment, checked once and turned into types.
import { isBucketName } from '../gateway/s3/object-name.ts';
import { AUTHZ_HTTP_NEEDS_TOKEN, type AuthzHttpAddress, parseAuthzHttp } from './authz-doors.ts';
import { type CertificateFiles, certificateFiles, readCertificate } from './certificate-files.ts';
import { count, durationMs, sizeInBytes } from './flag-values.ts';
import { readTransferSettings, type TransferSettings } from './gateway-transfer.ts';
import { type HostPort, parseHostPort } from './listen-address.ts';
import { type RootCredentials, readRootCredentials, UsageError } from './root-credentials.ts';

/** Names of files. */
export interface AuthzTlsFiles {
  readonly ca: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Everything that a worker needs to serve; holds no secret. */
export interface WorkerSettings {
  readonly metaUrl: string;
  readonly listen: HostPort;
  readonly features: {
    readonly multiBuckets: boolean;
    readonly bucketName: string | undefined;
    readonly keepEtag: boolean;
    readonly objectTag: boolean;
    readonly objectMeta: boolean;
    readonly headDir: boolean;
    readonly hideDirObject: boolean;
  };
  readonly volume: {
    readonly readOnly: boolean;
    readonly umask: number;
    readonly heartbeatMs: number;
    readonly backgroundJobs: boolean;
    readonly mountpoint: string;
    readonly storage: string | undefined;
    readonly bucket: string | undefined;
    readonly maxUploads: number;
    readonly bufferBytes: number; // of one worker
    readonly transfer: TransferSettings;
  };
  readonly domains: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly accessLog: string | undefined;
  /** Metrics on the S3 port are for everyone. */
  readonly publicMetrics: boolean;
  /** The web interface is served. */
  readonly console: boolean;
  readonly authzTimeoutMs: number;
  readonly authzTokenFile: string | undefined;
  readonly authzTls: AuthzTlsFiles | undefined;
  /** The HTTP door of a sidecar; undefined = it has none that is known. */
  readonly authzHttp: AuthzHttpAddress | undefined;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn';
}

/** What the primary process needs besides. */
export interface GatewaySettings {
  readonly worker: WorkerSettings;
  readonly workers: number;
  /** Address of a sidecar that runs elsewhere; undefined = supervise one. */
  readonly authz: string | undefined;
  /** Only for a supervised sidecar. */
  readonly root: RootCredentials | undefined;
  readonly sidecarArgs: readonly string[];
  readonly banner: boolean;
  readonly background: boolean;
  readonly logFile: string | undefined;
  readonly metrics: { readonly address: HostPort; readonly given: boolean };
  /** Undefined = no TLS. */
  readonly tls: CertificateFiles | undefined;
}

type Options = Readonly<Record<string, unknown>>;
type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_METRICS = '127.0.0.1:9567';
const MAX_WORKERS = 256;

/** Reads and checks; throws UsageError with one line that says what would be right. */
export function readGatewaySettings(
  metaUrl: string,
  address: string,
  options: Options,
  env: Environment,
  cores: number,
): GatewaySettings {
  const text = (name: string): string | undefined => {
    const value = options[name];
    return typeof value === 'string' ? value : undefined;
  };
  const isOn = (name: string): boolean => options[name] === true;
  // commander reads --no-x as x = false
  const isOff = (name: string): boolean => options[name] === false;
  const authz = text('authz');
  const refresh = text('refreshIamInterval') ?? '5m';
  durationMs(refresh, '--refresh-iam-interval');
  const workers = count(text('workers') ?? String(cores), '--workers', 1, MAX_WORKERS);
  const bufferBytes = sizeInBytes(text('bufferSize') ?? '300M', '--buffer-size');
  const bucketPolicies = text('bucketPolicies');
  const storageArgs = (['storage', 'bucket', 'subdir'] as const).flatMap((name) => {
    const value = text(name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  const sidecarFlag = (flag: string, value: string | undefined): string[] => (value === undefined ? [] : [flag, value]);
  const metrics = text('metrics');
  const bucketName = text('bucketName');
  if (bucketName !== undefined && !isBucketName(bucketName)) {
    throw new UsageError(
      `--bucket-name must be 3 to 63 of a-z, 0-9, '.' and '-', and no reserved name, not ${JSON.stringify(bucketName)}`,
    );
  }
  return {
    worker: {
      metaUrl,
      listen: parseHostPort(address, 'ADDRESS'),
      features: {
        multiBuckets: isOn('multiBuckets'),
        bucketName,
        keepEtag: isOn('keepEtag'),
        objectTag: isOn('objectTag'),
        objectMeta: isOn('objectMeta'),
        headDir: isOn('headDir'),
        hideDirObject: isOn('hideDirObject'),
      },
      volume: {
        readOnly: isOn('readOnly'),
        umask: octal(text('umask') ?? '022', '--umask'),
        heartbeatMs: durationMs(text('heartbeat') ?? '12s', '--heartbeat', { positive: true }),
        backgroundJobs: !isOff('bgjob'),
        mountpoint: text('mountpoint') ?? 's3gateway',
        storage: text('storage'),
        bucket: text('bucket'),
        maxUploads: count(text('maxUploads') ?? '20', '--max-uploads', 1, 10_000),
        bufferBytes: Math.max(Math.floor(bufferBytes / workers), 32 << 20),
        transfer: readTransferSettings(text, isOn, workers),
      },
      domains: list(text('domain') ?? env.MINIO_DOMAIN),
      trustedProxies: list(text('trustedProxy')),
      accessLog: text('accessLog'),
      publicMetrics: publicMetrics(env.MINIO_PROMETHEUS_AUTH_TYPE),
      console: !/^off$/i.test(env.MINIO_BROWSER ?? ''),
      authzTimeoutMs: durationMs(text('authzTimeout') ?? '2s', '--authz-timeout', { positive: true }),
      authzTokenFile: text('authzTokenFile'),
      authzTls: authzTlsFiles(text('authzTlsCa'), text('authzTlsCert'), text('authzTlsKey')),
      authzHttp: authzHttp(text('authzHttp'), authz, text('authzTokenFile')),
      logLevel: isOn('trace') ? 'trace' : isOn('verbose') ? 'debug' : isOn('quiet') ? 'warn' : 'info',
    },
    workers,
    authz,
    root: authz === undefined ? readRootCredentials(env) : undefined,
    sidecarArgs: [
      // Out of its environment it is not in the list of processes.
      ...sidecarFlag(
        '--store',
        text('store') ?? (env.PORTCULLIS_STORE === undefined ? `volume:${metaUrl}` : undefined),
      ),
      ...(isOn('iamTrash') ? ['--iam-trash'] : []),
      ...sidecarFlag('--refresh-iam-interval', refresh),
      ...sidecarFlag('--dialect', text('dialect')),
      ...sidecarFlag('--bucket-policies', bucketPolicies),
      ...sidecarFlag('--account-id', text('accountId')),
      ...sidecarFlag('--https-listen', text('stsListen')),
      ...sidecarFlag('--tls-cert', text('stsTlsCert')),
      ...sidecarFlag('--tls-key', text('stsTlsKey')),
      ...sidecarFlag('--client-ca', text('stsClientCa')),
      ...sidecarFlag('--audit-log', text('auditLog')),
      ...sidecarFlag('--audit-rotate-size', text('auditRotateSize')),
      ...sidecarFlag('--audit-rotate-keep', text('auditRotateKeep')),
      ...sidecarFlag('--audit-webhook', text('auditWebhook')),
      ...sidecarFlag('--audit-webhook-token-file', text('auditWebhookTokenFile')),
      ...(isOn('auditRequired') ? ['--audit-required'] : []),
      ...storageArgs,
      ...(isOn('readOnly') ? ['--read-only'] : []),
    ],
    banner: !isOff('banner'),
    background: isOn('background'),
    logFile: text('log'),
    metrics: { address: parseHostPort(metrics ?? DEFAULT_METRICS, '--metrics'), given: metrics !== undefined },
    tls: tlsFiles(text('tlsCert'), text('tlsKey'), env.HOME),
  };
}

/** Throws UsageError for an address that cannot be used as it is given. */
function authzHttp(
  given: string | undefined,
  authz: string | undefined,
  tokenFile: string | undefined,
): AuthzHttpAddress | undefined {
  if (given === undefined) return undefined;
  if (authz === undefined) throw new UsageError('--authz-http goes with --authz: a supervised sidecar has its own');
  const address = parseAuthzHttp(given);
  if (address.kind !== 'unix' && tokenFile === undefined) throw new UsageError(AUTHZ_HTTP_NEEDS_TOKEN);
  return address;
}

/** Throws UsageError for files that do not go together. */
function authzTlsFiles(
  ca: string | undefined,
  cert: string | undefined,
  key: string | undefined,
): AuthzTlsFiles | undefined {
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (ca === undefined) throw new UsageError('--authz-tls-cert and --authz-tls-key need --authz-tls-ca');
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('--authz-tls-cert and --authz-tls-key go together');
  }
  return { ca, cert, key };
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Checked here, so that a bad certificate ends the start before anything else does. */
function tlsFiles(cert: string | undefined, key: string | undefined, home: string | undefined) {
  const files = certificateFiles(cert, key, home);
  if (files !== undefined) readCertificate(files);
  return files;
}

function publicMetrics(authType: string | undefined): boolean {
  if (authType === undefined || authType === '' || authType === 'jwt') return false;
  if (authType === 'public') return true;
  throw new UsageError(`MINIO_PROMETHEUS_AUTH_TYPE must be jwt or public, not ${JSON.stringify(authType)}`);
}

function octal(text: string, flag: string): number {
  if (!/^(0o)?[0-7]{1,4}$/.test(text)) {
    throw new UsageError(`${flag} must be octal, e.g. 022, not ${JSON.stringify(text)}`);
  }
  return Number.parseInt(text.replace('0o', ''), 8) & 0o777;
}
