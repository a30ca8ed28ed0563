// Listings against a naive model: all keys sorted by their bytes, then filtered and rolled up.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryVolume } from '../../../test/gateway/memory-volume.ts';
import { parseBucketName } from '../s3/object-name.ts';
import type { OperationContext } from '../s3/operation.ts';
import { continuationToken, parseContinuationToken } from './continuation-token.ts';
import { compareKeys } from './key-order.ts';
import { type ListingInput, listPage, nameEncoder } from './listing.ts';

const BUCKET = parseBucketName('bucket');
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

function contextOf(volume: MemoryVolume): OperationContext {
  return {
    volume,
    features: {
      multiBuckets: true,
      singleBucket: '',
      keepEtag: true,
      objectTag: false,
      objectMeta: false,
      headDir: false,
      hideDirObject: false,
      readOnly: false,
    },
    signal: new AbortController().signal,
    bucketPath: (bucket) => [bucket],
    objectPath: (bucket, key) => [bucket, ...key.split('/')],
  };
}

/** The volume of some keys; those that would lie in a file are left out. A key with a final '/' is a directory object. */
async function volumeOf(keys: readonly string[]): Promise<{ volume: MemoryVolume; present: string[] }> {
  const volume = new MemoryVolume();
  await volume.mkdir([BUCKET]);
  const present = new Set<string>();
  for (const key of keys) {
    const path = [BUCKET, ...key.replace(/\/$/, '').split('/')];
    try {
      if (key.endsWith('/')) {
        await volume.mkdirs(path);
        await volume.setTimes(path, { atimeNs: 0n });
      } else await volume.create(path).commit();
      present.add(key);
    } catch (error) {
      if (!(error instanceof Error && /ENOTDIR|EISDIR/.test(error.message))) throw error;
    }
  }
  return { volume, present: [...present].sort(byBytes) };
}

/** What all pages together should say. */
function model(keys: readonly string[], { prefix, delimiter }: ListingInput, after: string) {
  const common = (key: string): string | undefined => {
    const at = delimiter === '' || !key.startsWith(prefix) ? -1 : key.indexOf(delimiter, prefix.length);
    return at < 0 ? undefined : key.slice(0, at + delimiter.length);
  };
  const done = common(after);
  const wanted = keys.filter(
    (key) => key.startsWith(prefix) && byBytes(key, after) > 0 && (done === undefined || !key.startsWith(done)),
  );
  return {
    keys: wanted.filter((key) => common(key) === undefined),
    commonPrefixes: [...new Set(wanted.flatMap((key) => common(key) ?? []))].sort(byBytes),
  };
}

const name = fc.stringMatching(/^[ab\-!0é\u{1f600}\u{ff5e}]{1,3}$/u);
const key = fc
  .tuple(fc.array(name, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([parts, directory]) => parts.join('/') + (directory ? '/' : ''));

describe('a listing', () => {
  it('says what the naive one says, in pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(key, { maxLength: 25 }),
        fc.oneof(fc.constant(''), fc.constant('a/'), fc.stringMatching(/^[ab\-/]{1,4}$/), key),
        fc.constantFrom('', '/', '-', 'a', '/a', 'ab'),
        fc.oneof(fc.constant(''), fc.stringMatching(/^[ab\-/]{1,5}$/), key),
        fc.integer({ min: 1, max: 8 }),
        async (keys, prefix, delimiter, startAfter, maxKeys) => {
          const { volume, present } = await volumeOf(keys);
          const input: ListingInput = { prefix, delimiter, maxKeys, urlEncoded: false };
          const found: { keys: string[]; commonPrefixes: string[] } = { keys: [], commonPrefixes: [] };
          let pages = 0;
          for (let after: string | undefined = startAfter; after !== undefined; ) {
            expect(++pages).toBeLessThanOrEqual(keys.length + 1);
            const page = await listPage(contextOf(volume), BUCKET, input, after);
            expect(page.keys.length + page.commonPrefixes.length).toBeLessThanOrEqual(maxKeys);
            if (page.truncated) expect(page.keys.length + page.commonPrefixes.length).toBe(maxKeys);
            found.keys.push(...page.keys.map((listed) => listed.key));
            found.commonPrefixes.push(...page.commonPrefixes);
            after = page.last;
          }
          expect(found).toEqual(model(present, input, startAfter));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('orders as bytes do', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(byBytes(a, b)));
      }),
    );
  });
});

describe('names that are not UTF-8, as mounts make them', () => {
  const inOrder = ['a', 'z', '\udc80', '\udc80a', '\u0080', 'é', '\uffff', '😀', '😀\udcff', '\udcfe/x', '\udcff'];

  it('have their place by their bytes', () => {
    expect([...inOrder].reverse().sort(compareKeys)).toEqual(inOrder);
    expect(compareKeys('\udcfe', '\udcfe')).toBe(0);
  });

  it('are shown as bytes where names are encoded, and paged through', () => {
    const input = { prefix: '', delimiter: '', maxKeys: 1, urlEncoded: true };
    expect(nameEncoder(input)('raw\udcfe/é\udcff')).toBe('raw%FE/%C3%A9%FF');
    for (const name of inOrder) expect(parseContinuationToken(continuationToken(name))).toBe(name);
  });
});
