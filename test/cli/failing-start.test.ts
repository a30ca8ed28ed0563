// A gateway that cannot start: one clear line, a non-zero exit, soon, and nobody left behind.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CLI, cleanEnvironment, freePort } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const ENDS_WITHIN_MS = 60_000;
const ROOT = { MINIO_ROOT_USER: 'test-root-user', MINIO_ROOT_PASSWORD: 'test-root-password' };

const folder = makeTempFolder();
afterAll(() => removeTempFolder(folder));

async function fails(args: readonly string[], env: Readonly<Record<string, string>> = ROOT): Promise<string> {
  const all = [CLI, 'gateway', '--metrics', '127.0.0.1:0', ...args];
  const gateway = new TestProcess(process.execPath, all, { ...cleanEnvironment(), ...env });
  try {
    const exit = await eventually('the gateway gives up', () => gateway.exit, ENDS_WITHIN_MS);
    expect(exit.code, gateway.log).toBeGreaterThan(0);
    expect(gateway.group()).toEqual([]);
    // Log lines are JSON; what is meant for the person is not.
    const lines = gateway.log.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    expect(lines).toHaveLength(1);
    return lines[0] ?? '';
  } finally {
    gateway.killGroup();
  }
}

describe('portcullis gateway', () => {
  it('says that there is no metadata engine', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    expect(await fails([`sqlite3://${join(folder, 'nowhere', 'meta.db')}`, address])).toContain('meta.db');
    expect(await fails(['nonsense://127.0.0.1:1/1', address])).toContain('META-URL');
  });

  it('says that the volume is not formatted', async () => {
    const empty = join(folder, 'empty.db');
    writeFileSync(empty, '');
    expect(await fails([`sqlite3://${empty}`, `127.0.0.1:${await freePort()}`])).toMatch(/format/);
  });

  it('says that the port is taken', async () => {
    const volume = await formatTestVolume(folder);
    const port = await freePort();
    const holder = createServer().listen(port, '127.0.0.1');
    try {
      expect(await fails([volume.metaUrl, `127.0.0.1:${port}`])).toContain(String(port));
    } finally {
      holder.close();
    }
  });

  it.each([
    ['no root user', {}, 'MINIO_ROOT_USER should be specified as an environment variable with at least 3 characters'],
    [
      'a short root user',
      { ...ROOT, MINIO_ROOT_USER: 'ab' },
      'MINIO_ROOT_USER should be specified as an environment variable with at least 3 characters',
    ],
    [
      'a short password',
      { ...ROOT, MINIO_ROOT_PASSWORD: '1234567' },
      'MINIO_ROOT_PASSWORD should be specified as an environment variable with at least 8 characters',
    ],
  ])('refuses %s', async (_, env, sentence) => {
    const address = `127.0.0.1:${await freePort()}`;
    expect(await fails([`sqlite3://${join(folder, 'any.db')}`, address], env)).toContain(sentence);
  });

  it.each([
    ['--bucket-name', 'BAD_NAME'],
    ['--bucket-name', '.sys'],
    ['--access-log', '/nonexistent/access.log'],
    ['--audit-log', '/nonexistent/audit.log'],
    ['--authz-token-file', '/nonexistent/token'],
    ['--trusted-proxy', 'nobody'],
    ['--dialect', 'nonsense'],
  ])('refuses %s %s and names the flag or the value', async (flag, value) => {
    const volume = await formatTestVolume(mkdtempSync(join(folder, 'volume-')));
    const said = await fails([volume.metaUrl, `127.0.0.1:${await freePort()}`, '--workers', '1', flag, value]);
    expect(said).toContain(value);
  });
});
