// Objects, as a client sees them.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Principal_Type } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type OperationContext, only, snapshot } from '../operation-context.ts';
import { Served, texts } from '../operation-harness.ts';

const md5 = (data: string | Uint8Array): string => createHash('md5').update(data).digest('hex');

/** Defines the tests. */
export function objectOperations(at: OperationContext): void {
  const { put, get, head } = at;

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
      expect(at.subject.openReaders()).toBe(0);
    });

    it("carry only what the gateway's switches keep", async () => {
      const bare = new Served(at.volume, { keepEtag: false, objectMeta: false, objectTag: false });
      const headers = { 'x-amz-tagging': 'a=1', 'x-amz-meta-x': '1' };
      const reply = await bare.send('PUT', '/bkt/page.html', { body: 'hi', headers });
      expect(reply.headers.etag).toBe(`"${md5('hi')}"`);
      const seen = await bare.send('HEAD', '/bkt/page.html');
      expect(seen.headers).not.toHaveProperty('etag');
      expect(seen.headers).not.toHaveProperty('x-amz-meta-x');
      expect(seen.headers['content-type']).toBe('text/html; charset=utf-8');
      expect((await at.volume.statWithXattrs(['bkt', 'page.html'])).xattrs.size).toBe(0);
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
      const { xattrs } = await at.volume.statWithXattrs(['bkt', 'u']);
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
      expect((await at.s3.send('GET', '/nobucket/none')).code).toBe('NoSuchBucket');
      const reader = new Served(at.volume, {}, only('s3:GetObject arn:aws:s3:::bkt/*'));
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
      expect(await snapshot(at.volume)).toEqual({ '/bkt/': '' });
      expect((await put('n'.repeat(255))).status).toBe(200);
    });

    it('have one version', async () => {
      await put('k');
      expect((await get('k?versionId=null')).status).toBe(200);
      expect((await get('k?versionId=abc')).code).toBe('NoSuchVersion');
      expect((await at.s3.send('DELETE', '/bkt/k?versionId=abc')).status).toBe(204);
      expect((await get('k')).status).toBe(200);
      expect((await at.s3.send('DELETE', '/bkt/k?versionId=null')).status).toBe(204);
      expect((await get('k')).code).toBe('NoSuchKey');
    });

    it("and directories do not stand in each other's way unharmed", async () => {
      await put('clash', 'file');
      await put('dir/child', 'c');
      const before = await snapshot(at.volume);
      expect((await put('clash/child')).code).toBe('XMinioParentIsObject');
      expect((await put('clash/')).code).toMatch(/XMinio/);
      expect((await put('clash/', '')).code).toBe('XMinioParentIsObject');
      expect((await put('dir')).code).toBe('XMinioObjectExistsAsDirectory');
      expect((await get('clash/child')).code).toBe('NoSuchKey');
      expect((await get('dir')).code).toBe('NoSuchKey');
      expect((await at.s3.send('DELETE', '/bkt/dir')).status).toBe(204);
      expect((await at.s3.send('DELETE', '/bkt/clash/')).status).toBe(204);
      expect((await at.s3.send('DELETE', '/bkt/clash/child')).status).toBe(204);
      expect(await snapshot(at.volume)).toEqual(before);
      expect(at.subject.openWriters()).toBe(0);
    });

    it('leave nothing when their body does not stand', async () => {
      const before = await snapshot(at.volume);
      const bad = [
        { 'content-md5': Buffer.from(md5('other'), 'hex').toString('base64') },
        { 'x-amz-content-sha256': '0'.repeat(64) },
        { 'content-length': '100' },
      ];
      for (const headers of bad) {
        const reply = await put('new/k', 'body', headers);
        expect(reply.status).toBe(400);
      }
      expect((await at.s3.send('PUT', '/none/k', { body: 'x' })).code).toBe('NoSuchBucket');
      const large = Buffer.alloc(100_000);
      expect((await at.s3.send('PUT', '/none/k', { body: large })).code).toBe('NoSuchBucket');
      const damaged = { body: 'x', headers: { 'content-md5': Buffer.alloc(16).toString('base64') } };
      expect((await at.s3.send('PUT', '/none/k', damaged)).code).toBe('NoSuchBucket');
      expect((await at.s3.send('HEAD', '/none')).code).toBe('NoSuchBucket');
      expect((await put('k', 'x', { 'x-amz-server-side-encryption': 'AES256' })).code).toBe('NotImplemented');
      expect((await put('k', 'x', { 'x-amz-storage-class': 'GLACIER' })).code).toBe('InvalidStorageClass');
      expect(await snapshot(at.volume)).toEqual(before);
      expect(at.subject.openWriters()).toBe(0);
    });

    it('are not written by a read-only gateway', async () => {
      await put('k');
      const before = await snapshot(at.volume);
      const frozen = new Served(at.volume, { readOnly: true });
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
      expect(await snapshot(at.volume)).toEqual(before);
    });

    it('answer response overrides, but not to anonymous callers', async () => {
      await put('k');
      const query = '?response-content-type=text%2Fx&response-content-disposition=inline';
      expect((await get(`k${query}`)).headers).toMatchObject({
        'content-type': 'text/x',
        'content-disposition': 'inline',
      });
      const anonymous = new Served(at.volume, {}, { allows: () => true, principal: Principal_Type.TYPE_ANONYMOUS });
      expect((await anonymous.send('GET', `/bkt/k${query}`)).code).toBe('InvalidRequest');
    });

    it('close their file when the client goes away', async () => {
      await put('k', 'x'.repeat(200_000));
      const controller = new AbortController();
      const reply = at.s3.send('GET', '/bkt/k', { signal: controller.signal });
      controller.abort();
      await expect(reply).rejects.toThrow();
      expect(at.subject.openReaders()).toBe(0);
    });

    it('tell their attributes', async () => {
      await put('k', '12345');
      const headers = { 'x-amz-object-attributes': 'ETag,ObjectSize' };
      const { text } = await at.s3.send('GET', '/bkt/k?attributes', { headers });
      expect(texts(text, 'ETag')).toEqual([md5('12345')]);
      expect(texts(text, 'ObjectSize')).toEqual(['5']);
      const bad = { 'x-amz-object-attributes': 'Nonsense' };
      expect((await at.s3.send('GET', '/bkt/k?attributes', { headers: bad })).code).toBe('InvalidArgument');
    });
  });
}
