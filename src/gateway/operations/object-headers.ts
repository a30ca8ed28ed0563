// The headers that describe an object in the answers of GetObject and HeadObject.
import type { ExistingFile } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { GatewayFeatures, GrantedPrincipal } from '../s3/operation.ts';
import { guessContentType } from './content-type.ts';
import { headerOfText, storedEtag, storedMetadata, storedTags, USER_METADATA_PREFIX } from './object-attributes.ts';
import { parseStoredTags } from './tag-set.ts';
import { httpDate } from './timestamps.ts';

/** AWS: query parameters that replace a header of the answer. */
const OVERRIDES: ReadonlyMap<string, string> = new Map([
  ['response-cache-control', 'cache-control'],
  ['response-content-disposition', 'content-disposition'],
  ['response-content-encoding', 'content-encoding'],
  ['response-content-language', 'content-language'],
  ['response-content-type', 'content-type'],
  ['response-expires', 'expires'],
]);

/** The overrides of a request. Throws InvalidRequest when an anonymous caller asks for any. */
export function responseOverrides(
  query: ReadonlyMap<string, string>,
  principal: GrantedPrincipal,
): Readonly<Record<string, string>> {
  const overrides: Record<string, string> = {};
  for (const [parameter, header] of OVERRIDES) {
    const value = query.get(parameter);
    if (value === undefined) continue;
    if (principal.type === 'Anonymous') {
      throw new S3Error('InvalidRequest', 'Anonymous requests cannot use response header overrides.');
    }
    overrides[header] = value;
  }
  return overrides;
}

/** The headers of an object: type, validators, metadata, number of tags. No length, no range. */
export function objectHeaders(existing: ExistingFile, key: string, features: GatewayFeatures): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': guessContentType(key) };
  for (const [name, value] of Object.entries(storedMetadata(existing.xattrs))) {
    if (name.startsWith(USER_METADATA_PREFIX) ? features.objectMeta : value !== '') headers[name] = headerOfText(value);
  }
  const tagCount = parseStoredTags(storedTags(existing.xattrs, features)).length;
  if (tagCount > 0) headers['x-amz-tagging-count'] = String(tagCount);
  return { ...headers, ...validatorHeaders(existing, features), 'accept-ranges': 'bytes' };
}

/** ETag (when one is kept) and Last-Modified; all that a 304 says. */
export function validatorHeaders(existing: ExistingFile, features: GatewayFeatures): Record<string, string> {
  const etag = existing.attributes.type === 'directory' ? undefined : storedEtag(existing.xattrs, features);
  return {
    ...(etag === undefined ? {} : { etag: `"${etag}"` }),
    'last-modified': httpDate(existing.attributes.mtimeNs),
  };
}
