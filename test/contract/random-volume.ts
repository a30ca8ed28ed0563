// Random operations done to a volume and to the model; both must answer the same and end up the same.
import { expect } from 'vitest';
import { type Volume, VolumeError } from '../../src/juicefs/index.ts';
import { type ModelDirectory, ModelError, type ModelNode, ModelVolume, orderedKeys } from './model-volume.ts';

/** Few names, so that operations meet; several begin with another and a byte below '/'. */
const NAMES = ['a', 'a-', 'a-b', 'a.b', 'a0', 'b', 'b!', 'ü', '日', 'x y'];
const MAX_DEPTH = 4;

export interface RandomRun {
  readonly seed: number;
  readonly operations: number;
  /** Sizes of files are up to this. */
  readonly maxSize: number;
}

/** Runs the operations; the error of a difference names the seed and the operation. */
export async function runRandomOperations(volume: Volume, run: RandomRun): Promise<ModelVolume> {
  const model = new ModelVolume();
  const random = mulberry32(run.seed);
  for (let i = 0; i < run.operations; i++) {
    const operation = nextOperation(random, run.maxSize);
    const [expected, actual] = [
      await outcome(() => operation.model(model)),
      await outcome(() => operation.real(volume, model)),
    ];
    if (expected !== actual) {
      throw new Error(`seed ${run.seed}, operation ${i} (${operation.name}): ${actual}, the model says ${expected}`);
    }
  }
  return model;
}

interface Operation {
  readonly name: string;
  model(model: ModelVolume): void;
  real(volume: Volume, model: ModelVolume): Promise<unknown>;
}

function nextOperation(random: () => number, maxSize: number): Operation {
  const pick = (n: number): number => Math.floor(random() * n);
  const path = (): string[] => Array.from({ length: 1 + pick(MAX_DEPTH) }, () => NAMES[pick(NAMES.length)] ?? 'a');
  const p = path();
  const q = path();
  const shown = p.join('/');
  const kind = pick(100);
  if (kind < 40) {
    const content = randomBytes(random, pick(4) === 0 ? pick(maxSize) : pick(200));
    const xattrs = new Map(pick(2) === 0 ? [['s3-etag', String(pick(1000))]] : []);
    return {
      name: `put ${shown} ${content.length}`,
      model: (model) => model.put(p, content, xattrs),
      real: async (volume) => {
        const writer = volume.create(p);
        for (let at = 0; at < content.length; at += 50_000) await writer.write(content.subarray(at, at + 50_000));
        try {
          await writer.commit({ xattrs: new Map([...xattrs].map(([k, v]) => [k, Buffer.from(v)])) });
        } catch (error) {
          await writer.abort();
          throw error;
        }
      },
    };
  }
  if (kind < 45) return { name: `mkdir ${shown}`, model: (m) => m.mkdir(p), real: (v) => v.mkdir(p) };
  if (kind < 50) {
    return {
      name: `mkdirs ${shown}`,
      model: (m) => {
        if (m.blocked([...p, 'x'])) throw new ModelError('ENOTDIR');
        m.mkdirs(p);
      },
      real: (v) => v.mkdirs(p),
    };
  }
  if (kind < 60) return { name: `unlink ${shown}`, model: (m) => m.unlink(p), real: (v) => v.unlink(p) };
  if (kind < 65) return { name: `rmdir ${shown}`, model: (m) => m.rmdir(p), real: (v) => v.rmdir(p) };
  if (kind < 78) {
    return { name: `rename ${shown} ${q.join('/')}`, model: (m) => m.rename(p, q), real: (v) => v.rename(p, q) };
  }
  if (kind < 80) return { name: `removeTree ${shown}`, model: (m) => m.removeTree(p), real: (v) => v.removeTree(p) };
  if (kind < 84) {
    const names = Array.from({ length: 3 }, () => NAMES[pick(NAMES.length)] ?? 'a');
    return {
      name: `unlinkMany ${shown} ${names}`,
      model: (m) => {
        m.directory(p);
        for (const name of names) {
          const node = m.find([...p, name]);
          if (node?.kind === 'file') m.unlink([...p, name]);
        }
      },
      real: (v) => v.unlinkMany(p, names),
    };
  }
  if (kind < 90) {
    const value = String(pick(100));
    return {
      name: `setXattrs ${shown}`,
      model: (m) => {
        const node = m.get(p);
        if (node.kind === 'file') node.xattrs.set('user.x', value);
      },
      real: (v) => v.setXattrs(p, new Map([['user.x', Buffer.from(value)]])),
    };
  }
  if (kind < 93) {
    return {
      name: `setTimes ${shown}`,
      model: (m) => {
        const node = m.get(p);
        if (node.kind === 'directory') node.atimeNs = 0n;
      },
      real: (v) => v.setTimes(p, { atimeNs: 0n }),
    };
  }
  const cut = random();
  return {
    name: `compose ${shown} + ${shown} -> ${q.join('/')}`,
    model: (m) => {
      const source = m.file(p).content;
      const start = Math.floor(source.length * cut);
      m.put(q, Buffer.concat([source, source.subarray(start), source]), new Map());
    },
    real: async (v) => {
      const { attributes } = await v.statWithXattrs(p);
      if (attributes.type === 'directory') throw new VolumeError('EISDIR', 'a directory');
      const { inode, size } = attributes;
      const start = Math.floor(size * cut);
      const whole = { inode, start: 0, end: size };
      await v.composeFile(q, [whole, { inode, start, end: size }, whole]);
    },
  };
}

