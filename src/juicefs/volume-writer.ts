// The public file writer: slices upload while bytes arrive, and one commit makes them a file at a path.
import type { BlockStore } from './chunk/block-store.ts';
import type { Budget } from './chunk/byte-budget.ts';
import { SliceWriter } from './chunk/file-writer.ts';
import { toAttributes } from './meta/attributes.ts';
import { currentTimeNs } from './meta/change.ts';
import type { Node } from './meta/engine.ts';
import type { FileContent } from './meta/file-commit.ts';
import type { IdAllocator } from './meta/id-allocator.ts';
import { type Attributes, type CommitOptions, CommitUnknownError, type FileWriter, VolumeError } from './volume.ts';
import type { VolumeLog } from './volume-options.ts';

export interface VolumeWriterParts {
  readonly blocks: BlockStore;
  readonly buffers: Budget;
  readonly sliceIds: IdAllocator;
  readonly log: VolumeLog;
  /** Makes the file exist; what it throws leaves the blocks to be aborted. */
  readonly commit: (content: Omit<FileContent, 'shared'>, options: CommitOptions | undefined) => Promise<Node>;
}

export class VolumeFileWriter implements FileWriter {
  readonly #parts: VolumeWriterParts;
  readonly #slices: SliceWriter;
  #lastWriteNs = currentTimeNs();
  #state: 'writing' | 'committing' | 'committed' | 'aborted' = 'writing';

  constructor(parts: VolumeWriterParts) {
    this.#parts = parts;
    this.#slices = new SliceWriter(parts.blocks, parts.buffers, async () => {
      const [id] = await parts.sliceIds.take(1);
      if (id === undefined) throw new Error('no slice id was handed out');
      return id;
    });
  }

  get size(): number {
    return this.#slices.size;
  }

  write(data: Uint8Array): Promise<void> {
    return this.take(Uint8Array.from(data));
  }

  async take(data: Uint8Array): Promise<void> {
    await this.#slices.write(data);
    this.#lastWriteNs = currentTimeNs();
  }

  async commit(options?: CommitOptions): Promise<Attributes> {
    if (this.#state !== 'writing') throw new VolumeError('EINVAL', 'the file was committed or aborted already');
    this.#state = 'committing';
    const written = await this.#slices.finish();
    const slices = written.map(({ chunkIndex, id, size }) => ({ chunkIndex, pos: 0, id, size, off: 0, len: size }));
    const node = await this.#commit({ length: this.size, mtimeNs: this.#lastWriteNs, slices }, options);
    this.#state = 'committed';
    this.#slices.release();
    return toAttributes(node);
  }

  async #commit(content: Omit<FileContent, 'shared'>, options: CommitOptions | undefined): Promise<Node> {
    try {
      return await this.#parts.commit(content, options);
    } catch (error) {
      if (error instanceof CommitUnknownError) {
        // The file may be there: its blocks stay, and are found by garbage collection if it is not.
        this.#state = 'committed';
        this.#slices.release();
      }
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted') return;
    this.#state = 'aborted';
    try {
      await this.#slices.discard();
    } catch (error) {
      // Nothing refers to these blocks: what is left of them is found by garbage collection.
      this.#parts.log.warn('the blocks of an aborted file could not be deleted', {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
