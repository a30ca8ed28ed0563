// Directory objects, as a client sees them.
import { describe, expect, it } from 'vitest';
import { type OperationContext, snapshot } from '../operation-context.ts';
import { listed, Served } from '../operation-harness.ts';

/** Defines the tests. */
export function directoryObjects(at: OperationContext): void {
  const { put, get, head, list } = at;

  describe('directory objects', () => {
    it('are put, seen, listed and removed', async () => {
      expect((await put('folder/', '')).status).toBe(200);
      expect((await head('folder/')).headers).toMatchObject({ 'content-length': '0' });
      expect((await head('folder')).code).toBe('NoSuchKey');
      expect((await put('folder2/', 'bytes')).code).toBe('XMinioObjectExistsAsDirectory');
      expect((await list('prefix=folder')).keys).toEqual(['folder/']);
      await put('folder/child');
      expect((await list('prefix=folder/')).keys).toEqual(['folder/', 'folder/child']);
      expect((await at.s3.send('DELETE', '/bkt/folder/')).status).toBe(204);
      expect((await head('folder/')).code).toBe('NoSuchKey');
      expect((await get('folder/child')).status).toBe(200);
      await at.s3.send('DELETE', '/bkt/folder/child');
      expect(await snapshot(at.volume)).toEqual({ '/bkt/': '' });
    });

    it('keep their place when their children go; implied directories do not', async () => {
      await put('kept/', '');
      await put('kept/sub/deep/file');
      await put('implied/sub/file');
      await at.s3.send('DELETE', '/bkt/kept/sub/deep/file');
      await at.s3.send('DELETE', '/bkt/implied/sub/file');
      expect(await snapshot(at.volume)).toEqual({ '/bkt/': '', '/bkt/kept/': 'object' });
    });

    it('are shown by --head-dir and hidden by --hide-dir-object', async () => {
      await put('implied/file');
      await put('object/', '');
      const shows = new Served(at.volume, { headDir: true });
      expect((await shows.send('HEAD', '/bkt/implied')).status).toBe(200);
      expect((await shows.send('HEAD', '/bkt/implied/')).status).toBe(200);
      expect((await head('implied/')).code).toBe('NoSuchKey');
      const hides = new Served(at.volume, { hideDirObject: true });
      expect(listed((await hides.send('GET', '/bkt')).text).keys).toEqual(['implied/file']);
    });
  });
}
