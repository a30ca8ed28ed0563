// The one door for names: whatever is written where a bucket or key may be named, the volume is touched only where the decision was asked
// about: never in another bucket, in the work area of another, or in what belongs to the volume itself.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consoleTarget } from '../../src/gateway/console/console-target.ts';
import { readSelection, zipOf } from '../../src/gateway/console/zip-download.ts';
import { filterMatches } from '../../src/gateway/events/event-filter.ts';
import type { ListenFilter } from '../../src/gateway/events/event-messages.ts';
import type { NotificationHub } from '../../src/gateway/events/event-publisher.ts';
import { notificationOperations } from '../../src/gateway/events/index.ts';
import { readNotificationXml, rulesOf } from '../../src/gateway/events/notification-configuration.ts';
import { LifecycleJob } from '../../src/gateway/lifecycle/lifecycle-job.ts';
import { asS3ErrorCode, S3Error } from '../../src/gateway/s3/errors.ts';
import type { S3Reply } from '../../src/gateway/s3/operation.ts';
import type { Volume } from '../../src/juicefs/volume.ts';
import { MemoryVolume } from '../gateway/memory-volume.ts';
import { Served, type TestRequest } from '../gateway/operation-harness.ts';

const RUNS = Number(process.env.PORTCULLIS_NAME_RUNS ?? 150);
const DOMAIN = 's3.example';

interface Trial {
  readonly method: string;
  readonly url: string;
  readonly request: TestRequest;
}

/** A volume with two buckets, of which every path that is asked for is noted. */
async function watchedVolume(): Promise<{ volume: Volume; paths: string[][] }> {
  const plain = new MemoryVolume();
  for (const bucket of ['bkt', 'other']) {
    await plain.mkdirs([bucket]);
    const writer = plain.create([bucket, 'secret']);
    await writer.write(Buffer.from(bucket));
    await writer.commit();
  }
  for (const area of ['.sys', '.minio.sys', '.trash']) await plain.mkdirs([area, 'inner']);
  const paths: string[][] = [];
  const volume = new Proxy<Volume>(plain, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const [first, second] = args;
        if (name === 'unlinkMany' && isPath(first) && isPath(second)) {
          paths.push(...second.map((entry) => [...first, entry]));
        } else {
          for (const arg of args) if (isPath(arg)) paths.push([...arg]);
        }
        return Reflect.apply(value, target, args);
      };
    },
  });
  return { volume, paths };
}

function isPath(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((part) => typeof part === 'string');
}

/** Sends the request, and checks each path that it led to. Answers the status. */
async function check({ method, url, request }: Trial): Promise<number> {
  const { status } = await watched((served) => served.send(method, url, request));
  return status;
}

/** Does something with a gateway, and checks each path that it led to against what was asked. */
async function watched<T>(work: (served: Served) => Promise<T>, hub: NotificationHub = new Hub()): Promise<T> {
  const { volume, paths } = await watchedVolume();
  const served = new Served(volume, {}, undefined, [DOMAIN], notificationOperations(hub));
  const result = await work(served);
  const resources = served.asked.map((line) => line.slice(line.indexOf('arn:aws:s3:::') + 'arn:aws:s3:::'.length));
  const asked = resources.map((text) => {
    const slash = text.indexOf('/');
    return slash < 0 ? { bucket: text, key: '' } : { bucket: text.slice(0, slash), key: text.slice(slash + 1) };
  });
  const lists = served.asked.some((line) => /^s3:ListBucket/.test(line));
  for (const path of paths) {
    const [first, ...rest] = path;
    if (first === undefined) continue;
    for (const part of path) {
      expect(part).not.toMatch(/^\.{0,2}$|[/\0]/);
      expect(part.isWellFormed()).toBe(true);
    }
    const isWorkArea = first === '.sys' || first === '.minio.sys';
    const bucket = isWorkArea ? (first === '.sys' ? rest[0] : rest[1]) : first;
    expect(asked.map((resource) => resource.bucket)).toContain(bucket);
    if (isWorkArea || lists) continue;
    const below = rest.join('/');
    const named = asked.some(({ bucket: name, key }) => {
      const place = key.endsWith('/') ? key.slice(0, -1) : key;
      return name === bucket && (below === '' || place === below || place.startsWith(`${below}/`));
    });
    expect(named, `${path.join('/')} of ${served.asked.join(', ')}`).toBe(true);
  }
  return result;
}

/** Events, of which nobody hears. */
class Hub implements NotificationHub {
  readonly known = { region: '', targets: new Set(['_:webhook']) };
  readonly closing = new AbortController().signal;
  readonly changedBuckets: string[] = [];
  readonly filters: ListenFilter[] = [];
  async changed(bucket: string): Promise<void> {
    this.changedBuckets.push(bucket);
  }
  async listen(filter: ListenFilter): Promise<() => void> {
    this.filters.push(filter);
    return () => undefined;
  }
}

