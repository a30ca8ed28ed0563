// S3 as the page uses it: the ordinary operations, through the console's door.
import { type Ask, readError, send } from './request.ts';

const DOOR = '/minio/console/s3';

export interface Bucket {
  readonly name: string;
  readonly created: Date;
}

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  readonly modified: Date;
  readonly etag: string;
}

export interface Page {
  readonly objects: readonly StoredObject[];
  /** Each ends with '/'. */
  readonly folders: readonly string[];
  readonly next: string | undefined;
}

/** The address of an object at the console's door: for links, pictures and players. */
export function objectUrl(bucket: string, key: string, query: Readonly<Record<string, string>> = {}): string {
  const path = `${DOOR}/${encodeURIComponent(bucket)}/${key.split('/').map(encodeURIComponent).join('/')}`;
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

function bucketUrl(bucket: string, query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(query).toString().replaceAll('+', '%20');
  return `${DOOR}/${encodeURIComponent(bucket)}${text === '' ? '' : `?${text}`}`;
}

async function xml(response: Response): Promise<Document> {
  return new DOMParser().parseFromString(await response.text(), 'application/xml');
}

function text(parent: ParentNode, name: string): string {
  return parent.querySelector(name)?.textContent ?? '';
}

/** Codes of what may pass, so that it is tried again. */
const MAY_PASS: ReadonlySet<string> = new Set(['InternalError', 'ServiceUnavailable', 'SlowDown']);

/** Sends what may take long: its answer begins as a success before it is one, and may be an error all the same. */
async function sendLong(path: string, ask: Ask): Promise<void> {
  const response = await send(path, ask);
  const body = await response.text();
  if (!body.includes('<Error>')) return;
  const requestId = response.headers.get('x-amz-request-id') ?? '';
  const error = readError(400, body, requestId);
  throw MAY_PASS.has(error.code) ? readError(503, body, requestId) : error;
}

export async function listBuckets(): Promise<Bucket[]> {
  const answer = await xml(await send(`${DOOR}/`));
  return [...answer.querySelectorAll('Bucket')].map((bucket) => ({
    name: text(bucket, 'Name'),
    created: new Date(text(bucket, 'CreationDate')),
  }));
}

export async function createBucket(bucket: string): Promise<void> {
  await send(bucketUrl(bucket), { method: 'PUT' });
}

export async function deleteBucket(bucket: string, { force }: { force: boolean }): Promise<void> {
  await send(bucketUrl(bucket), { method: 'DELETE', headers: force ? { 'x-minio-force-delete': 'true' } : {} });
}

export interface ListOptions {
  readonly prefix: string;
  readonly recursive?: boolean;
  readonly after?: string | undefined;
  readonly signal?: AbortSignal;
}

/** One page of a listing; 1,000 entries at most. */
export async function listPage(bucket: string, { prefix, recursive, after, signal }: ListOptions): Promise<Page> {
  const answer = await xml(
    await send(
      bucketUrl(bucket, {
        'list-type': '2',
        'encoding-type': 'url',
        prefix,
        ...(recursive === true ? {} : { delimiter: '/' }),
        ...(after === undefined ? {} : { 'continuation-token': after }),
      }),
      { signal },
    ),
  );
  const decode = (value: string): string => decodeURIComponent(value.replaceAll('+', '%20'));
  return {
    objects: [...answer.querySelectorAll('Contents')].map((entry) => ({
      key: decode(text(entry, 'Key')),
      size: Number(text(entry, 'Size')),
      modified: new Date(text(entry, 'LastModified')),
      etag: text(entry, 'ETag'),
    })),
    folders: [...answer.querySelectorAll('CommonPrefixes > Prefix')].map((each) => decode(each.textContent ?? '')),
    next: text(answer, 'IsTruncated') === 'true' ? text(answer, 'NextContinuationToken') : undefined,
  };
}

/** All objects below a prefix, page by page. */
export async function* objectsBelow(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<StoredObject> {
  let after: string | undefined;
  do {
    const page = await listPage(bucket, {
      prefix,
      recursive: true,
      after,
      ...(signal === undefined ? {} : { signal }),
    });
    yield* page.objects;
    after = page.next;
  } while (after !== undefined);
}

export interface Details {
  readonly size: number;
  readonly modified: Date;
  readonly etag: string;
  readonly contentType: string;
  /** All other headers that describe the object. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** x-amz-meta-*. */
  readonly metadata: readonly (readonly [name: string, value: string])[];
}

const DESCRIBING =
  /^(?:cache-control|content-(?:disposition|encoding|language)|expires|x-amz-(?:checksum|storage|tagging|version).*)$/;

export async function headObject(bucket: string, key: string): Promise<Details> {
  const { headers } = await send(objectUrl(bucket, key), {
    method: 'HEAD',
    headers: { 'x-amz-checksum-mode': 'ENABLED' },
  });
  const all = [...headers.entries()];
  return {
    size: Number(headers.get('content-length') ?? 0),
    modified: new Date(headers.get('last-modified') ?? 0),
    etag: headers.get('etag') ?? '',
    contentType: headers.get('content-type') ?? '',
    // Those that the door itself sets are not the object's.
    headers: all.filter(([name, value]) => DESCRIBING.test(name) && value !== 'private, no-cache'),
    metadata: all
      .filter(([name]) => name.startsWith('x-amz-meta-'))
      .map(([name, value]) => [name.slice('x-amz-meta-'.length), value]),
  };
}

/** How the gateway stores an object. */
export interface StorageFacts {
  readonly storageClass: string;
  /** Of an object that was uploaded in parts: how many; '' for others. */
  readonly parts: string;
}

export async function storageFacts(bucket: string, key: string): Promise<StorageFacts> {
  const answer = await xml(
    await send(objectUrl(bucket, key, { attributes: '' }), {
      headers: { 'x-amz-object-attributes': 'StorageClass,ObjectParts', 'x-amz-max-parts': '1' },
    }),
  );
  return { storageClass: text(answer, 'StorageClass'), parts: text(answer, 'PartsCount') };
}

export type Tags = readonly (readonly [key: string, value: string])[];

export async function getTags(bucket: string, key: string): Promise<Tags> {
  const answer = await xml(await send(objectUrl(bucket, key, { tagging: '' })));
  return [...answer.querySelectorAll('Tag')].map((tag) => [text(tag, 'Key'), text(tag, 'Value')]);
}

export async function putTags(bucket: string, key: string, tags: Tags): Promise<void> {
  const set = tags.map(([name, value]) => `<Tag><Key>${escapeXml(name)}</Key><Value>${escapeXml(value)}</Value></Tag>`);
  await send(objectUrl(bucket, key, { tagging: '' }), {
    method: 'PUT',
    body: `<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>${set.join('')}</TagSet></Tagging>`,
  });
}

export async function deleteObject(bucket: string, key: string): Promise<void> {
  await send(objectUrl(bucket, key), { method: 'DELETE' });
}

/** An empty object whose key ends with '/': a folder. */
export async function createFolder(bucket: string, key: string): Promise<void> {
  await send(objectUrl(bucket, key), { method: 'PUT', body: '' });
}

/** Copies an object with its metadata and tags. Throws ApiError PreconditionFailed when something is there that is not to be replaced. */
export async function copyObject(
  bucket: string,
  from: string,
  to: { bucket: string; key: string },
  { replace }: { readonly replace: boolean },
): Promise<void> {
  const source = `/${encodeURIComponent(bucket)}/${from.split('/').map(encodeURIComponent).join('/')}`;
  await sendLong(objectUrl(to.bucket, to.key), {
    method: 'PUT',
    headers: { 'x-amz-copy-source': source, ...(replace ? {} : { 'if-none-match': '*' }) },
  });
}

/** The first bytes of an object as text. */
export async function readText(bucket: string, key: string, bytes: number): Promise<string> {
  return (await send(objectUrl(bucket, key), { headers: { range: `bytes=0-${bytes - 1}` } })).text();
}

export async function readBlob(bucket: string, key: string, type: string): Promise<Blob> {
  return new Blob([await (await send(objectUrl(bucket, key))).arrayBuffer()], { type });
}

export interface ArchiveOf {
  readonly bucket: string;
  /** The folder that is shown. */
  readonly base: string;
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
}

/** Has the browser save a selection as a zip. A form asks for it, because no address is long enough for many keys. */
export function saveArchive({ bucket, base, keys, prefixes }: ArchiveOf): void {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = `/minio/console/zip/${encodeURIComponent(bucket)}`;
  const add = (name: string, value: string): void => {
    const field = document.createElement('input');
    field.type = 'hidden';
    field.name = name;
    field.value = value;
    form.append(field);
  };
  add('base', base);
  for (const key of keys) add('key', key);
  for (const prefix of prefixes) add('prefix', prefix);
  document.body.append(form);
  form.submit();
  form.remove();
}

// ---- bucket configuration

/** Undefined when there is none. */
export async function getBucketPolicy(bucket: string): Promise<string | undefined> {
  try {
    return await (await send(bucketUrl(bucket, { policy: '' }))).text();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'NoSuchBucketPolicy') return undefined;
    throw error;
  }
}

export async function putBucketPolicy(bucket: string, document: string): Promise<void> {
  await send(bucketUrl(bucket, { policy: '' }), { method: 'PUT', body: document });
}

export async function deleteBucketPolicy(bucket: string): Promise<void> {
  await send(bucketUrl(bucket, { policy: '' }), { method: 'DELETE' });
}

export interface EventRule {
  readonly queue: string;
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

export async function getEventRules(bucket: string): Promise<EventRule[]> {
  const answer = await xml(await send(bucketUrl(bucket, { notification: '' })));
  return [...answer.querySelectorAll('QueueConfiguration')].map((rule) => {
    const filters = new Map(
      [...rule.querySelectorAll('FilterRule')].map((each) => [text(each, 'Name').toLowerCase(), text(each, 'Value')]),
    );
    return {
      queue: text(rule, 'Queue'),
      events: [...rule.querySelectorAll('Event')].map((event) => event.textContent ?? ''),
      prefix: filters.get('prefix') ?? '',
      suffix: filters.get('suffix') ?? '',
    };
  });
}

export async function putEventRules(bucket: string, rules: readonly EventRule[]): Promise<void> {
  const filter = (name: string, value: string): string =>
    value === '' ? '' : `<FilterRule><Name>${name}</Name><Value>${escapeXml(value)}</Value></FilterRule>`;
  const body = rules.map(
    ({ queue, events, prefix, suffix }) =>
      `<QueueConfiguration><Filter><S3Key>${filter('prefix', prefix)}${filter('suffix', suffix)}</S3Key></Filter>` +
      `${events.map((event) => `<Event>${escapeXml(event)}</Event>`).join('')}<Queue>${escapeXml(queue)}</Queue></QueueConfiguration>`,
  );
  await send(bucketUrl(bucket, { notification: '' }), {
    method: 'PUT',
    body: `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${body.join('')}</NotificationConfiguration>`,
  });
}

// ---- multipart uploads

export async function startUpload(bucket: string, key: string, contentType: string): Promise<string> {
  const response = await send(objectUrl(bucket, key, { uploads: '' }), {
    method: 'POST',
    headers: contentType === '' ? {} : { 'content-type': contentType },
  });
  return text(await xml(response), 'UploadId');
}

export async function finishUpload(
  bucket: string,
  key: string,
  uploadId: string,
  parts: readonly { number: number; etag: string }[],
): Promise<void> {
  const list = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
  );
  await sendLong(objectUrl(bucket, key, { uploadId }), {
    method: 'POST',
    body: `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join('')}</CompleteMultipartUpload>`,
  });
}

export async function abortUpload(bucket: string, key: string, uploadId: string): Promise<void> {
  await send(objectUrl(bucket, key, { uploadId }), { method: 'DELETE' });
}

function escapeXml(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
