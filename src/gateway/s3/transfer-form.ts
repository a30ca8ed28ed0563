// In which form a body comes, as x-amz-content-sha256 announces it, and how many bytes of payload it will hold.
import { S3Error } from './errors.ts';

/** How the payload is wrapped. */
export type TransferForm =
  /** As it is. `sha256`: the hash that was signed, lower-case hex; undefined = UNSIGNED-PAYLOAD or nothing said. */
  | { readonly kind: 'plain'; readonly sha256: string | undefined }
  /** aws-chunked: frames with a signature each or without, and a trailer or none. */
  | { readonly kind: 'framed'; readonly signed: boolean; readonly trailer: boolean };

/** What the last line of a canonical request says where no hash was announced. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
/** Largest object that one request may carry, bytes (5 TiB, S3's largest object). */
export const MAX_PAYLOAD_BYTES = 5 * 1024 ** 4;

const FORMS: Readonly<Record<string, TransferForm>> = {
  [UNSIGNED_PAYLOAD]: { kind: 'plain', sha256: undefined },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { kind: 'framed', signed: true, trailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { kind: 'framed', signed: true, trailer: true },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { kind: 'framed', signed: false, trailer: true },
};

/** @param announced the text that the signature covers as the payload's hash; undefined when the client sent none */
export function readTransferForm(announced: string | undefined): TransferForm {
  if (announced === undefined) return { kind: 'plain', sha256: undefined };
  if (/^[0-9a-f]{64}$/.test(announced)) return { kind: 'plain', sha256: announced };
  const form = Object.hasOwn(FORMS, announced) ? FORMS[announced] : undefined;
  if (form !== undefined) return form;
  if (announced.startsWith('STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD')) {
    throw new S3Error('NotImplemented', 'Signature Version 4A (AWS4-ECDSA-P256-SHA256) is not supported.');
  }
  throw new S3Error(
    'InvalidArgument',
    `x-amz-content-sha256 must be ${Object.keys(FORMS).join(', ')}, or a SHA-256 in lower-case hex.`,
  );
}

/**
 * Bytes of payload that the client declared. Undefined when it declared none (no length at all, or a body of chunked transfer
 * encoding without x-amz-decoded-content-length).
 */
export function declaredLength(headers: ReadonlyMap<string, string>, form: TransferForm): number | undefined {
  const chunkedTransfer = headers.has('transfer-encoding');
  const name = form.kind === 'framed' ? 'x-amz-decoded-content-length' : 'content-length';
  const text = headers.get(name);
  if (text === undefined) {
    // a request without a body's headers has an empty one
    return form.kind === 'plain' && !chunkedTransfer ? 0 : undefined;
  }
  if (!/^\d{1,15}$/.test(text)) throw new S3Error('InvalidArgument', `${name} is not a length.`);
  const length = Number(text);
  if (length > MAX_PAYLOAD_BYTES) throw new S3Error('EntityTooLarge');
  return length;
}
