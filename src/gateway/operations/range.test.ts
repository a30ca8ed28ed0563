import { describe, expect, it } from 'vitest';
import { S3Error } from '../s3/errors.ts';
import { contentRange, parseCopySourceRange, parseRange } from './range.ts';

const outcome = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error instanceof S3Error ? error.code : error;
  }
};

describe('Range', () => {
  it.each([
    ['bytes=0-0', 10, { start: 0, end: 1 }],
    ['bytes=0-9', 10, { start: 0, end: 10 }],
    ['bytes=9-', 10, { start: 9, end: 10 }],
    ['bytes=-1', 10, { start: 9, end: 10 }],
    ['bytes=-11', 10, { start: 0, end: 10 }],
    ['bytes=0-99999999999999999999', 10, { start: 0, end: 10 }],
    ['bytes=10-', 10, 'InvalidRange'],
    ['bytes=0-0', 0, 'InvalidRange'],
    ['bytes=-5', 0, 'InvalidRange'],
    ['bytes=-0', 10, 'InvalidRange'],
    ['bytes=3-2', 10, undefined],
    ['bytes=0-1,2-3', 10, undefined],
    ['bytes=a-b', 10, undefined],
    ['bytes=-', 10, undefined],
    ['chars=0-1', 10, undefined],
    [undefined, 10, undefined],
  ])('%s of %i bytes', (header, size, expected) => {
    expect(outcome(() => parseRange(header, size))).toEqual(expected);
  });

  it('is answered with both ends', () => {
    expect(contentRange({ start: 2, end: 5 }, 10)).toBe('bytes 2-4/10');
  });
});

describe('x-amz-copy-source-range', () => {
  it.each([
    ['bytes=0-9', { start: 0, end: 10 }],
    ['bytes=3-3', { start: 3, end: 4 }],
    ['bytes=0-10', 'InvalidRange'],
    ['bytes=3-2', 'InvalidArgument'],
    ['bytes=3-', 'InvalidArgument'],
    ['bytes=-3', 'InvalidArgument'],
    ['3-4', 'InvalidArgument'],
  ])('%s of 10 bytes', (header, expected) => {
    expect(outcome(() => parseCopySourceRange(header).checkedAgainst(10))).toEqual(expected);
  });
});
