import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EventRecord, notify } from '../harness/notifications.ts';
import { xmlValue } from '../harness/s3-client.ts';
import { hasServer, startMariadb, startPostgres, startRedis, type TestServer } from '../harness/servers.ts';
import { eventually } from '../harness/waiting.ts';
import {
  config,
  expectedRecord,
  folder,
  gateway,
  newBucket,
  PHOTO,
  put,
  remove,
  send,
  useNotifyingGateway,
} from './notifying-gateway.ts';

useNotifyingGateway(() => ({}));

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
