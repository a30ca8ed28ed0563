// Links that let whoever has them read one object, or write one, for a while: presigned here, because the secret is here.
import { z } from 'zod';
import { encodePart } from '../../identity/canonical-request.ts';
import { presignUrl } from '../../identity/presign.ts';
import { MAX_EXPIRES_SECONDS } from '../../identity/sigv4.ts';
import type { AdminReply } from '../admin-call.ts';
import { type ConsoleCall, type ConsoleRoute, json } from './console-call.ts';
import { ConsoleRefusal } from './console-refusal.ts';

const Share = z.strictObject({
  method: z.enum(['GET', 'PUT']).default('GET'),
  bucket: z.string().min(1).max(255),
  key: z.string().min(1).max(1_024),
  expiresSeconds: z
    .int()
    .min(1, 'A link has to end later than now.')
    .max(MAX_EXPIRES_SECONDS, 'A link works for seven days at most.'),
  /** What the browser calls the file when it is saved. */
  downloadAs: z.string().min(1).max(255).optional(),
});

export const SHARE_ROUTES: readonly ConsoleRoute[] = [{ method: 'POST', path: 'share', action: '', handle: share }];

function share(call: ConsoleCall): AdminReply {
  const { method, bucket, key, expiresSeconds, downloadAs } = call.body(Share);
  const { service, request, identity } = call;
  const host = request.headers.get('host') ?? '';
  if (!/^[A-Za-z0-9.:[\]_-]{1,255}$/.test(host)) {
    throw new ConsoleRefusal('InvalidRequest', 'The Host header names no host.');
  }
  const { credential } = identity;
  const nowMs = service.admin.nowMs();
  // Nothing that credentials signed is worth more than they are: what is told of the end must be true.
  const lastMs =
    'expiresAtMs' in credential ? (credential.expiresAtMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  const seconds = Math.max(1, Math.min(expiresSeconds, Math.floor((lastMs - nowMs) / 1000)));
  const query: [string, string][] =
    downloadAs === undefined
      ? []
      : [['response-content-disposition', `attachment; filename*=UTF-8''${encodePart(downloadAs)}`]];
  const url = presignUrl({
    method,
    scheme: request.context.secureTransport ? 'https' : 'http',
    host,
    path: `/${bucket}/${key}`,
    query,
    accessKey: credential.accessKey,
    secretKey: credential.secretKey,
    sessionToken: credential.type === 'Session' ? credential.sessionToken : undefined,
    region: service.region,
    expiresSeconds: seconds,
    nowMs,
  });
  return json({ url, expiresAtMs: nowMs + seconds * 1000 });
}
