// The cookies of the console: scripts cannot read them and other sites cannot send them. Over TLS their names begin with `__Host-`, which
// no other host and no unencrypted answer can set; over plain HTTP no browser would take such a name, and their path is the console's own.

/** The session, and a sign-in at an issuer that is under way. */
export const SESSION_COOKIE = 'portcullis-console';
export const SIGN_IN_COOKIE = 'portcullis-sign-in';
const PLAIN_PATH = '/minio/';

/** A `Set-Cookie` value. '' as value with lifetime 0 removes the cookie. */
export function setCookie(name: string, value: string, lifeMs: number, secure: boolean): string {
  return [
    `${secure ? '__Host-' : ''}${name}=${value}`,
    `Path=${secure ? '/' : PLAIN_PATH}`,
    `Max-Age=${Math.floor(lifeMs / 1000)}`,
    'HttpOnly',
    'SameSite=Strict',
    ...(secure ? ['Secure'] : []),
  ].join('; ');
}

/** The value of a cookie in a `Cookie` header; undefined when it is not there. */
export function readCookie(header: string | undefined, name: string, secure: boolean): string | undefined {
  const wanted = `${secure ? '__Host-' : ''}${name}`;
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === wanted) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
