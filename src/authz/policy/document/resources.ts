// Resource texts: their form, and for bucket policies whether they fit the bucket and the actions.
import type { Dialect } from '../dialect/dialect.ts';
import { matchesWildcard } from '../match/wildcard.ts';
import type { StatementService } from '../policy.ts';
import type { ActionEntries } from './actions.ts';
import type { StatementContext } from './statement-context.ts';

const S3_PREFIX = 'arn:aws:s3:::';
const KMS_PREFIX = 'arn:minio:kms:::';

/** The pattern after the ARN's prefix; undefined when the text is no resource of the dialect. */
export function resourcePattern(text: string, dialect: Dialect, service: StatementService): string | undefined {
  if (dialect.starResource && text.startsWith('*')) return text === '*' ? '*' : text.slice(1);
  if (service === 'kms') {
    if (!text.startsWith(KMS_PREFIX)) return undefined;
    const name = text.slice(KMS_PREFIX.length);
    return /[/\\.]/.test(name) ? undefined : name;
  }
  const prefix = [S3_PREFIX, ...(dialect.starResource && service !== 's3' ? [KMS_PREFIX] : [])].find((p) =>
    text.startsWith(p),
  );
  if (prefix === undefined) return undefined;
  const pattern = text.slice(prefix.length);
  if (pattern.startsWith('/')) return undefined;
  return pattern === '' && !dialect.starResource ? undefined : pattern;
}

/** Bucket policies: each resource lies in the bucket, and each kind of action has a resource of its kind. */
export function checkBucketResources(
  patterns: readonly string[],
  actions: ActionEntries,
  element: string,
  context: StatementContext,
): void {
  const { bucket, dialect, issues, path } = context;
  patterns.forEach((pattern, i) => {
    if (bucket === undefined || liesIn(pattern, bucket, dialect)) return;
    issues.push({
      code: 'ResourceOutsideBucket',
      path: `${path}.${element}[${i}]`,
      message: `the policy of the bucket ${bucket} cannot speak of ${JSON.stringify(pattern)}`,
    });
  });
  const hasObject = patterns.some((pattern) => isObjectPattern(pattern, dialect));
  const hasBucket = patterns.some((pattern) => !pattern.includes('/') || (dialect.starResource && pattern === '*'));
  const lacking = actions.classes.some((kind) => kind === 'object' && !hasObject)
    ? 'an object action needs a resource of objects (…/*)'
    : actions.classes.some((kind) => kind === 'bucket' && !hasBucket)
      ? 'a bucket action needs the bucket itself as a resource'
      : actions.classes.some((kind) => kind === 'both' && !hasObject && !hasBucket)
        ? 'no resource fits the actions'
        : undefined;
  if (lacking !== undefined) {
    issues.push({ code: 'ResourceDoesNotFitAction', path: `${path}.${element}`, message: lacking });
  }
}

function isObjectPattern(pattern: string, dialect: Dialect): boolean {
  return pattern.includes('/') || (dialect.starResource ? pattern : (pattern.split('/')[0] as string)).includes('*');
}

function liesIn(pattern: string, bucket: string, dialect: Dialect): boolean {
  const head = pattern.split('/', 1)[0] as string;
  if (!dialect.starResource) return matchesWildcard(head, bucket, 'codePoint');
  return matchesWildcard(pattern, bucket, 'byte') || reachesInto(pattern, `${bucket}/`);
}

/** True when a pattern can match something below the prefix: it agrees with it up to its first '*'. */
function reachesInto(pattern: string, prefix: string): boolean {
  for (let i = 0; i < prefix.length; i++) {
    if (pattern[i] === '*') return true;
    if (pattern[i] !== '?' && pattern[i] !== prefix[i]) return false;
  }
  return true;
}
