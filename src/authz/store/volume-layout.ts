// Where in a volume the records lie: the files of `juicefs gateway` under /.minio.sys, and beside them, under
// /.minio.sys/portcullis, what it has no file for.
import type { VolumePath } from '../../juicefs/volume.ts';
import type { RecordTable } from './record-changes.ts';

/** MinIO's own bucket. */
export const META: VolumePath = ['.minio.sys'];
const CONFIG: VolumePath = [...META, 'config'];
const IAM: VolumePath = [...CONFIG, 'iam'];
const OWN: VolumePath = [...META, 'portcullis'];

/** The empty file whose BSD lock keeps gateways from changing identities at once. */
export const LOCK_FILE: VolumePath = [...META, 'config_lock'];
/** `juicefs gateway` takes an IAM directory without it for one of an old format. */
export const FORMAT_FILE: VolumePath = [...IAM, 'format.json'];

/** Tables whose records are files that the Go gateway encrypts when it has a KMS key; those of buckets stay plain. */
export type FileTable = Exclude<RecordTable, 'buckets' | 'server'> | 'sessionPolicies';

/** A record is `<directory>/<name>/<file>`, or without `file`, `<directory>/<name>.json`. */
export const PLACES: Readonly<Record<FileTable, { directory: VolumePath; file: string | undefined }>> = {
  users: { directory: [...IAM, 'users'], file: 'identity.json' },
  serviceAccounts: { directory: [...IAM, 'service-accounts'], file: 'identity.json' },
  sessions: { directory: [...IAM, 'sts'], file: 'identity.json' },
  groups: { directory: [...IAM, 'groups'], file: 'members.json' },
  policies: { directory: [...IAM, 'policies'], file: 'policy.json' },
  userPolicies: { directory: [...IAM, 'policydb', 'users'], file: undefined },
  groupPolicies: { directory: [...IAM, 'policydb', 'groups'], file: undefined },
  sessionPolicies: { directory: [...IAM, 'policydb', 'sts-users'], file: undefined },
};

export function recordPath(table: FileTable, name: string): VolumePath {
  const { directory, file } = PLACES[table];
  return file === undefined ? [...directory, `${name}.json`] : [...directory, name, file];
}

export const BUCKETS: VolumePath = [...META, 'buckets'];
/** The configuration of a bucket, below its directory. */
export const METADATA_FILE = '.metadata.bin';
/** Documents of buckets that `.metadata.bin` has no field for: a file a bucket. */
export const BUCKET_EXTRAS: VolumePath = [...OWN, 'buckets'];

export function bucketPath(name: string): VolumePath {
  return [...BUCKETS, name, METADATA_FILE];
}

export function bucketExtrasPath(name: string): VolumePath {
  return [...BUCKET_EXTRAS, `${name}.json`];
}

const CONFIG_FILE: VolumePath = [...CONFIG, 'config.json'];
const HISTORY: VolumePath = [...CONFIG, 'history'];
const HISTORY_PREFIX = 'history/';
const HISTORY_SUFFIX = '.kv';
const OWN_SERVER: VolumePath = [...OWN, 'server'];

/** Directories that hold documents of the service, with what names the document of a file there; undefined = none of ours. */
export const SERVER_DIRECTORIES: readonly { directory: VolumePath; nameOf: (file: string) => string | undefined }[] = [
  { directory: CONFIG, nameOf: (file) => (file === 'config.json' ? 'config' : undefined) },
  {
    directory: HISTORY,
    nameOf: (file) =>
      file.endsWith(HISTORY_SUFFIX) ? `${HISTORY_PREFIX}${file.slice(0, -HISTORY_SUFFIX.length)}` : undefined,
  },
  { directory: OWN_SERVER, nameOf: (file) => file.replaceAll('.', '/') },
];

/** The file of a document of the service. */
export function serverPath(name: string): VolumePath {
  if (name === 'config') return CONFIG_FILE;
  if (name.startsWith(HISTORY_PREFIX)) return [...HISTORY, `${name.slice(HISTORY_PREFIX.length)}${HISTORY_SUFFIX}`];
  return [...OWN_SERVER, name.replaceAll('/', '.')];
}
