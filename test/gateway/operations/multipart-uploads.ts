// Multipart uploads, as a client sees them.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type OperationContext, snapshot } from '../operation-context.ts';
import { listed, Served, texts } from '../operation-harness.ts';

const md5 = (data: string | Uint8Array): string => createHash('md5').update(data).digest('hex');
const PART = 5 * 1024 * 1024;

/** Defines the tests. */
export function multipartUploads(at: OperationContext): void {
  const { put, get, list } = at;

  describe('multipart uploads', () => {
    const create = async (key: string, headers: Record<string, string> = {}) =>
      texts((await at.s3.send('POST', `/bkt/${key}?uploads`, { headers })).text, 'UploadId')[0] ?? '';
    const part = (key: string, id: string, number: number | string, body: string | Uint8Array) =>
      at.s3.send('PUT', `/bkt/${key}?partNumber=${number}&uploadId=${id}`, { body });
    const complete = (key: string, id: string, parts: readonly (readonly [number, string])[], headers = {}) =>
      at.s3.send('POST', `/bkt/${key}?uploadId=${id}`, {
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
      expect(Object.keys(await snapshot(at.volume)).filter((path) => path.includes(id))).toEqual([]);
      expect((await part('m/big', id, 3, 'x')).code).toBe('NoSuchUpload');
    });

    it('lie as JuiceFS lays them', async () => {
      const id = await create('k');
      await part('k', id, 7, 'seven');
      expect((await snapshot(at.volume))[`/.sys/bkt/uploads/${id.slice(0, 3)}/${id}/7`]).toBe('seven');
      const { xattrs } = await at.volume.statWithXattrs(['.sys', 'bkt', 'uploads', id.slice(0, 3), id]);
      expect(Buffer.from(xattrs.get('s3-object') ?? []).toString()).toBe('k');
      const bare = new Served(at.volume, { multiBuckets: false, keepEtag: false });
      const single = texts((await bare.send('POST', '/single/k?uploads')).text, 'UploadId')[0] ?? '';
      await bare.send('PUT', `/single/k?partNumber=1&uploadId=${single}`, { body: 'p' });
      const file = await at.volume.statWithXattrs(['.sys', 'uploads', single.slice(0, 3), single, '1']);
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
      expect((await at.s3.send('POST', `/bkt/k?uploadId=${id}`, { body: 'nonsense' })).code).toBe('MalformedXML');
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
      expect((await at.s3.send('GET', `/bkt/other?uploadId=${id}`)).code).toBe('NoSuchUpload');
      expect((await at.s3.send('DELETE', `/bkt/other?uploadId=${id}`)).code).toBe('NoSuchUpload');
      for (const bad of ['', 'x', '..', '../../..', `${id}/1`, id.toUpperCase().replace(/[0-9-]/g, 'A')]) {
        const url = `/bkt/mine?uploadId=${encodeURIComponent(bad)}`;
        expect([bad, (await at.s3.send('DELETE', url)).code]).toEqual([bad, 'NoSuchUpload']);
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
      const { text } = await at.s3.send('GET', url);
      expect(texts(text, 'PartNumber')).toEqual(['1', '2', '9', '10']);
      expect(texts(text, 'Size')).toEqual(['1', '2', '9', '10']);
      expect(texts(text, 'ETag')[0]).toBe(`"${md5('x')}"`);
      const page = (await at.s3.send('GET', `${url}&max-parts=2`)).text;
      expect([texts(page, 'PartNumber'), texts(page, 'IsTruncated'), texts(page, 'NextPartNumberMarker')]).toEqual([
        ['1', '2'],
        ['true'],
        ['2'],
      ]);
      expect(texts((await at.s3.send('GET', `${url}&part-number-marker=9`)).text, 'PartNumber')).toEqual(['10']);
    });

    it('are listed by key until they end', async () => {
      const ids: Record<string, string> = {};
      for (const key of ['b', 'a/1', 'a/2', 'c']) ids[key] = await create(key);
      const uploads = async (query = '') => {
        const { text } = await at.s3.send('GET', `/bkt?uploads${query}`);
        return { keys: texts(text, 'Key'), prefixes: listed(text).prefixes, text };
      };
      expect((await uploads()).keys).toEqual(['a/1', 'a/2', 'b', 'c']);
      expect((await uploads('&prefix=a/')).keys).toEqual(['a/1', 'a/2']);
      expect(await uploads('&delimiter=/')).toMatchObject({ keys: ['b', 'c'], prefixes: ['a/'] });
      const page = await uploads('&max-uploads=2');
      expect(page.keys).toEqual(['a/1', 'a/2']);
      expect(texts(page.text, 'NextKeyMarker')).toEqual(['a/2']);
      expect((await uploads(`&key-marker=a%2F2&upload-id-marker=${ids['a/2']}`)).keys).toEqual(['b', 'c']);
      expect((await at.s3.send('DELETE', `/bkt/b?uploadId=${ids.b}`)).status).toBe(204);
      expect((await uploads()).keys).toEqual(['a/1', 'a/2', 'c']);
      expect((await list('')).keys).toEqual([]);
    });

    it('take parts out of objects', async () => {
      const data = Buffer.alloc(PART + 100, 'd');
      await at.s3.send('PUT', '/bkt/src', { body: data });
      const id = await create('k');
      const copyPart = (number: number, headers: Record<string, string>) =>
        at.s3.send('PUT', `/bkt/k?partNumber=${number}&uploadId=${id}`, {
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
      expect(at.subject.openReaders()).toBe(0);
    });

    it('do not come back when a part arrives late', async () => {
      const id = await create('k');
      const late = part('k', id, 1, Buffer.alloc(300_000));
      const abort = at.s3.send('DELETE', `/bkt/k?uploadId=${id}`);
      await Promise.all([late, abort]);
      expect(Object.keys(await snapshot(at.volume)).filter((path) => path.includes(id))).toEqual([]);
    });
  });
}
