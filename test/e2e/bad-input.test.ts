// What S3 refuses, over raw sockets against a real gateway: every limit with S3's code, requests that two readers could read
// differently, and clients that go away. After each, the volume is what it was, and the next client is served.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sendRaw } from '../gateway/echo-gateway.ts';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { residentBytes } from '../harness/processes.ts';
import type { S3Call, S3Client } from '../harness/s3-client.ts';
import { type Keys, presign } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { blockNames, formatTestVolume, type TestVolume, volumeState } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const Report = z.object({
  userLimits: z.object({ open_files: z.object({ hard: z.union([z.number(), z.literal('unlimited')]) }) }),
});
const MIB = 1024 * 1024;
/** As many as this process, and the gateway, may open. */
const IDLE_CONNECTIONS = Math.min(10_000, openFilesLimit() - 1_000);
let folder: string;
let volume: TestVolume;
let gateway: Gateway;
let client: S3Client;
let keys: Keys;
let before: string[];
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  volume = await formatTestVolume(folder);
  const flags = ['--multi-buckets', '--keep-etag', '--object-meta', '--object-tag', '--workers', '1'];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  ({ client, root: keys } = gateway);
  expect((await client.send({ method: 'PUT', bucket: 'photos', keys })).status).toBe(200);
  expect((await client.send({ method: 'PUT', bucket: 'photos', key: 'there', body: 'content', keys })).status).toBe(
    200,
  );
  before = volumeState(volume);
});
afterEach(async () => {
  await eventually('the volume is what it was', () => JSON.stringify(volumeState(volume)) === JSON.stringify(before));
  expect(String((await client.send({ bucket: 'photos', key: 'there', keys })).body)).toBe('content');
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

const put = (more: Partial<S3Call>): S3Call => ({
  method: 'PUT',
  bucket: 'photos',
  key: 'new',
  body: 'x',
  keys,
  ...more,
});
/** An upload whose body and length the test writes itself. */
const upload = (): S3Call => ({ method: 'PUT', bucket: 'photos', key: 'new', keys });
const deleteMany = (body: string | Uint8Array): S3Call => ({
  method: 'POST',
  bucket: 'photos',
  query: { delete: '' },
  body,
  keys,
});
const xml = (text: string): S3Call => deleteMany(text);
const bomb = `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>`;
const tags = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=v`).join('&');
const object = (key: string): string => `<Object><Key>${key}</Key></Object>`;

describe('limits', () => {
  it.each<[string, () => S3Call, number, string]>([
    ['a key of 1025 bytes', () => put({ key: `${'d/'.repeat(512)}k` }), 400, 'KeyTooLongError'],
    ['a component of 256 bytes', () => put({ key: 'é'.repeat(128) }), 400, 'KeyTooLongError'],
    ['metadata above 2 KB', () => put({ headers: { 'x-amz-meta-a': 'v'.repeat(2_048) } }), 400, 'MetadataTooLarge'],
    [
      'headers above 8 KB',
      () => put({ headers: { 'x-a': 'v'.repeat(4_000), 'x-b': 'v'.repeat(4_000) } }),
      400,
      'RequestHeaderSectionTooLarge',
    ],
    ['11 tags', () => put({ headers: { 'x-amz-tagging': tags(11) } }), 400, 'InvalidTag'],
    ['a tag twice', () => put({ headers: { 'x-amz-tagging': 'a=1&a=2' } }), 400, 'InvalidTag'],
    [
      'a tag key of 129 characters',
      () => put({ headers: { 'x-amz-tagging': `${'k'.repeat(129)}=v` } }),
      400,
      'InvalidTag',
    ],
    [
      'a tag value of 257 characters',
      () => put({ headers: { 'x-amz-tagging': `k=${'v'.repeat(257)}` } }),
      400,
      'InvalidTag',
    ],
    ['more than 5 GiB', () => put({ headers: { 'content-length': String(5 * 1024 ** 3 + 1) } }), 400, 'EntityTooLarge'],
    [
      'a part of more than 5 GiB',
      () =>
        put({
          query: { partNumber: '1', uploadId: 'x' },
          headers: { 'content-length': String(5 * 1024 ** 3 + 1) },
        }),
      400,
      'EntityTooLarge',
    ],
    ['part 0', () => put({ query: { partNumber: '0', uploadId: 'x' } }), 400, 'InvalidArgument'],
    ['part 10001', () => put({ query: { partNumber: '10001', uploadId: 'x' } }), 400, 'InvalidArgument'],
    ['a negative max-keys', () => ({ bucket: 'photos', query: { 'max-keys': '-1' }, keys }), 400, 'InvalidArgument'],
    [
      'a prefix longer than any key',
      () => ({ bucket: 'photos', query: { prefix: 'p'.repeat(20_000) }, keys }),
      400,
      'KeyTooLongError',
    ],
    [
      'a delimiter longer than any key',
      () => ({ bucket: 'photos', query: { uploads: '', delimiter: 'd'.repeat(20_000) }, keys }),
      400,
      'InvalidArgument',
    ],
    [
      'the id of a version that is longer than any',
      () => ({ bucket: 'photos', key: 'there', query: { versionId: 'v'.repeat(20_000) }, keys }),
      400,
      'InvalidArgument',
    ],
    ['1001 keys to delete', () => deleteMany(`<Delete>${object('k').repeat(1_001)}</Delete>`), 400, 'MalformedXML'],
    ['a document above its limit', () => deleteMany(`<Delete>${' '.repeat(5 * MIB)}</Delete>`), 400, 'EntityTooLarge'],
  ])('%s', async (_, call, status, code) => {
    expect(await client.send(call())).toMatchObject({ status, code });
  });

  it('a thousand keys of the longest kind are deleted', async () => {
    const key = (i: number): string => `${'k'.repeat(250)}/`.repeat(4) + String(i).padStart(20, '0');
    const { status, body } = await client.send(
      deleteMany(`<Delete>${Array.from({ length: 1_000 }, (_, i) => object(key(i))).join('')}</Delete>`),
    );
    expect({ status, deleted: body.toString().split('<Deleted>').length - 1 }).toEqual({ status: 200, deleted: 1_000 });
  });

  it('the id of a version that is longer than any spoils only the key it stands with', async () => {
    const { status, body } = await client.send(
      deleteMany(
        `<Delete>${object('none')}<Object><Key>k</Key><VersionId>${'v'.repeat(20_000)}</VersionId></Object></Delete>`,
      ),
    );
    expect(status).toBe(200);
    expect(body.toString()).toContain('<Deleted><Key>none</Key></Deleted>');
    expect(body.toString()).toContain('<Code>InvalidArgument</Code>');
  });

  it.each([
    ['more than seven days', 604_801],
    ['less than nothing', -1],
  ])('a presigned URL for %s', async (_, seconds) => {
    const url = presign({ method: 'GET', path: '/photos/there', host: client.host }, keys, new Date(), seconds);
    expect(await client.raw('GET', url, { host: client.host })).toMatchObject({
      status: 400,
      code: 'AuthorizationQueryParametersError',
    });
  });
});

describe('documents', () => {
  it.each([
    ['nothing', ''],
    ['no XML', 'hello'],
    ['an element that is not closed', '<Delete><Object>'],
    ['another root', '<Remove><Object><Key>k</Key></Object></Remove>'],
    ['an entity bomb', bomb],
    [
      'an entity of a file',
      '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&f;</Key></Object></Delete>',
    ],
    ['an unknown entity', `<Delete>${object('&nbsp;')}</Delete>`],
    ['a NUL', `<Delete>${object('a\0b')}</Delete>`],
    ['a reference to NUL', `<Delete>${object('a&#0;b')}</Delete>`],
    ['a deep nest', `${'<Delete>'.repeat(20_000)}${'</Delete>'.repeat(20_000)}`],
    ['attributes without an end', `<Delete a="${'x'.repeat(100_000)}`],
  ])('%s', async (_, text) => {
    expect(await client.send(xml(text))).toMatchObject({
      status: 400,
      code: expect.stringMatching(/^(MalformedXML|MissingRequestBodyError)$/),
    });
  });

  it('invalid UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from('<Delete><Object><Key>'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('</Key></Object></Delete>'),
    ]);
    expect(await client.send(deleteMany(body))).toMatchObject({ status: 400, code: 'MalformedXML' });
  });
});

