// Reads the request line's target, once, from the raw text: the path and the query, what they mean and how a client signed
// them. Nothing is normalised: '//' , '.' and '..' stay, and names.ts refuses what cannot be a name.
import { bytesOfText, textOfBytes } from '../../juicefs/raw-text.ts';
import { S3Error } from './errors.ts';

/** One query parameter, in the order sent. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

export interface RequestTarget {
  /** The path as it stood in the request line. */
  readonly rawPath: string;
  /** The path as Signature V4 signs it for S3: decoded once, then every byte encoded but the unreserved ones and '/'. */
  readonly canonicalPath: string;
  readonly query: readonly QueryParameter[];
  /** The bucket's text, decoded and unchecked; undefined for the service itself. */
  readonly bucket: string | undefined;
  /** The key's text, decoded and unchecked; undefined when there is none. */
  readonly key: string | undefined;
  /** True when the bucket came from the host name. */
  readonly virtualHost: boolean;
}

/** Most parameters in a query. */
export const MAX_QUERY_PARAMETERS = 256;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @param rawUrl the target of the request line, origin form ('/bucket/key?query'); others are refused
 * @param host the Host header, with or without a port
 * @param domains domains of virtual-host style requests, without a leading dot
 */
export function parseRequestTarget(rawUrl: string, host: string, domains: readonly string[]): RequestTarget {
  if (!rawUrl.startsWith('/') || rawUrl.includes('#')) throw new S3Error('InvalidURI');
  const mark = rawUrl.indexOf('?');
  const rawPath = mark < 0 ? rawUrl : rawUrl.slice(0, mark);
  const path = percentDecode(rawPath);
  const query = mark < 0 ? [] : parseQuery(rawUrl.slice(mark + 1));
  const hostBucket = bucketOfHost(host, domains);
  const rest = path.slice(1);
  const slash = hostBucket === undefined ? rest.indexOf('/') : -1;
  const bucket = hostBucket ?? (rest === '' ? undefined : slash < 0 ? rest : rest.slice(0, slash));
  const keyText = hostBucket !== undefined ? rest : slash < 0 ? '' : rest.slice(slash + 1);
  return {
    rawPath,
    canonicalPath: encodePath(path),
    query,
    bucket,
    key: keyText === '' ? undefined : keyText,
    virtualHost: hostBucket !== undefined,
  };
}

/** Parameters that name a place among keys that another client may have made, and that a listing gave: any bytes. */
const PLACES: ReadonlySet<string> = new Set(['marker', 'key-marker', 'start-after']);

/** Decodes %XX once; strict about escapes, and about UTF-8 unless strays are kept. '+' is literal. Throws InvalidURI. */
export function percentDecode(text: string, strays: 'refused' | 'kept' = 'refused'): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: asks for plain ASCII, which needs no decoding
  if (/^[\x00-\x24\x26-\x7f]*$/.test(text)) return text;
  if (/%(?![0-9a-fA-F]{2})/.test(text))
    throw new S3Error('InvalidURI', 'The URI holds a percent sign that escapes nothing.');
  // Node hands the request line over as Latin-1: one character a byte.
  const bytes = Buffer.from(
    text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  if (strays === 'kept') return textOfBytes(bytes);
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new S3Error('InvalidURI', 'The URI is not UTF-8.', { cause });
  }
}

/** Encodes every byte but A-Z a-z 0-9 - . _ ~, as Signature V4 wants it. */
export function encodeComponent(text: string): string {
  if (!text.isWellFormed()) return encodeBytes(bytesOfText(text) ?? Buffer.from(text));
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function encodeBytes(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(
      /[^A-Za-z0-9\-._~]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
}

function encodePath(path: string): string {
  return encodeComponent(path).replaceAll('%2F', '/');
}

/** Names and values are form-decoded: '+' is a space. Parameters without a name are left out of nothing: they stay. */
function parseQuery(text: string): QueryParameter[] {
  if (text === '') return [];
  const pairs = text.split('&').filter((pair) => pair !== '');
  if (pairs.length > MAX_QUERY_PARAMETERS) throw new S3Error('InvalidURI', 'The URI has too many parameters.');
  return pairs.map((pair) => {
    const equals = pair.indexOf('=');
    const name = percentDecode((equals < 0 ? pair : pair.slice(0, equals)).replaceAll('+', ' '));
    const value = (equals < 0 ? '' : pair.slice(equals + 1)).replaceAll('+', ' ');
    return { name, value: percentDecode(value, PLACES.has(name) ? 'kept' : 'refused') };
  });
}

/** The bucket that a host name holds in front of one of the domains; undefined for path style. */
export function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  if (domains.length === 0) return undefined;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const domain = domains.find((candidate) => name.endsWith(`.${candidate.toLowerCase()}`));
  return domain === undefined ? undefined : name.slice(0, -domain.length - 1);
}
