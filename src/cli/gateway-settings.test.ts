import { describe, expect, it } from 'vitest';
import { readGatewaySettings, sizeInBytes } from './gateway-settings.ts';

const ENV = { MINIO_ROOT_USER: 'admin', MINIO_ROOT_PASSWORD: '12345678' };
const read = (options: Record<string, unknown> = {}, env: Record<string, string> = ENV) =>
  readGatewaySettings('sqlite3:///v/meta.db', 'localhost:9000', options, env, 2);

describe('readGatewaySettings', () => {
  it('has the defaults of juicefs gateway', () => {
    const settings = read();
    expect(settings.worker.listen).toEqual({ host: 'localhost', port: 9000 });
    expect(settings.worker.features).toMatchObject({ multiBuckets: false, keepEtag: false, objectTag: false });
    expect(settings.worker.volume).toMatchObject({ umask: 0o022, heartbeatMs: 12_000, backgroundJobs: true });
    expect(settings.workers).toBe(2);
    expect(settings.sidecarArgs).toContain('5m');
    expect(settings.metrics).toEqual({ address: { host: '127.0.0.1', port: 9567 }, given: false });
  });

  it.each([
    [
      { MINIO_ROOT_USER: 'ab', MINIO_ROOT_PASSWORD: '12345678' },
      'MINIO_ROOT_USER should be specified as an environment variable with at least 3 characters',
    ],
    [
      { MINIO_ROOT_USER: 'admin', MINIO_ROOT_PASSWORD: '1234567' },
      'MINIO_ROOT_PASSWORD should be specified as an environment variable with at least 8 characters',
    ],
    [{}, 'MINIO_ROOT_USER should be specified as an environment variable with at least 3 characters'],
  ])('refuses the root credentials %j in the words of the seed', (env, message) => {
    expect(() => read({}, env as Record<string, string>)).toThrow(message);
  });

  it('takes MINIO_ACCESS_KEY and MINIO_SECRET_KEY where the root variables are unset', () => {
    expect(read({}, { MINIO_ACCESS_KEY: 'abc', MINIO_SECRET_KEY: '12345678' }).root).toEqual({
      accessKey: 'abc',
      secretKey: '12345678',
    });
  });

  it('needs no root credentials for a sidecar that runs elsewhere', () => {
    expect(read({ authz: 'unix:/run/authz.sock' }, {}).root).toBeUndefined();
  });

  it('holds no secret in what goes to the workers and on the command line of the sidecar', () => {
    const settings = read();
    expect(JSON.stringify([settings.worker, settings.sidecarArgs])).not.toContain('12345678');
  });

  it.each([
    ['refreshIamInterval', 'banana'],
    ['refreshIamInterval', '-1.5h'],
    ['refreshIamInterval', '5'],
    ['umask', '999'],
    ['workers', '0'],
    ['workers', 'many'],
    ['bufferSize', 'lots'],
    ['metrics', 'nowhere'],
    ['authzTimeout', '0s'],
    ['bucketName', 'BAD_NAME'],
    ['bucketName', '.sys'],
  ])('refuses --%s %s in one line', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(/^[^\n]+$/);
  });

  it('reads the domains of MINIO_DOMAIN', () => {
    expect(read({}, { ...ENV, MINIO_DOMAIN: 'a.com, b.com' }).worker.domains).toEqual(['a.com', 'b.com']);
  });

  it.each([['9000'], ['localhost'], ['localhost:99999'], ['[zz]:9000'], ['a:b:1']])(
    'refuses the address %s',
    (address) => {
      expect(() => readGatewaySettings('sqlite3:///m', address, {}, ENV, 1)).toThrow('must be HOST:PORT');
    },
  );
});

describe('sizeInBytes', () => {
  it.each([
    ['300M', 300 << 20],
    ['300', 300 << 20],
    ['64KiB', 64 << 10],
    ['1.5G', 1.5 * 2 ** 30],
  ])('reads %s', (text, bytes) => expect(sizeInBytes(text, '--buffer-size')).toBe(bytes));
});
