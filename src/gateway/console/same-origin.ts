// Whether a request comes from the console's own page. The session's cookie is sent by the browser, whoever makes it send: what
// another site, a sandboxed document or a stray form starts is refused here, besides the cookie's own SameSite=Strict.
import type { IncomingHttpHeaders } from 'node:http';

/** A header that the console's page sets and no form or link can. */
export const CONSOLE_HEADER = 'x-portcullis-console';

/** True when the console's page, or (to read) the person at the browser, made the request. */
export function isFromConsole(method: string, headers: IncomingHttpHeaders): boolean {
  const isRead = method === 'GET' || method === 'HEAD';
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && !(isRead && site === 'none')) return false;
  const { origin, host } = headers;
  // Documents without an origin of their own say "null".
  if (origin !== undefined && !isOriginOf(origin, host)) return false;
  return isRead || headers[CONSOLE_HEADER] !== undefined;
}

function isOriginOf(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
