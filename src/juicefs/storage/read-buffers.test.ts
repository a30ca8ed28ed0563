import { expect, test } from 'vitest';
import { ReadBuffers, SHARED_BUFFER_BYTES, SMALL_BUFFER_BYTES } from './read-buffers.ts';

test('a buffer that was given back is the next one’s', () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(1000);
  expect(first).toHaveLength(1000);
  buffers.giveBack(first);
  const second = buffers.take(2000);
  expect(second).toHaveLength(2000);
  expect(second.buffer).toBe(first.buffer);
});

test('a part of the bytes stands for all of them', () => {
  const buffers = new ReadBuffers();
  const taken = buffers.take(1000);
  buffers.giveBack(taken.subarray(10, 20));
  expect(buffers.take(1).buffer).toBe(taken.buffer);
});

test('a buffer given back twice is lent once', () => {
  const buffers = new ReadBuffers();
  const taken = buffers.take(1000);
  buffers.giveBack(taken);
  buffers.giveBack(taken);
  const [a, b] = [buffers.take(1000), buffers.take(1000)];
  expect(a.buffer).not.toBe(b.buffer);
});

test('bytes from elsewhere are never lent, nor is what is too large to be kept', () => {
  const buffers = new ReadBuffers();
  const foreign = Buffer.from('these bytes belong to somebody');
  buffers.giveBack(foreign);
  const large = buffers.take(SHARED_BUFFER_BYTES + 1);
  buffers.giveBack(large);
  const taken = buffers.take(8);
  expect(taken.buffer).not.toBe(foreign.buffer);
  expect(taken.buffer).not.toBe(large.buffer);
});

test('only so many buffers are kept', () => {
  const buffers = new ReadBuffers();
  const taken = Array.from({ length: 100 }, () => buffers.take(1));
  for (const bytes of taken) buffers.giveBack(bytes);
  const kept = new Set(taken.map(({ buffer }) => buffer));
  const again = Array.from({ length: 100 }, () => buffers.take(1)).filter(({ buffer }) => kept.has(buffer));
  expect(again).toHaveLength(32);
});

test('a small read does not take a large buffer, nor a large one a small', () => {
  const buffers = new ReadBuffers();
  const [small, large] = [buffers.take(SMALL_BUFFER_BYTES), buffers.take(SMALL_BUFFER_BYTES + 1)];
  expect(small.buffer.byteLength).toBe(SMALL_BUFFER_BYTES);
  buffers.giveBack(small);
  buffers.giveBack(large);
  expect(buffers.take(SHARED_BUFFER_BYTES).buffer).toBe(large.buffer);
  expect(buffers.take(1).buffer).toBe(small.buffer);
});
