// The cookie that carries a console session, turned into the credentials that the request presents.

/** As the sidecar sets them: the session, and a sign-in at an identity provider that is under way. */
const SESSION = 'portcullis-console';
const SIGN_IN = 'portcullis-sign-in';
const REPLACED: ReadonlySet<string> = new Set(['cookie', 'authorization']);

/** The cookies of a browser that are the console's. */
export interface ConsoleCookies {
  /** The session's token; undefined when there is none. */
  readonly token: string | undefined;
  /** The cookie of a sign-in under way, whole, for the sidecar to read. */
  readonly signIn: string | undefined;
}

/**
 * Reads a `Cookie` header. Over TLS only cookies whose names begin with `__Host-` count: others may have been planted by a neighbour of
 * the same domain, or on the way.
 */
export function consoleCookies(header: string | undefined, secure: boolean): ConsoleCookies {
  const prefix = secure ? '__Host-' : '';
  const found = new Map<string, string>();
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, equals)).trim();
    if (equals > 0 && !found.has(name)) found.set(name, pair.slice(equals + 1).trim());
  }
  const token = found.get(`${prefix}${SESSION}`) ?? '';
  const signIn = found.get(`${prefix}${SIGN_IN}`) ?? '';
  return {
    token: /^[A-Za-z0-9_-]{1,2048}$/.test(token) ? token : undefined,
    signIn: /^[A-Za-z0-9_-]{1,4096}$/.test(signIn) ? `${prefix}${SIGN_IN}=${signIn}` : undefined,
  };
}

/** Raw headers with the token as bearer credentials, and without what else might pass for credentials. */
export function withBearer(rawHeaders: readonly string[], token: string | undefined): string[] {
  const headers: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!REPLACED.has(name.toLowerCase())) headers.push(name, rawHeaders[index + 1] as string);
  }
  if (token !== undefined) headers.push('Authorization', `Bearer ${token}`);
  return headers;
}
