// The largest object: parts that together exceed 5 TiB are not joined. No volume of that size is needed: the parts only say that they are.
import { expect, it } from 'vitest';
import type { DirectoryEntry, Volume } from '../../src/juicefs/volume.ts';
import { MemoryVolume } from './memory-volume.ts';
import { Served } from './operation-harness.ts';

const TIB = 1024 ** 4;

/** A volume whose files say that they have so many bytes. */
function swollen(plain: Volume, size: number): Volume {
  return new Proxy<Volume>(plain, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name !== 'list') return typeof value === 'function' ? value.bind(target) : value;
      return async function* (...args: Parameters<Volume['list']>): AsyncIterable<DirectoryEntry> {
        for await (const entry of target.list(...args)) {
          yield { ...entry, attributes: { ...entry.attributes, size } };
        }
      };
    },
  });
}

it('is 5 TiB', async () => {
  const plain = new MemoryVolume();
  await plain.mkdirs(['bkt']);
  const s3 = new Served(swollen(plain, 3 * TIB));
  const id = /<UploadId>(.*?)</.exec((await s3.send('POST', '/bkt/k?uploads')).text)?.[1];
  const parts: string[] = [];
  for (const number of [1, 2]) {
    const { headers } = await s3.send('PUT', `/bkt/k?partNumber=${number}&uploadId=${id}`, { body: 'x' });
    parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${headers.etag}</ETag></Part>`);
  }
  const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
  expect(await s3.send('POST', `/bkt/k?uploadId=${id}`, { body })).toMatchObject({
    status: 400,
    code: 'EntityTooLarge',
  });
  expect((await s3.send('GET', '/bkt/k')).code).toBe('NoSuchKey');
});
