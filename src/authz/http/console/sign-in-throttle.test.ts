// Guessing costs time.
import { expect, test } from 'vitest';
import { FAILURE_WINDOW_MS, MAX_ADDRESSES, MAX_FAILURES, SignInThrottle } from './sign-in-throttle.ts';

test('an address that failed too often waits, others do not', () => {
  const throttle = new SignInThrottle();
  for (let i = 0; i < MAX_FAILURES; i++) {
    expect(throttle.mayTry('192.0.2.1', 1_000)).toBe(true);
    throttle.failed('192.0.2.1', 1_000);
  }
  expect(throttle.mayTry('192.0.2.1', 1_001)).toBe(false);
  expect(throttle.mayTry('192.0.2.2', 1_001)).toBe(true);
  expect(throttle.mayTry('192.0.2.1', 1_000 + FAILURE_WINDOW_MS)).toBe(true);
});

test('remembers a bounded number of addresses', () => {
  const throttle = new SignInThrottle();
  for (let i = 0; i < MAX_FAILURES; i++) throttle.failed('first', 0);
  for (let i = 0; i < MAX_ADDRESSES; i++) throttle.failed(`address ${i}`, 1);
  expect(throttle.mayTry('first', 2)).toBe(true);
});

test('the addresses of one IPv6 host count as one', () => {
  const throttle = new SignInThrottle();
  for (let i = 0; i < MAX_FAILURES; i++) throttle.failed(`2001:db8::${i + 1}`, 0);
  expect(throttle.mayTry('2001:db8::ffff', 1)).toBe(false);
  expect(throttle.mayTry('2001:db8:0:1::1', 1)).toBe(true);
});
