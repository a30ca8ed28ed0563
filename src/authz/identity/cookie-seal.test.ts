// What a browser may do to a text that it keeps.
import { expect, test } from 'vitest';
import { CookieSeal } from './cookie-seal.ts';

const SECRET = 'a'.repeat(43);

test('opens what it sealed, and what another with the same secret sealed', () => {
  const sealed = new CookieSeal(SECRET, 'session').seal('whose it is');
  expect(new CookieSeal(SECRET, 'session').open(sealed)).toBe('whose it is');
  expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('whose');
});

test('opens nothing else', () => {
  const seal = new CookieSeal(SECRET, 'session');
  const sealed = seal.seal('whose it is');
  expect(new CookieSeal('b'.repeat(43), 'session').open(sealed)).toBeUndefined();
  expect(new CookieSeal(SECRET, 'sign-in').open(sealed)).toBeUndefined();
  const bytes = Buffer.from(sealed, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(seal.open(changed.toString('base64url')), `byte ${at}`).toBeUndefined();
  }
  for (const wrong of ['', 'AAAA', sealed.slice(0, -3), `${sealed}AAAA`, ` ${sealed}`, 'A'.repeat(5_000)]) {
    expect(seal.open(wrong)).toBeUndefined();
  }
});

test('seals the same text differently each time', () => {
  const seal = new CookieSeal(SECRET, 'session');
  expect(seal.seal('x')).not.toBe(seal.seal('x'));
});
