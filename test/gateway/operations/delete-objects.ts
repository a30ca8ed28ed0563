// DeleteObjects, as a client sees them.
import { describe, expect, it } from 'vitest';
import { type OperationContext, only, snapshot } from '../operation-context.ts';
import { Served, texts } from '../operation-harness.ts';

/** Defines the tests. */
export function deletionOfMany(at: OperationContext): void {
  const { put } = at;

  describe('DeleteObjects', () => {
    const document = (keys: readonly string[], quiet = false) =>
      `<Delete>${quiet ? '<Quiet>true</Quiet>' : ''}${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;
    const remove = (keys: readonly string[], quiet = false, server = at.s3) =>
      server.send('POST', '/bkt?delete', { body: document(keys, quiet) });

    it('answers each key by its name', async () => {
      await put('md/0');
      await put('md/1');
      await put('dir/', '');
      const { text } = await remove(['md/0', 'md/1', 'md/none', 'no/such/dir', 'dir/', 'amp&amp;']);
      expect(texts(text, 'Key')).toEqual(['md/0', 'md/1', 'md/none', 'no/such/dir', 'dir/', 'amp&']);
      expect(text).not.toContain('<Error>');
      expect(await snapshot(at.volume)).toEqual({ '/bkt/': '' });
    });

    it('is quiet when asked', async () => {
      await put('a');
      const { text } = await remove(['a', '../x'], true);
      expect(text).not.toContain('<Deleted>');
      expect(texts(text, 'Key')).toEqual(['../x']);
    });

    it('never leaves its bucket', async () => {
      await at.s3.send('PUT', '/victim');
      await at.s3.send('PUT', '/victim/k', { body: 'v' });
      const before = await snapshot(at.volume);
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
      expect(await snapshot(at.volume)).toEqual(before);
      expect(at.s3.asked.filter((question) => question.includes('victim/k') && question.includes('Delete'))).toEqual(
        [],
      );
    });

    it('decides key by key', async () => {
      await put('mine/a');
      await put('other/a');
      const user = new Served(at.volume, {}, only('s3:DeleteObject arn:aws:s3:::bkt/mine/*'));
      const { text } = await remove(['mine/a', 'other/a', '../x'], false, user);
      expect(text).toContain('<Deleted><Key>mine/a</Key></Deleted>');
      expect(text).toContain('<Error><Key>other/a</Key><Code>AccessDenied</Code>');
      expect(text).toContain('<Error><Key>../x</Key><Code>XMinioInvalidObjectName</Code>');
      expect(Object.keys(await snapshot(at.volume))).toEqual(['/bkt/', '/bkt/other/', '/bkt/other/a']);
    });

    it('refuses documents that are none', async () => {
      for (const body of ['', '<Delete/>', '<Wrong/>', document(Array.from({ length: 1001 }, (_, i) => `k${i}`))]) {
        expect((await at.s3.send('POST', '/bkt?delete', { body })).code).toBe('MalformedXML');
      }
    });
  });
}
