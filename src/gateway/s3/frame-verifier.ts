// Has the signed frames of one body verified by the sidecar, in order and without waiting for each: the body goes on while
// answers are on their way, and `done` is awaited before anything becomes visible.
import type { Frame } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { S3Error } from './errors.ts';

export type SignedFrame = Frame;

/** Frames whose verdict may be outstanding; more make the body wait. */
export const MAX_FRAMES_IN_FLIGHT = 32;

/** A way to have frames verified: the handle that the sidecar gave, on the stream that it gave it on. */
export interface FrameChannel {
  /** Whether all frames up to and with these stand. `last`: no more follow. Throws when there is no answer. */
  verify(frames: readonly SignedFrame[], last: boolean): Promise<boolean>;
  /** Tells that no more frames will come, though the last was not seen. */
  release(): void;
}

/** Takes the signed frames of a body in their order. */
export interface FrameSink {
  /** Resolves when the next frame may come. `last`: none follows. */
  push(frame: SignedFrame, last: boolean): Promise<void>;
  /** Resolves when the body may be used as far as this sink is concerned. */
  done(): Promise<void>;
}

/** Frames of a document; more are refused. Clients send frames of 8 KiB and more. */
export const MAX_DOCUMENT_FRAMES = 4_096;

/**
 * Keeps the frames of a document: the question lies in it, so it is read before anyone can be asked to verify it. Nothing is done
 * on its account before `verify`.
 */
export class FrameRecorder implements FrameSink {
  readonly #frames: SignedFrame[] = [];

  async push(frame: SignedFrame): Promise<void> {
    if (this.#frames.length >= MAX_DOCUMENT_FRAMES) {
      throw new S3Error('EntityTooLarge', `A document comes in at most ${MAX_DOCUMENT_FRAMES} frames.`);
    }
    this.#frames.push(frame);
  }

  async done(): Promise<void> {}

  /** Throws SignatureDoesNotMatch unless all frames stand. */
  async verify(channel: FrameChannel): Promise<void> {
    if (!(await channel.verify(this.#frames, true))) throw new S3Error('SignatureDoesNotMatch');
  }
}

export class FrameVerifier implements FrameSink {
  readonly #channel: FrameChannel;
  readonly #pending: Promise<void>[] = [];
  #failure: unknown;
  #closed = false;

  constructor(channel: FrameChannel) {
    this.#channel = channel;
  }

  /** Sends a frame. Resolves when the next may be sent; throws as soon as an earlier one is known not to stand. */
  async push(frame: SignedFrame, last: boolean): Promise<void> {
    this.#throwIfFailed();
    if (last) this.#closed = true;
    this.#pending.push(this.#verify(frame, last));
    if (this.#pending.length > MAX_FRAMES_IN_FLIGHT) await this.#pending.shift();
    this.#throwIfFailed();
  }

  /** Resolves when every frame stands and the last was among them. */
  async done(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
    this.#throwIfFailed();
    if (!this.#closed) throw new S3Error('IncompleteBody');
  }

  /** Gives the handle back if the last frame never came. */
  release(): void {
    if (!this.#closed) this.#channel.release();
    this.#closed = true;
  }

  /** Never rejects: a failure is kept for whoever comes next. */
  async #verify(frame: SignedFrame, last: boolean): Promise<void> {
    try {
      if (!(await this.#channel.verify([frame], last))) this.#failure ??= new S3Error('SignatureDoesNotMatch');
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