describe('names', () => {
  it.each([
    ['/photos/%00', 400],
    ['/photos/a%00b', 400],
    ['/photos/%ff%fe', 400],
    ['/photos/%c0%ae%c0%ae/x', 400],
    ['/photos/%', 400],
    ['/photos/%zz', 400],
    ['/photos/..%2f..%2fetc', 400],
    ['/photos/a//b', 400],
    ['/photos/./a', 400],
    ['/.sys/tmp', 403],
    ['/.minio.sys/config', 403],
  ])('%s', async (path, status) => {
    expect((await client.send({ method: 'PUT', path, body: 'x', keys })).status).toBe(status);
  });
});

describe('operations that there are not', () => {
  it.each<[string, () => S3Call]>([
    ['DELETE', () => ({ method: 'DELETE', bucket: 'photos', query: { metadataTable: '' }, keys })],
    ['DELETE', () => ({ method: 'DELETE', bucket: 'photos', query: { metadataConfiguration: '' }, keys })],
    ['GET', () => ({ bucket: 'photos', query: { session: '' }, keys })],
    ['GET', () => ({ bucket: 'photos', query: { abac: '' }, keys })],
    ['PUT', () => ({ method: 'PUT', bucket: 'photos', key: 'there', query: { renameObject: '' }, keys })],
    ['PUT', () => ({ method: 'PUT', bucket: 'photos', key: 'there', query: { encryption: '' }, body: '<a/>', keys })],
    ['append', () => put({ key: 'there', headers: { 'x-amz-write-offset-bytes': '7' } })],
  ])('%s is not taken for another one', async (_, call) => {
    expect(await client.send(call())).toMatchObject({ status: 501, code: 'NotImplemented' });
    const { body } = await client.send({ bucket: 'photos', key: 'there', keys });
    expect(body.toString()).toBe('content');
  });
});

