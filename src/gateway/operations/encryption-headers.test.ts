import { describe, expect, it } from 'vitest';
import { refuseEncryptedRead, refuseEncryption } from './encryption-headers.ts';

const SSE = 'x-amz-server-side-encryption';
const KEY = 'pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=';
const customer = {
  [`${SSE}-customer-algorithm`]: 'AES256',
  [`${SSE}-customer-key`]: KEY,
  [`${SSE}-customer-key-md5`]: 'DWygnHRtgiJ77HCm+1rvHw==',
};
const without = (name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(customer).filter(([header]) => header !== `${SSE}-customer-${name}`));
const code = (check: (headers: ReadonlyMap<string, string>) => void, headers: Record<string, string>): unknown => {
  try {
    check(new Map(Object.entries(headers)));
    return undefined;
  } catch (error) {
    expect(JSON.stringify(error)).not.toContain(KEY);
    return (error as { code?: unknown }).code;
  }
};

describe('a write', () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ['without any', { 'content-type': 'a/b' }, undefined],
    ['AES256', { [SSE]: 'AES256' }, 'NotImplemented'],
    ['aws:kms with its key', { [SSE]: 'aws:kms', [`${SSE}-aws-kms-key-id`]: 'k' }, 'NotImplemented'],
    ['a whole key of the customer', customer, 'NotImplemented'],
    ['an unknown method', { [SSE]: 'aes:kms' }, 'InvalidArgument'],
    ['a KMS key without its method', { [`${SSE}-aws-kms-key-id`]: 'k' }, 'InvalidArgument'],
    ['a KMS key with another method', { [SSE]: 'AES256', [`${SSE}-aws-kms-key-id`]: 'k' }, 'InvalidArgument'],
    ['a method and a key of the customer', { [SSE]: 'aws:kms', ...customer }, 'InvalidArgument'],
    ['no algorithm', without('algorithm'), 'InvalidArgument'],
    ['no key', without('key'), 'InvalidArgument'],
    ['no MD5', without('key-md5'), 'InvalidArgument'],
    ['another algorithm', { ...customer, [`${SSE}-customer-algorithm`]: 'AES128' }, 'InvalidEncryptionAlgorithmError'],
    ['a short key', { ...customer, [`${SSE}-customer-key`]: 'AAAA' }, 'InvalidArgument'],
    ['another MD5', { ...customer, [`${SSE}-customer-key-md5`]: 'AAAAAAAAAAAAAAAAAAAAAA==' }, 'InvalidArgument'],
    [
      'half a key of the source',
      { 'x-amz-copy-source-server-side-encryption-customer-algorithm': 'AES256' },
      'InvalidArgument',
    ],
  ])('with %s', (_, headers, expected) => {
    expect(code(refuseEncryption, headers)).toBe(expected);
  });
});

describe('a read', () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ['without any', { range: 'bytes=0-' }, undefined],
    ['a method', { [SSE]: 'AES256' }, 'InvalidArgument'],
    ['a key that no object was encrypted with', customer, 'InvalidRequest'],
    ['half a key', without('key'), 'InvalidArgument'],
  ])('with %s', (_, headers, expected) => {
    expect(code(refuseEncryptedRead, headers)).toBe(expected);
  });
});
