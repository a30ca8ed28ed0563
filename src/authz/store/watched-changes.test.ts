import { describe, expect, it } from 'vitest';
import type { EtcdChange } from '../../etcd/etcd-watch.ts';
import { WatchedChanges } from './watched-changes.ts';

const put = (key: string, modRevision: bigint, value = `v${modRevision}`): EtcdChange => ({
  type: 'put',
  entry: { key: Buffer.from(key), value: Buffer.from(value), modRevision, createRevision: 1n, version: 1n },
});
const told = (taken: ReturnType<WatchedChanges['take']>) =>
  taken && {
    entries: taken.entries.map(({ key, value }) => [key.toString(), value?.toString()]),
    revision: taken.revision,
  };

describe('what a watch has told', () => {
  it('answers from where it began, the newest of each key, and forgets it', () => {
    const watched = new WatchedChanges(10n);
    watched.add([put('a', 11n), put('b', 11n)]);
    watched.add([put('a', 12n), { type: 'remove', key: Buffer.from('c'), modRevision: 13n }]);
    expect(told(watched.take(10n, 12n))).toEqual({
      entries: [
        ['a', 'v12'],
        ['b', 'v11'],
        ['c', undefined],
      ],
      revision: 13n,
    });
    expect(told(watched.take(13n, 13n))).toEqual({ entries: [], revision: 13n });
    expect(watched.take(11n, 13n)).toBeUndefined();
  });

  it('answers nothing while it has not heard of everything', () => {
    const watched = new WatchedChanges(10n);
    watched.add([put('a', 11n)]);
    expect(watched.take(10n, 12n)).toBeUndefined();
    expect(watched.take(9n, 11n)).toBeUndefined();
    watched.add([put('a', 12n)]);
    expect(told(watched.take(10n, 12n))?.entries).toEqual([['a', 'v12']]);
  });

  it('answers nothing after it missed something, until somebody has read everything', () => {
    const watched = new WatchedChanges(10n);
    watched.add([put('a', 11n)]);
    watched.miss();
    watched.add([put('a', 15n)]);
    expect(watched.take(10n, 15n)).toBeUndefined();
    watched.caughtUp(14n);
    expect(told(watched.take(14n, 15n))).toEqual({ entries: [['a', 'v15']], revision: 15n });
  });

  it('gives up what is too much to keep', () => {
    const watched = new WatchedChanges(10n);
    watched.add(Array.from({ length: 5_001 }, (_, index) => put(`k${index}`, 11n)));
    expect(watched.take(10n, 11n)).toBeUndefined();
    watched.add([put('a', 12n)]);
    expect(watched.take(10n, 12n)).toBeUndefined();
    expect(told(watched.take(11n, 12n))?.entries).toEqual([['a', 'v12']]);
  });
});
