// Event targets in trouble, through a running gateway with two workers: servers that hang, tables that others made, queues that are full,
// cannot be written or were left by `juicefs gateway`, names that certificates do not have, configurations that change under load.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority } from '../harness/certificates.ts';
import { notificationDocument, notify, putNotification, startWebhook, type Webhook } from '../harness/notifications.ts';
import { xmlValues } from '../harness/s3-client.ts';
import { hasServer, startMariadb, startPostgres, startRedis, type TestServer } from '../harness/servers.ts';
import { eventually } from '../harness/waiting.ts';
import { config, folder, gateway, newBucket, put, send, useNotifyingGateway } from './notifying-gateway.ts';

/** A request that waited for a target would take longer. */
const QUICK_MS = 9_000;

let hook: Webhook;
let misnamed: Webhook;
afterAll(async () => {
  await hook?.close();
  await misnamed?.close();
});
useNotifyingGateway(async () => {
  hook = await startWebhook();
  const authority = new TestAuthority(folder, 'authority');
  misnamed = await startWebhook(authority.issue('elsewhere', 'serverAuth', { names: 'DNS:elsewhere.example' }));
  leaveEvents();
  return {
    ...webhookVariables('misnamed', misnamed.url),
    MINIO_NOTIFY_WEBHOOK_CA_CERT_misnamed: authority.certFile,
    ...webhookVariables('unwritable', hook.url, '/proc/nowhere'),
    ...webhookVariables('left', hook.url, join(folder, 'left')),
  };
});

function webhookVariables(name: string, endpoint: string, queueDir = ''): Record<string, string> {
  return {
    [`MINIO_NOTIFY_WEBHOOK_ENABLE_${name}`]: 'on',
    [`MINIO_NOTIFY_WEBHOOK_ENDPOINT_${name}`]: endpoint,
    [`MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_${name}`]: queueDir,
  };
}

/** What `juicefs gateway` left: a file an event, and one that was being written when it ended. */
function leaveEvents(): void {
  const directory = join(folder, 'left', 'minio-webhook-left');
  mkdirSync(directory, { recursive: true });
  for (const [i, name] of ['9f', '1a', '5c'].entries()) {
    const record = {
      eventVersion: '2.0',
      eventSource: 'minio:s3',
      eventTime: '2026-04-08T07:48:36.865Z',
      eventName: 's3:ObjectCreated:Put',
      s3: { bucket: { name: 'images' }, object: { key: `left%2F${i}`, sequencer: `17C43E89196AE2A${i}` } },
    };
    writeFileSync(join(directory, `${name}.event`), JSON.stringify(record));
  }
  writeFileSync(join(directory, '77.event'), '{"eventVersion":"2.0","eve');
}

/** Uploads objects one after the other, which no target may slow. */
async function putQuickly(bucket: string, keys: readonly string[]): Promise<void> {
  const started = performance.now();
  for (const key of keys) expect((await put(bucket, key)).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(QUICK_MS);
}

async function metric(line: string): Promise<number> {
  const port = await eventually(
    'metrics are served',
    () => /"port":(\d+)\},"msg":"metrics are served"/.exec(gateway.process.log)?.[1],
  );
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.split(' ')[1] ?? Number.NaN);
}

const logged = (part: string): number => gateway.process.log.split(part).length - 1;
const TEN = Array.from({ length: 10 }, (_, i) => `k${i}`);

describe('what juicefs gateway left in queue_dir', () => {
  it('is delivered in its order and gone, but for a damaged file, which is set aside and named', async () => {
    const posts = () => hook.posts.filter(({ body }) => body.Key.startsWith('images/left/'));
    await eventually('three events', () => posts().length === 3);
    expect(new Set(posts().map(({ body }) => body.Key))).toEqual(
      new Set(['images/left/0', 'images/left/1', 'images/left/2']),
    );
    expect(readdirSync(join(folder, 'left', 'minio-webhook-left'))).toEqual([]);
    expect(readdirSync(join(folder, 'left', 'portcullis-webhook-left'))).toContainEqual(
      expect.stringMatching(/^77\.event\.damaged-\d+$/),
    );
    expect(gateway.process.log).toContain('events that another gateway left undelivered are taken over');
    expect(gateway.process.log).toContain(join(folder, 'left', 'minio-webhook-left', '77.event'));
  });
});

