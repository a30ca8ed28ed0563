// Listing a directory for the public: names as text, links as what they lead to, attributes of each entry.
import { toAttributes } from './meta/attributes.ts';
import { inKeyOrder, type OrderedEntry } from './meta/directory-order.ts';
import type { Entry, MetaReader, Node } from './meta/engine.ts';
import { type FilesystemContext, look } from './meta/filesystem-context.ts';
import { TRASH_INODE, TYPE_DIRECTORY, TYPE_SYMLINK } from './meta/inode.ts';
import { resolveNode } from './meta/resolve.ts';
import { bytesOfText, textOfBytes } from './raw-text.ts';
import { type DirectoryEntry, type ListOptions, VolumeError } from './volume.ts';

const DEFAULT_PAGE = 1000;
const MAX_PAGE = 10_000;

/** The entries of a directory whose path is `names`, in order of their keys. */
export async function* listDirectory(
  fs: FilesystemContext,
  directory: bigint,
  names: readonly Uint8Array[],
  options: ListOptions,
): AsyncGenerator<DirectoryEntry> {
  const classify = async (reader: MetaReader, entry: Entry): Promise<OrderedEntry | undefined> => {
    // Listed by no name: the trash, and what the volume's damage left without an inode.
    if (entry.inode === TRASH_INODE || entry.node === undefined) return undefined;
    const node = entry.type === TYPE_SYMLINK ? await followed(fs, reader, [...names, entry.name]) : entry.node;
    return node === undefined ? undefined : { entry: { ...entry, node }, directory: node.type === TYPE_DIRECTORY };
  };
  const pages = inKeyOrder((body) => look(fs, body), directory, classify, {
    pageSize: Math.min(Math.max(1, options.pageSize ?? DEFAULT_PAGE), MAX_PAGE),
    ...(options.prefix === undefined ? {} : { prefix: boundary(options.prefix) }),
    ...(options.after === undefined ? {} : { after: boundary(options.after) }),
  });
  for await (const page of pages) {
    for (const { entry } of page) {
      if (entry.node !== undefined) yield { name: textOfBytes(entry.name), attributes: toAttributes(entry.node) };
    }
  }
}

/** The bytes of a beginning of names, or of a place among them. A text that no name begins with is taken as what it looks like. */
function boundary(text: string): Buffer {
  return bytesOfText(text) ?? Buffer.from(text);
}

/** What a link leads to; undefined when it dangles, loops, or may not be followed. */
async function followed(
  fs: FilesystemContext,
  reader: MetaReader,
  names: readonly Uint8Array[],
): Promise<Node | undefined> {
  try {
    return await resolveNode(fs, reader, names);
  } catch (error) {
    if (error instanceof VolumeError && error.code !== 'EIO' && error.code !== 'EBUSY') return undefined;
    throw error;
  }
}
