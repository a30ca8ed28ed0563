// Makes presigned URLs (Signature Version 4 in the query string), with the secret that the service holds.
// AWS: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
import { encodePart } from './canonical-request.ts';
import { hmacHex, scopeText, sha256Hex, signingKey } from './signing-key.ts';
import { formatBasicTime } from './timestamp.ts';

export interface PresignOptions {
  readonly method: 'GET' | 'PUT';
  readonly scheme: 'http' | 'https';
  readonly host: string; // as the client will write it, with the port
  readonly path: string; // decoded; `/bucket/key`
  /** Further parameters, decoded. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string | undefined;
  readonly region: string;
  readonly expiresSeconds: number; // 1 to 604,800
  readonly nowMs: number;
}

/** The URL, signed for its host. */
export function presignUrl(options: PresignOptions): string {
  const { method, scheme, host, accessKey, secretKey, sessionToken, region, nowMs } = options;
  const time = formatBasicTime(nowMs);
  const scope = { date: time.slice(0, 8), region, service: 's3' };
  const path = options.path.split('/').map(encodePart).join('/');
  const parameters: [string, string][] = [
    ...options.query.map(([name, value]): [string, string] => [name, value]),
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${accessKey}/${scopeText(scope)}`],
    ['X-Amz-Date', time],
    ['X-Amz-Expires', String(options.expiresSeconds)],
    ['X-Amz-SignedHeaders', 'host'],
    ...(sessionToken === undefined ? [] : [['X-Amz-Security-Token', sessionToken] as [string, string]]),
  ];
  const query = parameters
    .map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`)
    .sort()
    .join('&');
  const canonical = [method, path, query, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const stringToSign = ['AWS4-HMAC-SHA256', time, scopeText(scope), sha256Hex(canonical)].join('\n');
  const signature = hmacHex(signingKey(accessKey, secretKey, scope), stringToSign);
  return `${scheme}://${host}${path}?${query}&X-Amz-Signature=${signature}`;
}
