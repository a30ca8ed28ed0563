// Signed bodies in frames: each frame's signature covers the one before it, the first the request's own. A chain lives under
// an unguessable handle, on the stream that opened it; the signing key stays here.
import { createHash, randomBytes } from 'node:crypto';
import { Frame_Kind, type VerifyFramesRequest } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { constantTimeEqual, hmacHex } from './signing-key.ts';
import type { FrameSeed } from './verified-signature.ts';

/** Bodies in flight on one stream. */
export const MAX_FRAME_HANDLES = 10_000;
/** A chain that no frame arrived for is forgotten after this. */
export const FRAME_HANDLE_IDLE_MS = 10 * 60 * 1000;

const EMPTY_SHA256 = createHash('sha256').digest('hex');

interface Chain {
  readonly seed: FrameSeed;
  previous: string;
  ended: boolean;
  usedAtMs: number;
}

export type FramesVerdict = { readonly valid: boolean; readonly reason: string };

/** The frame chains of one stream. */
export class FrameChains {
  /** In the order of last use, so that idle ones stand first. */
  readonly #chains = new Map<string, Chain>();

  /** Opens a chain. Undefined when too many are open. */
  open(seed: FrameSeed, nowMs: number): string | undefined {
    this.#forgetIdle(nowMs);
    if (this.#chains.size >= MAX_FRAME_HANDLES) return undefined;
    const handle = randomBytes(16).toString('hex');
    this.#chains.set(handle, { seed, previous: seed.signature, ended: false, usedAtMs: nowMs });
    return handle;
  }

  /** Verifies the next frames of a body. A frame that does not stand ends its chain. */
  verify(request: VerifyFramesRequest, nowMs: number): FramesVerdict {
    this.#forgetIdle(nowMs);
    const chain = this.#chains.get(request.handle);
    if (chain === undefined) return { valid: false, reason: 'UnknownHandle' };
    this.#chains.delete(request.handle);
    for (const frame of request.frames) {
      const reason = advance(chain, frame.kind, frame.sha256, frame.signature);
      if (reason !== undefined) return { valid: false, reason };
    }
    chain.usedAtMs = nowMs;
    if (!request.close) this.#chains.set(request.handle, chain);
    return { valid: true, reason: '' };
  }

  get size(): number {
    return this.#chains.size;
  }

  #forgetIdle(nowMs: number): void {
    for (const [handle, chain] of this.#chains) {
      if (nowMs - chain.usedAtMs <= FRAME_HANDLE_IDLE_MS) return;
      this.#chains.delete(handle);
    }
  }
}

/** Moves a chain on by one frame; the reason when it does not stand. Nothing may follow a trailer. */
function advance(chain: Chain, kind: Frame_Kind, sha256: Uint8Array, signature: string): string | undefined {
  if (sha256.byteLength !== 32 || chain.ended) return 'InvalidFrame';
  const { key, time, scope } = chain.seed;
  const hash = Buffer.from(sha256.buffer, sha256.byteOffset, sha256.byteLength).toString('hex');
  let text: string;
  if (kind === Frame_Kind.KIND_DATA) {
    text = `AWS4-HMAC-SHA256-PAYLOAD\n${time}\n${scope}\n${chain.previous}\n${EMPTY_SHA256}\n${hash}`;
  } else if (kind === Frame_Kind.KIND_TRAILER) {
    text = `AWS4-HMAC-SHA256-TRAILER\n${time}\n${scope}\n${chain.previous}\n${hash}`;
    chain.ended = true;
  } else {
    return 'InvalidFrame';
  }
  if (!constantTimeEqual(signature, hmacHex(key, text))) return 'SignatureDoesNotMatch';
  chain.previous = signature;
  return undefined;
}
