// The sidecar as a process: how it starts, what it says when it cannot, and how it ends.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuthorizationClient, AuthorizeRequest, Outcome } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { headerCredentials } from './signing-client.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
const ROOT = { accessKey: 'rootuser', secretKey: 'root-secret-1' };
const ROOT_ENV = { MINIO_ROOT_USER: ROOT.accessKey, MINIO_ROOT_PASSWORD: ROOT.secretKey };

let directory: string;
let child: ChildProcessWithoutNullStreams | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-test-'));
});
afterEach(async () => {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  rmSync(directory, { recursive: true, force: true });
});

function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = ROOT_ENV,
): ChildProcessWithoutNullStreams {
  child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'authz', ...args], {
    env: { PATH: process.env.PATH ?? '', PORTCULLIS_DATA: join(directory, 'data'), ...env },
  });
  return child;
}

async function outcomeOf(process_: ChildProcessWithoutNullStreams): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  process_.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const [code] = (await once(process_, 'close')) as [number | null];
  return { code, stderr };
}

async function readyLine(process_: ChildProcessWithoutNullStreams): Promise<{ event: string; address: string }> {
  const [data] = (await once(process_.stdout, 'data')) as [Buffer];
  return JSON.parse(data.toString()) as { event: string; address: string };
}

async function allowsRoot(address: string): Promise<boolean> {
  const client = new AuthorizationClient(address, credentials.createInsecure());
  const request = AuthorizeRequest.fromPartial({
    credentials: headerCredentials(ROOT),
    accesses: [{ action: 's3:GetObject', resource: 'arn:aws:s3:::photos/a.jpg' }],
  });
  try {
    return await new Promise((resolve_, reject) => {
      client.authorize(request, (error, response) =>
        error === null ? resolve_(response.decision?.outcome === Outcome.OUTCOME_ALLOW) : reject(error),
      );
    });
  } finally {
    client.close();
  }
}

describe('portcullis authz', () => {
  it.each([
    [{}, 'MINIO_ROOT_USER should be specified as an environment variable with at least 3 characters'],
    [
      { MINIO_ROOT_USER: 'ab', MINIO_ROOT_PASSWORD: 'long-enough' },
      'MINIO_ROOT_USER should be specified as an environment variable with at least 3 characters',
    ],
    [
      { MINIO_ROOT_USER: 'abc', MINIO_ROOT_PASSWORD: 'sevench' },
      'MINIO_ROOT_PASSWORD should be specified as an environment variable with at least 8 characters',
    ],
  ])('ends with 1 and says what is missing: %j', async (env, message) => {
    const { code, stderr } = await outcomeOf(
      run(['--listen', `unix:${join(directory, 's')}`], env as Record<string, string>),
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: `portcullis: ${message}\n` });
    expect(stderr).not.toContain('sevench');
  });

  it.each([
    [['--refresh-iam-interval', '5 minutes'], /not a duration/],
    [['--refresh-iam-interval', '-5m'], /negative/],
    [['--store', 'ftp'], /--store must be/],
    [['--dialect', 'klingon'], /dialect/],
    [['--token-file', '/nonexistent/token'], /cannot read/],
  ])('refuses %j with one clear line', async (args, message) => {
    const { code, stderr } = await outcomeOf(run(['--listen', `unix:${join(directory, 's')}`, ...args]));
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it('serves until SIGTERM, then ends with 0 and leaves no socket', async () => {
    const path = join(directory, 'authz.sock');
    const audit = join(directory, 'audit.jsonl');
    const process_ = run(['--listen', `unix:${path}`, '--audit-log', audit]);
    const { event, address } = await readyLine(process_);
    expect({ event, address }).toEqual({ event: 'ready', address: `unix:${path}` });
    // the store of a sidecar that was told of none
    expect(statSync(join(directory, 'data', 'identities.db')).mode & 0o777).toBe(0o600);
    expect(await allowsRoot(address)).toBe(true);
    process_.kill('SIGTERM');
    expect((await outcomeOf(process_)).code).toBe(0);
    expect(existsSync(path)).toBe(false);
    const lines = readFileSync(audit, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      accessKey: 'rootuser',
      action: 's3:GetObject',
      resource: 'arn:aws:s3:::photos/a.jpg',
      outcome: 'Allow',
      reason: 'Root',
    });
    expect(lines[0]).not.toContain(ROOT.secretKey);
  });

  it('lives on its pipe when supervised: signals pass it by, the end of the pipe ends it', async () => {
    const process_ = run(['--supervised', '--listen', `unix:${join(directory, 'authz.sock')}`]);
    const { address } = await readyLine(process_);
    process_.kill('SIGTERM');
    process_.kill('SIGINT');
    expect(await allowsRoot(address)).toBe(true);
    process_.stdin.end();
    expect((await outcomeOf(process_)).code).toBe(0);
  });
});
