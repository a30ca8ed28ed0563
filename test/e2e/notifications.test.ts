// Bucket notifications through a running gateway with two workers: into real Redis, MariaDB and PostgreSQL servers and a webhook that
// wants client certificates, and to listeners.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../admin/admin-client.ts';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import {
  ConfigClient,
  type EventRecord,
  notificationDocument,
  notify,
  putNotification,
  startWebhook,
  type Webhook,
} from '../harness/notifications.ts';
import { type S3Answer, type S3Call, xmlValue, xmlValues } from '../harness/s3-client.ts';
import { hasServer, startMariadb, startPostgres, startRedis, type TestServer } from '../harness/servers.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const folder = makeTempFolder();
let volume: TestVolume;
let gateway: Gateway;
let config: ConfigClient;
logsOnFailure(() => gateway);

const FLAGS = [
  '--authz-timeout',
  '30s',
  '--multi-buckets',
  '--keep-etag',
  '--workers',
  '2',
  '--metrics',
  '127.0.0.1:0',
];
/** What the tests' environment adds to the server configuration. */
const targetVariables: Record<string, string> = {};

beforeAll(async () => {
  makeCertificates();
  targetVariables.MINIO_NOTIFY_WEBHOOK_CA_CERT_mtls = join(folder, 'ca.pem');
  targetVariables.MINIO_NOTIFY_WEBHOOK_CA_CERT_misnamed = join(folder, 'ca.pem');
  volume = await formatTestVolume(folder);
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags: FLAGS, env: targetVariables });
  config = new ConfigClient(gateway);
}, 90_000);

afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

function send(call: S3Call): Promise<S3Answer> {
  return gateway.client.send({ keys: gateway.root, ...call });
}

let buckets = 0;
async function newBucket(): Promise<string> {
  const bucket = `events-${++buckets}`;
  expect((await send({ method: 'PUT', bucket })).status).toBe(200);
  return bucket;
}

const put = (bucket: string, key: string, body = 'four'): Promise<S3Answer> =>
  send({ method: 'PUT', bucket, key, body });
const remove = (bucket: string, key: string): Promise<S3Answer> => send({ method: 'DELETE', bucket, key });

/** A record of an upload of four bytes, in the shape and order of fields that people know from MinIO. */
function expectedRecord(bucket: string, key: string): object {
  return {
    eventVersion: '2.0',
    eventSource: 'minio:s3',
    awsRegion: '',
    eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    eventName: 's3:ObjectCreated:Put',
    userIdentity: { principalId: gateway.root.accessKey },
    requestParameters: { principalId: gateway.root.accessKey, region: '', sourceIPAddress: '127.0.0.1' },
    responseElements: {
      'content-length': '0',
      'x-amz-request-id': expect.stringMatching(/^[0-9A-F]{16}$/),
      'x-minio-origin-endpoint': gateway.url,
    },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'Config',
      bucket: { name: bucket, ownerIdentity: { principalId: gateway.root.accessKey }, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key,
        size: 4,
        eTag: '8cbad96aced40b3838dd9f07f6ef5772',
        userMetadata: { 'X-Amz-Meta-Colour': 'blue', 'content-type': 'image/jpeg' },
        sequencer: expect.stringMatching(/^[0-9A-F]{16}$/),
      },
    },
    source: { host: '127.0.0.1', port: '', userAgent: 'a test' },
  };
}

const PHOTO = {
  method: 'PUT',
  body: 'four',
  headers: { 'content-type': 'image/jpeg', 'x-amz-meta-colour': 'blue', 'user-agent': 'a test' },
} as const;

