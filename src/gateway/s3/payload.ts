// The body of an upload, unwrapped and checked on the way: length, hash, checksum, frame signatures.
// The bytes are handed out before they are known to be right; `verified` says whether they were.
import { createHash, type Hash } from 'node:crypto';
import { decodeAwsChunked, type Trailer } from './aws-chunked.ts';
import { ByteReader, type ByteSource } from './byte-reader.ts';
import {
  checksumHeader,
  type DeclaredChecksum,
  declaredChecksum,
  decodeBase64,
  parseChecksumValue,
  type RunningChecksum,
  startChecksum,
} from './checksum.ts';
import { S3Error } from './errors.ts';
import type { FrameSink } from './frame-verifier.ts';
import type { ChecksumAlgorithm, Payload, PayloadDigests } from './operation.ts';
import { declaredLength, type TransferForm } from './transfer-form.ts';

/** What the client said about its body, checked for sense before a byte of it is read. */
export interface PayloadPlan {
  readonly form: TransferForm;
  /** Bytes of payload; undefined when they end where the form around them says. */
  readonly length: number | undefined;
  readonly md5: Buffer | undefined;
  readonly checksum: DeclaredChecksum | undefined;
}

/**
 * Reads the headers that speak of the body.
 * @param withChecksum false where x-amz-checksum-* headers speak of something else than the body
 */
export function planPayload(
  headers: ReadonlyMap<string, string>,
  form: TransferForm,
  withChecksum: boolean,
): PayloadPlan {
  const length = declaredLength(headers, form);
  if (length === undefined) throw new S3Error('MissingContentLength');
  const contentMd5 = headers.get('content-md5');
  const md5 = contentMd5 === undefined ? undefined : decodeBase64(contentMd5);
  if (contentMd5 !== undefined && md5?.length !== 16) throw new S3Error('InvalidDigest');
  const trailer = form.kind === 'framed' && form.trailer;
  return { form, length, md5, checksum: withChecksum ? declaredChecksum(headers, trailer) : undefined };
}

/** A payload whose state the one who handed it out can see. */
export class CheckedPayload implements Payload {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly #plan: PayloadPlan;
  readonly #frames: FrameSink | undefined;
  readonly #md5: Hash = createHash('md5');
  readonly #sha256: Hash | undefined;
  #checksum: RunningChecksum | undefined;
  /** Computed without having been sent. */
  #computed: ChecksumAlgorithm | undefined;
  #trailer: Trailer = new Map();
  #size = 0;
  #ended = false;
  #verdict: Promise<PayloadDigests> | undefined;
  #stands = false;

  /** @param frames needed for a form with signed frames */
  constructor(source: ByteSource, plan: PayloadPlan, frames: FrameSink | undefined) {
    const { form, checksum } = plan;
    if (form.kind === 'framed' && form.signed && frames === undefined) {
      throw new Error('signed frames came without a way to verify them');
    }
    this.#plan = plan;
    this.#frames = frames;
    this.#sha256 = form.kind === 'plain' && form.sha256 !== undefined ? createHash('sha256') : undefined;
    this.#checksum = checksum === undefined ? undefined : startChecksum(checksum.algorithm);
    this.stream = this.#read(source);
  }

  get declaredChecksum(): ChecksumAlgorithm | undefined {
    return this.#plan.checksum?.algorithm;
  }

  compute(algorithm: ChecksumAlgorithm): void {
    if (this.#plan.checksum !== undefined) return;
    this.#computed = algorithm;
    this.#checksum = startChecksum(algorithm);
  }

  /** True once `verified` has resolved. */
  get stands(): boolean {
    return this.#stands;
  }

  verified(): Promise<PayloadDigests> {
    this.#verdict ??= this.#verify();
    return this.#verdict;
  }

  async *#read(source: ByteSource): AsyncGenerator<Uint8Array, void> {
    const { length } = this.#plan;
    const pieces = this.#unwrap(source);
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) {
        this.#trailer = value;
        break;
      }
      this.#size += value.length;
      if (length !== undefined && this.#size > length)
        throw new S3Error('IncompleteBody', 'The body is longer than declared.');
      this.#md5.update(value);
      this.#sha256?.update(value);
      this.#checksum?.update(value);
      yield value;
    }
    if (length !== undefined && this.#size !== length) throw new S3Error('IncompleteBody');
    this.#ended = true;
  }

  #unwrap(source: ByteSource): AsyncGenerator<Uint8Array, Trailer> {
    const { form } = this.#plan;
    if (form.kind === 'plain') return plainPieces(source);
    return decodeAwsChunked(new ByteReader(source), {
      ...form,
      onFrame: (frame, last) => this.#frames?.push(frame, last),
    });
  }

  async #verify(): Promise<PayloadDigests> {
    if (!this.#ended) throw new Error('verified() was called before the payload had ended');
    const { form, md5: wantedMd5, checksum } = this.#plan;
    const digest = this.#sha256?.digest('hex');
    if (form.kind === 'plain' && form.sha256 !== digest) throw new S3Error('XAmzContentSHA256Mismatch');
    const md5 = this.#md5.digest();
    if (wantedMd5 !== undefined && !wantedMd5.equals(md5)) throw new S3Error('BadDigest');
    const stood = checksum === undefined ? this.#computedChecksum() : this.#checkChecksum(checksum);
    await this.#frames?.done();
    this.#stands = true;
    return { size: this.#size, md5Hex: md5.toString('hex'), checksum: stood };
  }

  #computedChecksum(): PayloadDigests['checksum'] {
    const value = this.#checksum?.digest().toString('base64');
    return value === undefined || this.#computed === undefined ? undefined : { algorithm: this.#computed, value };
  }

  #checkChecksum(declared: DeclaredChecksum): PayloadDigests['checksum'] {
    const { algorithm } = declared;
    let wanted: Buffer;
    if (declared.where === 'header') {
      wanted = declared.value;
    } else {
      const text = this.#trailer.get(checksumHeader(algorithm));
      if (text === undefined)
        throw new S3Error('MalformedTrailerError', 'The trailer that was announced did not come.');
      wanted = parseChecksumValue(algorithm, text);
    }
    const computed = this.#checksum?.digest();
    if (computed === undefined || !computed.equals(wanted)) {
      throw new S3Error('BadDigest', `The ${algorithm.toUpperCase()} that was sent does not match what was received.`);
    }
    return { algorithm, value: computed.toString('base64') };
  }
}

async function* plainPieces(source: ByteSource): AsyncGenerator<Uint8Array, Trailer> {
  for (;;) {
    const piece = await source.next();
    if (piece === undefined) return new Map();
    yield piece;
  }
}

/** Reads a payload of at most `limit` bytes whole, and verifies it but for its frames, which go to `frames`. */
export async function readDocument(
  source: ByteSource,
  plan: PayloadPlan,
  limit: number,
  frames?: FrameSink,
): Promise<Buffer> {
  if ((plan.length ?? 0) > limit) throw new S3Error('EntityTooLarge', `The document exceeds ${limit} bytes.`);
  const payload = new CheckedPayload(source, plan, frames);
  const pieces: Uint8Array[] = [];
  for await (const piece of payload.stream) pieces.push(piece);
  await payload.verified();
  return Buffer.concat(pieces);
}
