// The server configuration as `mc admin config` sees it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { ConfigClient, startWebhook, type Webhook } from '../harness/notifications.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { AdminClient } from './admin-client.ts';

const folder = makeTempFolder();
let gateway: Gateway;
let config: ConfigClient;
let hook: Webhook;
logsOnFailure(() => gateway);

beforeAll(async () => {
  const { metaUrl } = await formatTestVolume(folder);
  hook = await startWebhook();
  gateway = await startGateway({
    metaUrl,
    flags: ['--workers', '1', '--metrics', '127.0.0.1:0', '--authz-timeout', '30s'],
  });
  config = new ConfigClient(gateway);
}, 90_000);
afterAll(async () => {
  await gateway?.dispose();
  await hook?.close();
  removeTempFolder(folder);
});

describe('help', () => {
  it('lists the sub-systems, the four of notifications as people know them', async () => {
    const { json } = await config.help({ key: '', subSys: '' });
    const lines = (json as { keysHelp: { key: string; description: string }[] }).keysHelp.map(
      ({ key, description }) => `${key.padEnd(15)}  ${description}`,
    );
    expect(lines.filter((line) => line.startsWith('notify'))).toEqual([
      'notify_webhook   publish bucket notifications to webhook endpoints',
      'notify_mysql     publish bucket notifications to MySQL databases',
      'notify_postgres  publish bucket notifications to Postgres databases',
      'notify_redis     publish bucket notifications to Redis datastores',
    ]);
  });

  it('tells of the keys of a sub-system, or their variables', async () => {
    const { json } = await config.help({ key: '', subSys: 'notify_redis' });
    expect(json).toMatchObject({ subSys: 'notify_redis', multipleTargets: true });
    expect(
      (json as { keysHelp: { key: string; type: string; optional: boolean }[] }).keysHelp.map(
        ({ key, type, optional }) => `${key}${optional ? '' : '*'} (${type})`,
      ),
    ).toEqual([
      'address* (address)',
      'key* (string)',
      'format* (namespace*|access)',
      'password (string)',
      'queue_dir (path)',
      'queue_limit (number)',
      'comment (sentence)',
    ]);
    const env = (await config.help({ key: '', subSys: 'notify_webhook', env: '' })).json;
    expect((env as { keysHelp: { key: string }[] }).keysHelp[0]?.key).toBe('MINIO_NOTIFY_WEBHOOK_ENABLE');
    expect((await config.help({ key: '', subSys: 'invented' })).json).toMatchObject({ Code: 'XMinioConfigError' });
  });
});

