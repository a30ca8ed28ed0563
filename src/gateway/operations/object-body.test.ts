import { describe, expect, it } from 'vitest';
import type { FileReader } from '../../juicefs/volume.ts';
import { fileBody } from './object-body.ts';

function readerOf(pieces: readonly string[], failAt = -1): FileReader & { closed: number } {
  const reader = {
    closed: 0,
    attributes: {} as FileReader['attributes'],
    async *read() {
      for (const [i, piece] of pieces.entries()) {
        if (i === failAt) throw new Error('damaged');
        yield Buffer.from(piece);
      }
    },
    readAll: async () => Buffer.alloc(0),
    close: async () => {
      reader.closed++;
    },
  };
  return reader;
}

const RANGE = { start: 0, end: 3 };

describe('the body of an object', () => {
  it('closes its file at the end', async () => {
    const reader = readerOf(['a', 'b', 'c']);
    const parts: string[] = [];
    for await (const part of fileBody(reader, RANGE, new AbortController().signal)) {
      parts.push(Buffer.from(part).toString());
    }
    expect([parts.join(''), reader.closed]).toEqual(['abc', 1]);
  });

  it('closes its file when it breaks, and when nobody wants more', async () => {
    const broken = readerOf(['a', 'b', 'c'], 1);
    const iterator = fileBody(broken, RANGE, new AbortController().signal)[Symbol.asyncIterator]();
    await iterator.next();
    await expect(iterator.next()).rejects.toThrow('damaged');
    expect(broken.closed).toBe(1);

    const left = readerOf(['a', 'b', 'c']);
    for await (const _ of fileBody(left, RANGE, new AbortController().signal)) break;
    expect(left.closed).toBe(1);
  });

  it('closes its file when the client goes away before the first byte', async () => {
    const reader = readerOf(['a']);
    const controller = new AbortController();
    fileBody(reader, RANGE, controller.signal);
    expect(reader.closed).toBe(0);
    controller.abort();
    expect(reader.closed).toBe(1);
    const late = readerOf(['a']);
    fileBody(late, RANGE, controller.signal);
    expect(late.closed).toBe(1);
  });
});
