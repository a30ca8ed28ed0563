// Ranges and conditions, as a client sees them.
import { beforeEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../operation-context.ts';

/** Defines the tests. */
export function conditionalReads(at: OperationContext): void {
  const { put, get, head } = at;

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
      expect(at.subject.openReaders()).toBe(0);
    });

    it('guard writes', async () => {
      const etag = (await head('r')).headers.etag ?? '';
      expect((await put('r', 'new', { 'if-none-match': '*' })).code).toBe('PreconditionFailed');
      expect((await put('r', 'new', { 'if-match': '"x"' })).code).toBe('PreconditionFailed');
      expect((await put('gone', 'new', { 'if-match': etag })).code).toBe('NoSuchKey');
      expect((await get('r')).text).toBe('0123456789');
      expect((await at.s3.send('DELETE', '/bkt/r', { headers: { 'if-match': '"x"' } })).code).toBe(
        'PreconditionFailed',
      );
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
}
