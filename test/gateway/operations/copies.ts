// Copies, as a client sees them.
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { type OperationContext, only, snapshot } from '../operation-context.ts';
import { Served, texts } from '../operation-harness.ts';

const md5 = (data: string | Uint8Array): string => createHash('md5').update(data).digest('hex');

/** Defines the tests. */
export function copies(at: OperationContext): void {
  const { put, get, head } = at;

  describe('copies', () => {
    const copy = (to: string, from: string, headers: Record<string, string> = {}, server = at.s3) =>
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
      const bare = new Served(at.volume, { objectMeta: false });
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
      const before = await snapshot(at.volume);
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
      expect(await snapshot(at.volume)).toEqual(before);
      expect((await copy('dst', `${SOURCE}?versionId=null`)).status).toBe(200);
    });

    it('need the right to read and the right to write', async () => {
      await put('secret/s', 'secret');
      const user = new Served(
        at.volume,
        {},
        only('s3:GetObject arn:aws:s3:::bkt/mine/*', 's3:PutObject arn:aws:s3:::bkt/mine/*'),
      );
      expect((await copy('mine/x', '/bkt/secret/s', {}, user)).code).toBe('AccessDenied');
      expect((await copy('mine/x', '/bkt/mine/none', {}, user)).code).toBe('AccessDenied');
      expect((await get('mine/x')).code).toBe('NoSuchKey');
    });
  });
}
