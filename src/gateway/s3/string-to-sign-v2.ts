// The text that Signature Version 2 signs, rebuilt from what arrived.
// AWS: "Signing and authenticating REST requests" (the older scheme).
import type { RequestHeaders } from './request-headers.ts';
import type { RequestTarget } from './request-target.ts';

/** Parameters that are part of the signed resource. */
const SIGNED_PARAMETERS: ReadonlySet<string> = new Set([
  'accelerate',
  'acl',
  'analytics',
  'cors',
  'delete',
  'encryption',
  'inventory',
  'legal-hold',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'partNumber',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'replication',
  'requestPayment',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'restore',
  'retention',
  'select',
  'select-type',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
]);

/**
 * @param expires the Expires parameter of a signed URL, which stands in the date's place; undefined for a signed header, where
 *   x-amz-date makes the date's line empty
 */
export function stringToSignV2(
  method: string,
  target: RequestTarget,
  headers: RequestHeaders,
  expires: string | undefined,
): string {
  const date = expires ?? (headers.signed('x-amz-date') === undefined ? (headers.signed('date') ?? '') : '');
  const amzHeaders = [...headers.values.keys()]
    .filter((name) => name.startsWith('x-amz-'))
    .sort()
    .map((name) => `${name}:${headers.signed(name) ?? ''}\n`);
  return [
    method,
    headers.signed('content-md5') ?? '',
    headers.signed('content-type') ?? '',
    date,
    `${amzHeaders.join('')}${canonicalResource(target)}`,
  ].join('\n');
}

/**
 * The same text with the other spelling of a bucket's resource, '/bucket' or '/bucket/': clients sign either, whatever they send.
 * '' for other resources.
 */
export function alternativeStringToSignV2(text: string, target: RequestTarget): string {
  if (target.bucket === undefined || target.key !== undefined || target.virtualHost) return '';
  const at = text.lastIndexOf('\n') + 1;
  const resource = text.slice(at);
  const path = resource.split('?', 1)[0] ?? '';
  const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
  return `${text.slice(0, at)}${other}${resource.slice(path.length)}`;
}

function canonicalResource(target: RequestTarget): string {
  const path = target.virtualHost ? `/${target.bucket ?? ''}${target.rawPath}` : target.rawPath;
  const parameters = target.query
    .filter(({ name }) => SIGNED_PARAMETERS.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ name, value }) => (value === '' ? name : `${name}=${value}`));
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`;
}
