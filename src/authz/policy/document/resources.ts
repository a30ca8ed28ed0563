// Resource texts about paths in buckets: their form, and for bucket policies whether they fit the bucket and the actions.
import type { PathGrammar } from '../dialect/dialect.ts';
import { matchesWildcard } from '../match/wildcard.ts';
import type { StatementService } from '../policy.ts';
import type { ActionEntries } from './actions.ts';
import type { StatementContext } from './statement-context.ts';

type Context = StatementContext<PathGrammar>;

const S3_PREFIX = 'arn:aws:s3:::';
const KMS_PREFIX = 'arn:minio:kms:::';

/** The pattern after the ARN's prefix; undefined when the text is no resource of the dialect for the service. */
export function resourcePattern(
  text: string,
  service: StatementService,
  bucketScoped: boolean,
  { grammar, fresh, strict }: Context,
): string | undefined {
  if (grammar.starResource && text.startsWith('*')) return text === '*' ? '*' : text.slice(1);
  const prefix = text.startsWith(S3_PREFIX)
    ? S3_PREFIX
    : grammar.starResource && text.startsWith(KMS_PREFIX)
      ? KMS_PREFIX
      : undefined;
  if (prefix === undefined) return undefined;
  // Which kind of ARN fits is not looked at for administration and tokens, but in new documents about one bucket.
  const kind = prefix === KMS_PREFIX ? 'kms' : 's3';
  const needed = service === 'kms' || service === 's3' ? service : bucketScoped && fresh === true ? 's3' : kind;
  if (kind !== needed) return undefined;
  const pattern = text.slice(prefix.length);
  if (pattern.startsWith('/')) return undefined;
  const checksName = service === 'kms' || (kind === 'kms' && (fresh === true || strict === true));
  if (checksName && /[/\\.]/.test(pattern)) return undefined;
  return pattern === '' && (!grammar.starResource || fresh === true) ? undefined : pattern;
}

/** Bucket policies: each resource lies in the bucket, and each kind of action has a resource of its kind. */
export function checkBucketResources(
  patterns: readonly string[],
  actions: ActionEntries,
  element: string,
  context: Context,
): void {
  const { bucket, grammar, issues, path } = context;
  patterns.forEach((pattern, i) => {
    if (bucket === undefined || liesIn(pattern, bucket, grammar)) return;
    issues.push({
      code: 'ResourceOutsideBucket',
      path: `${path}.${element}[${i}]`,
      message: `the policy of the bucket ${bucket} cannot speak of ${JSON.stringify(pattern)}`,
    });
  });
  const hasObject = patterns.some((pattern) => isObjectPattern(pattern, grammar));
  const hasBucket = patterns.some((pattern) => !pattern.includes('/') || (grammar.starResource && pattern === '*'));
  const lacking = actions.classes.some((kind) => kind === 'object' && !hasObject)
    ? 'an object action needs a resource of objects (…/*)'
    : actions.classes.some((kind) => kind === 'bucket' && !hasBucket)
      ? 'a bucket action needs the bucket itself as a resource'
      : undefined;
  if (lacking !== undefined) {
    issues.push({ code: 'ResourceDoesNotFitAction', path: `${path}.${element}`, message: lacking });
  }
}

function isObjectPattern(pattern: string, grammar: PathGrammar): boolean {
  return pattern.includes('/') || (grammar.starResource ? pattern : (pattern.split('/')[0] as string)).includes('*');
}

function liesIn(pattern: string, bucket: string, grammar: PathGrammar): boolean {
  const head = pattern.split('/', 1)[0] as string;
  if (!grammar.starResource) return matchesWildcard(head, bucket, 'codePoint');
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