const part = fc.constantFrom(
  ...[
    'a',
    'secret',
    '..',
    '.',
    '',
    '...',
    '.sys',
    '.minio.sys',
    '.trash',
    'minio',
    'bkt',
    'other',
    'uploads',
    'A',
    'é',
    ' ',
    '+',
    '\\',
  ],
  ...['..\\', '%2e%2e', '%2f', '\u0000', '\ud800', 'x'.repeat(300), 'a\u2028b', '．．', '::', 'con', '*', '?'],
);
const separator = fc.constantFrom('/', '//', '\\', '%2F', '/./', '/../');
const name = fc
  .tuple(
    fc.constantFrom('', '/', '//', '../', './'),
    fc.array(fc.tuple(part, separator), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([head, parts, cut]) => {
    const text = head + parts.map(([text, between]) => text + between).join('');
    return cut ? text.slice(0, -1) : text;
  });

/** Percent-encodes what must be, and what need not be as the numbers say. */
const encoded = fc.tuple(name, fc.integer({ min: 0, max: 3 })).map(([text, style]) => {
  const bytes = [...Buffer.from(text)];
  return bytes
    .map((byte) => {
      const character = String.fromCharCode(byte);
      const must = !/[A-Za-z0-9._~/-]/.test(character);
      const may = style === 1 || (style === 2 && character === '.') || (style === 3 && character === '/');
      return must || may ? `%${byte.toString(16).padStart(2, '0')}` : character;
    })
    .join('');
});
const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE');
const xml = (text: string): string => text.replace(/[<>&]/g, (c) => `&#${c.charCodeAt(0)};`);

async function holds<T>(arbitrary: fc.Arbitrary<T>, trial: (value: T) => Trial): Promise<void> {
  await fc.assert(
    fc.asyncProperty(arbitrary, async (value) => {
      await check(trial(value));
    }),
    { numRuns: RUNS },
  );
}

/** A run of the lifecycle job over a bucket with that configuration, long after everything was put. */
async function ended(volume: Volume, lifecycle: string): Promise<void> {
  const state = {
    bucket: 'bkt',
    createdMs: 0n,
    lockEnabled: false,
    documents: { lifecycle },
    policyIsPublic: false,
    isUnreadable: false,
  };
  const job = new LifecycleJob({
    volume,
    authz: {
      buckets: {
        async *watch() {
          yield { buckets: [state], server: undefined, complete: true, revision: '' };
        },
      },
    },
    features: { multiBuckets: true, singleBucket: '', hideDirObject: false },
    logger: { error: () => undefined, warn: () => undefined, info: () => undefined },
    nowMs: () => Date.UTC(2100, 0),
  });
  await job.run();
}

/** Does something with a gateway whose one bucket is the whole volume, and checks that nothing of the volume's own was touched. */
async function watchedWhole(work: (served: Served) => Promise<unknown>): Promise<void> {
  const { volume, paths } = await watchedVolume();
  const served = new Served(volume, { multiBuckets: false, singleBucket: 'whole' });
  await work(served);
  for (const path of paths) {
    const [first, second] = path;
    for (const part of path) {
      expect(part).not.toMatch(/^\.{0,2}$|[/\0]/);
      expect(part.isWellFormed()).toBe(true);
    }
    expect(first ?? '').not.toMatch(/^\.(?:minio\.sys|trash)$/);
    // uploads in parts are made there, and no key names them
    if (first === '.sys') expect(second).toBe('uploads');
  }
  for (const area of ['.sys', '.minio.sys', '.trash']) await volume.stat([area, 'inner']);
}

const hidden = fc
  .tuple(fc.constantFrom('.sys', '.minio.sys', '.trash', '.sys/uploads', '.sys/inner', '.minio.sys/config'), encoded)
  .map(([area, rest]) => `${area}/${rest}`);
const anyKey = fc.oneof(encoded, hidden);

async function holdsWhole<T>(arbitrary: fc.Arbitrary<T>, work: (served: Served, value: T) => Promise<unknown>) {
  await fc.assert(
    fc.asyncProperty(arbitrary, (value) => watchedWhole((served) => work(served, value))),
    { numRuns: RUNS },
  );
}

describe('a name in a bucket that is the whole volume reaches nothing of the volume itself', () => {
  it('in the path', () =>
    holdsWhole(fc.tuple(method, anyKey), (served, [method, key]) =>
      served.send(method, `/whole/${key}`, body(method)),
    ));

  it('in the source of a copy', () =>
    holdsWhole(anyKey, (served, key) =>
      served.send('PUT', '/whole/copy', { headers: { 'x-amz-copy-source': `whole/${key}` } }),
    ));

  it('in the list of DeleteObjects', () =>
    holdsWhole(
      fc.oneof(name, fc.constantFrom('.sys/inner', '.sys/inner/', '.trash/inner', '.minio.sys/')),
      (served, key) =>
        served.send('POST', '/whole?delete', { body: `<Delete><Object><Key>${xml(key)}</Key></Object></Delete>` }),
    ));

  it('in the prefix and the markers of listings', () =>
    holdsWhole(fc.tuple(anyKey, anyKey), async (served, [prefix, marker]) => {
      const { text } = await served.send('GET', `/whole?prefix=${prefix}&marker=${marker}`);
      expect(text).not.toMatch(/<Key>\.(?:sys|minio\.sys|trash)\//);
    }));
});

describe('a name reaches only what was decided on', () => {
  it('in the path', () =>
    holds(fc.tuple(method, encoded), ([method, key]) => ({ method, url: `/bkt/${key}`, request: body(method) })));

  it('in the place of the bucket', () =>
    holds(fc.tuple(method, encoded), ([method, text]) => ({ method, url: `/${text}`, request: body(method) })));

  it('in the host', () =>
    holds(fc.tuple(method, name, encoded), ([method, host, key]) => ({
      method,
      url: `/${key}`,
      request: { ...body(method), headers: { host: `${host.replace(/[^\x21-\x7e]/g, '')}.${DOMAIN}` } },
    })));

  it('in the source of a copy', () =>
    holds(fc.tuple(fc.constantFrom('bkt/', 'other/', '/bkt/', ''), encoded), ([bucket, key]) => ({
      method: 'PUT',
      url: '/bkt/copy',
      request: { headers: { 'x-amz-copy-source': bucket + key } },
    })));

  it('in the source of a part', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom('bkt/', 'other/', '/bkt/', ''), encoded, (bucket, key) =>
        watched(async (served) => {
          const { text } = await served.send('POST', '/bkt/copy?uploads');
          const id = /<UploadId>(.*?)</.exec(text)?.[1];
          const headers = { 'x-amz-copy-source': bucket + key };
          await served.send('PUT', `/bkt/copy?partNumber=1&uploadId=${id}`, { headers });
        }),
      ),
      { numRuns: RUNS },
    ));

  it('in the selection of an archive', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom('bkt', 'other', '..', '.sys', 'bkt%2f..'), name, name, (bucket, key, prefix) =>
        watched(async (served) => {
          const form = new URLSearchParams({ key, prefix: `${prefix}/` });
          const ask = async (method: 'GET', url: string): Promise<S3Reply> => {
            const { status, code, headers, body } = await served.send(method, url);
            if (status >= 400) throw new S3Error(asS3ErrorCode(code) ?? 'InternalError');
            return { status, headers, body };
          };
          const archive = zipOf(readSelection(bucket, form.toString()), ask, new AbortController().signal);
          for await (const _ of archive);
        }),
      ),
      { numRuns: RUNS },
    ));

  it('in what the console asks for its page', () =>
    holds(fc.tuple(method, encoded), ([method, text]) => {
      const url = `/minio/console/s3/${text}`;
      const target = consoleTarget({ method, url, userAgent: 'Mozilla/5.0', isAuthorized: false });
      return { method, url: target?.kind === 's3' ? target.url : url, request: body(method) };
    }));

  it('in the prefix of a lifecycle rule', () =>
    fc.assert(
      fc.asyncProperty(name, fc.boolean(), async (prefix, isOld) => {
        const { volume, paths } = await watchedVolume();
        const where = `<Prefix>${xml(prefix)}</Prefix>`;
        const lifecycle =
          `<LifecycleConfiguration><Rule><Status>Enabled</Status>${isOld ? where : `<Filter>${where}</Filter>`}` +
          '<Expiration><Days>1</Days></Expiration>' +
          '<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>' +
          '</Rule></LifecycleConfiguration>';
        await ended(volume, lifecycle);
        for (const path of paths) {
          expect(path.join('/')).toMatch(/^(?:bkt|\.sys\/bkt\/uploads)(?:\/|$)/);
          for (const part of path) expect(part).not.toMatch(/^\.{0,2}$|[/\0]/);
        }
        for (const kept of [
          ['other', 'secret'],
          ['.sys', 'inner'],
          ['.minio.sys', 'inner'],
          ['.trash', 'inner'],
        ]) {
          await volume.stat(kept);
        }
        const isThere = await volume.stat(['bkt', 'secret']).then(
          () => true,
          () => false,
        );
        expect(isThere).toBe(!'secret'.startsWith(prefix));
      }),
      {
        numRuns: RUNS,
        examples: [
          ['', false],
          ['secret', true],
        ],
      },
    ));

  it('in the filter of a notification', () =>
    fc.assert(
      fc.asyncProperty(name, fc.constantFrom('prefix', 'suffix'), name, async (text, side, key) => {
        const hub = new Hub();
        const rule = `<FilterRule><Name>${side}</Name><Value>${xml(text)}</Value></FilterRule>`;
        const document =
          '<NotificationConfiguration><QueueConfiguration><Queue>arn:minio:sqs::_:webhook</Queue>' +
          `<Event>s3:ObjectCreated:*</Event><Filter><S3Key>${rule}</S3Key></Filter></QueueConfiguration></NotificationConfiguration>`;
        const { status } = await watched((served) => served.send('PUT', '/bkt?notification', { body: document }), hub);
        // it is the bucket's of the request, whatever the filter says
        expect(hub.changedBuckets).toEqual(status === 200 ? ['bkt'] : []);
        if (status !== 200) return;
        for (const filter of rulesOf(readNotificationXml(Buffer.from(document)))) {
          const wanted = text.split('*').filter((piece) => piece !== '');
          if (filterMatches(filter, 's3:ObjectCreated:Put', key)) {
            for (const piece of wanted) expect(key).toContain(piece);
          }
        }
      }),
      { numRuns: RUNS },
    ));

  it('in what a listener wants to hear of', () =>
    fc.assert(
      fc.asyncProperty(encoded, encoded, async (prefix, suffix) => {
        const hub = new Hub();
        const signal = AbortSignal.abort();
        const url = `/bkt?events=s3:ObjectCreated:*&prefix=${prefix}&suffix=${suffix}`;
        await watched((served) => served.send('GET', url, { signal }).catch(() => undefined), hub);
        for (const filter of hub.filters) expect(filter.bucket).toBe('bkt');
      }),
      { numRuns: RUNS },
    ));

  it('in the list of DeleteObjects', () =>
    holds(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => ({
      method: 'POST',
      url: '/bkt?delete',
      request: {
        body: `<Delete>${names.map((text) => `<Object><Key>${xml(text)}</Key></Object>`).join('')}</Delete>`,
      },
    })));

  it('in the fields of a form, and in the name of its file', () =>
    holds(fc.tuple(name, name, fc.boolean()), ([key, file, byFile]) => ({
      method: 'POST',
      url: '/bkt',
      request: {
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
        body:
          `--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n${byFile ? `\${filename}` : key}\r\n--x\r\n` +
          `Content-Disposition: form-data; name="file"; filename="${file.replace(/["\r\n]/g, '')}"\r\n\r\nbytes\r\n--x--\r\n`,
      },
    })));

  it('in the prefix and the markers of listings', () =>
    holds(fc.tuple(encoded, encoded, fc.constantFrom('', '/', 'a', '..')), ([prefix, marker, delimiter]) => ({
      method: 'GET',
      url: `/bkt?prefix=${prefix}&marker=${marker}&start-after=${marker}&key-marker=${marker}&delimiter=${delimiter}`,
      request: {},
    })));

  it('in the id of an upload', () =>
    holds(fc.tuple(fc.constantFrom('GET', 'PUT', 'POST', 'DELETE'), encoded), ([method, id]) => ({
      method,
      url: `/bkt/a?uploadId=${id}${method === 'PUT' ? '&partNumber=1' : ''}`,
      request: body(method),
    })));
});

