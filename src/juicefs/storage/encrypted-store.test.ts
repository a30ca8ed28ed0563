import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encryptionCipher, seal, unseal } from './encrypted-store.ts';
import { parsePrivateKey } from './private-key.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

describe.each(['aes256gcm-rsa', 'chacha20-rsa', ''])('objects encrypted with %j', (algorithm) => {
  const cipher = encryptionCipher(algorithm);

  it('come back as they were', () => {
    for (const size of [0, 1, 65_536, 1_000_001]) {
      const body = randomBytes(size);
      const stored = seal(privateKey, cipher, body);
      expect(stored.length).toBe(size + 287);
      expect(unseal(privateKey, cipher, stored).equals(body)).toBe(true);
    }
  });

  it('are never read as something else: any byte changed, cut anywhere, another key', () => {
    const stored = seal(privateKey, cipher, randomBytes(200));
    for (let at = 0; at < stored.length; at += 7) {
      const changed = Buffer.from(stored);
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      expect(() => unseal(privateKey, cipher, changed)).toThrow();
      expect(() => unseal(privateKey, cipher, stored.subarray(0, at))).toThrow();
    }
    expect(() => unseal(other, cipher, stored)).toThrow();
  });
});

describe('the RSA key of a volume', () => {
  const pems: [name: string, pem: string, passphrase: string | undefined][] = [
    ['PKCS#1', String(privateKey.export({ type: 'pkcs1', format: 'pem' })), undefined],
    ['PKCS#8', String(privateKey.export({ type: 'pkcs8', format: 'pem' })), undefined],
    [
      'PKCS#1 under a passphrase',
      String(privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })),
      'open sesame',
    ],
    [
      'PKCS#8 under a passphrase',
      String(privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })),
      'open sesame',
    ],
  ];

  it.each(pems)('is read from %s', (_name, pem, passphrase) => {
    expect(parsePrivateKey(pem, passphrase).equals(privateKey)).toBe(true);
    if (passphrase === undefined) {
      // a passphrase that is not needed does no harm
      expect(parsePrivateKey(pem, 'unneeded').equals(privateKey)).toBe(true);
      return;
    }
    expect(() => parsePrivateKey(pem, undefined)).toThrow(/set its passphrase in JFS_RSA_PASSPHRASE/);
    expect(() => parsePrivateKey(pem, '')).toThrow(/set its passphrase/);
    expect(() => parsePrivateKey(pem, 'wrong')).toThrow(/does not open with the passphrase/);
  });

  it('is RSA and nothing else', () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    expect(() => parsePrivateKey(String(ec), undefined)).toThrow(/is ec, and must be RSA/);
    expect(() => parsePrivateKey('nonsense', undefined)).toThrow(/no private key in PEM form/);
  });
});
