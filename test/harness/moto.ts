// moto's server: an S3 service that is not ours, for tests of what speaks S3 to others.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { start, type TestServer } from './servers.ts';

/** Where continuous integration installs it, after the PATH. */
const FOLDERS = [
  ...(process.env.PATH ?? '').split(delimiter),
  join(process.env.PORTCULLIS_CI_TOOLS ?? join(homedir(), '.cache', 'portcullis-ci'), 'venv', 'bin'),
];

function program(): string | undefined {
  return FOLDERS.map((folder) => join(folder, 'moto_server')).find((path) => existsSync(path));
}

/** Whether tests with moto can run here; says so when they cannot. */
export function hasMoto(): boolean {
  if (program() !== undefined) return true;
  if (process.env.PORTCULLIS_CI === '1') throw new Error('PORTCULLIS_CI=1, and moto_server is not installed');
  process.stderr.write(
    '\nSKIPPED: tests with an independent S3 service, because moto_server is not installed here\n\n',
  );
  return false;
}

/** An S3 service at `http://127.0.0.1:PORT` that takes any credentials; what it holds is in memory. */
export function startMoto(): Promise<TestServer> {
  const path = program();
  if (path === undefined) throw new Error('moto_server is not installed');
  return start((_folder, port) => [path, ['-H', '127.0.0.1', '-p', String(port)]]);
}
