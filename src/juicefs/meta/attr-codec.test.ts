import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEdge, decodeNode, encodeEdge, encodeNode } from './attr-codec.ts';
import type { Node } from './engine.ts';

const uint32 = fc.nat({ max: 0xffff_ffff });
const inode = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const time = fc.oneof(
  fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }).map((seconds) => seconds * 1_000_000_000n),
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  fc.constantFrom(0n, -1n, 1n, 999_999_999n, -999_999_999n, -1_000_000_000n, 2n ** 32n * 1_000_000_000n - 1n),
);
const node: fc.Arbitrary<Omit<Node, 'inode'>> = fc.record({
  type: fc.integer({ min: 1, max: 7 }),
  flags: fc.nat({ max: 0xff }),
  mode: fc.nat({ max: 0xfff }),
  uid: uint32,
  gid: uint32,
  atimeNs: time,
  mtimeNs: time,
  ctimeNs: time,
  nlink: uint32,
  length: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  rdev: uint32,
  parent: inode,
  accessAcl: uint32,
  defaultAcl: uint32,
  tier: fc.nat({ max: 0xff }),
});

test('a node comes out as it went in', () => {
  fc.assert(
    fc.property(inode, node, (id, rest) => {
      expect(decodeNode(id, encodeNode({ inode: id, ...rest }))).toEqual({ inode: id, ...rest });
    }),
  );
});

test('times and numbers are eight bytes, the greatest first', () => {
  fc.assert(
    fc.property(node, (rest) => {
      const bytes = encodeNode({ inode: 1n, ...rest });
      expect(bytes.readBigUInt64BE(51)).toBe(BigInt(rest.length));
      expect(bytes.readBigUInt64BE(63)).toBe(rest.parent);
      expect(bytes.readBigInt64BE(23) * 1_000_000_000n + BigInt(bytes.readUInt32BE(31))).toBe(rest.mtimeNs);
      expect(bytes.readUInt32BE(31)).toBeLessThan(1_000_000_000);
    }),
  );
});

test('an entry comes out as it went in', () => {
  fc.assert(
    fc.property(inode, fc.integer({ min: 1, max: 7 }), (id, type) => {
      expect(decodeEdge(encodeEdge({ inode: id, type }))).toEqual({ inode: id, type });
    }),
  );
});
