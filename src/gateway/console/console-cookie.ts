// The cookie that carries a console session, turned into the credentials that the request presents.

/** As the sidecar sets it when somebody signs in. */
const COOKIE = 'portcullis-console';
const REPLACED: ReadonlySet<string> = new Set(['cookie', 'authorization']);

/** The session's token; undefined when there is none. */
export function consoleToken(cookieHeader: string | undefined): string | undefined {
  for (const pair of (cookieHeader ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === COOKIE) {
      const token = pair.slice(equals + 1).trim();
      return /^[A-Za-z0-9_-]{1,128}$/.test(token) ? token : undefined;
    }
  }
  return undefined;
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