describe.skipIf(!hasServer('redis'))('Redis', () => {
  let server: TestServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis(['--requirepass', 'yoursecret']);
    redis = new Redis({ port: server.port, password: 'yoursecret', db: 1 });
    const address = `127.0.0.1:${server.port}/1`;
    await config.use(
      `notify_redis:1 address="${address}" format="namespace" key="bucketevents" password="yoursecret" queue_dir="" queue_limit="0"`,
      `notify_redis:journal address=${address} format=access key=journal password=yoursecret queue_dir=${join(folder, 'queue')}`,
    );
  }, 120_000);
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });

  const journal = async (bucket: string): Promise<EventRecord[]> => {
    const lines = await redis.lrange('journal', 0, -1);
    return lines
      .flatMap((line) => JSON.parse(line) as { Event: EventRecord[] }[])
      .flatMap(({ Event }) => Event)
      .filter((record) => record.s3.bucket.name === bucket);
  };

  it('has a hash of the objects in format namespace', async () => {
    const bucket = await newBucket();
    const arn = 'arn:minio:sqs::1:redis';
    await notify(gateway, bucket, { arn, events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'], suffix: '.jpg' });
    await send({ ...PHOTO, bucket, key: 'my photo é.jpg' });
    const value = await eventually(
      'the object is in the hash',
      async () => (await redis.hget('bucketevents', `${bucket}/my photo é.jpg`)) ?? undefined,
    );
    expect(JSON.parse(value)).toEqual({ Records: [expectedRecord(bucket, 'my+photo+%C3%A9.jpg')] });
    expect(Object.keys(JSON.parse(value).Records[0])).toEqual(Object.keys(expectedRecord(bucket, '')));
    await remove(bucket, 'my photo é.jpg');
    await eventually(
      'the object has left the hash',
      async () => (await redis.hexists('bucketevents', `${bucket}/my photo é.jpg`)) === 0,
    );
  });

  it('has a list that grows in format access, with every kind of event in order, one for each key of DeleteObjects', async () => {
    const bucket = await newBucket();
    const arn = 'arn:minio:sqs::journal:redis';
    await notify(gateway, bucket, { arn, events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*', 's3:ObjectAccessed:*'] });
    await send({ ...PHOTO, bucket, key: 'p.jpg' });
    await send({ method: 'HEAD', bucket, key: 'p.jpg' });
    await send({ bucket, key: 'p.jpg', headers: { range: 'bytes=0-1' } });
    await send({ method: 'PUT', bucket, key: 'q.jpg', headers: { 'x-amz-copy-source': `${bucket}/p.jpg` } });
    const started = await send({ method: 'POST', bucket, key: 'm.jpg', query: { uploads: '' } });
    const uploadId = xmlValue(started.body, 'UploadId') ?? '';
    const part = await send({
      method: 'PUT',
      bucket,
      key: 'm.jpg',
      query: { partNumber: '1', uploadId },
      body: 'part',
    });
    const parts = `<Part><PartNumber>1</PartNumber><ETag>${part.headers.etag}</ETag></Part>`;
    await send({
      method: 'POST',
      bucket,
      key: 'm.jpg',
      query: { uploadId },
      body: `<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`,
    });
    const keys = ['p.jpg', 'm.jpg', 'never-was.jpg'];
    const objects = keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('');
    await send({ method: 'POST', bucket, query: { delete: '' }, body: `<Delete>${objects}</Delete>` });
    await remove(bucket, 'q.jpg');
    const records = await eventually('all events are there', async () => {
      const found = await journal(bucket);
      return found.length >= 9 && found;
    });
    expect(records.map(({ eventName, s3 }) => `${eventName} ${s3.object.key}`)).toEqual([
      's3:ObjectCreated:Put p.jpg',
      's3:ObjectAccessed:Head p.jpg',
      's3:ObjectAccessed:Get p.jpg',
      's3:ObjectCreated:Copy q.jpg',
      's3:ObjectCreated:CompleteMultipartUpload m.jpg',
      's3:ObjectRemoved:Delete p.jpg',
      's3:ObjectRemoved:Delete m.jpg',
      's3:ObjectRemoved:Delete never-was.jpg',
      's3:ObjectRemoved:Delete q.jpg',
    ]);
    expect(records.map(({ s3 }) => s3.object.size)).toEqual([
      4,
      4,
      4,
      4,
      4,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const sequencers = records.map(({ s3 }) => s3.object.sequencer);
    expect(sequencers).toEqual([...new Set(sequencers)].sort());
    const [first = ''] = await redis.lrange('journal', 0, 0);
    expect(first).toMatch(/^\[\{"Event":\[\{"eventVersion":"2\.0",.*\}\],"EventTime":"[^"]+"\}\]$/);
  });

  it('is told of a form upload', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::journal:redis', events: ['s3:ObjectCreated:Post'] });
    await send({
      method: 'PUT',
      bucket,
      query: { policy: '' },
      body: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:PutObject', Resource: `arn:aws:s3:::${bucket}/*` }],
      }),
    });
    const boundary = 'a-boundary';
    const field = (name: string, value: string): string =>
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const file = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--${boundary}--\r\n`;
    const { status } = await gateway.client.send({
      method: 'POST',
      bucket,
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: field('key', 'posted') + file,
    });
    expect(status).toBe(204);
    const [record] = await eventually('the event is there', async () => {
      const found = await journal(bucket);
      return found.length > 0 && found;
    });
    expect(record).toMatchObject({ eventName: 's3:ObjectCreated:Post', s3: { object: { key: 'posted', size: 3 } } });
  });

  it('gets what prefix and suffix let through, and what an event name stands for, and nothing else', async () => {
    const bucket = await newBucket();
    const arn = 'arn:minio:sqs::journal:redis';
    await notify(
      gateway,
      bucket,
      { arn, events: ['s3:ObjectCreated:Put'], prefix: 'photos/', suffix: '.jpg' },
      { arn, events: ['s3:ObjectRemoved:*'], suffix: '.txt' },
    );
    for (const key of ['photos/a.jpg', 'photos/a.png', 'a.jpg', 'a.txt']) await put(bucket, key);
    for (const key of ['photos/a.jpg', 'a.txt']) await remove(bucket, key);
    const records = await eventually('the last event is there', async () => {
      const found = await journal(bucket);
      return found.some(({ eventName }) => eventName.startsWith('s3:ObjectRemoved')) && found;
    });
    expect(records.map(({ eventName, s3 }) => [eventName, s3.object.key])).toEqual([
      ['s3:ObjectCreated:Put', 'photos%2Fa.jpg'],
      ['s3:ObjectRemoved:Delete', 'a.txt'],
    ]);
  });

  it('is not told of requests that are refused', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, {
      arn: 'arn:minio:sqs::journal:redis',
      events: ['s3:ObjectCreated:*', 's3:ObjectAccessed:*', 's3:ObjectRemoved:*'],
    });
    expect((await gateway.client.send({ method: 'PUT', bucket, key: 'a', body: 'x' })).status).toBe(403);
    expect((await send({ bucket, key: 'never-was' })).status).toBe(404);
    await put(bucket, 'allowed');
    await eventually('the allowed one is there', async () => (await journal(bucket)).length > 0);
    expect((await journal(bucket)).map(({ s3 }) => s3.object.key)).toEqual(['allowed']);
  });

  it.each([
    ['another type of key', 'format=access key=bucketevents password=yoursecret', 'expected type list'],
    ['a wrong password', 'format=access key=journal password=wrong', 'WRONGPASS'],
    ['no key', 'password=yoursecret', "'key' is not optional for 'notify_redis' sub-system"],
    ['an unknown format', 'format=other key=journal password=yoursecret', "format must be 'namespace' or 'access'"],
    [
      'a relative queue_dir',
      'key=bucketevents password=yoursecret queue_dir=here',
      'queue_dir path should be absolute',
    ],
    ['a queue_dir that cannot be written', 'key=bucketevents password=yoursecret queue_dir=/proc/q', 'queue_dir'],
  ])('is refused with %s', async (_, keys, message) => {
    await redis.hset('bucketevents', 'x', 'y');
    const refusal = await config.set(`notify_redis:bad address=127.0.0.1:${server.port}/1 ${keys}`);
    expect(refusal.status).toBe(400);
    expect(refusal.message).toContain(message);
    expect(refusal.message).not.toContain('yoursecret');
  });
});

describe.skipIf(!hasServer('mariadb'))('MariaDB', () => {
  let server: TestServer;
  let connection: Awaited<ReturnType<typeof createConnection>>;

  beforeAll(async () => {
    server = await startMariadb();
    connection = await createConnection({ host: '127.0.0.1', port: server.port, user: 'root', database: 'test' });
    await connection.query("CREATE USER 'events'@'%' IDENTIFIED BY 'p@ss/w:rd'");
    await connection.query("GRANT ALL ON test.* TO 'events'@'%'");
    const dsn = `events:p@ss/w:rd@tcp(127.0.0.1:${server.port})/test`;
    await config.use(
      `notify_mysql:myinstance table="minio_images" dsn_string="${dsn}"`,
      `notify_mysql:journal table=journal format=access dsn_string=${dsn}`,
    );
  }, 120_000);
  afterAll(async () => {
    connection?.destroy();
    await server?.stop();
  });

  /** The driver reads columns of JSON. */
  interface Row {
    readonly key_name?: string;
    readonly time?: string;
    readonly value?: { readonly Records: readonly [EventRecord] };
    readonly event_data?: { readonly Records: readonly [EventRecord] };
  }
  const rows = async (sql: string): Promise<Row[]> => (await connection.query(sql))[0] as Row[];

  it('has a row an object in format namespace, however long and alike their names', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, {
      arn: 'arn:minio:sqs::myinstance:mysql',
      events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'],
    });
    const long = `${'x'.repeat(250)}/`.repeat(4);
    for (const key of ['a.jpg', 'A.jpg', `${long}1`, `${long}2`]) await send({ ...PHOTO, bucket, key });
    const found = await eventually('four rows', async () => {
      const all = await rows(`SELECT * FROM minio_images WHERE key_name LIKE '${bucket}/%'`);
      return all.length === 4 && all;
    });
    expect(found.map(({ key_name }) => key_name).sort()).toEqual(
      ['A.jpg', 'a.jpg', `${long}1`, `${long}2`].map((key) => `${bucket}/${key}`).sort(),
    );
    const row = found.find(({ key_name }) => key_name === `${bucket}/a.jpg`);
    expect(row).toEqual({ key_name: `${bucket}/a.jpg`, value: { Records: [expectedRecord(bucket, 'a.jpg')] } });
    await put(bucket, 'a.jpg', 'five!');
    await remove(bucket, 'A.jpg');
    await eventually(
      'the row of the removed object is gone',
      async () => (await rows(`SELECT 1 FROM minio_images WHERE key_name LIKE '${bucket}/%'`)).length === 3,
    );
    const [again] = await rows(`SELECT value FROM minio_images WHERE key_name = '${bucket}/a.jpg'`);
    expect(again?.value?.Records[0].s3.object.size).toBe(5);
  });

  it('has a row an event in format access', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, {
      arn: 'arn:minio:sqs::journal:mysql',
      events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'],
    });
    await send({ ...PHOTO, bucket, key: 'a.jpg' });
    await remove(bucket, 'a.jpg');
    const found = await eventually('two rows', async () => {
      const all = await rows("SELECT DATE_FORMAT(event_time, '%Y-%m-%dT%H:%i:%s') AS time, event_data FROM journal");
      return all.length === 2 && all;
    });
    const [first, second] = found.map(({ event_data }) => event_data?.Records[0]);
    expect(first).toEqual(expectedRecord(bucket, 'a.jpg'));
    expect(second?.eventName).toBe('s3:ObjectRemoved:Delete');
    expect(found[0]?.time).toBe(first?.eventTime.slice(0, 19));
  });

  it.each([
    ['a wrong password', 'events:wrong@tcp(127.0.0.1:PORT)/test', 'good', 'Access denied'],
    ['an unknown database', 'events:p@ss/w:rd@tcp(127.0.0.1:PORT)/nowhere', 'good', 'nowhere'],
    ['a table of another shape', 'events:p@ss/w:rd@tcp(127.0.0.1:PORT)/test', 'other_shape', 'has no column key_name'],
    ['a name that is none', 'no slash', 'good', 'dsn_string must be'],
  ])('is refused with %s', async (_, dsn, table, message) => {
    await connection.query('CREATE TABLE IF NOT EXISTS other_shape (id INT PRIMARY KEY)');
    const text = `notify_mysql:bad table=${table} dsn_string="${dsn.replace('PORT', String(server.port))}"`;
    const refusal = await config.set(text);
    expect(refusal.status).toBe(400);
    expect(refusal.message).toContain(message);
    expect(refusal.message).not.toContain('p@ss');
  });
});

describe.skipIf(!hasServer('postgres'))('PostgreSQL', () => {
  let server: TestServer;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startPostgres();
    client = await eventually('the server takes connections', async () => {
      const trying = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'postgres', database: 'postgres' });
      try {
        await trying.connect();
        return trying;
      } catch {
        return undefined; // it listens before it is ready
      }
    });
    // a table as MySQL's is made
    await client.query('CREATE TABLE named (key_name VARCHAR PRIMARY KEY, value JSONB)');
    await client.query('CREATE TABLE unkeyed (key VARCHAR, value JSONB)');
    const connection = `host=127.0.0.1 port=${server.port} dbname=postgres user=postgres sslmode=disable`;
    await config.use(
      `notify_postgres:1 connection_string="${connection}" table="minio_images" format="namespace"`,
      `notify_postgres:2 connection_string=${connection} table=journal format=access`,
      `notify_postgres:3 connection_string="${connection}" table="named"`,
    );
  }, 120_000);
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  it.each([
    ['1', 'minio_images', 'key'],
    ['3', 'named', 'key_name'],
  ])('has a row an object in format namespace (target %s, table %s)', async (name, table, column) => {
    const bucket = await newBucket();
    await notify(gateway, bucket, {
      arn: `arn:minio:sqs::${name}:postgresql`,
      events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'],
    });
    await put(bucket, 'a.jpg', 'five!');
    await send({ ...PHOTO, bucket, key: 'a.jpg' });
    await put(bucket, 'b.jpg');
    await remove(bucket, 'b.jpg');
    await put(bucket, 'last');
    await eventually(
      'the last object has a row',
      async () =>
        ((await client.query(`SELECT 1 FROM ${table} WHERE ${column} = $1`, [`${bucket}/last`])).rowCount ?? 0) > 0,
    );
    const { rows } = await client.query(
      `SELECT ${column} AS name, value FROM ${table} WHERE ${column} LIKE '${bucket}/%' ORDER BY 1`,
    );
    expect(rows.map((row) => row.name)).toEqual([`${bucket}/a.jpg`, `${bucket}/last`]);
    expect(rows[0].value).toEqual({ Records: [expectedRecord(bucket, 'a.jpg')] });
  });

  it('has a row an event in format access', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::2:postgresql' });
    await send({ ...PHOTO, bucket, key: 'a.jpg' });
    const row = await eventually(
      'a row',
      async () => (await client.query('SELECT event_time, event_data FROM journal')).rows[0],
    );
    expect(row.event_data).toEqual({ Records: [expectedRecord(bucket, 'a.jpg')] });
    expect(row.event_time.toISOString()).toBe(row.event_data.Records[0].eventTime);
  });

  it.each([
    ['a table of another shape', 'journal', 'PORT', 'has no column'],
    ['a table without a unique key', 'unkeyed', 'PORT', 'no unique key on key'],
    ['a table name that is none', 'a;b', 'PORT', 'table must be the name of a table'],
    ['nobody there', 'good', '1', 'not connected to target server/service'],
  ])('is refused with %s', async (_, table, port, message) => {
    const at = port === 'PORT' ? String(server.port) : port;
    const connection = `host=127.0.0.1 port=${at} dbname=postgres user=postgres password=hidden sslmode=disable`;
    const refusal = await config.set(`notify_postgres:bad connection_string="${connection}" table=${table}`);
    expect(refusal.status).toBe(400);
    expect(refusal.message).toContain(message);
    expect(refusal.message).not.toContain('hidden');
  });
});

/** An authority, a server's certificate for localhost, one for another name, and a client's. */
function makeCertificates(): void {
  const openssl = (...args: readonly string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
  };
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test Authority', '-days', '2');
  for (const [name, subject] of [
    ['server', 'localhost'],
    ['misnamed', 'elsewhere.example'],
    ['client', 'gateway'],
  ] as const) {
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=DNS:${subject}\n`);
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing);
  }
}

describe('a webhook', () => {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const tls = (name: string) => ({
    key: read(`${name}.key`),
    cert: read(`${name}.pem`),
    ca: read('ca.pem'),
    requestCert: true,
    rejectUnauthorized: true,
  });
  let plain: Webhook;
  let mutual: Webhook;
  let misnamed: Webhook;
  let certificates: string;

  beforeAll(async () => {
    plain = await startWebhook();
    mutual = await startWebhook(tls('server'));
    misnamed = await startWebhook(tls('misnamed'));
    certificates = `client_cert=${join(folder, 'client.pem')} client_key=${join(folder, 'client.key')}`;
    await config.use(
      `notify_webhook:1 queue_limit="0"  endpoint="${plain.url}" queue_dir=""`,
      `notify_webhook:mtls endpoint=${mutual.url} auth_token=the-token ${certificates}`,
    );
  }, 120_000);
  afterAll(async () => {
    for (const webhook of [plain, mutual, misnamed]) await webhook?.close();
  });

  it('gets a POST an event', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, {
      arn: 'arn:minio:sqs::1:webhook',
      events: ['s3:ObjectCreated:Put'],
      suffix: '.jpg',
    });
    await send({ ...PHOTO, bucket, key: 'a b.jpg' });
    const [post] = await eventually('a post', () => plain.posts.length > 0 && plain.posts);
    expect(post?.body).toEqual({
      EventName: 's3:ObjectCreated:Put',
      Key: `${bucket}/a b.jpg`,
      Records: [expectedRecord(bucket, 'a+b.jpg')],
    });
    expect(post?.headers['content-type']).toBe('application/json');
    expect(post?.headers.authorization).toBeUndefined();
  });

  it('is shown the token and the certificate, both at once with another target', async () => {
    const bucket = await newBucket();
    const before = plain.posts.length;
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::mtls:webhook' }, { arn: 'arn:minio:sqs::1:webhook' });
    await put(bucket, 'a');
    const [post] = await eventually('a post', () => mutual.posts.length > 0 && mutual.posts);
    expect(post).toMatchObject({ authorized: true, headers: { authorization: 'Bearer the-token' } });
    await eventually('the other has it as well', () => plain.posts.length === before + 1);
  });

  it.each([
    [
      'a name that its certificate does not have',
      () => `notify_webhook:misnamed endpoint=${misnamed.url} ${certificates}`,
      /altnames|does not match/,
    ],
    [
      'an authority that is not known',
      () => `notify_webhook:unknown endpoint=${mutual.url} ${certificates}`,
      /certificate/,
    ],
    ['no client certificate', () => `notify_webhook:mtls endpoint=${mutual.url} client_cert= client_key=`, /./],
    ['a certificate without its key', () => `notify_webhook:half endpoint=${mutual.url} client_cert=/x`, /as a pair/],
    [
      'nobody there',
      () => 'notify_webhook:none endpoint=http://127.0.0.1:1',
      /not connected to target server\/service/,
    ],
    ['an endpoint that is none', () => 'notify_webhook:none endpoint=localhost:80', /http:\/\/ or https:\/\//],
  ])('is refused with %s', async (_, line, message) => {
    const refusal = await config.set(line());
    expect(refusal.status).toBe(400);
    expect(refusal.message).toMatch(message);
  });

  it.each([500, 404, undefined])(
    'that answers %s slows nobody, and gets everything, what concerns an object in order, once it answers well',
    async (answer) => {
      const bucket = await newBucket();
      const other = await newBucket();
      await notify(gateway, bucket, { arn: 'arn:minio:sqs::1:webhook' });
      await notify(gateway, other, { arn: 'arn:minio:sqs::mtls:webhook' });
      const posts = plain.posts.length;
      plain.answer = answer;
      const started = performance.now();
      for (let i = 0; i < 20; i++) await put(bucket, `${i % 3}`, 'x'.repeat(1 + i));
      expect(performance.now() - started).toBeLessThan(10_000);
      const others = mutual.posts.length;
      await put(other, 'x');
      await eventually('the other target has its event', () => mutual.posts.length === others + 1, 5_000);
      expect(plain.posts.length).toBe(posts);
      plain.answer = 200;
      await eventually('all are there', () => plain.posts.length === posts + 20, 60_000);
      for (const key of [0, 1, 2]) {
        const mine = plain.posts.slice(posts).filter(({ body }) => body.Key === `${bucket}/${key}`);
        expect(mine.map(({ body }) => body.Records[0]?.s3.object.size)).toEqual(
          Array.from({ length: 20 }, (_, i) => i + 1).filter((size) => (size - 1) % 3 === key),
        );
      }
    },
    90_000,
  );
});

describe('listeners', () => {
  /** Reads a listener's lines until it is closed. */
  async function listen(bucket: string | undefined, events: readonly string[], more: readonly [string, string][] = []) {
    const agent = new Agent();
    const parameters = [...events.map((name): [string, string] => ['events', name]), ...more];
    const records: EventRecord[] = [];
    const answer = await gateway.client.stream({
      ...(bucket === undefined ? {} : { bucket }),
      parameters,
      keys: gateway.root,
    });
    let text = '';
    answer.on('error', () => undefined);
    answer.on('data', (data: Buffer) => {
      text += data.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) records.push(...JSON.parse(line).Records);
    });
    return {
      status: answer.statusCode,
      records,
      close: () => {
        answer.destroy();
        agent.destroy();
      },
    };
  }

  it('hear of the events of all workers, with keys as they are', async () => {
    const bucket = await newBucket();
    const names = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];
    const first = await listen(bucket, names);
    const second = await listen(bucket, names, [['prefix', 'even/']]);
    expect(first.status).toBe(200);
    // a connection each, so that both workers get some
    const keys = Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? `even/é ${i}` : `odd/${i}`));
    await Promise.all(
      keys.map(async (key) => {
        const { target, headers, body } = gateway.client.prepare({
          method: 'PUT',
          bucket,
          key,
          body: 'x',
          keys: gateway.root,
        });
        await new Promise<void>((resolve, reject) => {
          const request = gateway.client.open('PUT', target, headers);
          request.on('response', (response) => response.resume().on('end', resolve));
          request.on('error', reject);
          request.end(body);
        });
      }),
    );
    await eventually('the first heard of all', () => first.records.length === 24);
    await eventually('the second heard of half', () => second.records.length === 12);
    expect(first.records.map(({ s3 }) => s3.object.key).sort()).toEqual(keys.sort());
    first.close();
    second.close();
  });

  it('hear of buckets that come and go', async () => {
    const all = await listen(undefined, ['s3:BucketCreated:*', 's3:BucketRemoved:*', 's3:ObjectCreated:*']);
    const bucket = await newBucket();
    await put(bucket, 'a');
    await remove(bucket, 'a');
    await send({ method: 'DELETE', bucket });
    await eventually('three events', () => all.records.filter(({ s3 }) => s3.bucket.name === bucket).length === 3);
    expect(all.records.filter(({ s3 }) => s3.bucket.name === bucket).map(({ eventName }) => eventName)).toEqual([
      's3:BucketCreated:*',
      's3:ObjectCreated:Put',
      's3:BucketRemoved:*',
    ]);
    all.close();
  });

  it.each([
    ['an unknown event', { events: 's3:ObjectInvented:*' }, 400, 'InvalidArgument'],
    ['a prefix that is no key', { events: 's3:ObjectCreated:*', prefix: '../' }, 400, 'InvalidArgument'],
  ])('are refused with %s', async (_, query, status, code) => {
    expect(await send({ bucket: await newBucket(), query })).toMatchObject({ status, code });
  });

  it('are refused of a bucket that is not, and to those who may not', async () => {
    const query = { events: 's3:ObjectCreated:*' };
    expect(await send({ bucket: 'never-was', query })).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    expect((await gateway.client.send({ bucket: await newBucket(), query })).status).toBe(403);
  });
});

