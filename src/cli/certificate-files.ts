// The files of the gateway's certificate: which they are, that they can be used, and when they change.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { checkCertificate, type ServerCertificate } from '../gateway/index.ts';
import type { Logger } from './logger.ts';
import { UsageError } from './root-credentials.ts';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** How often the files are looked at, milliseconds. */
const CHECK_INTERVAL_MS = 1_000;

/** The files of the flags, or those of MinIO's folder if they are there; undefined = no TLS. Throws UsageError. */
export function certificateFiles(
  cert: string | undefined,
  key: string | undefined,
  home: string = homedir(),
): CertificateFiles | undefined {
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert !== undefined || key !== undefined) throw new UsageError('--tls-cert and --tls-key go together');
  const folder = join(home, '.minio', 'certs');
  const files = { cert: join(folder, 'public.crt'), key: join(folder, 'private.key') };
  return existsSync(files.cert) && existsSync(files.key) ? files : undefined;
}

/** MinIO's folder of certificate authorities that others are trusted by, if it is there. */
export function authoritiesFolder(home: string = homedir()): string | undefined {
  const folder = join(home, '.minio', 'certs', 'CAs');
  return existsSync(folder) ? folder : undefined;
}

/** Reads and checks. Throws UsageError with one line. */
export function readCertificate(files: CertificateFiles): ServerCertificate {
  try {
    const certificate = { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
    checkCertificate(certificate);
    return certificate;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`the certificate ${files.cert} with the key ${files.key} cannot be used: ${why}`);
  }
}

/** The certificate of the files: the last one that could be used. */
export class WatchedCertificate {
  readonly #files: CertificateFiles;
  readonly #logger: Logger;
  #current: ServerCertificate;
  #seen: string;
  #timer: NodeJS.Timeout | undefined;

  /** Reads it. Throws UsageError. */
  constructor(files: CertificateFiles, logger: Logger) {
    this.#files = files;
    this.#logger = logger;
    this.#seen = stateOf(files);
    this.#current = readCertificate(files);
  }

  get current(): ServerCertificate {
    return this.#current;
  }

  /** From now on told of every other one. */
  watch(onChange: (certificate: ServerCertificate) => void): void {
    this.#timer = setInterval(() => {
      if (this.#renew()) onChange(this.#current);
    }, CHECK_INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #renew(): boolean {
    const now = stateOf(this.#files);
    if (now === this.#seen) return false;
    this.#seen = now;
    try {
      this.#current = readCertificate(this.#files);
      this.#logger.info({ file: this.#files.cert }, 'another certificate was read');
      return true;
    } catch (error) {
      // one file may be there before the other: the next change is looked at again
      this.#logger.error({ err: error }, 'the certificate is kept as it was');
      return false;
    }
  }
}

/** Changes when a file does, also when a link leads to another one. */
function stateOf({ cert, key }: CertificateFiles): string {
  return [cert, key]
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? 'none' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`;
    })
    .join(' ');
}
