// Where the root user comes from: the environment, under MinIO's names, checked as `juicefs gateway` checks them.

/** The root user of a sidecar. Lives in memory only. */
export interface RootCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** A mistake of the person who started the command: one line for stderr, and the exit code. */
export class UsageError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'UsageError';
    this.exitCode = exitCode;
  }
}

/** Shortest access key and secret key of the root user, as MinIO has it. */
export const MIN_ACCESS_KEY_LENGTH = 3;
export const MIN_SECRET_KEY_LENGTH = 8;

/** Variables that hold secrets; a process that does not need them is started without them. */
const SECRET_VARIABLES: readonly string[] = [
  'MINIO_ROOT_USER',
  'MINIO_ROOT_PASSWORD',
  'MINIO_ACCESS_KEY',
  'MINIO_SECRET_KEY',
  'MINIO_KMS_SECRET_KEY',
  'PORTCULLIS_STORE',
];
/** Beginnings of such variables: issuers have names behind them. */
const SECRET_PREFIXES = ['MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD', 'MINIO_IDENTITY_OPENID_CLIENT_SECRET'];

/** Takes the secrets out of an environment. */
export function scrubSecrets(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (SECRET_VARIABLES.includes(name) || SECRET_PREFIXES.some((prefix) => name.startsWith(prefix))) delete env[name];
  }
}

/**
 * Reads MINIO_ROOT_USER and MINIO_ROOT_PASSWORD, or MINIO_ACCESS_KEY and MINIO_SECRET_KEY where the first two are unset.
 * Throws UsageError with the sentence that `juicefs gateway` prints (seed: S3 gateway, quick start).
 */
export function readRootCredentials(env: Readonly<Record<string, string | undefined>>): RootCredentials {
  const accessKey = env.MINIO_ROOT_USER ?? env.MINIO_ACCESS_KEY ?? '';
  const secretKey = env.MINIO_ROOT_PASSWORD ?? env.MINIO_SECRET_KEY ?? '';
  if (accessKey.length < MIN_ACCESS_KEY_LENGTH) {
    throw new UsageError(
      `MINIO_ROOT_USER should be specified as an environment variable with at least ${MIN_ACCESS_KEY_LENGTH} characters`,
    );
  }
  if (secretKey.length < MIN_SECRET_KEY_LENGTH) {
    throw new UsageError(
      `MINIO_ROOT_PASSWORD should be specified as an environment variable with at least ${MIN_SECRET_KEY_LENGTH} characters`,
    );
  }
  return { accessKey, secretKey };
}
