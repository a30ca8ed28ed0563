import { describe, expect, it } from 'vitest';
import { requestContext } from './request-context.ts';
import { TrustedProxies } from './source-address.ts';

const origin = (trusted: string[], peer: string, headers: Record<string, string> = {}, encrypted = false) =>
  new TrustedProxies(trusted).originOf({ address: peer, encrypted }, new Map(Object.entries(headers)));

describe('the source address', () => {
  it.each<[string, string[], string, string, string]>([
    ['is the peer, whatever is forwarded', [], '10.0.0.1', '1.2.3.4', '10.0.0.1'],
    ['is the peer when it is not a trusted proxy', ['10.0.0.2'], '10.0.0.1', '1.2.3.4', '10.0.0.1'],
    ['is what a trusted proxy forwards', ['10.0.0.0/8'], '10.0.0.1', '1.2.3.4', '1.2.3.4'],
    ['is the first that no trusted proxy added', ['10.0.0.0/8'], '10.0.0.1', '6.6.6.6, 1.2.3.4, 10.9.9.9', '1.2.3.4'],
    ['is the farthest proxy when all are trusted', ['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['ends before garbage', ['10.0.0.0/8'], '10.0.0.1', '1.2.3.4, nonsense', '10.0.0.1'],
    ['takes ports and brackets off', ['::1'], '::1', '[2001:db8::5]:443', '2001:db8::5'],
    ['takes ports off IPv4', ['::1'], '::1', '1.2.3.4:80', '1.2.3.4'],
    ['reads mapped addresses as IPv4', ['10.0.0.0/8'], '::ffff:10.0.0.1', '::ffff:1.2.3.4', '1.2.3.4'],
    ['leaves zones away', [], 'fe80::1%eth0', '', 'fe80::1'],
    ['is empty for a unix socket', ['10.0.0.0/8'], '', '1.2.3.4', ''],
  ])('%s', (_, trusted, peer, forwarded, address) => {
    expect(origin(trusted, peer, forwarded === '' ? {} : { 'x-forwarded-for': forwarded }).address).toBe(address);
  });

  it('believes the protocol of a trusted proxy only', () => {
    const headers = { 'x-forwarded-proto': 'https' };
    expect(origin(['10.0.0.1'], '10.0.0.1', headers).secure).toBe(true);
    expect(origin(['10.0.0.2'], '10.0.0.1', headers).secure).toBe(false);
    expect(origin([], '10.0.0.1', {}, true).secure).toBe(true);
  });

  it.each(['nonsense', '10.0.0.0/33', '10.0.0.0/', 'localhost', '10.0.0.0/-1', '::/129'])(
    'refuses %s as a proxy',
    (entry) => {
      expect(() => new TrustedProxies([entry])).toThrow(RangeError);
    },
  );
});

describe('requestContext', () => {
  it('tells what policies can ask, and no header that could pass for more', () => {
    const headers = new Map([
      ['user-agent', 'test/1'],
      ['referer', 'https://example.com/'],
      ['x-amz-acl', 'public-read'],
      ['x-amz-copy-source', '/a/b'],
      ['x-amz-username', 'root'],
      ['x-amz-content-sha256', 'HASH'],
      ['username', 'root'],
      ['prefix', 'home/'],
    ]);
    expect(requestContext('ID', { address: '1.2.3.4', secure: true }, headers)).toEqual({
      requestId: 'ID',
      sourceAddress: '1.2.3.4',
      secureTransport: true,
      userAgent: 'test/1',
      referer: 'https://example.com/',
      timeMs: 0n,
      keys: { 's3:x-amz-acl': { values: ['public-read'] }, 's3:x-amz-copy-source': { values: ['/a/b'] } },
    });
  });
});