describe('a webhook whose certificate has another name', () => {
  it('gets nothing; its events wait, and the reason is logged once', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::misnamed:webhook' });
    await putQuickly(bucket, TEN);
    await eventually(
      'ten wait',
      async () => (await metric('portcullis_event_target_queued{target="misnamed:webhook"}')) === 10,
    );
    const failures = () => metric('portcullis_event_target_failed_total{target="misnamed:webhook"}');
    const before = await failures();
    await eventually('it was tried again', async () => (await failures()) > before + 1);
    expect(await metric('portcullis_event_target_up{target="misnamed:webhook"}')).toBe(0);
    expect(misnamed.posts).toEqual([]);
    const lines = gateway.process.log.split('\n').filter((line) => line.includes('misnamed:webhook'));
    expect(lines).toHaveLength(2); // its ARN, and that it is not reachable
    expect(lines[1]).toMatch(/altnames|does not match/);
    await notify(gateway, bucket);
  });
});

describe('a queue that cannot be written', () => {
  it('fails no request: what is lost is counted, and said once', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::unwritable:webhook' });
    await putQuickly(bucket, TEN);
    const dropped = 'portcullis_event_target_dropped_total{target="unwritable:webhook",reason="queue_failed"}';
    expect(await metric(dropped)).toBe(10);
    expect(logged('an event queue cannot be written to')).toBe(1);
    await notify(gateway, bucket);
  });
});

describe('a queue that is full', () => {
  it('takes no more, counts what is lost, and keeps what it took', async () => {
    const limited = await startWebhook();
    const queue = join(folder, 'full');
    await config.use(`notify_webhook:limited endpoint=${limited.url} queue_dir=${queue} queue_limit=4`);
    limited.answer = 503;
    const bucket = await newBucket();
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::limited:webhook' });
    await putQuickly(bucket, TEN);
    const dropped = 'portcullis_event_target_dropped_total{target="limited:webhook",reason="queue_full"}';
    expect(await metric(dropped)).toBe(6);
    expect(logged('"target":"limited:webhook","reason":"queue_full","msg":"events of a target are lost"')).toBe(1);
    limited.answer = 200;
    await eventually('four', () => limited.posts.length === 4);
    expect(limited.posts.map(({ body }) => body.Key).sort()).toEqual(TEN.slice(0, 4).map((key) => `${bucket}/${key}`));
    await eventually('it is said that it is over', () =>
      gateway.process.log.includes('"target":"limited:webhook","lost":6,"msg":"events of a target are taken again"'),
    );
    await limited.close();
  });
});

describe('a configuration that is applied under load', () => {
  it.each([
    ['with a queue on disk', `queue_dir=${join(folder, 'reload')}`, `queue_dir=${join(folder, 'reload')}`],
    ['in memory, with a queue on disk from then on', 'queue_dir=', `queue_dir=${join(folder, 'later')}`],
  ])(
    'loses nothing %s',
    async (_, before, after) => {
      const former = await startWebhook();
      const next = await startWebhook();
      await config.use(`notify_webhook:reload endpoint=${former.url} ${before}`);
      const bucket = await newBucket();
      await notify(gateway, bucket, { arn: 'arn:minio:sqs::reload:webhook' });
      // the former one hangs, which a reload waits for a while
      former.answer = undefined;
      const answered: string[] = [];
      let ending = false;
      const uploading = (async () => {
        for (let i = 0; !ending; i++) if ((await put(bucket, `${i}`)).status === 200) answered.push(`${bucket}/${i}`);
      })();
      await eventually('some are answered', () => answered.length > 10);
      await config.use(`notify_webhook:reload endpoint=${next.url} ${after}`);
      const reloaded = answered.length;
      await eventually('some more are answered', () => answered.length > reloaded + 10);
      ending = true;
      await uploading;
      const told = () => new Set(next.posts.map(({ body }) => body.Key));
      await eventually('all that was answered is told', () => answered.every((key) => told().has(key)));
      await former.close();
      await next.close();
    },
    60_000,
  );
});

