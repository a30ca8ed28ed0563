import { describe, expect, it } from 'vitest';
import { parseS3Bucket } from './s3-endpoint.ts';

const s3 = (text: string, environment = {}) => {
  const { origin, bucket, region, pathStyle } = parseS3Bucket('s3', text, environment);
  return { origin, bucket, region, pathStyle };
};

describe('the bucket of an S3 store', () => {
  it.each([
    [
      'https://mybucket.s3.us-east-2.amazonaws.com',
      'https://s3.us-east-2.amazonaws.com',
      'mybucket',
      'us-east-2',
      false,
    ],
    [
      'https://mybucket.s3-us-west-2.amazonaws.com',
      'https://s3.us-west-2.amazonaws.com',
      'mybucket',
      'us-west-2',
      false,
    ],
    ['mybucket.s3.eu-west-1.amazonaws.com', 'https://s3.eu-west-1.amazonaws.com', 'mybucket', 'eu-west-1', false],
    [
      'https://mybucket.s3.cn-north-1.amazonaws.com.cn',
      'https://s3.cn-north-1.amazonaws.com.cn',
      'mybucket',
      'cn-north-1',
      false,
    ],
    [
      'https://s3.eu-central-1.amazonaws.com/mybucket',
      'https://s3.eu-central-1.amazonaws.com',
      'mybucket',
      'eu-central-1',
      false,
    ],
    [
      'https://mybucket.s3.dualstack.us-west-1.amazonaws.com',
      'https://s3.us-west-1.amazonaws.com',
      'mybucket',
      'us-west-1',
      false,
    ],
    ['https://mybucket.s3.amazonaws.com', 'https://s3.us-east-1.amazonaws.com', 'mybucket', 'us-east-1', false],
    [
      'https://my.bucket.s3.us-east-2.amazonaws.com/',
      'https://s3.us-east-2.amazonaws.com',
      'my.bucket',
      'us-east-2',
      true,
    ],
    ['mybucket', 'https://s3.us-east-1.amazonaws.com', 'mybucket', 'us-east-1', false],
    ['http://127.0.0.1:9000/mybucket', 'http://127.0.0.1:9000', 'mybucket', 'us-east-1', true],
    ['127.0.0.1:9000/mybucket', 'http://127.0.0.1:9000', 'mybucket', 'us-east-1', true],
    ['https://mybucket.minio.example.com:9443', 'https://minio.example.com:9443', 'mybucket', 'us-east-1', true],
  ])('%s', (text, origin, bucket, region, pathStyle) => {
    expect(s3(text)).toEqual({ origin, bucket, region, pathStyle });
  });

  it('takes the region of other services from the environment', () => {
    expect(s3('http://store:9000/b', { AWS_REGION: 'eu-west-3' }).region).toBe('eu-west-3');
    expect(s3('http://store:9000/b', { AWS_DEFAULT_REGION: 'eu-west-2' }).region).toBe('eu-west-2');
    expect(s3('https://b.s3.us-east-2.amazonaws.com', { AWS_REGION: 'eu-west-3' }).region).toBe('us-east-2');
  });

  it('puts the bucket before the host when the environment wants it', () => {
    expect(s3('http://store:9000/b', { JFS_S3_VHOST_STYLE: '1' }).pathStyle).toBe(false);
    expect(s3('http://store:9000/b', { JFS_S3_VHOST_STYLE: 'false' }).pathStyle).toBe(true);
  });

  it('reads the URL of a MinIO', () => {
    expect(parseS3Bucket('minio', '127.0.0.1:9000/b/x?region=here', {})).toMatchObject({
      origin: 'http://127.0.0.1:9000',
      bucket: 'b',
      region: 'here',
      pathStyle: true,
    });
  });

  it.each(['', 'ftp://x/y', 'http://store.example.com:port/b', 'https://s3.us-east-1.amazonaws.com/'])(
    'refuses %j',
    (text) => {
      expect(() => (text === '' ? parseS3Bucket('minio', 'http://host', {}) : s3(text))).toThrow(/the bucket/);
    },
  );

  it('never repeats credentials', () => {
    expect(() => s3('http://me:secret@store:9000/b')).toThrow(/--access-key/);
    expect(() => s3('http://me:secret@store:9000/b')).not.toThrow(/me:secret/);
  });
});
