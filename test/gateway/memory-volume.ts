// A volume in memory, faithful to the contract in src/juicefs/volume.ts: for tests of what is built on it.
import {
  type Attributes,
  type CommitGuard,
  type CommitOptions,
  type CreateOptions,
  type DirectoryEntry,
  type ErrnoCode,
  type ExistingFile,
  type FileLock,
  type FilePiece,
  type FileReader,
  type FileWriter,
  type ListOptions,
  type OpenedFile,
  type Volume,
  VolumeError,
  type VolumePath,
  type VolumeUsage,
} from '../../src/juicefs/volume.ts';

interface Node {
  readonly inode: bigint;
  readonly type: 'file' | 'directory';
  readonly children: Map<string, Node>;
  readonly xattrs: Map<string, Uint8Array>;
  data: Buffer;
  atimeNs: bigint;
  mtimeNs: bigint;
}

/** What a test may look at beside the contract. */
export class MemoryVolume implements Volume {
  readonly name = 'memory';
  readonly uuid = '00000000-0000-4000-8000-000000000000';
  readonly readOnly: boolean;
  /** Readers that were opened and not closed. */
  openReaders = 0;
  /** Writers that were neither committed nor aborted. */
  openWriters = 0;
  readonly #root: Node;
  readonly #byInode = new Map<bigint, Node>();
  #nextInode = 1n;
  #clock = 1_800_000_000_000_000_000n;

  constructor(options: { readOnly?: boolean } = {}) {
    this.readOnly = options.readOnly ?? false;
    this.#root = this.#newNode('directory');
  }

  // ------------------------------------------------------------ looking

