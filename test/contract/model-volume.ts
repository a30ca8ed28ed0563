// A toy volume in memory: what the real one must look like after the same operations.
import type { ErrnoCode } from '../../src/juicefs/index.ts';

export type ModelNode = ModelFile | ModelDirectory;
export interface ModelFile {
  readonly kind: 'file';
  readonly content: Buffer;
  readonly xattrs: Map<string, string>;
}
export interface ModelDirectory {
  readonly kind: 'directory';
  readonly entries: Map<string, ModelNode>;
  atimeNs: bigint | undefined;
}

export class ModelError extends Error {
  readonly code: ErrnoCode;
  constructor(code: ErrnoCode) {
    super(code);
    this.code = code;
  }
}

export function newDirectory(): ModelDirectory {
  return { kind: 'directory', entries: new Map(), atimeNs: undefined };
}

export class ModelVolume {
  readonly root = newDirectory();

  find(path: readonly string[]): ModelNode | undefined {
    let node: ModelNode = this.root;
    for (const name of path) {
      if (node.kind !== 'directory') throw new ModelError('ENOTDIR');
      const next: ModelNode | undefined = node.entries.get(name);
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }

  get(path: readonly string[]): ModelNode {
    const node = this.find(path);
    if (node === undefined) throw new ModelError('ENOENT');
    return node;
  }

  directory(path: readonly string[]): ModelDirectory {
    const node = this.get(path);
    if (node.kind !== 'directory') throw new ModelError('ENOTDIR');
    return node;
  }

  file(path: readonly string[]): ModelFile {
    const node = this.get(path);
    if (node.kind !== 'file') throw new ModelError('EISDIR');
    return node;
  }

  mkdirs(path: readonly string[]): ModelDirectory {
    let node = this.root;
    const missing: [ModelDirectory, string][] = [];
    for (const name of path) {
      const next = node.entries.get(name);
      if (next?.kind === 'file') throw new ModelError('ENOTDIR');
      if (next === undefined) {
        const made = newDirectory();
        missing.push([node, name]);
        node.entries.set(name, made);
        node = made;
      } else {
        node = next;
      }
    }
    return node;
  }

  mkdir(path: readonly string[]): void {
    const parent = this.directory(path.slice(0, -1));
    const name = last(path);
    if (parent.entries.has(name)) throw new ModelError('EEXIST');
    parent.entries.set(name, newDirectory());
  }

  put(path: readonly string[], content: Buffer, xattrs: ReadonlyMap<string, string>): void {
    // Nothing is made when the put is refused.
    if (this.blocked(path)) throw new ModelError('ENOTDIR');
    if (this.find(path)?.kind === 'directory') throw new ModelError('EISDIR');
    this.mkdirs(path.slice(0, -1)).entries.set(last(path), { kind: 'file', content, xattrs: new Map(xattrs) });
  }

  /** Whether a component before the last is a file. */
  blocked(path: readonly string[]): boolean {
    for (let length = 1; length < path.length; length++) {
      const node = this.find(path.slice(0, length));
      if (node?.kind === 'file') return true;
      if (node === undefined) return false;
    }
    return false;
  }

  unlink(path: readonly string[]): void {
    const parent = this.directory(path.slice(0, -1));
    const node = parent.entries.get(last(path));
    if (node === undefined) throw new ModelError('ENOENT');
    if (node.kind === 'directory') throw new ModelError('EISDIR');
    parent.entries.delete(last(path));
  }

  rmdir(path: readonly string[]): void {
    const parent = this.directory(path.slice(0, -1));
    const node = parent.entries.get(last(path));
    if (node === undefined) throw new ModelError('ENOENT');
    if (node.kind === 'file') throw new ModelError('ENOTDIR');
    if (node.entries.size > 0) throw new ModelError('ENOTEMPTY');
    parent.entries.delete(last(path));
  }

  rename(from: readonly string[], to: readonly string[]): void {
    const source = this.directory(from.slice(0, -1));
    const target = this.directory(to.slice(0, -1));
    const node = source.entries.get(last(from));
    if (node === undefined) throw new ModelError('ENOENT');
    const existing = target.entries.get(last(to));
    if (existing === node) return;
    if (node.kind === 'directory' && isWithin(to, from)) throw new ModelError('EINVAL');
    if (existing !== undefined) {
      if (node.kind === 'directory' && existing.kind === 'file') throw new ModelError('ENOTDIR');
      if (node.kind === 'file' && existing.kind === 'directory') throw new ModelError('EISDIR');
      if (existing.kind === 'directory' && existing.entries.size > 0) throw new ModelError('ENOTEMPTY');
    }
    source.entries.delete(last(from));
    target.entries.set(last(to), node);
  }

  removeTree(path: readonly string[]): void {
    const parent = this.find(path.slice(0, -1));
    if (parent === undefined) return;
    if (parent.kind === 'file') throw new ModelError('ENOTDIR');
    parent.entries.delete(last(path));
  }
}

/** Names of a directory in S3's order, directories with their slash. */
export function orderedKeys(directory: ModelDirectory): string[] {
  return [...directory.entries]
    .map(([name, node]) => (node.kind === 'directory' ? `${name}/` : name))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function isWithin(path: readonly string[], directory: readonly string[]): boolean {
  return path.length > directory.length && directory.every((name, i) => path[i] === name);
}

function last(path: readonly string[]): string {
  return path[path.length - 1] ?? '';
}
