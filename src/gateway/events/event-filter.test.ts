import { describe, expect, it } from 'vitest';
import { type EventFilter, filterMatches, filtersOverlap } from './event-filter.ts';

const PUT = 's3:ObjectCreated:Put';
const filter = (prefix: string, suffix: string): EventFilter => ({ events: [PUT], prefix, suffix });

describe('filterMatches', () => {
  it.each([
    ['', '', 'anything', true],
    ['photos/', '.jpg', 'photos/a.jpg', true],
    ['photos/', '.jpg', 'photos/a.png', false],
    ['photos/', '.jpg', 'a/photos/a.jpg', false],
    ['photos/*/small', '', 'photos/2024/small-1', true],
    ['photos/*/small', '', 'photos//small', true],
    ['photos/*/small', '', 'photos/small', false],
    ['a*b*c', '', 'a-b-b-cd', true],
    ['a*b*c', '', 'a-c-b', false],
    ['', '/thumb*.jpg', 'x/thumb-1.jpg', true],
    ['', '/thumb*.jpg', 'x/thumb.jpg', true],
    ['', '/thumb*.jpg', 'thumb.jpg', false],
    ['', 'g*g', 'xg', false],
    ['a*', '*z', 'a-z', true],
    ['(', '', '(x', true],
  ])('of prefix %o and suffix %o, key %o: %o', (prefix, suffix, key, matches) => {
    expect(filterMatches(filter(prefix, suffix), PUT, key)).toBe(matches);
    expect(filterMatches(filter(prefix, suffix), 's3:ObjectRemoved:Delete', key)).toBe(false);
  });
});

describe('filtersOverlap', () => {
  it.each([
    [filter('a', ''), filter('ab', ''), true],
    [filter('a', ''), filter('b', ''), false],
    [filter('a', '.x'), filter('a', '.y'), false],
    [filter('', '.x'), filter('', 'a.x'), true],
    [filter('a*b', ''), filter('a*c', ''), true],
    [filter('a*b', ''), filter('b*a', ''), false],
    [filter('', 'x*.jpg'), filter('', 'y*.png'), false],
  ])('%o and %o: %o', (a, b, overlap) => {
    expect(filtersOverlap(a, b)).toBe(overlap);
    expect(filtersOverlap(b, a)).toBe(overlap);
  });
});