describe('get, set and reset', () => {
  it.each([
    ['notify_redis', 'notify_redis enable=off format=namespace address= key= password= queue_dir= queue_limit=0 '],
    [
      'notify_mysql',
      'notify_mysql enable=off format=namespace dsn_string= table= queue_dir= queue_limit=0 max_open_connections=2 ',
    ],
    [
      'notify_postgres',
      'notify_postgres enable=off format=namespace connection_string= table= queue_dir= queue_limit=0 max_open_connections=2 ',
    ],
    [
      'notify_webhook',
      'notify_webhook enable=off endpoint= auth_token= queue_limit=0 queue_dir= client_cert= client_key= ',
    ],
    ['region', 'region name= '],
  ])('%s has its defaults until it is set', async (key, line) => {
    expect(await config.get(key)).toBe(line);
  });

  it('shows a target as it was set, with quotes where a value has spaces, and keeps what is not set again', async () => {
    expect(
      (await config.set(`notify_webhook:1 endpoint="${hook.url}" auth_token="two words" comment="a word or two"`))
        .status,
    ).toBe(200);
    const line = `notify_webhook:1 endpoint=${hook.url} auth_token="two words" queue_limit=0 queue_dir= client_cert= client_key= comment="a word or two" `;
    expect(await config.get('notify_webhook:1')).toBe(line);
    expect((await config.set('notify_webhook:1 queue_limit=1000')).status).toBe(200);
    expect(await config.get('notify_webhook:1')).toBe(line.replace('queue_limit=0', 'queue_limit=1000'));
    expect((await config.get('notify_webhook')).split('\n')).toHaveLength(3);
    expect((await config.reset('notify_webhook:1')).status).toBe(200);
    expect(await config.reset('notify_webhook:1')).toMatchObject({
      status: 400,
      message: 'sub-system notify_webhook:1 already deleted',
    });
  });

  it('says whether a change acts at once', async () => {
    const admin = await config.set('api requests_max=100');
    expect(admin).toMatchObject({ status: 200, answer: { headers: { 'x-minio-config-applied': 'true' } } });
    expect(await config.set('region name=eu-west-1')).not.toHaveProperty('answer.headers.x-minio-config-applied');
    expect(await config.get('region')).toBe('region name=eu-west-1 ');
    expect(await config.get('api')).toContain('requests_max=100 ');
    await config.reset('region');
    await config.reset('api');
  });

  it.each([
    ['nothing', '', 'nothing to set'],
    ['an unknown sub-system', 'invented:1 a=b', 'unknown sub-system invented:1 a=b'],
    ['no keys', 'region', "sub-system 'region' cannot have empty keys"],
    ['a target of what has one only', 'region:2 name=x', 'only supports single target'],
    ['a key that is not its', 'region title=x name=y', 'found invalid keys (title=x)'],
    ['a name that is none', 'notify_redis:a/b key=x', 'the name of a target'],
    ['a region that is none', 'region name=-x', "region '-x' is invalid"],
    ['a switch that is neither on nor off', 'notify_redis:1 enable=perhaps', 'enable must be on or off'],
  ])('refuses %s', async (_, text, message) => {
    const refusal = await config.set(text);
    expect(refusal).toMatchObject({ status: 400, code: 'XMinioConfigError' });
    expect(refusal.message).toContain(message);
  });

  it('takes a target that is off unlooked at', async () => {
    expect((await config.set('notify_webhook:off enable=off endpoint=http://127.0.0.1:1')).status).toBe(200);
    expect(await config.get('notify_webhook:off')).toContain(
      'notify_webhook:off enable=off endpoint=http://127.0.0.1:1 ',
    );
    await config.reset('notify_webhook:off');
  });

  it('finds values that hold equal signs and spaces, quoted or not', async () => {
    const connection = 'host=127.0.0.1 port=5432 dbname=x user=y password=z sslmode=disable';
    for (const quoted of [connection, `"${connection}"`]) {
      const line = `notify_postgres:pg enable=off connection_string=${quoted} table=t format=access`;
      expect((await config.set(line)).status).toBe(200);
      expect(await config.get('notify_postgres:pg')).toContain(
        `format=access connection_string="${connection}" table=t `,
      );
      await config.reset('notify_postgres:pg');
    }
  });
});

describe('history, export and import', () => {
  it('remember what was set, and bring it back', async () => {
    await config.clearHistory('all');
    expect(await config.history()).toEqual([]);
    await config.set('region name=us-east-1');
    await config.set('region name=us-west-2');
    const [first, second] = await config.history();
    expect([first?.data, second?.data]).toEqual(['region name=us-east-1', 'region name=us-west-2']);
    expect(Date.parse(first?.createTime ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect((await config.restore(first?.restoreId ?? '')).status).toBe(200);
    expect(await config.get('region')).toBe('region name=us-east-1 ');
    expect((await config.history()).map(({ data }) => data)).toEqual(['region name=us-west-2']);
    expect((await config.clearHistory(second?.restoreId ?? '')).status).toBe(200);
    expect(await config.history()).toEqual([]);
    expect((await config.restore('never-was')).status).toBe(404);
  });

  it('write a configuration that can be read again', async () => {
    await config.set(`notify_webhook:kept endpoint=${hook.url} auth_token="a b"`);
    const text = await config.export();
    expect(text).toContain('# notify_redis enable=off ');
    expect(text).toContain(`\nnotify_webhook:kept endpoint=${hook.url} auth_token="a b" `);
    await config.reset('notify_webhook:kept');
    await config.reset('region');
    expect((await config.import(text)).status).toBe(200);
    expect(await config.export()).toBe(text);
    await config.reset('notify_webhook:kept');
  });
});

it('is for those who may update it', async () => {
  const admin = new AdminClient(gateway.client, gateway.root);
  await admin.addUser('somebody', 'somebody-secret');
  const somebody = new AdminClient(gateway.client, { accessKey: 'somebody', secretKey: 'somebody-secret' });
  for (const path of ['get-config-kv', 'help-config-kv', 'config', 'list-config-history-kv']) {
    expect((await somebody.call({ method: 'GET', path, query: { key: 'region', subSys: '', count: '1' } })).code).toBe(
      'AccessDenied',
    );
  }
});
