// Certificates for tests, made with openssl: an authority, and what it signs.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export class TestAuthority {
  readonly certFile: string;
  /** PEM. */
  readonly certificate: Buffer;
  readonly #keyFile: string;
  readonly #folder: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.certFile = join(folder, `${name}.pem`);
    this.#keyFile = join(folder, `${name}.key`);
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', this.#keyFile);
    openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      this.#keyFile,
      '-subj',
      `/CN=${name}`,
      '-days',
      '30',
      '-out',
      this.certFile,
    );
    this.certificate = readFileSync(this.certFile);
  }

  /** @param usage `clientAuth` or `serverAuth` */
  issue(
    commonName: string,
    usage: 'clientAuth' | 'serverAuth',
    { days = '30', names = 'DNS:localhost,IP:127.0.0.1' } = {},
  ): TestCertificate {
    const base = join(this.#folder, `${commonName.replaceAll(/\W/g, '_')}-${usage}-${days}`);
    const [keyFile, certFile, request, extensions] = ['key', 'pem', 'csr', 'ext'].map((end) => `${base}.${end}`) as [
      string,
      string,
      string,
      string,
    ];
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', keyFile);
    openssl('req', '-new', '-key', keyFile, '-subj', `/CN=${commonName}`, '-out', request);
    writeFileSync(extensions, `extendedKeyUsage=${usage}\nsubjectAltName=${names}\n`);
    openssl(
      ...['x509', '-req', '-in', request, '-CA', this.certFile, '-CAkey', this.#keyFile, '-CAcreateserial'],
      ...['-days', days, '-extfile', extensions, '-out', certFile],
    );
    return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
  }
}

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')} ended with ${status}: ${stderr}`);
}
