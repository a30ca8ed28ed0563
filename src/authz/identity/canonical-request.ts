// Reads the canonical request of Signature Version 4 back into its parts. Every fact that is trusted about a signed request
// comes out of this text, because this text is what the signature covers.

/** Largest canonical request that is read. */
export const MAX_CANONICAL_BYTES = 256 * 1024;

export interface CanonicalRequest {
  readonly method: string;
  readonly path: string;
  /** As signed: sorted, percent-encoded. */
  readonly query: string;
  /** The signed headers, lower-case names, in order. */
  readonly headers: ReadonlyMap<string, string>;
  /** The list of signed headers, as it stands in the text. */
  readonly signedHeaders: string;
  /** The last line: a SHA-256 in hex, or one of S3's words for a payload that is not hashed as a whole. */
  readonly payloadHash: string;
}

/**
 * Reads METHOD, path, query, one line a signed header, an empty line, the list, the payload hash. The header lines must be
 * exactly the ones the list names, in its order, so that there is one way to read a text. Undefined when it is anything else.
 */
export function parseCanonicalRequest(bytes: Uint8Array): CanonicalRequest | undefined {
  if (bytes.byteLength > MAX_CANONICAL_BYTES) return undefined;
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').split('\n');
  if (lines.length < 7) return undefined;
  const [method, path, query] = lines as [string, string, string];
  const [blank, signedHeaders, payloadHash] = lines.slice(-3) as [string, string, string];
  if (method === '' || !path.startsWith('/') || blank !== '' || payloadHash === '') return undefined;
  const names = signedHeaders.split(';');
  const headerLines = lines.slice(3, -3);
  if (names.length !== headerLines.length) return undefined;
  const headers = new Map<string, string>();
  let previous = '';
  for (const [index, name] of names.entries()) {
    const line = headerLines[index] as string;
    if (name <= previous || name !== name.toLowerCase() || !line.startsWith(`${name}:`)) return undefined;
    headers.set(name, line.slice(name.length + 1));
    previous = name;
  }
  return { method, path, query, headers, signedHeaders, payloadHash };
}

/** The parameters of a canonical query. Undefined when one of them is given twice or is not percent-encoded UTF-8. */
export function parseCanonicalQuery(query: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>();
  if (query === '') return parameters;
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const name = decodePart(at < 0 ? pair : pair.slice(0, at));
    const value = decodePart(at < 0 ? '' : pair.slice(at + 1));
    if (name === undefined || value === undefined) return undefined;
    // Only what this service reads has to be unambiguous.
    if (parameters.has(name) && /^x-amz-/i.test(name)) return undefined;
    parameters.set(name, value);
  }
  return parameters;
}

/** RFC 3986: every byte of the UTF-8 text encoded but the unreserved ones. */
export function encodePart(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Percent-decodes a part of a query; undefined when it is malformed. */
export function decodePart(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
