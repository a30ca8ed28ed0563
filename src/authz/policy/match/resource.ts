// The resource of a request against the patterns of a statement.
import type { KeySpace } from '../condition/key-space.ts';
import type { Dialect } from '../dialect/dialect.ts';
import type { CompiledResource, CompiledStatement } from '../policy.ts';
import { fillTemplate } from './template.ts';
import { matchesWildcard } from './wildcard.ts';

/** The texts that patterns are held against. */
export interface ResourceText {
  readonly raw: string;
  /** `raw` with '.', '..', '//' and a trailing '/' removed; undefined where cleaning does not count. */
  readonly cleaned: string | undefined;
}

/** As identity documents see it: `bucket/object`, and `bucket/` for the bucket itself. */
export function identityResource(bucket: string, object: string): ResourceText {
  const raw = object.startsWith('/') ? bucket + object : `${bucket}/${object}`;
  return { raw, cleaned: cleanPath(raw) };
}

/** As bucket policies see it: `bucket/object`, and `bucket` for the bucket itself. */
export function bucketResource(bucket: string, object: string, dialect: Dialect): ResourceText {
  const raw = object === '' ? bucket : object.startsWith('/') ? bucket + object : `${bucket}/${object}`;
  return { raw, cleaned: dialect.bucketPolicyCleansPath ? cleanPath(raw) : undefined };
}

/** Whether the Resource (or NotResource) of a statement admits the resource; one that does not count admits all. */
export function admitsResource(
  statement: CompiledStatement,
  bucket: string,
  text: ResourceText,
  keys: KeySpace,
  dialect: Dialect,
): boolean {
  // A KMS request that names no key is about the service.
  if (!statement.resourceCounts || (statement.service === 'kms' && bucket === '')) return true;
  return matchesResource(statement.resources, text, keys, dialect) !== statement.negatedResources;
}

/** True when one of the patterns matches. */
function matchesResource(
  resources: readonly CompiledResource[],
  text: ResourceText,
  keys: KeySpace,
  dialect: Dialect,
): boolean {
  return resources.some(({ template }) => {
    const { pattern, literal } = fillTemplate(template, keys.variable, dialect.literalVariables);
    return pattern === text.cleaned || matchesWildcard(pattern, text.raw, dialect.questionMark, literal);
  });
}

/** The shortest equal path: what remains of '.', '..', empty components and a trailing slash. */
export function cleanPath(path: string): string {
  if (path === '') return '.';
  const rooted = path.startsWith('/');
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.length > 0 && out.at(-1) !== '..') out.pop();
    else if (!rooted) out.push(part);
  }
  const joined = out.join('/');
  return rooted ? `/${joined}` : joined === '' ? '.' : joined;
}