describe('a configuration of notifications', () => {
  let hook: Webhook;
  const ARN = 'arn:minio:sqs::config:webhook';
  beforeAll(async () => {
    hook = await startWebhook();
    await config.use(`notify_webhook:config endpoint=${hook.url}`);
  });
  afterAll(() => hook.close());

  it('is answered as it was put, and removed by an empty one', async () => {
    const bucket = await newBucket();
    const empty = (await send({ bucket, query: { notification: '' } })).body.toString();
    expect(empty).toContain(
      '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></NotificationConfiguration>',
    );
    await notify(gateway, bucket, {
      arn: ARN,
      events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:Delete'],
      prefix: 'a/',
      suffix: '.b',
    });
    const stored = (await send({ bucket, query: { notification: '' } })).body;
    expect(xmlValues(stored, 'Event')).toEqual(['s3:ObjectCreated:*', 's3:ObjectRemoved:Delete']);
    expect(xmlValues(stored, 'Value')).toEqual(['a/', '.b']);
    expect(xmlValue(stored, 'Queue')).toBe(ARN);
    await notify(gateway, bucket);
    expect((await send({ bucket, query: { notification: '' } })).body.toString()).toBe(empty);
    await put(bucket, 'a/x.b');
    const other = await newBucket();
    await notify(gateway, other, { arn: ARN });
    await put(other, 'later');
    await eventually('the later event is there', () => hook.posts.length > 0);
    expect(hook.posts.map(({ body }) => body.Key)).toEqual([`${other}/later`]);
  });

  it.each([
    ['an unknown target', [{ arn: 'arn:minio:sqs::nobody:webhook' }], 'InvalidArgument', 'destination ARN'],
    ['an ARN that is none', [{ arn: 'arn:aws:sqs:us-east-1:1:queue' }], 'InvalidArgument', 'destination ARN'],
    ['an unknown event', [{ arn: ARN, events: ['s3:ObjectInvented:*'] }], 'InvalidArgument', 'event'],
    [
      'an event twice',
      [{ arn: ARN, events: ['s3:ObjectCreated:Put', 's3:ObjectCreated:Put'] }],
      'InvalidArgument',
      'twice',
    ],
    ['the same twice', [{ arn: ARN }, { arn: ARN }], 'InvalidArgument', 'overlapping'],
    [
      'prefixes that overlap',
      [
        { arn: ARN, prefix: 'a' },
        { arn: ARN, prefix: 'ab', events: ['s3:ObjectCreated:Put'] },
      ],
      'InvalidArgument',
      'overlapping',
    ],
    ['a filter value that is no key', [{ arn: ARN, prefix: 'a/../b' }], 'InvalidArgument', 'filter'],
    ['no event', [{ arn: ARN, events: [] }], 'MalformedXML', 'Event'],
  ])('is refused with %s', async (_, rules, code, message) => {
    const bucket = await newBucket();
    const refusal = await putNotification(gateway, bucket, notificationDocument(rules));
    expect(refusal).toMatchObject({ status: 400, code });
    expect(xmlValue(refusal.body, 'Message')).toContain(message);
  });

  it.each([
    ['nothing', ''],
    ['no XML', '<NotificationConfiguration>'],
    ['another document', '<Other/>'],
    ['an element that is not its', '<NotificationConfiguration><Queue/></NotificationConfiguration>'],
  ])('is refused when the document is %s', async (_, document) => {
    expect(await putNotification(gateway, await newBucket(), document)).toMatchObject({
      status: 400,
      code: 'MalformedXML',
    });
  });
});

