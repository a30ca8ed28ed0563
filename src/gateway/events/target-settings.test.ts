import { describe, expect, it } from 'vitest';
import { parseTargetArn, targetArn } from './target-name.ts';
import { enabledTargets } from './target-settings.ts';
import { parseMysqlDsn } from './targets/mysql-dsn.ts';
import { parsePostgresConnectionString } from './targets/postgres-connection-string.ts';
import { parseRedisAddress } from './targets/redis-target.ts';

describe('parseMysqlDsn', () => {
  it.each([
    [
      'root:123456@tcp(172.17.0.1:3306)/miniodb',
      { user: 'root', password: '123456', host: '172.17.0.1', port: 3306, database: 'miniodb' },
    ],
    [
      'u:p@:/w@tcp([::1])/db?tls=skip-verify',
      { user: 'u', password: 'p@:/w', host: '::1', port: 3306, tls: 'skip-verify' },
    ],
    ['u@unix(/run/mysqld.sock)/db', { user: 'u', password: '', socketPath: '/run/mysqld.sock' }],
    ['/db', { user: '', host: '127.0.0.1', port: 3306, database: 'db' }],
    ['u:p@tcp(h)/db?parseTime=true&tls=true', { host: 'h', tls: 'verify' }],
  ])('%s', (dsn, expected) => {
    expect(parseMysqlDsn(dsn)).toMatchObject(expected);
  });

  it.each(['', 'u:secret@tcp(h:1)', 'u:secret@tcp(h:1)/', 'u:secret@udp(h:1)/db', 'u:secret@tcp(h:1)/db?tls=perhaps'])(
    'refuses %j without showing it',
    (dsn) => {
      expect(() => parseMysqlDsn(dsn)).toThrow(/^dsn_string must be (?!.*secret)/);
    },
  );
});

describe('parsePostgresConnectionString', () => {
  it.each([
    [
      'host=localhost port=5432 dbname=minio_events user=postgres password=password sslmode=disable',
      {
        host: 'localhost',
        port: 5432,
        database: 'minio_events',
        user: 'postgres',
        password: 'password',
        sslMode: 'disable',
      },
    ],
    [String.raw`host = h password='it\'s \\ a' dbname=d`, { host: 'h', password: String.raw`it's \ a`, port: 5432 }],
    [
      'postgres://u:p%40@h:1/d?sslmode=require',
      { host: 'h', port: 1, user: 'u', password: 'p@', database: 'd', sslMode: 'require' },
    ],
  ])('%s', (text, expected) => {
    expect(parsePostgresConnectionString(text)).toMatchObject(expected);
  });

  it.each(['', 'secret', 'password=secret port=x', 'password=secret sslmode=maybe', "password='secret"])(
    'refuses %j without showing it',
    (text) => {
      expect(() => parsePostgresConnectionString(text)).toThrow(/^connection_string must be like (?!.*secret)/);
    },
  );
});

describe('parseRedisAddress', () => {
  it.each([
    ['127.0.0.1:6379/1', { host: '127.0.0.1', port: 6379, database: 1 }],
    ['localhost', { host: 'localhost', port: 6379, database: 0 }],
    ['rediss://u:p@h:1/2', { host: 'h', port: 1, database: 2, user: 'u', password: 'p', tls: true }],
  ])('%s', (address, expected) => {
    expect(parseRedisAddress(address)).toMatchObject(expected);
  });
  it.each(['', '127.0.0.1:1/x', 'h:1/1 bogus=y', 'h:99999'])('refuses %j', (address) => {
    expect(() => parseRedisAddress(address)).toThrow();
  });
});

describe('enabledTargets', () => {
  it('are those of the configuration that are on, and those of the environment, which overrides', () => {
    const configured = new Map([
      [
        'notify_redis',
        new Map([
          ['_', { enable: 'off', format: 'namespace', address: '', key: '' }],
          ['a', { enable: 'on', address: 'h:1', key: 'k', format: 'access' }],
          ['b', { enable: 'off', address: 'h:1', key: 'k' }],
        ]),
      ],
    ]);
    const { targets, problems } = enabledTargets(configured, {
      MINIO_NOTIFY_REDIS_KEY_a: 'other',
      MINIO_NOTIFY_WEBHOOK_ENABLE: 'on',
      MINIO_NOTIFY_WEBHOOK_ENDPOINT: 'http://h/',
      MINIO_NOTIFY_MYSQL_ENABLE_broken: 'on',
    });
    expect(targets.map(({ id }) => id)).toEqual(['_:webhook', 'a:redis']);
    expect(targets[1]).toMatchObject({ key: 'other', address: 'h:1', format: 'access' });
    expect(problems).toEqual([
      { target: 'broken:mysql', problem: "'dsn_string' is not optional for 'notify_mysql' sub-system" },
    ]);
  });
});

describe('parseTargetArn', () => {
  it.each(['arn:minio:sqs::1:redis', 'arn:minio:sqs:us-east-1:myinstance:mysql', 'arn:minio:sqs::_:postgresql'])(
    '%s',
    (text) => {
      const arn = parseTargetArn(text);
      expect(arn && targetArn(arn)).toBe(text);
    },
  );
  it.each(['', 'arn:aws:sqs::1:redis', 'arn:minio:sqs::1:kafka', 'arn:minio:sqs:::redis', 'arn:minio:sqs::1:redis:x'])(
    'refuses %j',
    (text) => {
      expect(parseTargetArn(text)).toBeUndefined();
    },
  );
});
