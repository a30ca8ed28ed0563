// Which requests are the console's, and which stay S3's whatever a browser sends.
import { expect, test } from 'vitest';
import { type ConsoleTarget, consoleTarget } from './console-target.ts';

const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) Chrome/156';

function targetOf(url: string, { method = 'GET', userAgent = BROWSER, isAuthorized = false } = {}) {
  return consoleTarget({ method, url, userAgent, isAuthorized });
}

const ROWS: readonly (readonly [name: string, got: ConsoleTarget | undefined, wanted: ConsoleTarget | undefined])[] = [
  ['a browser at the root', targetOf('/'), { kind: 'redirect', location: '/minio/' }],
  ['a browser without the slash', targetOf('/minio'), { kind: 'redirect', location: '/minio/' }],
  ['an S3 client at the root', targetOf('/', { userAgent: 'aws-cli/2' }), undefined],
  ['a signed request of a browser', targetOf('/', { isAuthorized: true }), undefined],
  ['a presigned list of buckets', targetOf('/?X-Amz-Signature=1'), undefined],
  ['STS of a browser', targetOf('/', { method: 'POST' }), undefined],
  ['a bucket', targetOf('/photos/'), undefined],
  ['a bucket that begins alike', targetOf('/minio-backup/x'), undefined],
  ['the page', targetOf('/minio/'), { kind: 'file', path: '' }],
  ['a built file', targetOf('/minio/assets/a.js'), { kind: 'file', path: 'assets/a.js' }],
  ['a way back', targetOf('/minio/oauth_callback?code=c&state=s'), { kind: 'file', path: '' }],
  ["a way back that was MinIO's", targetOf('/oauth_callback?state=s&error=e'), { kind: 'file', path: '' }],
  ['a bucket that is called so', targetOf('/oauth_callback?prefix=a'), undefined],
  ['the page for others', targetOf('/minio/', { userAgent: 'curl/8' }), { kind: 'not-a-browser' }],
  ['health', targetOf('/minio/health/live'), undefined],
  ['the admin API', targetOf('/minio/admin/v3/list-users'), undefined],
  ['metrics', targetOf('/minio/v2/metrics/cluster'), undefined],
  ['metrics of old', targetOf('/minio/prometheus/metrics'), undefined],
  [
    'a call of its own',
    targetOf('/minio/console/api/session', { method: 'POST' }),
    { kind: 'sidecar', url: '/minio/console/api/session' },
  ],
  [
    'a call of the admin API',
    targetOf('/minio/console/admin/add-user?accessKey=a', { method: 'PUT' }),
    { kind: 'sidecar', url: '/minio/admin/v3/add-user?accessKey=a' },
  ],
  [
    'an object with an encoded key',
    targetOf('/minio/console/s3/b/a%2F..%2Fc?x=1', { method: 'DELETE' }),
    { kind: 's3', url: '/b/a%2F..%2Fc?x=1' },
  ],
  ['an archive', targetOf('/minio/console/zip/b?prefix=a%2F'), { kind: 'zip', bucket: 'b', query: 'prefix=a%2F' }],
];

test.each(ROWS)('%s', (_name, got, wanted) => {
  expect(got).toEqual(wanted);
});
