import { describe, expect, it } from 'vitest';
import { prefixEnd } from './etcd-client.ts';
import { parseEtcdUrl } from './etcd-url.ts';

describe('parseEtcdUrl', () => {
  it('reads hosts, user, prefix and ports that are left out', () => {
    expect(parseEtcdUrl('etcd://us%40er:p%3Aw@a:1234,b,[::1]:99/iam/x')).toEqual({
      endpoints: ['a:1234', 'b:2379', '[::1]:99'],
      user: { name: 'us@er', password: 'p:w' },
      prefix: '/iam/x',
      tls: undefined,
    });
    expect(parseEtcdUrl('etcd://h')).toEqual({ endpoints: ['h:2379'], user: undefined, prefix: '', tls: undefined });
    expect(parseEtcdUrl('etcd://h?server-name=etcd.local').tls).toMatchObject({ serverName: 'etcd.local' });
  });
  it.each(['http://h', 'etcd://', 'etcd://h:port', 'etcd://u:%zz@h', 'etcd://h?cert=/nowhere', 'etcd://a b'])(
    'refuses %s',
    (url) => {
      expect(() => parseEtcdUrl(url)).toThrow(/etcd URL/);
    },
  );
  it('shows no password where it refuses', () => {
    expect(() => parseEtcdUrl('etcd://u:top-secret@h:x')).toThrow(expect.not.stringContaining('top-secret'));
  });
});

describe('prefixEnd', () => {
  it.each([
    ['61', '62'],
    ['61ff', '62'],
    ['6161', '6162'],
    ['ffff', '00'],
    ['', '00'],
  ])('of %s is %s', (prefix, end) => {
    expect(prefixEnd(Buffer.from(prefix, 'hex')).toString('hex')).toBe(end);
  });
});