async function outcome(body: () => unknown): Promise<string> {
  try {
    await body();
    return 'done';
  } catch (error) {
    if (error instanceof ModelError || error instanceof VolumeError) return error.code;
    throw error;
  }
}

/** Compares every directory, byte and attribute. */
export async function expectSameTree(volume: Volume, model: ModelVolume, pageSize = 3): Promise<void> {
  await compareDirectory(volume, [], model.root, pageSize);
}

async function compareDirectory(
  volume: Volume,
  path: readonly string[],
  directory: ModelDirectory,
  pageSize: number,
): Promise<void> {
  const keys: string[] = [];
  for await (const { name, attributes } of volume.list(path, { pageSize })) {
    keys.push(attributes.type === 'directory' ? `${name}/` : name);
  }
  expect({ path, keys }).toEqual({ path, keys: orderedKeys(directory) });
  expect(await volume.isEmpty(path)).toBe(directory.entries.size === 0);
  for (const [name, node] of directory.entries) await compareNode(volume, [...path, name], node, pageSize);
}

async function compareNode(volume: Volume, path: readonly string[], node: ModelNode, pageSize: number): Promise<void> {
  if (node.kind === 'directory') {
    if (node.atimeNs !== undefined) expect((await volume.stat(path)).atimeNs).toBe(node.atimeNs);
    await compareDirectory(volume, path, node, pageSize);
    return;
  }
  const { xattrs } = await volume.statWithXattrs(path);
  expect(new Map([...xattrs].map(([k, v]) => [k, Buffer.from(v).toString()]))).toEqual(node.xattrs);
  const reader = await volume.open(path);
  const parts: Uint8Array[] = [];
  for await (const part of reader.read(0, reader.attributes.size)) parts.push(part);
  await reader.close();
  expect({ path, same: Buffer.concat(parts).equals(node.content) }).toEqual({ path, same: true });
}

function randomBytes(random: () => number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  // Half of it compressible.
  const even = Math.floor(length / 2);
  // Four at a time: most of what random operations cost would be numbers.
  for (let i = even; i + 4 <= length; i += 4) bytes.writeUInt32LE(Math.floor(random() * 0x1_0000_0000), i);
  return bytes.fill(Math.floor(random() * 256), 0, even);
}

/** A small deterministic generator: the same numbers for the same seed. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