describe('mc admin info', () => {
  it('says which targets are online', async () => {
    const admin = new AdminClient(gateway.client, gateway.root);
    const json = await eventually('the webhook is spoken of', async () => {
      const info = (await admin.call({ method: 'GET', path: 'info' })).json as {
        services: { notifications: unknown[] };
      };
      return JSON.stringify(info.services.notifications).includes('"status":"online"') && info;
    });
    expect(json.services.notifications).toContainEqual({
      webhook: expect.arrayContaining([{ mtls: { status: expect.stringMatching(/^o(n|ff)line$/) } }]),
    });
  });
});

describe('metrics', () => {
  it('count what was delivered, and say which targets are up', async () => {
    const port = /"port":(\d+)\},"msg":"metrics are served"/.exec(gateway.process.log)?.[1];
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const shown = text.split('\n').filter((line) => /target="(1|mtls):webhook"/.test(line) && !line.includes('failed'));
    expect(shown.map((line) => line.replace(/ [\d.]+$/, ' N').replace('portcullis_event_target_', ''))).toEqual([
      'up{target="1:webhook"} N',
      'up{target="mtls:webhook"} N',
      'queued{target="1:webhook"} N',
      'queued{target="mtls:webhook"} N',
      'lag_seconds{target="1:webhook"} N',
      'lag_seconds{target="mtls:webhook"} N',
      'delivered_total{target="1:webhook"} N',
      'delivered_total{target="mtls:webhook"} N',
      'dropped_total{target="1:webhook",reason="queue_full"} N',
      'dropped_total{target="mtls:webhook",reason="queue_full"} N',
    ]);
    expect(shown.find((line) => line.includes('delivered_total{target="1:webhook"'))).toMatch(/ [1-9]\d*$/);
    expect(text.includes('portcullis_s3_requests_total')).toBe(true);
  });
});
