import { describe, expect, it } from 'vitest';
import { sizeInBytes } from './flag-values.ts';
import { readGatewaySettings } from './gateway-settings.ts';

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

  it.each([
    ['unix:/run/http.sock', undefined, { kind: 'unix', path: '/run/http.sock' }],
    ['http://127.0.0.1:9101', '/t', { kind: 'http', host: '127.0.0.1', port: 9101 }],
    ['https://authz.example.com/', '/t', { kind: 'https', host: 'authz.example.com', port: 443 }],
    ['https://[::1]:9443', '/t', { kind: 'https', host: '::1', port: 9443 }],
  ])('knows the HTTP door %s of such a sidecar', (authzHttp, authzTokenFile, expected) => {
    const options = { authz: 'unix:/run/authz.sock', authzHttp, ...(authzTokenFile && { authzTokenFile }) };
    expect(read(options, {}).worker.authzHttp).toEqual(expected);
  });

  it.each([
    [{ authzHttp: 'unix:/run/http.sock' }, '--authz-http goes with --authz'],
    [{ authz: 'unix:/a', authzHttp: 'http://127.0.0.1:9101' }, '--authz-token-file'],
    [{ authz: 'unix:/a', authzHttp: '127.0.0.1:9101' }, '--authz-http must be'],
    [{ authz: 'unix:/a', authzHttp: 'unix:http.sock' }, '--authz-http must be'],
    [{ authz: 'unix:/a', authzHttp: 'http://user@host', authzTokenFile: '/t' }, '--authz-http must be'],
    [{ authz: 'unix:/a', authzHttp: 'http://host/path', authzTokenFile: '/t' }, '--authz-http must be'],
  ])('refuses %j', (options, message) => {
    expect(() => read(options)).toThrow(message);
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

describe('the flags about moving and caching blocks', () => {
  const root = { MINIO_ROOT_USER: 'abc', MINIO_ROOT_PASSWORD: 'abcdefgh' };
  const transfer = (options: Record<string, unknown>) =>
    readGatewaySettings('sqlite3:///x.db', ':9000', options, root, 2).worker.volume.transfer;

  it('have the defaults of the Go client, but for the cache, which wants a directory', () => {
    expect(transfer({})).toEqual({
      processes: 2,
      getTimeoutMs: 60_000,
      putTimeoutMs: 60_000,
      ioRetries: 10,
      maxDownloads: 200,
      maxDeletes: 10,
      prefetch: 1,
      skipDirMtimeMs: 100,
      cacheDirectories: [],
      writeback: false,
      stagingDirectory: expect.stringMatching(/\/var\/jfsCache|\.juicefs\/cache/),
      cacheSize: 100 * 2 ** 30,
      freeSpaceRatio: 0.1,
      cacheMode: 0o600,
      subdir: [],
      checkStorage: false,
      backupIntervalMs: 3_600_000,
      backupSkipTrash: false,
      maxReadahead: 0,
    });
  });

  it('are read as that client reads them', () => {
    expect(
      transfer({
        cacheDir: '/a:/b',
        cacheSize: '512',
        uploadLimit: '1G',
        downloadLimit: '80',
        getTimeout: '5s',
        tag: 'a=b',
        subdir: '/a//b/',
        backupMeta: '0',
        checkStorage: true,
        maxReadahead: '8M',
        writeback: true,
      }),
    ).toMatchObject({
      cacheDirectories: ['/a', '/b'],
      writeback: true,
      stagingDirectory: '/a',
      cacheSize: 512 * 2 ** 20,
      uploadLimit: 1000,
      downloadLimit: 80,
      getTimeoutMs: 5000,
      tag: 'a=b',
    });
    expect(transfer({ cacheDir: 'memory' }).cacheDirectories).toEqual([]);
  });

  it.each([
    [{ getTimeout: '0s' }, /--get-timeout/],
    [{ ioRetries: 'many' }, /--io-retries/],
    [{ freeSpaceRatio: '1.5' }, /--free-space-ratio/],
    [{ uploadLimit: 'fast' }, /--upload-limit/],
    [{ cacheMode: '9' }, /--cache-mode/],
    [{ cacheSize: 'x' }, /--cache-size/],
  ])('are refused when they are %j', (options, message) => {
    expect(() => transfer(options)).toThrow(message);
  });
});
