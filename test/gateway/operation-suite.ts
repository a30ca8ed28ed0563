// The S3 operations as a client sees them, through the real dispatch: one suite for every volume.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Principal_Type } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { Volume } from '../../src/juicefs/volume.ts';
import { type Decider, listed, Served, texts } from './operation-harness.ts';

const md5 = (data: string | Uint8Array): string => createHash('md5').update(data).digest('hex');
const PART = 5 * 1024 * 1024;

/** A fresh, empty volume to be served. */
export interface Subject {
  readonly volume: Volume;
  /** Readers that were opened and not closed; writers that were neither committed nor aborted. 0 where they are not counted. */
  openReaders(): number;
  openWriters(): number;
  dispose(): Promise<void>;
}

/** Every path with what stands there: files with their text; directories with '/', and 'object' for those put as objects. */
export async function snapshot(volume: Volume): Promise<Record<string, string>> {
  const lines: Record<string, string> = {};
  const visit = async (path: readonly string[]): Promise<void> => {
    for await (const { name, attributes } of volume.list(path)) {
      const child = [...path, name];
      if (attributes.type === 'directory') {
        lines[`/${child.join('/')}/`] = attributes.atimeNs === 0n ? 'object' : '';
        await visit(child);
      } else lines[`/${child.join('/')}`] = await textOf(volume, child);
    }
  };
  await visit([]);
  return lines;
}

async function textOf(volume: Volume, path: readonly string[]): Promise<string> {
  const reader = await volume.open(path);
  const parts: Buffer[] = [];
  for await (const part of reader.read(0, reader.attributes.size)) parts.push(Buffer.from(part));
  await reader.close();
  return Buffer.concat(parts).toString('latin1');
}

