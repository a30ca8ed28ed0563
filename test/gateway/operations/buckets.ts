// Buckets, as a client sees them.
import { describe, expect, it } from 'vitest';
import { Principal_Type } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type OperationContext, only, snapshot } from '../operation-context.ts';
import { listed, Served, texts } from '../operation-harness.ts';

/** Defines the tests. */
export function bucketOperations(at: OperationContext): void {
  const { put, get } = at;

  describe('buckets', () => {
    it('are made, seen and removed', async () => {
      expect((await at.s3.send('PUT', '/bkt')).code).toBe('BucketAlreadyOwnedByYou');
      expect((await at.s3.send('HEAD', '/bkt')).status).toBe(200);
      expect((await at.s3.send('HEAD', '/none')).code).toBe('NoSuchBucket');
      await at.s3.send('PUT', '/abc');
      expect(texts((await at.s3.send('GET', '/')).text, 'Name')).toEqual(['abc', 'bkt']);
      expect((await at.s3.send('GET', '/bkt?location')).text).toContain('<LocationConstraint xmlns=');
      expect((await at.s3.send('DELETE', '/abc')).status).toBe(204);
      expect((await at.s3.send('HEAD', '/abc')).code).toBe('NoSuchBucket');
    });

    it('are not removed while something is in them, unless forced, which is an action of its own', async () => {
      await put('a/b');
      expect((await at.s3.send('DELETE', '/bkt')).code).toBe('BucketNotEmpty');
      expect((await get('a/b')).text).toBe('x');
      const headers = { 'x-minio-force-delete': 'true' };
      const limited = new Served(at.volume, {}, only('s3:DeleteBucket arn:aws:s3:::bkt'));
      expect((await limited.send('DELETE', '/bkt', { headers })).code).toBe('AccessDenied');
      expect((await at.s3.send('DELETE', '/bkt', { headers })).status).toBe(204);
      expect(await snapshot(at.volume)).toEqual({});
    });

    it('take their uploads and configuration with them', async () => {
      await at.s3.send('POST', '/bkt/k?uploads');
      await at.volume.mkdirs(['.minio.sys', 'buckets', 'bkt']);
      expect((await at.s3.send('DELETE', '/bkt')).status).toBe(204);
      await at.s3.send('PUT', '/bkt');
      expect(texts((await at.s3.send('GET', '/bkt?uploads')).text, 'UploadId')).toEqual([]);
      expect(Object.keys(await snapshot(at.volume))).toEqual([
        '/.minio.sys/',
        '/.minio.sys/buckets/',
        '/.sys/',
        '/bkt/',
      ]);
    });

    it('that are the volume itself are one, always there', async () => {
      const single = new Served(at.volume, { multiBuckets: false });
      expect(texts((await single.send('GET', '/')).text, 'Name')).toEqual(['single']);
      expect((await single.send('PUT', '/single')).status).toBe(200);
      for (const [method, url] of [
        ['PUT', '/other'],
        ['GET', '/other'],
        ['GET', '/other/k'],
        ['DELETE', '/other/k'],
        ['PUT', '/other/k'],
        ['GET', '/other?uploads'],
      ] as const) {
        expect([url, (await single.send(method, url)).code]).toEqual([url, 'NoSuchBucket']);
      }
      expect((await single.send('DELETE', '/single')).code).toBe('BucketNotEmpty');
      await put('k', 'in a folder');
      expect((await single.send('GET', '/single/bkt/k')).text).toBe('in a folder');
    });

    it('are listed to those who may list them', async () => {
      await at.s3.send('PUT', '/public');
      const some = new Served(at.volume, {}, only('s3:ListBucket arn:aws:s3:::public'));
      expect(texts((await some.send('GET', '/')).text, 'Name')).toEqual(['public']);
      expect((await new Served(at.volume, {}, only()).send('GET', '/')).code).toBe('AccessDenied');
      const anonymous = new Served(
        at.volume,
        {},
        {
          principal: Principal_Type.TYPE_ANONYMOUS,
          allows: (action) => action === 's3:ListBucket',
        },
      );
      expect((await anonymous.send('GET', '/')).code).toBe('AccessDenied');
    });

    it('hide the work areas', async () => {
      await at.s3.send('POST', '/bkt/k?uploads');
      await at.volume.mkdirs(['.minio.sys', 'config']);
      await at.volume.mkdirs(['Not_A_Bucket']);
      expect(texts((await at.s3.send('GET', '/')).text, 'Name')).toEqual(['bkt']);
      const single = new Served(at.volume, { multiBuckets: false });
      const keys = (await single.send('GET', '/single?list-type=2')).text;
      expect(listed(keys).keys).toEqual(['Not_A_Bucket/', 'bkt/']);
      for (const prefix of ['.sys/', '.sys', '.minio.sys/', '.sys/bkt/uploads/']) {
        const page = listed(
          (await single.send('GET', `/single?list-type=2&prefix=${encodeURIComponent(prefix)}`)).text,
        );
        expect([prefix, page.keys]).toEqual([prefix, []]);
      }
      for (const url of ['/single/.sys/x', '/single/.minio.sys/config/config.json', '/.minio.sys/config', '/minio/x']) {
        expect([url, (await single.send('GET', url)).code]).toEqual([url, 'AllAccessDisabled']);
        expect([url, (await single.send('PUT', url, { body: 'x' })).code]).toEqual([url, 'AllAccessDisabled']);
      }
    });

    it('tell truthfully what is not configured', async () => {
      for (const [query, code] of [
        ['cors', 'NoSuchCORSConfiguration'],
        ['encryption', 'ServerSideEncryptionConfigurationNotFoundError'],
        ['lifecycle', 'NoSuchLifecycleConfiguration'],
        ['object-lock', 'ObjectLockConfigurationNotFoundError'],
        ['replication', 'ReplicationConfigurationNotFoundError'],
        ['tagging', 'NoSuchTagSet'],
        ['website', 'NoSuchWebsiteConfiguration'],
        ['inventory', 'NotImplemented'],
      ]) {
        expect([query, (await at.s3.send('GET', `/bkt?${query}`)).code]).toEqual([query, code]);
        expect([query, (await at.s3.send('GET', `/none?${query}`)).code]).not.toEqual([query, '']);
      }
      for (const query of ['encryption', 'replication', 'website']) {
        expect([query, (await at.s3.send('DELETE', `/bkt?${query}`)).status]).toEqual([query, 204]);
        expect([query, (await at.s3.send('DELETE', `/none?${query}`)).code]).toEqual([query, 'NoSuchBucket']);
      }
      expect((await at.s3.send('GET', '/bkt?versioning')).text).toMatch(
        /<VersioningConfiguration[^>]*><\/VersioningConf/,
      );
      expect((await at.s3.send('PUT', '/bkt?versioning', { body: '<x/>' })).code).toBe('NotImplemented');
      await put('k');
      for (const parameter of ['retention', 'legal-hold']) {
        for (const request of [
          at.s3.send('GET', `/bkt/k?${parameter}`),
          at.s3.send('PUT', `/bkt/k?${parameter}`, { body: '<x/>' }),
        ]) {
          expect(await request).toMatchObject({ status: 400, code: 'InvalidRequest' });
        }
      }
      const locking = await at.s3.send('PUT', '/bkt?object-lock', { body: '<ObjectLockConfiguration/>' });
      expect(locking).toMatchObject({ status: 409, code: 'InvalidBucketState' });
      expect((await at.s3.send('GET', '/none/k?retention')).code).toBe('NoSuchBucket');
      const nobody = new Served(at.volume, {}, only());
      expect((await nobody.send('PUT', '/bkt/k?legal-hold', { body: '<x/>' })).code).toBe('AccessDenied');
      expect((await nobody.send('GET', '/bkt?cors')).code).toBe('AccessDenied');
      expect((await nobody.send('PUT', '/bkt?cors', { body: '<x/>' })).code).toBe('AccessDenied');
    });

    it("and objects are their owner's alone, unless a list says more", async () => {
      await put('k');
      for (const url of ['/bkt?acl', '/bkt/k?acl']) {
        expect(texts((await at.s3.send('GET', url)).text, 'Permission')).toEqual(['FULL_CONTROL']);
        expect((await at.s3.send('PUT', url, { body: '', headers: { 'x-amz-acl': 'private' } })).status).toBe(200);
        const open = await at.s3.send('PUT', url, { body: '', headers: { 'x-amz-acl': 'public-read' } });
        expect(open.status).toBe(200);
        expect(texts((await at.s3.send('GET', url)).text, 'Permission')).toEqual(['READ', 'FULL_CONTROL']);
        const foreign = await at.s3.send('PUT', url, { body: '', headers: { 'x-amz-acl': 'log-delivery-write' } });
        expect(foreign.code).toBe('NotImplemented');
      }
      expect((await at.s3.send('GET', '/bkt/none?acl')).code).toBe('NoSuchKey');
      await put('k2', 'x', { 'x-amz-acl': 'public-read' });
      expect(texts((await at.s3.send('GET', '/bkt/k2?acl')).text, 'Permission')).toEqual(['READ', 'FULL_CONTROL']);
    });
  });
}
