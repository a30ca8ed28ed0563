// Every flag of `juicefs gateway`, as data: its form, its help, and whether it acts here yet.
// Source: JUICEFS-FORMAT §7.1 (juicefs 1.4). The flags of Portcullis itself stand at the end.
import type { Command } from 'commander';

/** One flag. `value` is the placeholder of its argument; absent = a switch. */
export interface FlagSpec {
  readonly flag: string; // without dashes: 'multi-buckets'
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
  /** False: accepted, named once in the log, and without effect so far. */
  readonly acts: boolean;
}

const acting = (flag: string, help: string, value?: string): FlagSpec =>
  value === undefined ? { flag, help, acts: true } : { flag, help, value, acts: true };
const later = (flag: string, help: string, value?: string): FlagSpec =>
  value === undefined ? { flag, help, acts: false } : { flag, help, value, acts: false };

export const GATEWAY_FLAGS: readonly FlagSpec[] = [
  acting('log', 'path of the log file when running in background', 'FILE'),
  acting('access-log', 'path of the access log (JSON lines)', 'FILE'),
  { flag: 'background', short: 'd', help: 'run in background', acts: true },
  acting('no-banner', 'do not print the startup banner'),
  acting('multi-buckets', 'export every directory at the top level of the volume as a bucket'),
  acting('bucket-name', "name of the one bucket without --multi-buckets (default: the volume's name)", 'NAME'),
  acting('keep-etag', 'keep the ETag of uploaded objects'),
  acting('umask', 'umask for new files and directories, octal (default: 022)', 'OCTAL'),
  acting('object-tag', 'enable object tagging'),
  acting('object-meta', 'keep user metadata and content headers of objects'),
  acting('head-dir', 'answer HEAD for directories'),
  acting('hide-dir-object', 'leave directory objects out of listings'),
  acting('domain', 'domains of virtual-host style requests, comma separated (sets MINIO_DOMAIN)', 'NAMES'),
  acting('refresh-iam-interval', 'how often identities are read again, a Go duration (default: 5m)', 'DURATION'),
  acting('mountpoint', 'mount point that absolute symbolic links refer to (default: s3gateway)', 'PATH'),
  // metadata
  acting('subdir', 'serve a sub-directory of the volume as its root; made when it is missing', 'PATH'),
  acting('backup-meta', 'interval of metadata backups in the object store; 0 makes none (default: 1h)', 'DURATION'),
  acting('backup-skip-trash', 'leave the trash out of metadata backups'),
  acting('heartbeat', 'interval of the session heartbeat (default: 12s)', 'DURATION'),
  acting('read-only', 'refuse every change; no session is registered'),
  acting('no-bgjob', 'do not run background clean-up jobs'),
  later('atime-mode', 'when access times are updated', 'MODE'),
  later('skip-dir-nlink', 'retries after which link counts of directories are skipped', 'N'),
  acting(
    'skip-dir-mtime',
    'shortest interval between updates of a directory modification time (default: 100ms)',
    'DURATION',
  ),
  later('sort-dir', 'sort directory entries'),
  later('fast-statfs', 'use cached volume usage'),
  later('network-interfaces', 'interfaces whose addresses the session reports', 'NAMES'),
  // metadata cache
  later(
    'attr-cache',
    'accepted: attributes come with the look-up of a path, in one round trip, and are never old',
    'DURATION',
  ),
  later('entry-cache', 'accepted: what is remembered of names is checked whenever it is used', 'DURATION'),
  later('dir-entry-cache', 'accepted, as --entry-cache', 'DURATION'),
  later('negative-entry-cache', 'accepted: a name that was missing is looked for again', 'DURATION'),
  later('readdir-cache', 'cache directory listings'),
  later('open-cache', 'accepted: opening a file looks at it, in the same round trip as its path', 'DURATION'),
  later('open-cache-limit', 'accepted, as --open-cache', 'N'),
  // storage
  acting('storage', 'object storage type, instead of the one in the volume', 'TYPE'),
  acting('bucket', 'bucket or directory of the object storage, instead of the one in the volume', 'URL'),
  acting('storage-class', 'storage class of written blocks', 'CLASS'),
  acting('tag', 'tag of written blocks', 'TAG'),
  acting('get-timeout', 'time limit of a download (default: 60s)', 'DURATION'),
  acting('put-timeout', 'time limit of an upload (default: 60s)', 'DURATION'),
  acting('io-retries', 'retries of a failed transfer (default: 10)', 'N'),
  acting('max-uploads', 'concurrent uploads of blocks (default: 20)', 'N'),
  acting('max-downloads', 'concurrent downloads of blocks (default: 200)', 'N'),
  later('max-stage-write', 'concurrent writes of staged blocks', 'N'),
  acting('max-deletes', 'concurrent deletions of blocks; 0 leaves them to others (default: 10)', 'N'),
  acting('upload-limit', "upload bandwidth in Mbps, over all workers (default: the volume's)", 'N'),
  acting('download-limit', "download bandwidth in Mbps, over all workers (default: the volume's)", 'N'),
  acting('check-storage', 'test the storage before serving'),
  // cache
  acting('buffer-size', 'memory for buffers, over all workers (default: 300M)', 'SIZE'),
  acting('max-readahead', 'most read-ahead of one reader (default: eight blocks, or parts of them)', 'SIZE'),
  acting('prefetch', 'blocks fetched whole beside a small read, with a cache (default: 1)', 'N'),
  acting(
    'writeback',
    'acknowledge objects once their blocks are on the cache disk, and upload them later (they may be lost with it)',
  ),
  later('writeback-threshold-size', 'size up to which blocks are staged', 'SIZE'),
  later('upload-delay', 'delay of staged uploads', 'DURATION'),
  later('upload-hours', 'hours in which staged blocks are uploaded', 'HOURS'),
  acting('cache-dir', 'directories of the block cache, separated by ":" (default: no cache)', 'DIRS'),
  acting('cache-mode', 'permissions of cached blocks, octal (default: 0600)', 'MODE'),
  acting('cache-size', 'size of the block cache in MiB or with a unit (default: 100G)', 'SIZE'),
  later('cache-items', 'most blocks in the cache', 'N'),
  acting('free-space-ratio', "part of the cache's disk that stays free (default: 0.1)", 'RATIO'),
  later('cache-partial-only', 'cache only small or partial reads'),
  later('cache-large-write', 'cache large writes'),
  later('verify-cache-checksum', 'when cached blocks are checked', 'MODE'),
  later('cache-eviction', 'which cached blocks go first', 'POLICY'),
  later('cache-scan-interval', 'how often the cache is scanned', 'DURATION'),
  later('cache-expire', 'age at which cached blocks go', 'DURATION'),
  // metrics
  acting('metrics', 'address of the metrics listener (default: 127.0.0.1:9567)', 'ADDRESS'),
  later('custom-labels', 'labels added to all metrics, k:v;k:v', 'LABELS'),
  later('consul', 'Consul address to register at', 'ADDRESS'),
  later('no-usage-report', 'send no usage report (none is ever sent)'),
];

