import { describe, expect, it } from 'vitest';
import { compilePattern, matchesWildcard, Pattern } from './wildcard.ts';

describe('wildcards', () => {
  it.each([
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a*c', 'abbc', true],
    ['a*c', 'abbcd', false],
    ['*ab*ab*', 'ab', false],
    ['*ab*ab*', 'xabyabz', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a*?', 'a', false],
    ['[a]', 'a', false],
    ['a\\*', 'a*', false],
    [`*${'ab?'.repeat(20)}*`, `xx${'abc'.repeat(20)}yy`, true],
    [`*${'ab?'.repeat(20)}*`, `xx${'abc'.repeat(19)}yy`, false],
    [`*${'abcd'.repeat(10)}*`, `abcd${'abcd'.repeat(10)}`, true],
  ])('%s against %s: %s', (pattern, text, wanted) => {
    expect(matchesWildcard(pattern, text, 'codePoint')).toBe(wanted);
    expect(compilePattern(pattern, 'byte').matches(text)).toBe(wanted);
  });

  it('take ? for a character or for a byte', () => {
    expect(matchesWildcard('a?', 'aé', 'codePoint')).toBe(true);
    expect(matchesWildcard('a?', 'a😀', 'codePoint')).toBe(true);
    expect(matchesWildcard('a?', 'aé', 'byte')).toBe(false);
    expect(matchesWildcard('a??', 'aé', 'byte')).toBe(true);
  });

  it('mean themselves in literal parts', () => {
    const pattern = new Pattern(
      [
        { text: 'home/', literal: false },
        { text: '*', literal: true },
        { text: '/*', literal: false },
      ],
      'byte',
    );
    expect(pattern.matches('home/*/x')).toBe(true);
    expect(pattern.matches('home/alice/x')).toBe(false);
  });

  it('take time linear in the text, however many stars there are', () => {
    const steps = (length: number): number => {
      const pattern = compilePattern(`${'a*'.repeat(length / 2)}b`, 'codePoint');
      const text = 'a'.repeat(length);
      const began = process.cpuUsage();
      for (let i = 0; i < 200; i++) pattern.matches(text);
      const { user, system } = process.cpuUsage(began);
      return user + system;
    };
    steps(1_024);
    // Eight times the length: far from the sixty-four times that squared time would take.
    expect(steps(8_192)).toBeLessThan(40 * Math.max(steps(1_024), 500));
  });
});
