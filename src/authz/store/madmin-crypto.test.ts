import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openAdminBody, sealAdminBody } from './madmin-crypto.ts';
import { SealBroken, sealedSize } from './sealed-fragments.ts';

interface Vector {
  readonly algorithm: 0 | 1 | 2;
  readonly password: string;
  readonly salt: string;
  readonly nonce: string;
  readonly size: number;
  readonly encryptedSize: number;
  readonly sha256: string;
  readonly encrypted?: string;
}

const fixture = new URL('../../../test/fixtures/admin-stream-vectors.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(fixture, 'utf8')) as { vectors: Vector[] };

function plaintext(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 7 + 3) % 251));
}

function sealVector(vector: Vector): Promise<Buffer> {
  return sealAdminBody(vector.password, plaintext(vector.size), {
    algorithm: vector.algorithm,
    salt: Buffer.from(vector.salt, 'hex'),
    nonce: Buffer.from(vector.nonce, 'hex'),
  });
}

describe('bodies sealed by another implementation', () => {
  it('covers all algorithms and the borders of a fragment', () => {
    expect(new Set(vectors.map((vector) => vector.algorithm))).toEqual(new Set([0, 1, 2]));
    expect(vectors).toHaveLength(16);
  });

  it.each(vectors)('algorithm $algorithm, $size bytes', async (vector) => {
    const sealed = await sealVector(vector);
    expect(sealed.byteLength).toBe(vector.encryptedSize);
    expect(createHash('sha256').update(sealed).digest('hex')).toBe(vector.sha256);
    expect(await openAdminBody(vector.password, sealed)).toEqual(plaintext(vector.size));
    if (vector.encrypted !== undefined) {
      expect(await openAdminBody(vector.password, Buffer.from(vector.encrypted, 'hex'))).toEqual(
        plaintext(vector.size),
      );
    }
  });
});

describe('sealing', () => {
  it('seals nothing as one empty fragment', async () => {
    const sealed = await sealAdminBody('a secret', Buffer.alloc(0));
    expect(sealed.byteLength).toBe(41 + sealedSize(0));
    expect(sealedSize(0)).toBe(16);
    expect(await openAdminBody('a secret', sealed)).toEqual(Buffer.alloc(0));
  });

  it('never makes the same bytes twice', async () => {
    const plain = Buffer.from('{}');
    expect(await sealAdminBody('a secret', plain)).not.toEqual(await sealAdminBody('a secret', plain));
  });
});

describe('bodies that do not open', () => {
  const plain = plaintext(16_384 * 2);

  it('with another secret', async () => {
    const sealed = await sealAdminBody('a secret', plain);
    await expect(openAdminBody('a Secret', sealed)).rejects.toBeInstanceOf(SealBroken);
  });

  it.each([0, 33, 41, 16_441 + 5])('with byte %i changed', async (at) => {
    const sealed = await sealAdminBody('a secret', plain);
    sealed[at] = (sealed[at] as number) ^ 1;
    await expect(openAdminBody('a secret', sealed)).rejects.toBeInstanceOf(SealBroken);
  });

  it('with an algorithm that does not exist', async () => {
    const sealed = await sealAdminBody('a secret', plain);
    sealed[32] = 3;
    await expect(openAdminBody('a secret', sealed)).rejects.toBeInstanceOf(SealBroken);
  });

  // 16 441 bytes: cut exactly behind the first fragment, which does not say that it is the last
  it.each([0, 32, 40, 41, 50, 16_441, 16_450])('cut to %i bytes', async (length) => {
    const sealed = await sealAdminBody('a secret', plain);
    await expect(openAdminBody('a secret', sealed.subarray(0, length))).rejects.toBeInstanceOf(SealBroken);
  });

  it('with its fragments exchanged', async () => {
    const sealed = await sealAdminBody('a secret', plain);
    const [head, first, second] = [sealed.subarray(0, 41), sealed.subarray(41, 16_441), sealed.subarray(16_441)];
    await expect(openAdminBody('a secret', Buffer.concat([head, second, first]))).rejects.toBeInstanceOf(SealBroken);
  });
});