/** The head of a signed request, as lines. */
function head(call: S3Call, ...more: string[]): string {
  const { method, target, headers } = client.prepare(call);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${target} HTTP/1.1`, ...lines, ...more, '', ''].join('\r\n');
}
const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map((match) => Number(match[1]));
const smuggled = (): string => head({ method: 'DELETE', bucket: 'photos', key: 'there', keys });

describe('requests that two readers could read differently', () => {
  it.each<[string, () => string]>([
    [
      'a length and chunks',
      () => `${head(upload(), 'content-length: 5', 'transfer-encoding: chunked')}0\r\n\r\n${smuggled()}`,
    ],
    ['two lengths', () => `${head(put({}), 'content-length: 40')}x${smuggled()}`],
    ['the same length twice', () => `${head(put({}), 'content-length: 1')}x${smuggled()}`],
    ['a length that is none', () => `${head(upload(), 'content-length: +1')}x${smuggled()}`],
    ['a list of lengths', () => `${head(upload(), 'content-length: 1, 1')}x${smuggled()}`],
    ['an unknown coding', () => `${head(upload(), 'transfer-encoding: xchunked')}0\r\n\r\n${smuggled()}`],
    [
      'chunks that are not the last coding',
      () => `${head(upload(), 'transfer-encoding: chunked, gzip')}0\r\n\r\n${smuggled()}`,
    ],
    ['a blank before the colon', () => `${head(upload(), 'content-length : 1')}x${smuggled()}`],
    ['a header that goes on in the next line', () => `${head(upload(), 'x-a: b', ' content-length: 1')}${smuggled()}`],
    ['a bare line feed', () => head({ bucket: 'photos', keys }, 'x-a: b\nx-c: d') + smuggled()],
    ['a bare carriage return', () => head({ bucket: 'photos', keys }, 'x-a: b\rx-c: d') + smuggled()],
    ['a NUL in a header', () => head({ bucket: 'photos', keys }, 'x-a: b\0c') + smuggled()],
    ['two hosts', () => head({ bucket: 'photos', keys }, 'host: other')],
    ['two authorizations', () => head({ bucket: 'photos', keys }, 'authorization: AWS a:b')],
    [
      'a chunk size that is none',
      () => `${head(upload(), 'transfer-encoding: chunked')}zz\r\nx\r\n0\r\n\r\n${smuggled()}`,
    ],
    ['another version of HTTP', () => head({ bucket: 'photos', keys }).replace('HTTP/1.1', 'HTTP/3.7')],
    ['a target with a blank', () => head({ bucket: 'photos', keys }).replace('/photos', '/photos /x')],
    ['a header section above the limit', () => head({ bucket: 'photos', keys }, `x-a: ${'y'.repeat(64 * 1024)}`)],
  ])('%s', async (_, text) => {
    const answer = await sendRaw(
      gateway.port,
      text(),
      `${head({ bucket: 'photos', key: 'none', keys }, 'connection: close')}`,
    );
    const [first = 0] = statuses(answer);
    expect({ first, answer: answer.slice(0, 400) }).toMatchObject({ first: 400 });
    expect(answer).toMatch(/<RequestId>[0-9A-F]{16}</);
  });
});

describe('connections', () => {
  it('answer pipelined requests in their order', async () => {
    const read = (key: string, ...more: string[]): string => head({ bucket: 'photos', key, keys }, ...more);
    const answer = await sendRaw(
      gateway.port,
      read('there') + read('none') + read('there') + read('none', 'connection: close'),
    );
    expect(statuses(answer)).toEqual([200, 404, 200, 404]);
  });

  it('that end within a body leave nothing behind', async () => {
    const size = 24 * MIB;
    for (const query of [undefined, { partNumber: '1', uploadId: 'none' }]) {
      const call = { ...upload(), payloadHash: 'UNSIGNED-PAYLOAD', ...(query === undefined ? {} : { query }) };
      const socket = connect(gateway.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(head(call, `content-length: ${size}`));
      for (let sent = 0; sent < 18 * MIB; sent += MIB)
        if (!socket.write(randomBytes(MIB))) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
      if (query === undefined) {
        // blocks are stored while the body arrives: it ends only after the first was
        await eventually('a block is stored', () => blockNames(volume.objects).length > 1);
      }
      socket.destroy();
    }
  });

  it('that are idle keep nobody from being served, and hold little', { timeout: 120_000 }, async () => {
    const worker = (): number => Math.max(...gateway.process.group().map(({ pid }) => residentBytes(pid)));
    const residentBefore = worker();
    const sockets: Socket[] = [];
    const open = async (i: number): Promise<void> => {
      const socket = connect(gateway.port, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
      await once(socket, 'connect');
      // silent, in the middle of a head, or kept after an answer
      if (i % 3 === 1) socket.write('GET /photos HTTP/1.1\r\nho');
      if (i % 3 === 2) {
        socket.write('GET /minio/health/live HTTP/1.1\r\nhost: x\r\n\r\n');
        await once(socket, 'data');
      }
    };
    try {
      for (let at = 0; at < IDLE_CONNECTIONS; at += 250) {
        await Promise.all(Array.from({ length: Math.min(250, IDLE_CONNECTIONS - at) }, (_, i) => open(at + i)));
      }
      for (let i = 0; i < 5; i++) {
        expect((await client.send({ bucket: 'photos', key: 'there', keys })).status).toBe(200);
      }
      expect((worker() - residentBefore) / MIB).toBeLessThan(256);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});

/** Node raises its limit to the hard one. */
function openFilesLimit(): number {
  const { open_files: files } = Report.parse(process.report.getReport()).userLimits;
  return files.hard === 'unlimited' ? Number.POSITIVE_INFINITY : files.hard;
}