/** Flags that `juicefs` takes before or after the command's name. */
export const GLOBAL_FLAGS: readonly FlagSpec[] = [
  { flag: 'verbose', short: 'v', help: 'log debug messages', acts: true },
  { flag: 'quiet', short: 'q', help: 'log warnings and errors only', acts: true },
  acting('trace', 'log everything'),
  later('log-id', 'identifier added to log lines', 'ID'),
  later('no-agent', 'no debug agent (there is none)'),
  later('pyroscope', 'Pyroscope address', 'ADDRESS'),
  later('no-color', 'no colours in the log (there are none)'),
];

/** Flags of Portcullis' own. */
export const PORTCULLIS_FLAGS: readonly FlagSpec[] = [
  acting('authz', 'address of a sidecar (unix:PATH or HOST:PORT); default: start and supervise one', 'ADDRESS'),
  acting(
    'authz-http',
    'HTTP door of such a sidecar (unix:PATH, http://HOST:PORT or https://HOST:PORT), for administration, STS and the console',
    'ADDRESS',
  ),
  acting('authz-token-file', 'file with the token for a sidecar over TCP', 'FILE'),
  acting(
    'authz-tls-ca',
    'authorities of the certificate of a sidecar over TCP, PEM: then it is talked to over TLS',
    'FILE',
  ),
  acting('authz-tls-cert', 'certificate that is shown to such a sidecar, PEM', 'FILE'),
  acting('authz-tls-key', 'private key of --authz-tls-cert, PEM', 'FILE'),
  acting('authz-timeout', 'longest wait for a decision, a Go duration (default: 2s)', 'DURATION'),
  acting('tls-cert', 'certificate, PEM: serve S3 over TLS (default: ~/.minio/certs/public.crt if it is there)', 'FILE'),
  acting('tls-key', 'private key of --tls-cert, PEM (default: ~/.minio/certs/private.key if it is there)', 'FILE'),
  acting('workers', 'worker processes (default: the number of cores)', 'N'),
  acting('dialect', 'policy dialect of the supervised sidecar (default: portcullis)', 'NAME'),
  acting('bucket-policies', 'whom bucket policies bind: everyone (default) or anonymous', 'WHOM'),
  acting('store', 'where identities are kept, if not in this volume (also PORTCULLIS_STORE)', 'URL'),
  acting('iam-trash', 'let identity files that are replaced or removed go to the trash of the volume'),
  acting('account-id', 'account of everyone here, in ARNs: 12 digits (default: 000000000000)', 'DIGITS'),
  acting('sts-listen', 'HOST:PORT where the supervised sidecar serves STS and administration over TLS', 'ADDRESS'),
  acting('sts-tls-cert', 'certificate of --sts-listen, PEM', 'FILE'),
  acting('sts-tls-key', 'private key of --sts-listen, PEM', 'FILE'),
  acting('sts-client-ca', 'authorities whose client certificates are identities at --sts-listen, PEM', 'FILE'),
  acting('audit-log', 'file for one JSON line a decision', 'FILE'),
  acting('audit-rotate-size', 'size at which the audit file is put aside (default: 100M)', 'SIZE'),
  acting('audit-rotate-keep', 'audit files put aside that are kept (default: 10)', 'N'),
  acting('audit-webhook', 'URL that audit lines are posted to', 'URL'),
  acting('audit-webhook-token-file', 'file with the bearer token for the audit webhook', 'FILE'),
  acting('audit-required', 'serve no request whose audit line cannot be kept'),
  acting('trusted-proxy', 'addresses or CIDR blocks whose X-Forwarded-For is believed, comma separated', 'LIST'),
];

/** Adds flags to a command. */
export function addFlags(command: Command, flags: readonly FlagSpec[]): Command {
  for (const { flag, short, value, help } of flags) {
    const names = `${short === undefined ? '' : `-${short}, `}--${flag}`;
    command.option(value === undefined ? names : `${names} <${value}>`, help);
  }
  return command;
}

/** The flags that were given and do not act yet, for the one line in the log. */
export function flagsWithoutEffect(argv: readonly string[]): string[] {
  const named = new Set(argv.map((argument) => /^--([a-z-]+)/.exec(argument)?.[1]));
  return [...GATEWAY_FLAGS, ...GLOBAL_FLAGS].filter((spec) => !spec.acts && named.has(spec.flag)).map((s) => s.flag);
}
