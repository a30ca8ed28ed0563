// Sentences that count, and lengths of time, in both languages.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { formatDuration, sentenceOfCode, setLanguage, t } from './language.ts';

beforeEach(() => {
  vi.stubGlobal('localStorage', { setItem: () => undefined });
  vi.stubGlobal('document', { documentElement: { lang: '' } });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test('one is no plural in English, and no matter in Chinese', () => {
  setLanguage('en');
  expect([t('{0} entries', 0), t('{0} entries', 1), t('{0} entries', 2)]).toEqual([
    '0 entries',
    '1 entry',
    '2 entries',
  ]);
  setLanguage('zh');
  expect(t('{0} entries', 1)).toBe('1 项');
});

test('a length of time says what is not zero', () => {
  setLanguage('en');
  expect([0, 60, 3_600, 90_061].map(formatDuration)).toEqual([
    '0 minutes',
    '1 minute',
    '1 hour',
    '1 day 1 hour 1 minute',
  ]);
  setLanguage('zh');
  expect(formatDuration(7_200)).toBe('2小时');
});

test('errors that say no more than their code are told in Chinese', () => {
  setLanguage('zh');
  expect(sentenceOfCode('NoSuchBucket')).toBe('存储桶不存在。');
  expect(sentenceOfCode('constructor')).toBeUndefined();
  setLanguage('en');
  expect(sentenceOfCode('NoSuchBucket')).toBeUndefined();
});
