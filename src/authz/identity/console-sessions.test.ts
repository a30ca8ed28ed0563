// How long sessions of the console live, and what ends them.
import { expect, test } from 'vitest';
import { CONSOLE_IDLE_MS, CONSOLE_SESSION_MS, ConsoleSessions, MAX_CONSOLE_SESSIONS } from './console-sessions.ts';

const KEYS = { accessKey: 'alice', secretKey: 'alice-secret', sessionToken: undefined };
const NOW = 1_800_000_000_000;

test('a token stands for its credential until it is closed', () => {
  const sessions = new ConsoleSessions();
  const token = sessions.open(KEYS, NOW);
  expect(sessions.find(token, NOW + 1)).toMatchObject({ accessKey: 'alice' });
  expect(JSON.stringify(sessions.find(token, NOW + 1))).not.toContain('alice-secret');
  sessions.close(token);
  expect(sessions.find(token, NOW + 2)).toBeUndefined();
});

test('no other token stands for anything', () => {
  const sessions = new ConsoleSessions();
  const token = sessions.open(KEYS, NOW);
  expect(sessions.open(KEYS, NOW)).not.toBe(token);
  for (const wrong of ['', token.slice(1), `${token}x`, [...token].reverse().join('')]) {
    expect(sessions.find(wrong, NOW)).toBeUndefined();
  }
});

test('ends when it is not used, and at last even if it is', () => {
  const sessions = new ConsoleSessions();
  const unused = sessions.open(KEYS, NOW);
  expect(sessions.find(unused, NOW + CONSOLE_IDLE_MS + 1)).toBeUndefined();
  const used = sessions.open(KEYS, NOW);
  for (let now = NOW; now < NOW + CONSOLE_SESSION_MS; now += CONSOLE_IDLE_MS) {
    expect(sessions.find(used, now)).toBeDefined();
  }
  expect(sessions.find(used, NOW + CONSOLE_SESSION_MS)).toBeUndefined();
});

test('the sessions that were not used for longest make room', () => {
  const sessions = new ConsoleSessions();
  const first = sessions.open(KEYS, NOW);
  const second = sessions.open(KEYS, NOW);
  sessions.find(first, NOW + 1);
  for (let i = 2; i <= MAX_CONSOLE_SESSIONS; i++) sessions.open(KEYS, NOW + 2);
  expect(sessions.find(first, NOW + 3)).toBeDefined();
  expect(sessions.find(second, NOW + 3)).toBeUndefined();
});