describe('a target that is removed', () => {
  it('does not keep the bucket that notifies it from being told to notify others', async () => {
    await config.use(`notify_webhook:old endpoint=${hook.url}`, `notify_webhook:new endpoint=${hook.url}`);
    const bucket = await newBucket();
    const old = { arn: 'arn:minio:sqs::old:webhook' };
    await notify(gateway, bucket, old);
    expect((await config.reset('notify_webhook:old')).status).toBe(200);
    await config.reload();
    expect(
      logged(`"bucket":"${bucket}","target":"old:webhook","msg":"a bucket notifies a target that is not configured"`),
    ).toBe(1);
    // as `mc event add` does: what is there, and another
    await notify(gateway, bucket, old, { arn: 'arn:minio:sqs::new:webhook' });
    await put(bucket, 'x');
    await eventually('the new one is told', () => hook.posts.some(({ body }) => body.Key === `${bucket}/x`));
    const other = await newBucket();
    const refusal = await putNotification(gateway, other, notificationDocument([old]));
    expect(refusal).toMatchObject({ status: 400, code: 'InvalidArgument' });
    await notify(gateway, bucket);
    expect(xmlValues((await send({ bucket, query: { notification: '' } })).body, 'Queue')).toEqual([]);
  });
});

describe('a copy with other metadata', () => {
  it('is told of with it', async () => {
    await config.use(`notify_webhook:copies endpoint=${hook.url}`);
    const bucket = await newBucket();
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::copies:webhook', events: ['s3:ObjectCreated:Copy'] });
    await put(bucket, 'a');
    const source = { 'x-amz-copy-source': `${bucket}/a` };
    const replaced = { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-n': '1', 'content-type': 'text/plain' };
    await send({ method: 'PUT', bucket, key: 'b', headers: source });
    await send({ method: 'PUT', bucket, key: 'c', headers: { ...source, ...replaced } });
    const of = (key: string) =>
      hook.posts.find(({ body }) => body.Key === `${bucket}/${key}`)?.body.Records[0]?.s3.object;
    await eventually('both are told', () => of('b') !== undefined && of('c') !== undefined);
    expect(of('b')).not.toHaveProperty('userMetadata');
    expect(of('c')).toHaveProperty('userMetadata', { 'X-Amz-Meta-N': '1', 'content-type': 'text/plain' });
  });
});

interface Hanging {
  /** What is stopped for a while. */
  readonly pids: () => Promise<readonly number[]>;
  readonly arn: string;
  /** The objects that the target was told of. */
  readonly told: () => Promise<readonly string[]>;
}

/** Requests go on while a target hangs, and everything is there afterwards. */
async function expectPatience({ pids, arn, told }: Hanging): Promise<void> {
  const bucket = await newBucket();
  await notify(gateway, bucket, { arn });
  await put(bucket, 'before');
  await eventually('the first is there', async () => (await told()).includes(`${bucket}/before`));
  const stopped = await pids();
  expect(stopped.length).toBeGreaterThan(0);
  for (const pid of stopped) process.kill(pid, 'SIGSTOP');
  try {
    await putQuickly(bucket, TEN);
  } finally {
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
  }
  await eventually('all are there', async () => {
    const names = await told();
    return TEN.every((key) => names.includes(`${bucket}/${key}`));
  });
}

describe.skipIf(!hasServer('redis'))('Redis', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  it('that hangs for a while slows nobody', async () => {
    await config.use(`notify_redis:hang address=127.0.0.1:${server.port} key=objects`);
    const client = new Redis({ port: server.port });
    await expectPatience({
      pids: async () => [server.process.pid],
      arn: 'arn:minio:sqs::hang:redis',
      told: () => client.hkeys('objects'),
    });
    client.disconnect();
  });

  it('that turned into a replica is asked for anew until it takes events again', async () => {
    const client = new Redis({ port: server.port });
    await config.use(`notify_redis:replica address=127.0.0.1:${server.port} key=replicated`);
    const bucket = await newBucket();
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::replica:redis' });
    await client.replicaof('127.0.0.1', 1);
    await put(bucket, 'a');
    await eventually('it refuses', () => /"target":"replica:redis","reason":"READONLY/.test(gateway.process.log));
    await client.replicaof('NO', 'ONE');
    await eventually('it is there', async () => (await client.hexists('replicated', `${bucket}/a`)) === 1);
    client.disconnect();
  });
});

describe.skipIf(!hasServer('mariadb'))('MariaDB', () => {
  let server: TestServer;
  let connection: Awaited<ReturnType<typeof createConnection>>;
  beforeAll(async () => {
    server = await startMariadb();
    connection = await createConnection({ host: '127.0.0.1', port: server.port, user: 'root', database: 'test' });
    await connection.query(
      'CREATE TABLE made (key_name VARCHAR(3072) NOT NULL, key_hash CHAR(64) GENERATED ALWAYS AS (SHA2(key_name, 256)) STORED UNIQUE, value JSON)',
    );
    await connection.query(
      'CREATE TABLE demanding (event_time DATETIME NOT NULL, event_data JSON, host VARCHAR(9) NOT NULL)',
    );
    await connection.query("CREATE USER 'writer'@'%' IDENTIFIED BY 'secret'");
    for (const table of ['made', 'demanding'])
      await connection.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON test.${table} TO 'writer'@'%'`);
  }, 120_000);
  afterAll(async () => {
    connection?.destroy();
    await server?.stop();
  });

  const line = (name: string, table: string, more = ''): string =>
    `notify_mysql:${name} table=${table} dsn_string=writer:secret@tcp(127.0.0.1:${server.port})/test ${more}`;

  it('needs no right to make tables where there is one, and slows nobody when it hangs', async () => {
    await config.use(line('made', 'made'));
    await expectPatience({
      pids: async () => [server.process.pid],
      arn: 'arn:minio:sqs::made:mysql',
      told: async () => {
        const [rows] = await connection.query('SELECT key_name FROM made');
        return (rows as { key_name: string }[]).map(({ key_name }) => key_name);
      },
    });
  });

  it('is refused with a table that demands more, and without the right to make one', async () => {
    expect((await config.set(line('bad', 'demanding', 'format=access'))).message).toContain('demands a value for host');
    expect((await config.set(line('bad', 'nowhere'))).message).toMatch(/denied/);
  });
});

describe.skipIf(!hasServer('postgres'))('PostgreSQL', () => {
  let server: TestServer;
  let client: pg.Client;
  beforeAll(async () => {
    server = await startPostgres();
    client = await eventually('the server takes connections', async () => {
      const trying = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'postgres', database: 'postgres' });
      return trying.connect().then(
        () => trying,
        () => undefined,
      );
    });
    await client.query('CREATE USER writer');
    await client.query('CREATE TABLE made (key VARCHAR PRIMARY KEY, value JSONB)');
    await client.query(
      'CREATE TABLE demanding (event_time TIMESTAMPTZ NOT NULL, event_data JSONB, host TEXT NOT NULL)',
    );
    await client.query('GRANT SELECT, INSERT, UPDATE, DELETE ON made, demanding TO writer');
  }, 120_000);
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  const line = (name: string, table: string, more = ''): string =>
    `notify_postgres:${name} table=${table} connection_string="host=127.0.0.1 port=${server.port} user=writer dbname=postgres sslmode=disable" ${more}`;

  it('needs no right to make tables where there is one, and slows nobody when it hangs', async () => {
    await config.use(line('made', 'made'));
    const backends = "SELECT pid FROM pg_stat_activity WHERE application_name = 'portcullis'";
    await expectPatience({
      pids: async () => (await client.query(backends)).rows.map(({ pid }) => Number(pid)),
      arn: 'arn:minio:sqs::made:postgresql',
      told: async () => (await client.query('SELECT key FROM made')).rows.map(({ key }) => String(key)),
    });
  });

  it('is refused with a table that demands more, and without the right to make one', async () => {
    expect((await config.set(line('bad', 'demanding', 'format=access'))).message).toContain('demands a value for host');
    expect((await config.set(line('bad', 'nowhere'))).message).toContain('permission denied');
  });
});
