// Tags, as a client sees them.
import { describe, expect, it } from 'vitest';
import { type OperationContext, only } from '../operation-context.ts';
import { Served, texts } from '../operation-harness.ts';

/** Defines the tests. */
export function tags(at: OperationContext): void {
  const { put, head } = at;

  describe('tags', () => {
    const tagging = (pairs: Record<string, string>) =>
      `<Tagging><TagSet>${Object.entries(pairs)
        .map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`)
        .join('')}</TagSet></Tagging>`;
    const tagsOf = async (key: string) => {
      const { text } = await at.s3.send('GET', `/bkt/${key}?tagging`);
      return Object.fromEntries(texts(text, 'Key').map((name, i) => [name, texts(text, 'Value')[i]]));
    };

    it('are put, replaced and removed', async () => {
      await put('t', 'x', { 'x-amz-tagging': 'k1=v1&k2=v%202+x' });
      expect(await tagsOf('t')).toEqual({ k1: 'v1', k2: 'v 2 x' });
      expect((await head('t')).headers['x-amz-tagging-count']).toBe('2');
      expect((await at.s3.send('PUT', '/bkt/t?tagging', { body: tagging({ späte: 'ä/=+-' }) })).status).toBe(200);
      expect(await tagsOf('t')).toEqual({ späte: 'ä/=+-' });
      expect((await at.s3.send('DELETE', '/bkt/t?tagging')).status).toBe(204);
      expect(await tagsOf('t')).toEqual({});
      expect((await at.s3.send('PUT', '/bkt/none?tagging', { body: tagging({ a: '1' }) })).code).toBe('NoSuchKey');
    });

    it('have limits', async () => {
      await put('t');
      const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`k${i}`, 'v']));
      for (const pairs of [
        eleven,
        { ['k'.repeat(129)]: 'v' },
        { k: 'v'.repeat(257) },
        { '': 'v' },
        { 'a{': 'v' },
        { 'aws:a': 'v' },
      ]) {
        expect((await at.s3.send('PUT', '/bkt/t?tagging', { body: tagging(pairs) })).code).toBe('InvalidTag');
      }
      const twice =
        '<Tagging><TagSet><Tag><Key>k</Key><Value>1</Value></Tag><Tag><Key>k</Key><Value>2</Value></Tag></TagSet></Tagging>';
      expect((await at.s3.send('PUT', '/bkt/t?tagging', { body: twice })).code).toBe('InvalidTag');
      expect((await put('u', 'x', { 'x-amz-tagging': 'a=1&a=2' })).code).toBe('InvalidTag');
      expect((await put('u', 'x', { 'x-amz-tagging': '%zz=1' })).code).toBe('InvalidArgument');
    });

    it('brought by an upload need the right to tag', async () => {
      const user = new Served(at.volume, {}, only('s3:PutObject arn:aws:s3:::bkt/*'));
      expect((await user.send('PUT', '/bkt/k', { body: 'x' })).status).toBe(200);
      const headers = { 'x-amz-tagging': 'a=1' };
      expect((await user.send('PUT', '/bkt/k', { body: 'x', headers })).code).toBe('AccessDenied');
    });
  });
}