it('lets plain names through', async () => {
  expect(await check({ method: 'GET', url: '/bkt/secret', request: {} })).toBe(200);
  expect(await check({ method: 'GET', url: '/secret', request: { headers: { host: `bkt.${DOMAIN}` } } })).toBe(200);
  expect(
    await check({ method: 'PUT', url: '/bkt/c', request: { headers: { 'x-amz-copy-source': 'other/secret' } } }),
  ).toBe(200);
  const hub = new Hub();
  const document =
    '<NotificationConfiguration><QueueConfiguration><Queue>arn:minio:sqs::_:webhook</Queue><Event>s3:ObjectCreated:*</Event>' +
    '<Filter><S3Key><FilterRule><Name>prefix</Name><Value>a/</Value></FilterRule></S3Key></Filter></QueueConfiguration></NotificationConfiguration>';
  await watched((served) => served.send('PUT', '/bkt?notification', { body: document }), hub);
  expect(hub.changedBuckets).toEqual(['bkt']);
  const url = '/bkt?events=s3:ObjectCreated:*&prefix=a/';
  await watched((served) => served.send('GET', url, { signal: AbortSignal.timeout(50) }).catch(() => undefined), hub);
  expect(hub.filters.map(({ prefix }) => prefix)).toEqual(['a/']);
});

function body(method: string): TestRequest {
  return method === 'PUT' || method === 'POST' ? { body: 'bytes' } : {};
}
