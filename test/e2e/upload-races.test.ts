// Many clients at once on one key or one upload, over two workers: what S3 promises to exactly one of them goes to exactly one, and what
// nobody got leaves nothing.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, runCli, startGateway } from '../harness/gateway.ts';
import { type S3Answer, S3Client, xmlValue, xmlValues } from '../harness/s3-client.ts';
import { hasServer, startRedis, type TestServer } from '../harness/servers.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';

const CLIENTS = 50;
const ROUNDS = 8;
const SLOW_MS = 120_000;

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const hasRedis = hasServer('redis');

describe.each(['sqlite3', 'redis'])('on %s', (engine) => {
  describe.skipIf(engine === 'redis' && !hasRedis)('a gateway of two workers', () => {
    const folder = makeTempFolder();
    let server: TestServer | undefined;
    let gateway: Gateway;
    let crowd: S3Client;
    logsOnFailure(() => gateway);

    beforeAll(async () => {
      server = engine === 'redis' ? await startRedis() : undefined;
      const metaUrl =
        server === undefined ? `sqlite3://${join(folder, 'meta.db')}` : `redis://127.0.0.1:${server.port}/1`;
      const blocks = ['--storage', 'file', '--bucket', `${join(folder, 'blocks')}/`];
      const { code, output } = await runCli(['format', ...blocks, metaUrl, 'races']);
      expect(code, output).toBe(0);
      gateway = await startGateway({ metaUrl, flags: ['--multi-buckets', '--keep-etag', '--workers', '2'] });
      crowd = new S3Client(gateway.client.endpoint, CLIENTS);
      expect((await send('PUT', '')).status).toBe(200);
    }, SLOW_MS);
    afterAll(async () => {
      await gateway?.dispose();
      await server?.stop();
      removeTempFolder(folder);
    });

    const send = (
      method: string,
      key: string,
      more: { body?: string; query?: Record<string, string>; headers?: Record<string, string> } = {},
    ): Promise<S3Answer> =>
      crowd.send({ method, bucket: 'crowd', ...(key === '' ? {} : { key }), keys: gateway.root, ...more });
    const uploadIds = async (): Promise<string[]> =>
      xmlValues((await send('GET', '', { query: { uploads: '' } })).body, 'UploadId');
    const begin = async (key: string): Promise<string> =>
      xmlValue((await send('POST', key, { query: { uploads: '' } })).body, 'UploadId') ?? '';
    const put = (key: string, uploadId: string, body: string): Promise<S3Answer> =>
      send('PUT', key, { query: { partNumber: '1', uploadId }, body });
    const complete = (key: string, uploadId: string, body: string): Promise<S3Answer> =>
      send('POST', key, {
        query: { uploadId },
        body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${md5(body)}</ETag></Part></CompleteMultipartUpload>`,
      });

    it('gives a key that nobody has to one of fifty', { timeout: SLOW_MS }, async () => {
      const answers = await Promise.all(
        Array.from({ length: CLIENTS }, (_, i) =>
          send('PUT', 'd/only', { body: `client ${i}`, headers: { 'if-none-match': '*' } }),
        ),
      );
      const won = answers.flatMap(({ status }, i) => (status === 200 ? [i] : []));
      expect(answers.filter(({ code }) => code === 'PreconditionFailed').length).toBe(CLIENTS - 1);
      expect(won.length).toBe(1);
      expect(String((await send('GET', 'd/only')).body)).toBe(`client ${won[0]}`);
    });

    it('lets one of fifty replace what all of them read', { timeout: SLOW_MS }, async () => {
      const { headers } = await send('PUT', 'swapped', { body: 'first' });
      const etag = String(headers.etag);
      const answers = await Promise.all(
        Array.from({ length: CLIENTS }, (_, i) =>
          send('PUT', 'swapped', { body: `client ${i}`, headers: { 'if-match': etag } }),
        ),
      );
      const won = answers.flatMap(({ status }, i) => (status === 200 ? [i] : []));
      expect([won.length, new Set(answers.map(({ status }) => status))]).toEqual([1, new Set([200, 412])]);
      expect(String((await send('GET', 'swapped')).body)).toBe(`client ${won[0]}`);
    });

    it('completes an upload or aborts it, whichever comes first', { timeout: SLOW_MS }, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const key = `ends/${round}`;
        const uploadId = await begin(key);
        expect((await put(key, uploadId, 'part')).status).toBe(200);
        const abort = (): Promise<S3Answer> => send('DELETE', key, { query: { uploadId } });
        const [done, late, gone] = await Promise.all([
          complete(key, uploadId, 'part'),
          put(key, uploadId, 'again'),
          abort(),
        ]);
        const there = await send('GET', key);
        expect([200, 400, 404]).toContain(done.status);
        expect([200, 404]).toContain(late.status);
        expect([204, 404]).toContain(gone.status);
        // the object is there if, and only if, somebody was told so
        expect(there.status).toBe(done.status === 200 ? 200 : 404);
        if (done.status === 200) expect(String(there.body)).toBe('part');
        await abort();
      }
      expect(await uploadIds()).toEqual([]);
    });

    it('tells all who complete the same upload the same', { timeout: SLOW_MS }, async () => {
      const uploadId = await begin('same');
      await put('same', uploadId, 'part');
      const answers = await Promise.all(Array.from({ length: 10 }, () => complete('same', uploadId, 'part')));
      const told = answers.map(({ status, body }) => `${status} ${xmlValue(body, 'ETag')}`);
      expect(new Set(told)).toEqual(new Set([`200 "${md5Joined(md5('part'))}-1"`]));
      expect(await uploadIds()).toEqual([]);
    });
  });
});

const md5Joined = (hex: string): string => createHash('md5').update(Buffer.from(hex, 'hex')).digest('hex');