/** Defines the tests. */
export function operationSuite(make: () => Promise<Subject>): void {
  let subject: Subject;
  let volume: Volume;
  let s3: Served;

  beforeEach(async () => {
    subject = await make();
    volume = subject.volume;
    s3 = new Served(volume);
    expect((await s3.send('PUT', '/bkt')).status).toBe(200);
  });

  afterEach(() => subject.dispose());

  const put = (key: string, body = 'x', headers: Record<string, string> = {}) =>
    s3.send('PUT', `/bkt/${key}`, { body, headers });
  const get = (key: string, headers: Record<string, string> = {}) => s3.send('GET', `/bkt/${key}`, { headers });
  const head = (key: string, headers: Record<string, string> = {}) => s3.send('HEAD', `/bkt/${key}`, { headers });
  const list = async (query: string) => listed((await s3.send('GET', `/bkt?list-type=2&${query}`)).text);

  /** Allows what the list names: 's3:GetObject arn:aws:s3:::bkt/a'; '*' at the end is anything. */
  function only(...allowed: string[]): Decider {
    return {
      principal: Principal_Type.TYPE_USER,
      allows: (action, resource) =>
        allowed.some((rule) =>
          rule.endsWith('*') ? `${action} ${resource}`.startsWith(rule.slice(0, -1)) : `${action} ${resource}` === rule,
        ),
    };
  }

  describe('buckets', () => {
    it('are made, seen and removed', async () => {
      expect((await s3.send('PUT', '/bkt')).code).toBe('BucketAlreadyOwnedByYou');
      expect((await s3.send('HEAD', '/bkt')).status).toBe(200);
      expect((await s3.send('HEAD', '/none')).code).toBe('NoSuchBucket');
      await s3.send('PUT', '/abc');
      expect(texts((await s3.send('GET', '/')).text, 'Name')).toEqual(['abc', 'bkt']);
      expect((await s3.send('GET', '/bkt?location')).text).toContain('<LocationConstraint xmlns=');
      expect((await s3.send('DELETE', '/abc')).status).toBe(204);
      expect((await s3.send('HEAD', '/abc')).code).toBe('NoSuchBucket');
    });

    it('are not removed while something is in them, unless forced, which is an action of its own', async () => {
      await put('a/b');
      expect((await s3.send('DELETE', '/bkt')).code).toBe('BucketNotEmpty');
      expect((await get('a/b')).text).toBe('x');
      const headers = { 'x-minio-force-delete': 'true' };
      const limited = new Served(volume, {}, only('s3:DeleteBucket arn:aws:s3:::bkt'));
      expect((await limited.send('DELETE', '/bkt', { headers })).code).toBe('AccessDenied');
      expect((await s3.send('DELETE', '/bkt', { headers })).status).toBe(204);
      expect(await snapshot(volume)).toEqual({});
    });

    it('take their uploads and configuration with them', async () => {
      await s3.send('POST', '/bkt/k?uploads');
      await volume.mkdirs(['.minio.sys', 'buckets', 'bkt']);
      expect((await s3.send('DELETE', '/bkt')).status).toBe(204);
      await s3.send('PUT', '/bkt');
      expect(texts((await s3.send('GET', '/bkt?uploads')).text, 'UploadId')).toEqual([]);
      expect(Object.keys(await snapshot(volume))).toEqual(['/.minio.sys/', '/.minio.sys/buckets/', '/.sys/', '/bkt/']);
    });

    it('that are the volume itself are one, always there', async () => {
      const single = new Served(volume, { multiBuckets: false });
      expect(texts((await single.send('GET', '/')).text, 'Name')).toEqual(['single']);
      expect((await single.send('PUT', '/single')).status).toBe(200);
      for (const [method, url] of [
        ['PUT', '/other'],
        ['GET', '/other'],
        ['GET', '/other/k'],
        ['DELETE', '/other/k'],
        ['PUT', '/other/k'],
        ['GET', '/other?uploads'],
      ] as const) {
        expect([url, (await single.send(method, url)).code]).toEqual([url, 'NoSuchBucket']);
      }
      expect((await single.send('DELETE', '/single')).code).toBe('BucketNotEmpty');
      await put('k', 'in a folder');
      expect((await single.send('GET', '/single/bkt/k')).text).toBe('in a folder');
    });

    it('are listed to those who may list them', async () => {
      await s3.send('PUT', '/public');
      const some = new Served(volume, {}, only('s3:ListBucket arn:aws:s3:::public'));
      expect(texts((await some.send('GET', '/')).text, 'Name')).toEqual(['public']);
      expect((await new Served(volume, {}, only()).send('GET', '/')).code).toBe('AccessDenied');
      const anonymous = new Served(
        volume,
        {},
        {
          principal: Principal_Type.TYPE_ANONYMOUS,
          allows: (action) => action === 's3:ListBucket',
        },
      );
      expect((await anonymous.send('GET', '/')).code).toBe('AccessDenied');
    });

    it('hide the work areas', async () => {
      await s3.send('POST', '/bkt/k?uploads');
      await volume.mkdirs(['.minio.sys', 'config']);
      await volume.mkdirs(['Not_A_Bucket']);
      expect(texts((await s3.send('GET', '/')).text, 'Name')).toEqual(['bkt']);
      const single = new Served(volume, { multiBuckets: false });
      const keys = (await single.send('GET', '/single?list-type=2')).text;
      expect(listed(keys).keys).toEqual(['Not_A_Bucket/', 'bkt/']);
      for (const prefix of ['.sys/', '.sys', '.minio.sys/', '.sys/bkt/uploads/']) {
        const page = listed(
          (await single.send('GET', `/single?list-type=2&prefix=${encodeURIComponent(prefix)}`)).text,
        );
        expect([prefix, page.keys]).toEqual([prefix, []]);
      }
      for (const url of ['/single/.sys/x', '/single/.minio.sys/config/config.json', '/.minio.sys/config', '/minio/x']) {
        expect([url, (await single.send('GET', url)).code]).toEqual([url, 'AllAccessDisabled']);
        expect([url, (await single.send('PUT', url, { body: 'x' })).code]).toEqual([url, 'AllAccessDisabled']);
      }
    });

    it('tell truthfully what is not configured', async () => {
      for (const [query, code] of [
        ['cors', 'NoSuchCORSConfiguration'],
        ['encryption', 'ServerSideEncryptionConfigurationNotFoundError'],
        ['lifecycle', 'NoSuchLifecycleConfiguration'],
        ['object-lock', 'ObjectLockConfigurationNotFoundError'],
        ['replication', 'ReplicationConfigurationNotFoundError'],
        ['tagging', 'NoSuchTagSet'],
        ['website', 'NoSuchWebsiteConfiguration'],
        ['inventory', 'NotImplemented'],
      ]) {
        expect([query, (await s3.send('GET', `/bkt?${query}`)).code]).toEqual([query, code]);
        expect([query, (await s3.send('GET', `/none?${query}`)).code]).not.toEqual([query, '']);
      }
      for (const query of ['encryption', 'replication', 'website']) {
        expect([query, (await s3.send('DELETE', `/bkt?${query}`)).status]).toEqual([query, 204]);
        expect([query, (await s3.send('DELETE', `/none?${query}`)).code]).toEqual([query, 'NoSuchBucket']);
      }
      expect((await s3.send('GET', '/bkt?versioning')).text).toMatch(/<VersioningConfiguration[^>]*><\/VersioningConf/);
      expect((await s3.send('PUT', '/bkt?versioning', { body: '<x/>' })).code).toBe('NotImplemented');
      await put('k');
      for (const parameter of ['retention', 'legal-hold']) {
        for (const request of [
          s3.send('GET', `/bkt/k?${parameter}`),
          s3.send('PUT', `/bkt/k?${parameter}`, { body: '<x/>' }),
        ]) {
          expect(await request).toMatchObject({ status: 400, code: 'InvalidRequest' });
        }
      }
      const locking = await s3.send('PUT', '/bkt?object-lock', { body: '<ObjectLockConfiguration/>' });
      expect(locking).toMatchObject({ status: 409, code: 'InvalidBucketState' });
      expect((await s3.send('GET', '/none/k?retention')).code).toBe('NoSuchBucket');
      const nobody = new Served(volume, {}, only());
      expect((await nobody.send('PUT', '/bkt/k?legal-hold', { body: '<x/>' })).code).toBe('AccessDenied');
      expect((await nobody.send('GET', '/bkt?cors')).code).toBe('AccessDenied');
      expect((await nobody.send('PUT', '/bkt?cors', { body: '<x/>' })).code).toBe('AccessDenied');
    });

    it("and objects are their owner's alone, unless a list says more", async () => {
      await put('k');
      for (const url of ['/bkt?acl', '/bkt/k?acl']) {
        expect(texts((await s3.send('GET', url)).text, 'Permission')).toEqual(['FULL_CONTROL']);
        expect((await s3.send('PUT', url, { body: '', headers: { 'x-amz-acl': 'private' } })).status).toBe(200);
        const open = await s3.send('PUT', url, { body: '', headers: { 'x-amz-acl': 'public-read' } });
        expect(open.status).toBe(200);
        expect(texts((await s3.send('GET', url)).text, 'Permission')).toEqual(['READ', 'FULL_CONTROL']);
        const foreign = await s3.send('PUT', url, { body: '', headers: { 'x-amz-acl': 'log-delivery-write' } });
        expect(foreign.code).toBe('NotImplemented');
      }
      expect((await s3.send('GET', '/bkt/none?acl')).code).toBe('NoSuchKey');
      await put('k2', 'x', { 'x-amz-acl': 'public-read' });
      expect(texts((await s3.send('GET', '/bkt/k2?acl')).text, 'Permission')).toEqual(['READ', 'FULL_CONTROL']);
    });
  });

  describe('objects', () => {
    it('come back as they were put', async () => {
      const reply = await put('dir/a%20b%2Bc', 'hello', {
        'content-type': 'text/css',
        'cache-control': 'max-age=5',
        'content-disposition': 'attachment',
        'content-language': 'de',
        'content-encoding': 'gzip,aws-chunked',
        'x-amz-meta-Color': 'red',
      });
      expect(reply.headers).toMatchObject({ etag: `"${md5('hello')}"` });
      const got = await get('dir/a%20b%2Bc');
      expect(got.text).toBe('hello');
      expect(got.headers).toMatchObject({
        'content-length': '5',
        'content-type': 'text/css',
        'cache-control': 'max-age=5',
        'content-disposition': 'attachment',
        'content-language': 'de',
        'content-encoding': 'gzip',
        'x-amz-meta-color': 'red',
        etag: `"${md5('hello')}"`,
        'accept-ranges': 'bytes',
      });
      expect(Date.parse(got.headers['last-modified'] ?? '')).toBeGreaterThan(0);
      const seen = await head('dir/a%20b%2Bc');
      expect(seen.headers).toEqual(got.headers);
      expect(seen.body).toHaveLength(0);
      expect(subject.openReaders()).toBe(0);
    });

    it("carry only what the gateway's switches keep", async () => {
      const bare = new Served(volume, { keepEtag: false, objectMeta: false, objectTag: false });
      const headers = { 'x-amz-tagging': 'a=1', 'x-amz-meta-x': '1' };
      const reply = await bare.send('PUT', '/bkt/page.html', { body: 'hi', headers });
      expect(reply.headers.etag).toBe(`"${md5('hi')}"`);
      const seen = await bare.send('HEAD', '/bkt/page.html');
      expect(seen.headers).not.toHaveProperty('etag');
      expect(seen.headers).not.toHaveProperty('x-amz-meta-x');
      expect(seen.headers['content-type']).toBe('text/html; charset=utf-8');
      expect((await volume.statWithXattrs(['bkt', 'page.html'])).xattrs.size).toBe(0);
      expect((await bare.send('GET', '/bkt?list-type=2')).text).toContain('<ETag></ETag>');
      expect((await bare.send('GET', '/bkt/page.html?tagging')).code).toBe('NotImplemented');
      await bare.send('PUT', '/bkt/typed', {
        body: 'x',
        headers: { ...headers, 'content-type': 'text/css', 'content-language': 'de' },
      });
      const typed = await bare.send('HEAD', '/bkt/typed');
      expect(typed.headers).toMatchObject({ 'content-type': 'text/css', 'content-language': 'de' });
      expect((await head('typed')).headers).not.toHaveProperty('x-amz-meta-x');
      await put('raw.json');
      expect((await head('raw.json')).headers['content-type']).toBe('binary/octet-stream');
    });

    it('keep Unicode metadata', async () => {
      // Node hands out the bytes of a header as Latin-1
      await put('u', 'x', { 'x-amz-meta-u': Buffer.from('größe 日本').toString('latin1') });
      expect((await head('u')).headers['x-amz-meta-u']).toBe('größe 日本');
      const { xattrs } = await volume.statWithXattrs(['bkt', 'u']);
      expect(JSON.parse(Buffer.from(xattrs.get('s3-meta') ?? []).toString())).toMatchObject({
        'x-amz-meta-u': 'größe 日本',
      });
      expect((await put('big', 'x', { 'x-amz-meta-a': 'y'.repeat(2048) })).code).toBe('MetadataTooLarge');
    });

    it('are replaced whole, tags and metadata too', async () => {
      await put('k', 'long content', { 'x-amz-tagging': 'a=1', 'x-amz-meta-a': '1' });
      await put('k', 's');
      const got = await get('k');
      expect(got.text).toBe('s');
      expect(got.headers).not.toHaveProperty('x-amz-meta-a');
      expect(got.headers).not.toHaveProperty('x-amz-tagging-count');
    });

    it('are not there: 404 to those who may list, 403 to others', async () => {
      expect((await get('none')).code).toBe('NoSuchKey');
      expect((await s3.send('GET', '/nobucket/none')).code).toBe('NoSuchBucket');
      const reader = new Served(volume, {}, only('s3:GetObject arn:aws:s3:::bkt/*'));
      expect((await reader.send('GET', '/bkt/none')).code).toBe('AccessDenied');
      expect((await reader.send('HEAD', '/bkt/none')).code).toBe('AccessDenied');
      expect(reader.asked).toContain('s3:ListBucket arn:aws:s3:::bkt');
      await put('there');
      expect((await reader.send('GET', '/bkt/there')).status).toBe(200);
    });

    it('have names that a file system can hold', async () => {
      const long = 'n'.repeat(256);
      expect((await put(long)).code).toBe('KeyTooLongError');
      expect((await put(`${long}/x`)).code).toBe('KeyTooLongError');
      expect((await put(`${'d/'.repeat(512)}x`)).code).toBe('KeyTooLongError');
      expect((await get(long)).code).toBe('NoSuchKey');
      for (const key of ['a//b', 'a/./b', 'a/../b', '../b', '%2E%2E/b', '/b', 'a%00b', '.', '..']) {
        expect([key, (await put(key)).code]).toEqual([key, 'XMinioInvalidObjectName']);
        expect([key, (await get(key)).code]).toEqual([key, 'XMinioInvalidObjectName']);
      }
      expect(await snapshot(volume)).toEqual({ '/bkt/': '' });
      expect((await put('n'.repeat(255))).status).toBe(200);
    });

    it('have one version', async () => {
      await put('k');
      expect((await get('k?versionId=null')).status).toBe(200);
      expect((await get('k?versionId=abc')).code).toBe('NoSuchVersion');
      expect((await s3.send('DELETE', '/bkt/k?versionId=abc')).status).toBe(204);
      expect((await get('k')).status).toBe(200);
      expect((await s3.send('DELETE', '/bkt/k?versionId=null')).status).toBe(204);
      expect((await get('k')).code).toBe('NoSuchKey');
    });

    it("and directories do not stand in each other's way unharmed", async () => {
      await put('clash', 'file');
      await put('dir/child', 'c');
      const before = await snapshot(volume);
      expect((await put('clash/child')).code).toBe('XMinioParentIsObject');
      expect((await put('clash/')).code).toMatch(/XMinio/);
      expect((await put('clash/', '')).code).toBe('XMinioParentIsObject');
      expect((await put('dir')).code).toBe('XMinioObjectExistsAsDirectory');
      expect((await get('clash/child')).code).toBe('NoSuchKey');
      expect((await get('dir')).code).toBe('NoSuchKey');
      expect((await s3.send('DELETE', '/bkt/dir')).status).toBe(204);
      expect((await s3.send('DELETE', '/bkt/clash/')).status).toBe(204);
      expect((await s3.send('DELETE', '/bkt/clash/child')).status).toBe(204);
      expect(await snapshot(volume)).toEqual(before);
      expect(subject.openWriters()).toBe(0);
    });

    it('leave nothing when their body does not stand', async () => {
      const before = await snapshot(volume);
      const bad = [
        { 'content-md5': Buffer.from(md5('other'), 'hex').toString('base64') },
        { 'x-amz-content-sha256': '0'.repeat(64) },
        { 'content-length': '100' },
      ];
      for (const headers of bad) {
        const reply = await put('new/k', 'body', headers);
        expect(reply.status).toBe(400);
      }
      expect((await s3.send('PUT', '/none/k', { body: 'x' })).code).toBe('NoSuchBucket');
      expect((await put('k', 'x', { 'x-amz-server-side-encryption': 'AES256' })).code).toBe('NotImplemented');
      expect((await put('k', 'x', { 'x-amz-storage-class': 'GLACIER' })).code).toBe('InvalidStorageClass');
      expect(await snapshot(volume)).toEqual(before);
      expect(subject.openWriters()).toBe(0);
    });

    it('are not written by a read-only gateway', async () => {
      await put('k');
      const before = await snapshot(volume);
      const frozen = new Served(volume, { readOnly: true });
      for (const [method, url] of [
        ['PUT', '/bkt/k2'],
        ['PUT', '/new'],
        ['DELETE', '/bkt/k'],
        ['DELETE', '/bkt'],
        ['POST', '/bkt/k?uploads'],
      ] as const) {
        expect([url, (await frozen.send(method, url)).code]).toEqual([url, 'AccessDenied']);
      }
      expect((await frozen.send('GET', '/bkt/k')).status).toBe(200);
      expect(await snapshot(volume)).toEqual(before);
    });

    it('answer response overrides, but not to anonymous callers', async () => {
      await put('k');
      const query = '?response-content-type=text%2Fx&response-content-disposition=inline';
      expect((await get(`k${query}`)).headers).toMatchObject({
        'content-type': 'text/x',
        'content-disposition': 'inline',
      });
      const anonymous = new Served(volume, {}, { allows: () => true, principal: Principal_Type.TYPE_ANONYMOUS });
      expect((await anonymous.send('GET', `/bkt/k${query}`)).code).toBe('InvalidRequest');
    });

    it('close their file when the client goes away', async () => {
      await put('k', 'x'.repeat(200_000));
      const controller = new AbortController();
      const reply = s3.send('GET', '/bkt/k', { signal: controller.signal });
      controller.abort();
      await expect(reply).rejects.toThrow();
      expect(subject.openReaders()).toBe(0);
    });

    it('tell their attributes', async () => {
      await put('k', '12345');
      const headers = { 'x-amz-object-attributes': 'ETag,ObjectSize' };
      const { text } = await s3.send('GET', '/bkt/k?attributes', { headers });
      expect(texts(text, 'ETag')).toEqual([md5('12345')]);
      expect(texts(text, 'ObjectSize')).toEqual(['5']);
      const bad = { 'x-amz-object-attributes': 'Nonsense' };
      expect((await s3.send('GET', '/bkt/k?attributes', { headers: bad })).code).toBe('InvalidArgument');
    });
  });

  describe('ranges and conditions', () => {
    beforeEach(() => put('r', '0123456789'));

    it.each([
      ['bytes=0-3', '0123', 'bytes 0-3/10'],
      ['bytes=-3', '789', 'bytes 7-9/10'],
      ['bytes=5-', '56789', 'bytes 5-9/10'],
      ['bytes=8-100', '89', 'bytes 8-9/10'],
      ['bytes=-100', '0123456789', 'bytes 0-9/10'],
    ])('%s', async (range, text, contentRange) => {
      const got = await get('r', { range });
      expect([got.status, got.text, got.headers['content-range']]).toEqual([206, text, contentRange]);
      expect(got.headers['content-length']).toBe(String(text.length));
      expect((await head('r', { range })).headers['content-range']).toBe(contentRange);
    });

    it('out of reach are 416, and nonsense is the whole', async () => {
      for (const range of ['bytes=50-60', 'bytes=10-', 'bytes=-0']) {
        const got = await get('r', { range });
        expect([range, got.status, got.code]).toEqual([range, 416, 'InvalidRange']);
        expect(got.headers['content-range']).toBe('bytes */10');
      }
      for (const range of ['bytes=5-2', 'items=0-1', 'bytes=0-1,3-4', 'bytes=-']) {
        expect([range, (await get('r', { range })).status]).toEqual([range, 200]);
      }
    });

    it('weigh validators', async () => {
      const { headers } = await head('r');
      const etag = headers.etag ?? '';
      const lastModified = headers['last-modified'] ?? '';
      const old = 'Mon, 01 Jan 2001 00:00:00 GMT';
      const cases: [Record<string, string>, number][] = [
        [{ 'if-match': etag }, 200],
        [{ 'if-match': `"${'0'.repeat(32)}"` }, 412],
        [{ 'if-match': `"x", ${etag}` }, 200],
        [{ 'if-none-match': etag }, 304],
        [{ 'if-none-match': '*' }, 304],
        [{ 'if-none-match': '"x"' }, 200],
        [{ 'if-modified-since': lastModified }, 304],
        [{ 'if-modified-since': old }, 200],
        [{ 'if-modified-since': 'nonsense' }, 200],
        [{ 'if-unmodified-since': old }, 412],
        [{ 'if-unmodified-since': lastModified }, 200],
        [{ 'if-match': etag, 'if-unmodified-since': old }, 200],
        [{ 'if-none-match': '"x"', 'if-modified-since': lastModified }, 200],
      ];
      for (const [conditions, status] of cases) {
        expect([conditions, (await get('r', conditions)).status]).toEqual([conditions, status]);
        expect([conditions, (await head('r', conditions)).status]).toEqual([conditions, status]);
      }
      expect(subject.openReaders()).toBe(0);
    });

    it('guard writes', async () => {
      const etag = (await head('r')).headers.etag ?? '';
      expect((await put('r', 'new', { 'if-none-match': '*' })).code).toBe('PreconditionFailed');
      expect((await put('r', 'new', { 'if-match': '"x"' })).code).toBe('PreconditionFailed');
      expect((await put('gone', 'new', { 'if-match': etag })).code).toBe('NoSuchKey');
      expect((await get('r')).text).toBe('0123456789');
      expect((await s3.send('DELETE', '/bkt/r', { headers: { 'if-match': '"x"' } })).code).toBe('PreconditionFailed');
      expect((await put('r', 'new', { 'if-match': etag })).status).toBe(200);
      expect((await put('fresh', '1', { 'if-none-match': '*' })).status).toBe(200);
    });

    it('If-None-Match: * lets one of many writers through', async () => {
      const replies = await Promise.all(
        Array.from({ length: 8 }, (_, i) => put('race', `writer ${i}`, { 'if-none-match': '*' })),
      );
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(replies.filter(({ code }) => code === 'PreconditionFailed')).toHaveLength(7);
    });
  });

  describe('directory objects', () => {
    it('are put, seen, listed and removed', async () => {
      expect((await put('folder/', '')).status).toBe(200);
      expect((await head('folder/')).headers).toMatchObject({ 'content-length': '0' });
      expect((await head('folder')).code).toBe('NoSuchKey');
      expect((await put('folder2/', 'bytes')).code).toBe('XMinioObjectExistsAsDirectory');
      expect((await list('prefix=folder')).keys).toEqual(['folder/']);
      await put('folder/child');
      expect((await list('prefix=folder/')).keys).toEqual(['folder/', 'folder/child']);
      expect((await s3.send('DELETE', '/bkt/folder/')).status).toBe(204);
      expect((await head('folder/')).code).toBe('NoSuchKey');
      expect((await get('folder/child')).status).toBe(200);
      await s3.send('DELETE', '/bkt/folder/child');
      expect(await snapshot(volume)).toEqual({ '/bkt/': '' });
    });

    it('keep their place when their children go; implied directories do not', async () => {
      await put('kept/', '');
      await put('kept/sub/deep/file');
      await put('implied/sub/file');
      await s3.send('DELETE', '/bkt/kept/sub/deep/file');
      await s3.send('DELETE', '/bkt/implied/sub/file');
      expect(await snapshot(volume)).toEqual({ '/bkt/': '', '/bkt/kept/': 'object' });
    });

    it('are shown by --head-dir and hidden by --hide-dir-object', async () => {
      await put('implied/file');
      await put('object/', '');
      const shows = new Served(volume, { headDir: true });
      expect((await shows.send('HEAD', '/bkt/implied')).status).toBe(200);
      expect((await shows.send('HEAD', '/bkt/implied/')).status).toBe(200);
      expect((await head('implied/')).code).toBe('NoSuchKey');
      const hides = new Served(volume, { hideDirObject: true });
      expect(listed((await hides.send('GET', '/bkt')).text).keys).toEqual(['implied/file']);
    });
  });

  describe('DeleteObjects', () => {
    const document = (keys: readonly string[], quiet = false) =>
      `<Delete>${quiet ? '<Quiet>true</Quiet>' : ''}${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;
    const remove = (keys: readonly string[], quiet = false, server = s3) =>
      server.send('POST', '/bkt?delete', { body: document(keys, quiet) });

    it('answers each key by its name', async () => {
      await put('md/0');
      await put('md/1');
      await put('dir/', '');
      const { text } = await remove(['md/0', 'md/1', 'md/none', 'no/such/dir', 'dir/', 'amp&amp;']);
      expect(texts(text, 'Key')).toEqual(['md/0', 'md/1', 'md/none', 'no/such/dir', 'dir/', 'amp&']);
      expect(text).not.toContain('<Error>');
      expect(await snapshot(volume)).toEqual({ '/bkt/': '' });
    });

    it('is quiet when asked', async () => {
      await put('a');
      const { text } = await remove(['a', '../x'], true);
      expect(text).not.toContain('<Deleted>');
      expect(texts(text, 'Key')).toEqual(['../x']);
    });

    it('never leaves its bucket', async () => {
      await s3.send('PUT', '/victim');
      await s3.send('PUT', '/victim/k', { body: 'v' });
      const before = await snapshot(volume);
      const hostile = [
        '../victim/k',
        '/victim/k',
        'a/../../victim/k',
        './k',
        'a//b',
        '.sys/x',
        '.minio.sys/config',
        '',
      ];
      const { text } = await remove(hostile);
      expect(text.match(/<Error>/g)).toHaveLength(hostile.length);
      expect(text).not.toContain('<Deleted>');
      expect(await snapshot(volume)).toEqual(before);
      expect(s3.asked.filter((question) => question.includes('victim/k') && question.includes('Delete'))).toEqual([]);
    });

    it('decides key by key', async () => {
      await put('mine/a');
      await put('other/a');
      const user = new Served(volume, {}, only('s3:DeleteObject arn:aws:s3:::bkt/mine/*'));
      const { text } = await remove(['mine/a', 'other/a', '../x'], false, user);
      expect(text).toContain('<Deleted><Key>mine/a</Key></Deleted>');
      expect(text).toContain('<Error><Key>other/a</Key><Code>AccessDenied</Code>');
      expect(text).toContain('<Error><Key>../x</Key><Code>XMinioInvalidObjectName</Code>');
      expect(Object.keys(await snapshot(volume))).toEqual(['/bkt/', '/bkt/other/', '/bkt/other/a']);
    });

    it('refuses documents that are none', async () => {
      for (const body of ['', '<Delete/>', '<Wrong/>', document(Array.from({ length: 1001 }, (_, i) => `k${i}`))]) {
        expect((await s3.send('POST', '/bkt?delete', { body })).code).toBe('MalformedXML');
      }
    });
  });

  describe('listings', () => {
    const all = async (query: string, version: 1 | 2) => {
      const keys: string[] = [];
      const prefixes: string[] = [];
      let next = '';
      for (let pages = 0; pages < 100; pages++) {
        const { text } = await s3.send('GET', `/bkt?${version === 2 ? 'list-type=2&' : ''}${query}${next}`);
        const page = listed(text);
        keys.push(...page.keys);
        prefixes.push(...page.prefixes);
        if (!page.truncated) return { keys, prefixes };
        const token = texts(text, version === 2 ? 'NextContinuationToken' : 'NextMarker')[0] ?? '';
        next = `&${version === 2 ? 'continuation-token' : 'marker'}=${encodeURIComponent(token)}`;
      }
      throw new Error('the pages do not end');
    };

    it('are in byte order, whatever the page', async () => {
      const keys = ['a-b', 'a/b', 'a/c/d', 'a0b', 'é', 'z', '\u{ff5e}', '\u{1f600}', 'b/é/x', 'b/z'];
      for (const key of keys) await put(encodeURIComponent(key).replaceAll('%2F', '/'));
      const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      for (const size of [1, 2, 3, 1000]) {
        expect((await all(`max-keys=${size}`, 2)).keys).toEqual(sorted);
        expect((await all(`max-keys=${size}`, 1)).keys).toEqual(sorted);
      }
      for (const [i, key] of sorted.entries()) {
        expect((await list(`start-after=${encodeURIComponent(key)}`)).keys).toEqual(sorted.slice(i + 1));
      }
    });

    it('roll up by any delimiter, each prefix once', async () => {
      for (const key of ['a/1', 'a/2', 'a/x/3', 'b/1', 'c', 'd-1', 'd-2', 'd/e-f']) await put(key);
      for (const size of [1, 2, 3, 1000]) {
        for (const version of [1, 2] as const) {
          expect(await all(`delimiter=/&max-keys=${size}`, version)).toEqual({
            keys: ['c', 'd-1', 'd-2'],
            prefixes: ['a/', 'b/', 'd/'],
          });
          expect(await all(`delimiter=-&max-keys=${size}`, version)).toEqual({
            keys: ['a/1', 'a/2', 'a/x/3', 'b/1', 'c'],
            prefixes: ['d-', 'd/e-'],
          });
          expect(await all(`delimiter=/&prefix=a/&max-keys=${size}`, version)).toEqual({
            keys: ['a/1', 'a/2'],
            prefixes: ['a/x/'],
          });
        }
      }
    });

    it('count prefixes as keys, and say what they were asked', async () => {
      for (const key of ['a/1', 'b', 'c']) await put(key);
      const { text } = await s3.send('GET', '/bkt?list-type=2&delimiter=%2F&max-keys=2&fetch-owner=true');
      expect(listed(text)).toEqual({ keys: ['b'], prefixes: ['a/'], truncated: true });
      expect(texts(text, 'KeyCount')).toEqual(['2']);
      expect(texts(text, 'MaxKeys')).toEqual(['2']);
      expect(text).toContain('<Owner>');
      expect((await s3.send('GET', '/bkt?list-type=2')).text).not.toContain('<Owner>');
      expect((await list('max-keys=0')).truncated).toBe(false);
      expect((await list('max-keys=0')).keys).toEqual([]);
      for (const bad of ['max-keys=-1', 'max-keys=x', 'encoding-type=zip', 'continuation-token=nonsense']) {
        expect([bad, (await s3.send('GET', `/bkt?list-type=2&${bad}`)).code]).toEqual([bad, 'InvalidArgument']);
      }
    });

    it('encode names when asked', async () => {
      await put('enc/a%20b%2Bc%00'.replace('%00', ''));
      const { text } = await s3.send('GET', '/bkt?list-type=2&prefix=enc/&encoding-type=url');
      expect(texts(text, 'Key')).toEqual(['enc/a%20b%2Bc']);
    });

    it('show empty directories as keys, but not the one that is the prefix', async () => {
      await volume.mkdirs(['bkt', 'empty', 'inner']);
      await put('full/file');
      expect((await list('')).keys).toEqual(['empty/inner/', 'full/file']);
      expect((await list('prefix=empty/inner/')).keys).toEqual([]);
      expect(await list('delimiter=/')).toMatchObject({ keys: [], prefixes: ['empty/', 'full/'] });
    });

    it('of impossible prefixes are empty', async () => {
      await put('a/b');
      for (const prefix of ['../', '/', 'a//', 'a/../', './', 'a/b/', 'zz', `${'x'.repeat(300)}/`]) {
        const page = await list(`prefix=${encodeURIComponent(prefix)}`);
        expect([prefix, page.keys]).toEqual([prefix, []]);
      }
      expect((await list('prefix=a')).keys).toEqual(['a/b']);
      expect((await s3.send('GET', '/none?list-type=2')).code).toBe('NoSuchBucket');
    });

    it('of versions have one each, for those who may list them', async () => {
      await put('k');
      const lister = new Served(volume, {}, only('s3:ListBucketVersions arn:aws:s3:::bkt'));
      const { text } = await lister.send('GET', '/bkt?versions');
      expect(texts(text, 'Key')).toEqual(['k']);
      expect(texts(text, 'VersionId')).toEqual(['null']);
      expect((await new Served(volume, {}, only()).send('GET', '/bkt?versions')).code).toBe('AccessDenied');
    });

    it('are asked about with their prefix', async () => {
      const home: Decider = {
        principal: Principal_Type.TYPE_USER,
        allows: (action, _, keys) => action === 's3:ListBucket' && keys.get('s3:prefix')?.[0] === 'home/',
      };
      const user = new Served(volume, {}, home);
      expect((await user.send('GET', '/bkt?list-type=2&prefix=home/')).status).toBe(200);
      expect((await user.send('GET', '/bkt?list-type=2')).code).toBe('AccessDenied');
    });
  });

  describe('copies', () => {
    const copy = (to: string, from: string, headers: Record<string, string> = {}, server = s3) =>
      server.send('PUT', `/bkt/${to}`, { headers: { 'x-amz-copy-source': from, ...headers } });

    beforeEach(() =>
      put('src%20a%2B%25', 'source', { 'content-type': 'text/css', 'x-amz-tagging': 'a=1', 'x-amz-meta-m': '1' }),
    );
    const SOURCE = '/bkt/src%20a%2B%25';

    it('carry everything, or what replaces it', async () => {
      const reply = await copy('x/dst', SOURCE);
      expect(texts(reply.text, 'ETag')).toEqual([`"${md5('source')}"`]);
      expect(texts(reply.text, 'LastModified')).toHaveLength(1);
      const got = await get('x/dst');
      expect(got.text).toBe('source');
      expect(got.headers).toMatchObject({
        'content-type': 'text/css',
        'x-amz-meta-m': '1',
        'x-amz-tagging-count': '1',
      });
      await copy('y', SOURCE, {
        'x-amz-metadata-directive': 'REPLACE',
        'content-type': 'text/plain',
        'x-amz-tagging-directive': 'REPLACE',
        'x-amz-tagging': 'z=26&y=25',
      });
      const replaced = await get('y');
      expect(replaced.headers).toMatchObject({ 'content-type': 'text/plain', 'x-amz-tagging-count': '2' });
      expect(replaced.headers).not.toHaveProperty('x-amz-meta-m');
    });

    it('keep metadata that the gateway does not show', async () => {
      const bare = new Served(volume, { objectMeta: false });
      expect((await copy('hidden', SOURCE, {}, bare)).status).toBe(200);
      expect((await bare.send('HEAD', '/bkt/hidden')).headers).not.toHaveProperty('x-amz-meta-m');
      expect((await head('hidden')).headers['x-amz-meta-m']).toBe('1');
    });

    it('onto themselves need something new', async () => {
      expect((await copy('src%20a%2B%25', SOURCE)).code).toBe('InvalidRequest');
      const headers = { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-new': '1' };
      expect((await copy('src%20a%2B%25', SOURCE, headers)).status).toBe(200);
      const got = await get('src%20a%2B%25');
      expect(got.text).toBe('source');
      expect(got.headers).toMatchObject({ 'x-amz-meta-new': '1', 'x-amz-tagging-count': '1' });
    });

    it('weigh conditions on the source', async () => {
      const etag = `"${md5('source')}"`;
      expect((await copy('c', SOURCE, { 'x-amz-copy-source-if-none-match': etag })).code).toBe('PreconditionFailed');
      expect((await copy('c', SOURCE, { 'x-amz-copy-source-if-match': '"x"' })).code).toBe('PreconditionFailed');
      expect((await copy('c', SOURCE, { 'x-amz-copy-source-if-match': etag })).status).toBe(200);
      expect((await copy('c', SOURCE, { 'if-none-match': '*' })).code).toBe('PreconditionFailed');
    });

    it('come in by the one door', async () => {
      const before = await snapshot(volume);
      for (const [source, code] of [
        ['bkt/../other/k', 'XMinioInvalidObjectName'],
        ['/bkt/%2E%2E/other', 'XMinioInvalidObjectName'],
        ['/.minio.sys/config/iam', 'AllAccessDisabled'],
        ['/bkt/.sys/x', 'AllAccessDisabled'],
        ['nobucketkey', 'InvalidArgument'],
        ['/bkt/', 'InvalidArgument'],
        ['/bkt/%zz', 'InvalidArgument'],
        ['/UPPER/k', 'InvalidBucketName'],
        ['/bkt/none', 'NoSuchKey'],
        ['/none/k', 'NoSuchBucket'],
        [`${SOURCE}?versionId=x`, 'NoSuchVersion'],
      ] as const) {
        expect([source, (await copy('dst', source)).code]).toEqual([source, code]);
      }
      expect(await snapshot(volume)).toEqual(before);
      expect((await copy('dst', `${SOURCE}?versionId=null`)).status).toBe(200);
    });

    it('need the right to read and the right to write', async () => {
      await put('secret/s', 'secret');
      const user = new Served(
        volume,
        {},
        only('s3:GetObject arn:aws:s3:::bkt/mine/*', 's3:PutObject arn:aws:s3:::bkt/mine/*'),
      );
      expect((await copy('mine/x', '/bkt/secret/s', {}, user)).code).toBe('AccessDenied');
      expect((await copy('mine/x', '/bkt/mine/none', {}, user)).code).toBe('AccessDenied');
      expect((await get('mine/x')).code).toBe('NoSuchKey');
    });
  });

  describe('multipart uploads', () => {
    const create = async (key: string, headers: Record<string, string> = {}) =>
      texts((await s3.send('POST', `/bkt/${key}?uploads`, { headers })).text, 'UploadId')[0] ?? '';
    const part = (key: string, id: string, number: number | string, body: string | Uint8Array) =>
      s3.send('PUT', `/bkt/${key}?partNumber=${number}&uploadId=${id}`, { body });
    const complete = (key: string, id: string, parts: readonly (readonly [number, string])[], headers = {}) =>
      s3.send('POST', `/bkt/${key}?uploadId=${id}`, {
        headers,
        body: `<CompleteMultipartUpload>${parts.map(([n, etag]) => `<Part><PartNumber>${n}</PartNumber><ETag>${etag}</ETag></Part>`).join('')}</CompleteMultipartUpload>`,
      });

    it('become one object', async () => {
      const id = await create('m/big', { 'content-type': 'text/csv', 'x-amz-tagging': 'm=p' });
      const first = Buffer.alloc(PART, 'a');
      await part('m/big', id, 2, 'zz');
      await part('m/big', id, 1, 'old');
      const etag = (await part('m/big', id, 1, first)).headers.etag ?? '';
      expect(etag).toBe(`"${md5(first)}"`);
      expect((await get('m/big')).code).toBe('NoSuchKey');
      const composite = `${createHash('md5')
        .update(Buffer.from(md5(first) + md5('zz'), 'hex'))
        .digest('hex')}-2`;
      const reply = await complete('m/big', id, [
        [1, etag],
        [2, `&quot;${md5('zz')}&quot;`],
      ]);
      expect(texts(reply.text, 'ETag')).toEqual([`"${composite}"`]);
      const got = await get('m/big');
      expect(got.body.equals(Buffer.concat([first, Buffer.from('zz')]))).toBe(true);
      expect(got.headers).toMatchObject({
        etag: `"${composite}"`,
        'content-type': 'text/csv',
        'x-amz-tagging-count': '1',
      });
      expect(Object.keys(await snapshot(volume)).filter((path) => path.includes(id))).toEqual([]);
      expect((await part('m/big', id, 3, 'x')).code).toBe('NoSuchUpload');
    });

    it('lie as JuiceFS lays them', async () => {
      const id = await create('k');
      await part('k', id, 7, 'seven');
      expect((await snapshot(volume))[`/.sys/bkt/uploads/${id.slice(0, 3)}/${id}/7`]).toBe('seven');
      const { xattrs } = await volume.statWithXattrs(['.sys', 'bkt', 'uploads', id.slice(0, 3), id]);
      expect(Buffer.from(xattrs.get('s3-object') ?? []).toString()).toBe('k');
      const bare = new Served(volume, { multiBuckets: false, keepEtag: false });
      const single = texts((await bare.send('POST', '/single/k?uploads')).text, 'UploadId')[0] ?? '';
      await bare.send('PUT', `/single/k?partNumber=1&uploadId=${single}`, { body: 'p' });
      const file = await volume.statWithXattrs(['.sys', 'uploads', single.slice(0, 3), single, '1']);
      expect(Buffer.from(file.xattrs.get('s3-etag') ?? []).toString()).toBe(md5('p'));
    });

    it('are refused when the list is not right, and stay open', async () => {
      const id = await create('k');
      const one = md5('one');
      await part('k', id, 1, 'one');
      await part('k', id, 2, 'two');
      expect((await complete('k', id, [[1, '0'.repeat(32)]])).code).toBe('InvalidPart');
      expect((await complete('k', id, [[3, one]])).code).toBe('InvalidPart');
      expect(
        (
          await complete('k', id, [
            [2, md5('two')],
            [1, one],
          ])
        ).code,
      ).toBe('InvalidPartOrder');
      expect(
        (
          await complete('k', id, [
            [1, one],
            [1, one],
          ])
        ).code,
      ).toBe('InvalidPartOrder');
      expect(
        (
          await complete('k', id, [
            [1, one],
            [2, md5('two')],
          ])
        ).code,
      ).toBe('EntityTooSmall');
      expect((await complete('k', id, [])).code).toBe('MalformedXML');
      expect((await s3.send('POST', `/bkt/k?uploadId=${id}`, { body: 'nonsense' })).code).toBe('MalformedXML');
      expect((await get('k')).code).toBe('NoSuchKey');
      await put('k', 'stands');
      expect((await complete('k', id, [[1, one]], { 'if-none-match': '*' })).code).toBe('PreconditionFailed');
      expect((await complete('k', id, [[1, one]])).status).toBe(200);
      expect((await get('k')).text).toBe('one');
    });

    it('belong to their key alone', async () => {
      const id = await create('mine');
      await part('mine', id, 1, 'x');
      expect((await part('other', id, 1, 'x')).code).toBe('NoSuchUpload');
      expect((await complete('other', id, [[1, md5('x')]])).code).toBe('NoSuchUpload');
      expect((await s3.send('GET', `/bkt/other?uploadId=${id}`)).code).toBe('NoSuchUpload');
      expect((await s3.send('DELETE', `/bkt/other?uploadId=${id}`)).code).toBe('NoSuchUpload');
      for (const bad of ['', 'x', '..', '../../..', `${id}/1`, id.toUpperCase().replace(/[0-9-]/g, 'A')]) {
        const url = `/bkt/mine?uploadId=${encodeURIComponent(bad)}`;
        expect([bad, (await s3.send('DELETE', url)).code]).toEqual([bad, 'NoSuchUpload']);
      }
      expect((await complete('mine', id, [[1, md5('x')]])).status).toBe(200);
    });

    it('have parts 1 to 10000', async () => {
      const id = await create('k');
      for (const number of ['0', '10001', '-1', 'x', '', '01', '1e3']) {
        expect([number, (await part('k', id, number, 'x')).code]).toEqual([number, 'InvalidArgument']);
      }
      expect((await part('k', id, 10_000, 'x')).status).toBe(200);
    });

    it('list their parts by number, in pages', async () => {
      const id = await create('k');
      for (const number of [10, 2, 1, 9]) await part('k', id, number, 'x'.repeat(number));
      const url = `/bkt/k?uploadId=${id}`;
      const { text } = await s3.send('GET', url);
      expect(texts(text, 'PartNumber')).toEqual(['1', '2', '9', '10']);
      expect(texts(text, 'Size')).toEqual(['1', '2', '9', '10']);
      expect(texts(text, 'ETag')[0]).toBe(`"${md5('x')}"`);
      const page = (await s3.send('GET', `${url}&max-parts=2`)).text;
      expect([texts(page, 'PartNumber'), texts(page, 'IsTruncated'), texts(page, 'NextPartNumberMarker')]).toEqual([
        ['1', '2'],
        ['true'],
        ['2'],
      ]);
      expect(texts((await s3.send('GET', `${url}&part-number-marker=9`)).text, 'PartNumber')).toEqual(['10']);
    });

    it('are listed by key until they end', async () => {
      const ids: Record<string, string> = {};
      for (const key of ['b', 'a/1', 'a/2', 'c']) ids[key] = await create(key);
      const uploads = async (query = '') => {
        const { text } = await s3.send('GET', `/bkt?uploads${query}`);
        return { keys: texts(text, 'Key'), prefixes: listed(text).prefixes, text };
      };
      expect((await uploads()).keys).toEqual(['a/1', 'a/2', 'b', 'c']);
      expect((await uploads('&prefix=a/')).keys).toEqual(['a/1', 'a/2']);
      expect(await uploads('&delimiter=/')).toMatchObject({ keys: ['b', 'c'], prefixes: ['a/'] });
      const page = await uploads('&max-uploads=2');
      expect(page.keys).toEqual(['a/1', 'a/2']);
      expect(texts(page.text, 'NextKeyMarker')).toEqual(['a/2']);
      expect((await uploads(`&key-marker=a%2F2&upload-id-marker=${ids['a/2']}`)).keys).toEqual(['b', 'c']);
      expect((await s3.send('DELETE', `/bkt/b?uploadId=${ids.b}`)).status).toBe(204);
      expect((await uploads()).keys).toEqual(['a/1', 'a/2', 'c']);
      expect((await list('')).keys).toEqual([]);
    });

    it('take parts out of objects', async () => {
      const data = Buffer.alloc(PART + 100, 'd');
      await s3.send('PUT', '/bkt/src', { body: data });
      const id = await create('k');
      const copyPart = (number: number, headers: Record<string, string>) =>
        s3.send('PUT', `/bkt/k?partNumber=${number}&uploadId=${id}`, {
          headers: { 'x-amz-copy-source': '/bkt/src', ...headers },
        });
      const whole = texts((await copyPart(1, {})).text, 'ETag')[0] ?? '';
      const range = texts((await copyPart(2, { 'x-amz-copy-source-range': 'bytes=10-19' })).text, 'ETag')[0] ?? '';
      expect([whole, range]).toEqual([`"${md5(data)}"`, `"${md5(data.subarray(10, 20))}"`]);
      for (const [bad, code] of [
        ['bytes=0-99999999', 'InvalidRange'],
        ['bytes=5-2', 'InvalidArgument'],
        ['bytes=-5', 'InvalidArgument'],
        ['0-5', 'InvalidArgument'],
      ] as const) {
        expect([bad, (await copyPart(3, { 'x-amz-copy-source-range': bad })).code]).toEqual([bad, code]);
      }
      expect(
        (
          await complete('k', id, [
            [1, whole],
            [2, range],
          ])
        ).status,
      ).toBe(200);
      expect((await get('k')).body.equals(Buffer.concat([data, data.subarray(10, 20)]))).toBe(true);
      expect(subject.openReaders()).toBe(0);
    });

    it('do not come back when a part arrives late', async () => {
      const id = await create('k');
      const late = part('k', id, 1, Buffer.alloc(300_000));
      const abort = s3.send('DELETE', `/bkt/k?uploadId=${id}`);
      await Promise.all([late, abort]);
      expect(Object.keys(await snapshot(volume)).filter((path) => path.includes(id))).toEqual([]);
    });
  });

  describe('tags', () => {
    const tagging = (pairs: Record<string, string>) =>
      `<Tagging><TagSet>${Object.entries(pairs)
        .map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`)
        .join('')}</TagSet></Tagging>`;
    const tagsOf = async (key: string) => {
      const { text } = await s3.send('GET', `/bkt/${key}?tagging`);
      return Object.fromEntries(texts(text, 'Key').map((name, i) => [name, texts(text, 'Value')[i]]));
    };

    it('are put, replaced and removed', async () => {
      await put('t', 'x', { 'x-amz-tagging': 'k1=v1&k2=v%202+x' });
      expect(await tagsOf('t')).toEqual({ k1: 'v1', k2: 'v 2 x' });
      expect((await head('t')).headers['x-amz-tagging-count']).toBe('2');
      expect((await s3.send('PUT', '/bkt/t?tagging', { body: tagging({ späte: 'ä/=+-' }) })).status).toBe(200);
      expect(await tagsOf('t')).toEqual({ späte: 'ä/=+-' });
      expect((await s3.send('DELETE', '/bkt/t?tagging')).status).toBe(204);
      expect(await tagsOf('t')).toEqual({});
      expect((await s3.send('PUT', '/bkt/none?tagging', { body: tagging({ a: '1' }) })).code).toBe('NoSuchKey');
    });

    it('have limits', async () => {
      await put('t');
      const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`k${i}`, 'v']));
      for (const pairs of [eleven, { ['k'.repeat(129)]: 'v' }, { k: 'v'.repeat(257) }, { '': 'v' }, { 'a{': 'v' }]) {
        expect((await s3.send('PUT', '/bkt/t?tagging', { body: tagging(pairs) })).code).toBe('InvalidTag');
      }
      const twice =
        '<Tagging><TagSet><Tag><Key>k</Key><Value>1</Value></Tag><Tag><Key>k</Key><Value>2</Value></Tag></TagSet></Tagging>';
      expect((await s3.send('PUT', '/bkt/t?tagging', { body: twice })).code).toBe('InvalidTag');
      expect((await put('u', 'x', { 'x-amz-tagging': 'a=1&a=2' })).code).toBe('InvalidTag');
      expect((await put('u', 'x', { 'x-amz-tagging': '%zz=1' })).code).toBe('InvalidArgument');
    });

    it('brought by an upload need the right to tag', async () => {
      const user = new Served(volume, {}, only('s3:PutObject arn:aws:s3:::bkt/*'));
      expect((await user.send('PUT', '/bkt/k', { body: 'x' })).status).toBe(200);
      const headers = { 'x-amz-tagging': 'a=1' };
      expect((await user.send('PUT', '/bkt/k', { body: 'x', headers })).code).toBe('AccessDenied');
    });
  });
}
