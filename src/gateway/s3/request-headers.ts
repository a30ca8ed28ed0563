// The headers of a request, read once out of the raw list: what they mean (UTF-8), and their text as a client signed it.
import { S3Error } from './errors.ts';

export interface RequestHeaders {
  /** Lower-case names; several of one name joined by ','. UTF-8 where the bytes are, Latin-1 otherwise. */
  readonly values: ReadonlyMap<string, string>;
  /**
   * The value as signatures cover it: each one trimmed, runs of blanks made one, joined by ','. One character a byte.
   * Undefined when the header is absent.
   */
  signed(name: string): string | undefined;
}

/** Headers that say one thing; two of them would let two readers read differently. */
const SINGLE_VALUED: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-md5',
  'content-type',
  'expect',
  'host',
  'range',
  'transfer-encoding',
  'x-amz-content-sha256',
  'x-amz-copy-source',
  'x-amz-copy-source-range',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-security-token',
  'x-amz-trailer',
]);

/** Most bytes of all header names and values together. AWS: "RequestHeaderSectionTooLarge". */
export const MAX_HEADER_BYTES = 8 * 1024;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Throws InvalidRequest, RequestHeaderSectionTooLarge.
 * @param raw names and values in turn, as `IncomingMessage.rawHeaders` has them
 */
export function readRequestHeaders(raw: readonly string[]): RequestHeaders {
  const bytes = new Map<string, string[]>();
  let size = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const value = raw[i + 1] as string;
    size += name.length + value.length;
    const before = bytes.get(name);
    if (before === undefined) bytes.set(name, [value]);
    else if (SINGLE_VALUED.has(name))
      throw new S3Error('InvalidRequest', `The header ${name} was sent more than once.`);
    else before.push(value);
  }
  if (size > MAX_HEADER_BYTES) {
    throw new S3Error('RequestHeaderSectionTooLarge', undefined, {
      fields: { MaxSizeAllowed: String(MAX_HEADER_BYTES) },
    });
  }
  const values = new Map<string, string>();
  for (const [name, list] of bytes) values.set(name, decodeHeader(list.map((value) => value.trim()).join(',')));
  return {
    values,
    signed: (name) => bytes.get(name)?.map(collapse).join(','),
  };
}

function collapse(value: string): string {
  return value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '');
}

/** Node hands header bytes over as Latin-1; clients send UTF-8. */
function decodeHeader(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  try {
    return UTF8.decode(Buffer.from(value, 'latin1'));
  } catch (error) {
    if (error instanceof TypeError) return value;
    throw error;
  }
}
