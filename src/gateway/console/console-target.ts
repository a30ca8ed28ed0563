// Tells a browser's requests for the console from S3's, and what each of them is for. Pure.
// JuiceFS: a browser (User-Agent with "Mozilla") at `/` is sent to `/minio/`, where the web interface is.

/** Where the console lives; no bucket can have this name. */
export const CONSOLE_ROOT = '/minio/';
const SIDECAR_PREFIX = '/minio/console/api/';
const ADMIN_PREFIX = '/minio/console/admin/';
const S3_PREFIX = '/minio/console/s3/';
/** Where an identity provider sends browsers back to; the second as MinIO's console has it, which no bucket's name can be. */
const CALLBACKS: ReadonlySet<string> = new Set(['/minio/oauth_callback', '/oauth_callback']);
const ZIP_PREFIX = '/minio/console/zip/';
/** Paths below CONSOLE_ROOT that are not the console's. */
const OTHERS = /^\/minio\/(?:admin|health|v2|prometheus|metrics|peer|storage|lock)(?:\/|$)/;

export type ConsoleTarget =
  | { readonly kind: 'redirect'; readonly location: string }
  /** A built file; `path` is below the folder of them, without a leading slash; '' = the page itself. */
  | { readonly kind: 'file'; readonly path: string }
  /** A call that the sidecar answers, under this URL. */
  | { readonly kind: 'sidecar'; readonly url: string }
  /** An S3 request of the session's user, under this URL. */
  | { readonly kind: 's3'; readonly url: string }
  | { readonly kind: 'zip'; readonly bucket: string; readonly query: string }
  /** The web interface is for browsers. */
  | { readonly kind: 'not-a-browser' };

export interface ConsoleRequest {
  readonly method: string;
  /** Raw, with its query. */
  readonly url: string;
  readonly userAgent: string;
  readonly isAuthorized: boolean; // an Authorization header is there
}

/** What a request is to the console; undefined when it is not the console's. */
export function consoleTarget({ method, url, userAgent, isAuthorized }: ConsoleRequest): ConsoleTarget | undefined {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark);
  const isRead = method === 'GET' || method === 'HEAD';
  const isBrowser = userAgent.includes('Mozilla');
  if (path === '/' || path === '/minio') {
    const isPlain = isRead && isBrowser && !isAuthorized && query === '';
    return isPlain ? { kind: 'redirect', location: CONSOLE_ROOT } : undefined;
  }
  if (CALLBACKS.has(path) && isRead && isBrowser && !isAuthorized && /[?&]state=/.test(query)) {
    return { kind: 'file', path: '' };
  }
  if (!path.startsWith(CONSOLE_ROOT) || OTHERS.test(path)) return undefined;
  if (path.startsWith(SIDECAR_PREFIX)) return { kind: 'sidecar', url };
  if (path.startsWith(ADMIN_PREFIX)) {
    return { kind: 'sidecar', url: `/minio/admin/v3/${path.slice(ADMIN_PREFIX.length)}${query}` };
  }
  if (path.startsWith(S3_PREFIX)) return { kind: 's3', url: `/${path.slice(S3_PREFIX.length)}${query}` };
  if (path.startsWith(ZIP_PREFIX)) {
    return { kind: 'zip', bucket: path.slice(ZIP_PREFIX.length), query: query.slice(1) };
  }
  if (!isBrowser) return { kind: 'not-a-browser' };
  return isRead ? { kind: 'file', path: path.slice(CONSOLE_ROOT.length) } : undefined;
}