  async stat(path: VolumePath): Promise<Attributes> {
    return attributesOf(this.#find(path));
  }

  async statWithXattrs(path: VolumePath): Promise<ExistingFile> {
    return existing(this.#find(path));
  }

  async xattrsOf(inodes: readonly bigint[]): Promise<ReadonlyMap<string, Uint8Array>[]> {
    return inodes.map((inode) => new Map(this.#byInode.get(inode)?.xattrs));
  }

  async *list(path: VolumePath, options: ListOptions = {}): AsyncGenerator<DirectoryEntry> {
    const node = this.#directory(path);
    const entries = [...node.children]
      .filter(([name]) => name.startsWith(options.prefix ?? ''))
      .map(([name, child]) => ({ name, child, key: Buffer.from(child.type === 'directory' ? `${name}/` : name) }))
      .filter(({ key }) => options.after === undefined || Buffer.compare(key, Buffer.from(options.after)) > 0)
      .sort((a, b) => Buffer.compare(a.key, b.key));
    for (const { name, child } of entries) yield { name, attributes: attributesOf(child) };
  }

  async isEmpty(path: VolumePath): Promise<boolean> {
    return this.#directory(path).children.size === 0;
  }

  // ------------------------------------------------------------ changing

  async mkdir(path: VolumePath): Promise<Attributes> {
    this.#requireWritable();
    const { parent, name } = this.#parentOf(path);
    if (parent.children.has(name)) throw fail('EEXIST', path);
    return attributesOf(this.#attach(parent, name, this.#newNode('directory')));
  }

  async mkdirs(path: VolumePath): Promise<Attributes> {
    this.#requireWritable();
    return attributesOf(this.#makeDirectories(path));
  }

  async rmdir(path: VolumePath, options: { guard?: CommitGuard } = {}): Promise<void> {
    this.#requireWritable();
    const node = this.#find(path);
    if (node.type !== 'directory') throw fail('ENOTDIR', path);
    options.guard?.(existing(node));
    if (node.children.size > 0) throw fail('ENOTEMPTY', path);
    this.#detach(path);
  }

  async unlink(path: VolumePath, options: { guard?: CommitGuard } = {}): Promise<void> {
    this.#requireWritable();
    const node = this.#find(path);
    if (node.type === 'directory') throw fail('EISDIR', path);
    options.guard?.(existing(node));
    this.#detach(path);
  }

  async unlinkMany(directory: VolumePath, names: readonly string[]): Promise<(VolumeError | undefined)[]> {
    const results: (VolumeError | undefined)[] = [];
    this.#directory(directory);
    for (const name of names) {
      results.push(
        await this.unlink([...directory, name]).then(
          () => undefined,
          (error) => {
            if (error instanceof VolumeError) return error;
            throw error;
          },
        ),
      );
    }
    return results;
  }

  async removeTree(path: VolumePath): Promise<void> {
    this.#requireWritable();
    if (this.#lookup(path) !== undefined) this.#detach(path);
  }

  async rename(from: VolumePath, to: VolumePath): Promise<Attributes> {
    this.#requireWritable();
    const node = this.#find(from);
    const { parent, name } = this.#parentOf(to);
    const target = parent.children.get(name);
    if (target?.type === 'directory' && node.type === 'file') throw fail('EISDIR', to);
    if (target?.type === 'directory' && target.children.size > 0) throw fail('ENOTEMPTY', to);
    this.#detach(from);
    this.#byInode.set(node.inode, node);
    return attributesOf(this.#attach(parent, name, node));
  }

  async setTimes(path: VolumePath, times: { atimeNs?: bigint; mtimeNs?: bigint }): Promise<void> {
    this.#requireWritable();
    const node = this.#find(path);
    if (times.atimeNs !== undefined) node.atimeNs = times.atimeNs;
    if (times.mtimeNs !== undefined) node.mtimeNs = times.mtimeNs;
  }

  async setXattrs(
    path: VolumePath,
    xattrs: ReadonlyMap<string, Uint8Array | undefined>,
    options: { expectInode?: bigint } = {},
  ): Promise<void> {
    this.#requireWritable();
    const node = this.#find(path);
    if (options.expectInode !== undefined && node.inode !== options.expectInode) throw fail('ENOENT', path);
    for (const [name, value] of xattrs) {
      if (value === undefined) node.xattrs.delete(name);
      else node.xattrs.set(name, Buffer.from(value));
    }
  }

  // ------------------------------------------------------------ bytes

  async open(path: VolumePath, options: { expectInode?: bigint } = {}): Promise<FileReader> {
    const node = this.#find(path);
    if (node.type === 'directory') throw fail('EISDIR', path);
    if (options.expectInode !== undefined && node.inode !== options.expectInode) throw fail('ENOENT', path);
    return this.#reader(node);
  }

  async openWithXattrs(path: VolumePath): Promise<OpenedFile> {
    const node = this.#find(path);
    return { ...existing(node), reader: node.type === 'directory' ? undefined : this.#reader(node) };
  }

  async openInodes(inodes: readonly bigint[]): Promise<(FileReader | undefined)[]> {
    return Promise.all(
      inodes.map((inode) => (this.#byInode.get(inode)?.type === 'file' ? this.openInode(inode) : undefined)),
    );
  }

  async childrenNamed(directories: readonly bigint[], name: string): Promise<(Attributes | undefined)[]> {
    return directories.map((inode) => {
      const child = this.#byInode.get(inode)?.children.get(name);
      return child === undefined ? undefined : attributesOf(child);
    });
  }

  async openInode(inode: bigint): Promise<FileReader> {
    const node = this.#byInode.get(inode);
    if (node === undefined) throw fail('ENOENT', [`inode ${inode}`]);
    return this.#reader(node);
  }

  create(path: VolumePath, { existingParents = 0 }: CreateOptions = {}): FileWriter {
    const parts: Buffer[] = [];
    let size = 0;
    let open = true;
    const finish = (): void => {
      if (open) this.openWriters--;
      open = false;
    };
    this.openWriters++;
    return {
      get size() {
        return size;
      },
      write: async (data) => {
        parts.push(Buffer.from(data));
        size += data.length;
      },
      take: async (data) => {
        parts.push(Buffer.from(data));
        size += data.length;
      },
      commit: async (options = {}) => {
        if (existingParents > 0) await this.stat(path.slice(0, existingParents));
        const attributes = this.#commit(path, Buffer.concat(parts), options);
        finish();
        return attributes;
      },
      abort: async () => finish(),
    };
  }

  async composeFile(
    path: VolumePath,
    pieces: readonly FilePiece[],
    options: CommitOptions & CreateOptions & { removeAfter?: VolumePath } = {},
  ): Promise<Attributes> {
    const data = pieces.map(({ inode, start, end }) => {
      const node = this.#byInode.get(inode);
      if (node === undefined || node.data.length < end) throw fail('ENOENT', [`inode ${inode}`]);
      return node.data.subarray(start, end);
    });
    const attributes = this.#commit(path, Buffer.concat(data), options);
    if (options.removeAfter !== undefined) await this.removeTree(options.removeAfter);
    return attributes;
  }

  async tryLock(): Promise<FileLock> {
    return { release: async () => undefined };
  }

  async usage(): Promise<VolumeUsage> {
    return { usedBytes: 0, usedInodes: this.#byInode.size };
  }

  async close(): Promise<void> {}

  // ------------------------------------------------------------ inside

  #reader(node: Node): FileReader {
    const data = node.data;
    let open = true;
    this.openReaders++;
    return {
      attributes: attributesOf(node),
      async *read(start, end, signal) {
        for (let at = start; at < Math.min(end, data.length); at += 65_536) {
          signal?.throwIfAborted();
          if (!open) throw new Error('read after close');
          yield data.subarray(at, Math.min(at + 65_536, end));
        }
      },
      readAll: async () => Buffer.from(data),
      close: async () => {
        if (open) this.openReaders--;
        open = false;
      },
    };
  }

  #commit(path: VolumePath, data: Buffer, options: CommitOptions): Attributes {
    this.#requireWritable();
    const before = this.#lookupForWrite(path);
    if (before?.type === 'directory') throw fail('EISDIR', path);
    options.guard?.(before === undefined ? undefined : existing(before));
    const parent = this.#makeDirectories(path.slice(0, -1));
    const node = this.#newNode('file');
    node.data = data;
    for (const [name, value] of options.xattrs ?? []) node.xattrs.set(name, Buffer.from(value));
    if (before !== undefined) this.#byInode.delete(before.inode);
    return attributesOf(this.#attach(parent, path.at(-1) ?? '', node));
  }

  #requireWritable(): void {
    if (this.readOnly) throw fail('EROFS', []);
  }

  #newNode(type: Node['type']): Node {
    const now = this.#tick();
    const inode = this.#nextInode++;
    const node: Node = {
      inode,
      type,
      children: new Map(),
      xattrs: new Map(),
      data: Buffer.alloc(0),
      atimeNs: now,
      mtimeNs: now,
    };
    this.#byInode.set(inode, node);
    return node;
  }

  #tick(): bigint {
    this.#clock += 1_000_000n;
    return this.#clock;
  }

  #attach(parent: Node, name: string, node: Node): Node {
    if (!parent.children.has(name)) checkNewName(name);
    parent.children.set(name, node);
    parent.mtimeNs = this.#tick();
    return node;
  }

  #detach(path: VolumePath): void {
    const { parent, name } = this.#parentOf(path);
    const node = parent.children.get(name);
    parent.children.delete(name);
    parent.mtimeNs = this.#tick();
    const forget = (gone: Node): void => {
      this.#byInode.delete(gone.inode);
      for (const child of gone.children.values()) forget(child);
    };
    if (node !== undefined) forget(node);
  }

  #lookup(path: VolumePath): Node | undefined {
    try {
      return this.#find(path);
    } catch (error) {
      if (error instanceof VolumeError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  /** As `#lookup`, but a file on the way is an error. */
  #lookupForWrite(path: VolumePath): Node | undefined {
    try {
      return this.#find(path);
    } catch (error) {
      if (error instanceof VolumeError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #find(path: VolumePath): Node {
    let node = this.#root;
    for (const name of path) {
      checkComponent(name);
      if (node.type !== 'directory') throw fail('ENOTDIR', path);
      const child = node.children.get(name);
      if (child === undefined) throw fail('ENOENT', path);
      node = child;
    }
    return node;
  }

  #directory(path: VolumePath): Node {
    const node = this.#find(path);
    if (node.type !== 'directory') throw fail('ENOTDIR', path);
    return node;
  }

  #parentOf(path: VolumePath): { parent: Node; name: string } {
    const name = path.at(-1);
    if (name === undefined) throw fail('EBUSY', path);
    checkComponent(name);
    return { parent: this.#directory(path.slice(0, -1)), name };
  }

  #makeDirectories(path: VolumePath): Node {
    let node = this.#root;
    for (const name of path) {
      checkComponent(name);
      const child = node.children.get(name) ?? this.#attach(node, name, this.#newNode('directory'));
      if (child.type !== 'directory') throw fail('ENOTDIR', path);
      node = child;
    }
    return node;
  }
}

function checkComponent(name: string): void {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) throw fail('EINVAL', [name]);
}

function checkNewName(name: string): void {
  if (Buffer.byteLength(name) > 255) throw fail('ENAMETOOLONG', [name]);
}

function fail(code: ErrnoCode, path: VolumePath): VolumeError {
  return new VolumeError(code, `/${path.join('/')}`);
}

function existing(node: Node): ExistingFile {
  return { attributes: attributesOf(node), xattrs: new Map(node.xattrs) };
}

function attributesOf(node: Node): Attributes {
  const directory = node.type === 'directory';
  return {
    inode: node.inode,
    type: node.type,
    mode: directory ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    atimeNs: node.atimeNs,
    mtimeNs: node.mtimeNs,
    ctimeNs: node.mtimeNs,
    nlink: directory ? 2 : 1,
    size: directory ? 4096 : node.data.length,
    parent: 1n,
  };
}
