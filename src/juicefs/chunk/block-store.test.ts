import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../storage/object-store.ts';
import { blockCodec } from './block-codec.ts';
import { BlockStore } from './block-store.ts';

const NEVER = async (): Promise<never> => {
  throw new Error('not asked for here');
};

describe('a store of blocks', () => {
  it('keeps no block in memory that it was fetching when the store changed', async () => {
    const waiting: ((body: Uint8Array) => void)[] = [];
    const objects: ObjectStore = {
      description: 'a store that answers when told',
      readUnit: 0,
      get: () => new Promise((resolve) => waiting.push(resolve)),
      put: NEVER,
      head: NEVER,
      delete: NEVER,
      list: async function* () {},
      createBucket: NEVER,
      close: NEVER,
    };
    const layout = { volume: 'v', blockSize: 65_536, hashPrefix: false };
    const limits = { maxUploads: 1, maxDownloads: 2, maxDeletes: 1, prefetch: 0, smallBlockBytes: 1_000_000 };
    const blocks = new BlockStore(objects, blockCodec('none'), layout, limits, undefined);
    const slice = { id: 1n, size: 3 };
    const read = async (answer: string): Promise<string> => {
      const reading = blocks.get(slice, 0, 0, 3);
      while (waiting.length === 0) await new Promise(setImmediate);
      waiting.pop()?.(Buffer.from(answer));
      return Buffer.from(await reading).toString();
    };
    const early = blocks.get(slice, 0, 0, 3);
    while (waiting.length === 0) await new Promise(setImmediate);
    blocks.forget();
    waiting.pop()?.(Buffer.from('old'));
    expect(Buffer.from(await early).toString()).toBe('old');
    expect(await read('new')).toBe('new');
    // From memory, now that it came from the store in use.
    expect(Buffer.from(await blocks.get(slice, 0, 0, 3)).toString()).toBe('new');
    expect(waiting).toEqual([]);
  });
});
