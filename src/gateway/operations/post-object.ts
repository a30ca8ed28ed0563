// PostObject: a browser's form becomes an object. The policy that the form carries is the sidecar's to check, but for the size of the
// file, which only becomes known here.
import { z } from 'zod';
import { S3Error } from '../s3/errors.ts';
import { formKey } from '../s3/form-fields.ts';
import { parseObjectKey } from '../s3/object-name.ts';
import { defineOperation, type S3Reply, type S3Request } from '../s3/operation.ts';
import { element, XML_PROLOG } from '../s3/xml.ts';
import { bucketOf, requireBucket, requireWritable } from './bucket-access.ts';
import { createdEvent } from './object-events.ts';
import { putPayload } from './put-object.ts';
import { parseTaggingDocument } from './tag-set.ts';
import { parseUploadHeaders, uploadQuestions } from './upload-headers.ts';
import { ANY_SIZE, type SizeRange } from './write-payload.ts';

/** Statuses of success that a form may ask for; with any other it gets 204. */
const SUCCESS_STATUSES: ReadonlySet<string> = new Set(['200', '201', '204']);

function parse(request: S3Request) {
  const { form } = request;
  if (form === undefined) throw new Error('a form upload came without its fields');
  const fields = form.values;
  const key = parseObjectKey(formKey(fields, form.fileName));
  const acl = fields.get('acl');
  // what other uploads say in headers, a form says in fields
  const headers = new Map([...fields, ...(acl === undefined ? [] : [['x-amz-acl', acl] as const])]);
  const tagging = fields.get('tagging');
  return {
    ...parseUploadHeaders({ ...request, headers }),
    ...(tagging === undefined || !request.features.objectTag
      ? {}
      : { tags: parseTaggingDocument(Buffer.from(tagging)) }),
    headers,
    bucket: bucketOf(request),
    key,
    sizes: sizeRange(fields.get('policy')),
    redirect: redirectUrl(fields.get('success_action_redirect') ?? fields.get('redirect')),
    status: SUCCESS_STATUSES.has(fields.get('success_action_status') ?? '')
      ? Number(fields.get('success_action_status'))
      : 204,
  };
}

export const postObject = defineOperation({
  name: 'PostObject',
  match: { method: 'POST', target: 'bucket' },
  body: 'form',
  parse,
  questions: (input, request) => uploadQuestions({ ...request, key: input.key }, input.tags, {}, input.acl),
  async handle(grant, context) {
    const { input, request } = grant;
    requireWritable(context);
    await requireBucket(context, input.bucket);
    const stored = await putPayload(grant, context, input.sizes);
    const reply = answer(input, `"${stored.etag}"`, request.headers.get('host') ?? '', stored.headers);
    return { ...reply, events: [createdEvent('s3:ObjectCreated:Post', input, { ...stored, headers: input.headers })] };
  },
});

function answer(
  { bucket, key, status, redirect }: ReturnType<typeof parse>,
  etag: string,
  host: string,
  headers: Readonly<Record<string, string>>,
): S3Reply {
  const path = `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
  const described = { ...headers, etag, location: `http://${host}${path}` };
  if (redirect !== undefined) {
    const url = new URL(redirect);
    for (const [name, value] of Object.entries({ bucket, key, etag })) url.searchParams.append(name, value);
    return { status: 303, headers: { ...described, location: url.href } };
  }
  if (status !== 201) return { status, headers: described };
  const root = element(
    'PostResponse',
    element('Location', described.location),
    element('Bucket', bucket),
    element('Key', key),
    element('ETag', etag),
  );
  return { status, headers: { ...described, 'content-type': 'application/xml' }, body: XML_PROLOG + root.xml };
}

/** AWS: an address that cannot be understood is as good as none. */
function redirectUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? text : undefined;
}

const Bytes = z.union([z.number(), z.string().regex(/^\d{1,15}$/)]).transform(Number);
const CONTENT_LENGTH_RANGE = 'content-length-range';
const RangeCondition = z.tuple([z.string(), Bytes, Bytes]);
const Policy = z.object({ conditions: z.array(z.unknown()) });

/**
 * The sizes that the policy allows the file to have. A document that cannot be read allows none of it: whether it stands is the
 * sidecar's to say.
 */
function sizeRange(base64: string | undefined): SizeRange {
  if (base64 === undefined) return ANY_SIZE;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return { least: 0, most: 0 };
    throw error;
  }
  const policy = Policy.safeParse(json);
  if (!policy.success) return { least: 0, most: 0 };
  return policy.data.conditions
    .filter((condition) => Array.isArray(condition) && String(condition[0]).toLowerCase() === CONTENT_LENGTH_RANGE)
    .reduce<SizeRange>((range, condition) => {
      const parsed = RangeCondition.safeParse(condition);
      if (!parsed.success) throw new S3Error('InvalidPolicyDocument', 'Invalid Policy: Invalid content-length-range.');
      const [, least, most] = parsed.data;
      return { least: Math.max(range.least, least), most: Math.min(range.most, most) };
    }, ANY_SIZE);
}
