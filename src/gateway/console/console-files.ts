// The console's built files: read once, kept in memory, plain and compressed, and sent with headers that keep strangers' content
// from becoming part of the page.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** No script but the built ones, no other host, no frame around the page. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "frame-src 'self' blob:",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // To no other host; to its own, so that a form of the page tells where it comes from (Fetch Standard, the Origin header).
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

interface BuiltFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly brotli: Buffer;
}

const PAGE = 'index.html';

export class ConsoleFiles {
  readonly #files: ReadonlyMap<string, BuiltFile>;

  /** Reads all files below a folder. Throws when it is not there. */
  constructor(folder: string) {
    this.#files = new Map(pathsBelow(folder).map((path) => [relative(folder, path).split(sep).join('/'), read(path)]));
    if (!this.#files.has(PAGE)) throw new Error(`the console is not built: ${join(folder, PAGE)} is missing`);
  }

  /** Answers with a file, or 404. '' is the page. */
  send(request: IncomingMessage, response: ServerResponse, path: string): void {
    const name = path === '' || path === 'login' ? PAGE : path;
    const file = this.#files.get(name);
    if (file === undefined) {
      response.writeHead(404, { ...PAGE_HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end('Not found\n');
      return;
    }
    // The names of all files but the page's change with their content.
    const lasts = name !== PAGE && name.startsWith('assets/');
    const headers = {
      ...PAGE_HEADERS,
      'content-type': file.type,
      'cache-control': lasts ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: file.etag,
      vary: 'Accept-Encoding',
    };
    if (request.headers['if-none-match'] === file.etag) {
      response.writeHead(304, headers).end();
      return;
    }
    const [encoding, body] = encodedFor(request, file);
    response.writeHead(200, { ...headers, ...encoding, 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}

function encodedFor(request: IncomingMessage, file: BuiltFile): [Record<string, string>, Buffer] {
  const accepted = String(request.headers['accept-encoding'] ?? '');
  if (/\bbr\b/.test(accepted)) return [{ 'content-encoding': 'br' }, file.brotli];
  if (/\bgzip\b/.test(accepted)) return [{ 'content-encoding': 'gzip' }, file.gzip];
  return [{}, file.plain];
}

function pathsBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? pathsBelow(path) : [path];
  });
}

function read(path: string): BuiltFile {
  const plain = readFileSync(path);
  return {
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(plain).digest('hex').slice(0, 32)}"`,
    plain,
    gzip: gzipSync(plain, { level: 9 }),
    brotli: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  };
}
