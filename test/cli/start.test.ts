// `npm start` without the build: a working gateway from nothing, and the same one again the second time.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { CLI, cleanEnvironment, freePort } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { S3Client } from '../harness/s3-client.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { eventually } from '../harness/waiting.ts';

const credentialsFile = z.object({ accessKey: z.string(), secretKey: z.string().min(16) });

const folder = makeTempFolder();
const started: TestProcess[] = [];
afterAll(() => {
  for (const each of started) each.killGroup();
  removeTempFolder(folder);
});

async function start(data: string): Promise<{ server: TestProcess; client: S3Client }> {
  const port = await freePort();
  const args = [CLI, 'start', '--data', data, '--address', `127.0.0.1:${port}`];
  const server = new TestProcess(process.execPath, args, cleanEnvironment());
  started.push(server);
  await eventually('it says how to use it', () => {
    if (server.exit !== undefined) throw new Error(`it ended with ${server.exit.code}: ${server.log}`);
    return server.log.includes(`http://127.0.0.1:${port} s3 mb`);
  });
  return { server, client: new S3Client({ host: '127.0.0.1', port }) };
}

async function stop({ server, client }: Awaited<ReturnType<typeof start>>): Promise<void> {
  client.close();
  server.child.kill('SIGTERM');
  expect(await server.exited, server.log).toEqual({ code: 0, signal: null });
  expect(server.group()).toEqual([]);
}

it('makes a volume and credentials once, serves, ends on SIGTERM, and finds everything again', async () => {
  const data = join(folder, 'data');
  const file = join(data, 'root-credentials.json');

  const first = await start(data);
  const keys = credentialsFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(first.server.log).not.toContain(keys.secretKey);
  expect((await first.client.send({ method: 'PUT', bucket: 'first', keys })).status).toBe(200);
  const headers = { 'content-type': 'text/x-note', 'x-amz-meta-colour': 'blue' };
  const note = { bucket: 'first', key: 'note', keys };
  expect((await first.client.send({ ...note, method: 'PUT', body: 'kept', headers })).status).toBe(200);
  expect((await first.client.send({ bucket: 'first', key: 'note' })).code).toBe('AccessDenied');
  await stop(first);

  const second = await start(data);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(keys);
  const answer = await second.client.send(note);
  expect([answer.status, answer.body.toString()]).toEqual([200, 'kept']);
  expect(answer.headers).toMatchObject({ ...headers, etag: `"${createHash('md5').update('kept').digest('hex')}"` });
  await stop(second);
});

it('finishes a first start that was interrupted', async () => {
  const data = join(folder, 'interrupted');
  mkdirSync(data);
  writeFileSync(join(data, 'meta.db'), '');
  await stop(await start(data));
});

it('says which file is damaged when the kept credentials cannot be read', async () => {
  const data = join(folder, 'damaged');
  mkdirSync(data);
  writeFileSync(join(data, 'root-credentials.json'), '{"accessKey":');
  const server = new TestProcess(process.execPath, [CLI, 'start', '--data', data], cleanEnvironment());
  started.push(server);
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(server.log).toMatch(/^portcullis: .*root-credentials\.json does not hold[^\n]*\n$/);
});
