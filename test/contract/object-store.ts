// What every object store owes, as one suite that each of them runs.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ObjectBody,
  ObjectMissingError,
  type ObjectStore,
  type StoredObject,
  type UnfinishedObject,
  unfinishedIn,
} from '../../src/juicefs/storage/object-store.ts';

export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** Bytes of an object that the store adds to what was put. */
  readonly overhead: number;
  /** Ends what stands behind the store. */
  end(): Promise<void>;
}

/** Runs the suite. `make` gives a store with an empty bucket that may not exist yet. */
export function objectStoreContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`object store: ${name}`, () => {
    let made: StoreUnderTest;
    let store: ObjectStore;

    beforeAll(async () => {
      made = await make();
      store = made.store;
      await store.createBucket();
    }, 120_000);

    afterAll(async () => {
      await store?.close();
      await made?.end();
    });

    const list = async (prefix: string): Promise<StoredObject[]> => {
      const found: StoredObject[] = [];
      for await (const object of store.list(prefix)) found.push(object);
      return found.sort((a, b) => (a.key < b.key ? -1 : 1));
    };

    it('makes a bucket that is there already', async () => {
      await store.createBucket();
    });

    it.each([0, 1, 65_536, 1_000_001, 16 << 20])('gives back an object of %i bytes', async (size) => {
      const body = randomBytes(size);
      const key = `vol/chunks/0/0/1_0_${size}`;
      await store.put(key, body);
      const read = await store.get(key);
      expect(read.length).toBe(size);
      expect(body.equals(read)).toBe(true);
    });

    it('reads any range, cut where the object ends', async () => {
      const body = randomBytes(100_000);
      await store.put('vol/range', body);
      for (const [start, end] of [
        [0, 1],
        [0, 100_000],
        [99_999, 100_000],
        [5_000, 70_001],
        [99_990, 200_000],
        [100_000, 100_010],
        [7, 7],
      ] as const) {
        const read = await store.get('vol/range', { start, end });
        expect({ start, end, same: body.subarray(start, end).equals(read) }).toEqual({ start, end, same: true });
      }
    });

    it('replaces an object whole', async () => {
      await store.put('vol/twice', Buffer.alloc(50_000, 1));
      await store.put('vol/twice', Buffer.from('second'));
      expect(Buffer.from(await store.get('vol/twice')).toString()).toBe('second');
    });

    it.each([0, 4096, 65_536, 65_537])(
      'stores %i bytes that nobody looks for yet, also in the place of a leftover',
      async (size) => {
        const key = `vol/unseen-${size}`;
        const body = randomBytes(size);
        const put = (bytes: ObjectBody): Promise<void> => store.putUnseen?.(key, bytes) ?? store.put(key, bytes);
        await Promise.all([put([body.subarray(0, 10), body.subarray(10)]), put(body)]);
        expect(body.equals(await store.get(key))).toBe(true);
        await put(Buffer.from('other'));
        expect(Buffer.from(await store.get(key)).toString()).toBe('other');
      },
    );

    it('describes an object: stored size, and when', async () => {
      const before = Date.now();
      await store.put('vol/head', Buffer.alloc(1234));
      const head = await store.head('vol/head');
      expect(head).toMatchObject({ key: 'vol/head', size: 1234 + made.overhead });
      expect(Math.abs((head?.mtimeMs ?? 0) - before)).toBeLessThan(60_000);
    });

    it('deletes, and is content when there is nothing to delete', async () => {
      await store.put('vol/gone', Buffer.from('x'));
      await store.delete('vol/gone');
      await store.delete('vol/gone');
      await expect(store.get('vol/gone')).rejects.toThrow(ObjectMissingError);
    });

    it('lists all objects of a prefix and no others', async () => {
      const keys = ['list/a.1', 'list/a-b', 'list/a/b/c_1', 'list/ä ö+%', 'list/z/1', 'listing/no', 'lis'];
      for (const key of keys) await store.put(key, Buffer.from(key));
      expect((await list('list/')).map(({ key }) => key)).toEqual(keys.filter((key) => key.startsWith('list/')).sort());
      const [first] = await list('list/a/');
      expect(first).toMatchObject({ key: 'list/a/b/c_1', size: 12 + made.overhead });
      expect(await list('nothing/')).toEqual([]);
    });

    it('lists more objects than a page holds', async () => {
      const keys = Array.from({ length: 1050 }, (_, index) => `many/${index % 7}/${index}`);
      for (let at = 0; at < keys.length; at += 50) {
        await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, Buffer.from('x'))));
      }
      expect((await list('many/')).map(({ key }) => key)).toEqual([...keys].sort());
    }, 180_000);

    it('moves many objects at the same time, each its own', async () => {
      const bodies = Array.from({ length: 40 }, () => randomBytes(50_000));
      await Promise.all(bodies.map((body, index) => store.put(`vol/same/${index}`, body)));
      const read = await Promise.all(bodies.map((_, index) => store.get(`vol/same/${index}`)));
      expect(read.every((body, index) => bodies[index]?.equals(body))).toBe(true);
    });

    it('shows what was not finished to those who ask for it, and to no others', async () => {
      const draft = store.draft?.('unfinished/0/1_0_4');
      if (draft === undefined) return;
      await draft.write([Buffer.from('half')]);
      expect(await list('unfinished/')).toEqual([]);
      const left: UnfinishedObject[] = [];
      for await (const part of unfinishedIn(store, 'unfinished/')) left.push(part);
      expect(left).toMatchObject([{ size: 4 }]);
      await left[0]?.remove();
      for await (const part of unfinishedIn(store, 'unfinished/')) expect(part).toBeUndefined();
      await expect(draft.publish('unfinished/0/1_0_4')).rejects.toThrow();
      await draft.discard();
      expect(await list('unfinished/')).toEqual([]);
    });

    it('ends a read that was given up', async () => {
      await store.put('vol/abort', randomBytes(4 << 20));
      await expect(store.get('vol/abort', undefined, AbortSignal.abort())).rejects.toThrow();
    });
  });
}
