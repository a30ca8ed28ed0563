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
  expiresSeconds: z.int().min(1).max(MAX_EXPIRES_SECONDS),
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
    expiresSeconds,
    nowMs: service.admin.nowMs(),
  });
  return json({ url, expiresAtMs: service.admin.nowMs() + expiresSeconds * 1000 });
}
