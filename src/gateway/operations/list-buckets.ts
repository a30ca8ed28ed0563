// ListBuckets: all buckets to those who may list all, else those that the caller may list.
import type { Attributes } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import { type BucketName, isBucketName, parseBucketName } from '../s3/object-name.ts';
import { defineOperation, type OperationContext } from '../s3/operation.ts';
import { element, optionalElement, xmlDocument } from '../s3/xml.ts';
import { continuationToken, parseContinuationToken } from './continuation-token.ts';
import { parseCount, xmlReply } from './listing.ts';
import { ownerElement } from './owner.ts';
import { isoDate } from './timestamps.ts';

/** AWS: buckets of one page. */
const MAX_BUCKETS = 10_000;

interface Bucket {
  readonly name: BucketName;
  readonly attributes: Attributes;
}

export const listBuckets = defineOperation({
  name: 'ListBuckets',
  match: { method: 'GET', target: 'service' },
  body: 'none',
  ask: 'each',
  parse: ({ query }) => ({
    prefix: query.get('prefix') ?? '',
    maxBuckets: parseCount(query, 'max-buckets', MAX_BUCKETS),
    after: query.has('continuation-token') ? parseContinuationToken(query.get('continuation-token') ?? '') : '',
  }),
  questions: () => [{ action: 's3:ListAllMyBuckets' }],
  async handle(grant, context) {
    const mayListAll = grant.allowed[0] === true;
    // MinIO: never for anonymous callers, whatever is public
    if (!mayListAll && grant.principal.type === 'Anonymous') throw new S3Error('AccessDenied');
    if (grant.denied[0] === true) throw grant.refusals[0] ?? new S3Error('AccessDenied');
    const all = await buckets(context);
    const visible = mayListAll ? all : await visibleBuckets(grant, all);
    if (!mayListAll && visible.length === 0) throw grant.refusals[0] ?? new S3Error('AccessDenied');
    const { prefix, maxBuckets, after } = grant.input;
    const wanted = visible.filter(({ name }) => name > after && name.startsWith(prefix));
    const page = wanted.slice(0, maxBuckets);
    const last = wanted.length > page.length ? page.at(-1) : undefined;
    return xmlReply(
      xmlDocument(
        'ListAllMyBucketsResult',
        ownerElement('Owner', grant.principal.user),
        optionalElement('ContinuationToken', last === undefined ? undefined : continuationToken(last.name)),
        optionalElement('Prefix', prefix === '' ? undefined : prefix),
        element(
          'Buckets',
          page.map(({ name, attributes }) =>
            element('Bucket', element('Name', name), element('CreationDate', creationDate(attributes))),
          ),
        ),
      ),
    );
  },
});

/** JuiceFS: the access time of the bucket's directory, in whole seconds. */
function creationDate(attributes: Attributes): string {
  return isoDate((attributes.atimeNs / 1_000_000_000n) * 1_000_000_000n);
}

async function buckets({ volume, features }: OperationContext): Promise<readonly Bucket[]> {
  if (!features.multiBuckets) {
    return [{ name: parseBucketName(features.singleBucket), attributes: await volume.stat([]) }];
  }
  const found: Bucket[] = [];
  for await (const { name, attributes } of volume.list([])) {
    if (attributes.type === 'directory' && isBucketName(name)) found.push({ name: parseBucketName(name), attributes });
  }
  // the volume lists 'a-b' before 'a/'; names alone sort otherwise
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function visibleBuckets(
  grant: { decideEach(questions: readonly { action: string; bucket: BucketName }[]): Promise<readonly boolean[]> },
  all: readonly Bucket[],
): Promise<readonly Bucket[]> {
  if (all.length === 0) return [];
  const allowed = await grant.decideEach(all.map(({ name }) => ({ action: 's3:ListBucket', bucket: name })));
  return all.filter((_, i) => allowed[i] === true);
}
