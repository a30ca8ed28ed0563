// Listings, as a client sees them.
import { describe, expect, it } from 'vitest';
import { Principal_Type } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type OperationContext, only } from '../operation-context.ts';
import { type Decider, listed, Served, texts } from '../operation-harness.ts';

/** Defines the tests. */
export function listings(at: OperationContext): void {
  const { put, list } = at;

  describe('listings', () => {
    const all = async (query: string, version: 1 | 2) => {
      const keys: string[] = [];
      const prefixes: string[] = [];
      let next = '';
      for (let pages = 0; pages < 100; pages++) {
        const { text } = await at.s3.send('GET', `/bkt?${version === 2 ? 'list-type=2&' : ''}${query}${next}`);
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
      const { text } = await at.s3.send('GET', '/bkt?list-type=2&delimiter=%2F&max-keys=2&fetch-owner=true');
      expect(listed(text)).toEqual({ keys: ['b'], prefixes: ['a/'], truncated: true });
      expect(texts(text, 'KeyCount')).toEqual(['2']);
      expect(texts(text, 'MaxKeys')).toEqual(['2']);
      expect(text).toContain('<Owner>');
      expect((await at.s3.send('GET', '/bkt?list-type=2')).text).not.toContain('<Owner>');
      expect((await list('max-keys=0')).truncated).toBe(false);
      expect((await list('max-keys=0')).keys).toEqual([]);
      for (const bad of ['max-keys=-1', 'max-keys=x', 'encoding-type=zip', 'continuation-token=nonsense']) {
        expect([bad, (await at.s3.send('GET', `/bkt?list-type=2&${bad}`)).code]).toEqual([bad, 'InvalidArgument']);
      }
    });

    it('encode names when asked', async () => {
      await put('enc/a%20b%2Bc%00'.replace('%00', ''));
      const { text } = await at.s3.send('GET', '/bkt?list-type=2&prefix=enc/&encoding-type=url');
      expect(texts(text, 'Key')).toEqual(['enc/a%20b%2Bc']);
    });

    it('show empty directories as keys, but not the one that is the prefix', async () => {
      await at.volume.mkdirs(['bkt', 'empty', 'inner']);
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
      expect((await at.s3.send('GET', '/none?list-type=2')).code).toBe('NoSuchBucket');
    });

    it('of versions have one each, for those who may list them', async () => {
      await put('k');
      const lister = new Served(at.volume, {}, only('s3:ListBucketVersions arn:aws:s3:::bkt'));
      const { text } = await lister.send('GET', '/bkt?versions');
      expect(texts(text, 'Key')).toEqual(['k']);
      expect(texts(text, 'VersionId')).toEqual(['null']);
      expect((await new Served(at.volume, {}, only()).send('GET', '/bkt?versions')).code).toBe('AccessDenied');
    });

    it('are asked about with their prefix', async () => {
      const home: Decider = {
        principal: Principal_Type.TYPE_USER,
        allows: (action, _, keys) => action === 's3:ListBucket' && keys.get('s3:prefix')?.[0] === 'home/',
      };
      const user = new Served(at.volume, {}, home);
      expect((await user.send('GET', '/bkt?list-type=2&prefix=home/')).status).toBe(200);
      expect((await user.send('GET', '/bkt?list-type=2')).code).toBe('AccessDenied');
    });
  });
}
