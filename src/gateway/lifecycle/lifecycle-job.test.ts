import { beforeEach, describe, expect, it } from 'vitest';
import type { BucketState } from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { MemoryVolume } from '../../../test/gateway/memory-volume.ts';
import { LifecycleJob } from './lifecycle-job.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2030, 5, 15, 12);
const UPLOAD = '01234567-89ab-4cde-8f01-23456789abcd';

let volume: MemoryVolume;
beforeEach(async () => {
  volume = new MemoryVolume();
  await volume.mkdirs(['bkt']);
});

async function put(key: string, daysOld: number, tags = ''): Promise<void> {
  const path = ['bkt', ...key.split('/')];
  const writer = volume.create(path);
  await writer.write(Buffer.from(key));
  await writer.commit({ xattrs: new Map(tags === '' ? [] : [['s3-tags', Buffer.from(tags)]]) });
  await volume.setTimes(path, { mtimeNs: BigInt(NOW - daysOld * DAY) * 1_000_000n });
}

async function keys(path: string[] = ['bkt']): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, attributes } of volume.list(path)) {
    if (attributes.type === 'directory') found.push(...(await keys([...path, name])));
    else found.push([...path.slice(1), name].join('/'));
  }
  return found;
}

function run(...rules: string[]) {
  const lifecycle = `<LifecycleConfiguration>${rules.map((rule) => `<Rule><Status>Enabled</Status>${rule}</Rule>`).join('')}</LifecycleConfiguration>`;
  const state: BucketState = {
    bucket: 'bkt',
    createdMs: 0n,
    lockEnabled: false,
    documents: { lifecycle },
    policyIsPublic: false,
    isUnreadable: false,
  };
  return new LifecycleJob({
    volume,
    authz: {
      buckets: {
        async *watch() {
          yield { buckets: [state], server: undefined, complete: true, revision: '' };
        },
      },
    },
    features: { multiBuckets: true, singleBucket: '', hideDirObject: false },
    logger: {
      error: (_, message) => expect.fail(message),
      warn: (_, message) => expect.fail(message),
      info: () => undefined,
    },
    nowMs: () => NOW,
  }).run();
}

describe('the lifecycle job', () => {
  it('ends objects by prefix and age, and the directories that were there for them', async () => {
    for (const [key, age] of [
      ['logs/old/a', 10],
      ['logs/new', 1],
      ['other/old', 10],
    ] as const)
      await put(key, age);
    expect(await run('<Prefix>logs/</Prefix><Expiration><Days>5</Days></Expiration>')).toEqual({
      objects: 1,
      uploads: 0,
    });
    expect(await keys()).toEqual(['logs/new', 'other/old']);
    await expect(volume.stat(['bkt', 'logs', 'old'])).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends objects by tag', async () => {
    await put('a', 10, 'keep=no');
    await put('b', 10, 'keep=yes');
    await run('<Filter><Tag><Key>keep</Key><Value>no</Value></Tag></Filter><Expiration><Days>1</Days></Expiration>');
    expect(await keys()).toEqual(['b']);
  });

  it('passes by what no key can name, and goes on', async () => {
    // as a file system may have it: a byte that is no UTF-8
    for (const key of ['a\udcff', 'b', 'd/\udcfe/x', 'e']) await put(key, 10);
    expect(await run('<Prefix/><Expiration><Days>1</Days></Expiration>')).toEqual({ objects: 2, uploads: 0 });
    expect(await keys()).toEqual(['a\udcff', 'd/\udcfe/x']);
  });

  it('ends uploads that nobody finishes', async () => {
    const path = ['.sys', 'bkt', 'uploads', UPLOAD.slice(0, 3), UPLOAD];
    await volume.mkdirs(path);
    await volume.setXattrs(path, new Map([['s3-object', Buffer.from('k')]]));
    await volume.setTimes(path, { atimeNs: BigInt(NOW - 3 * DAY) * 1_000_000n });
    const abort = (days: number): string =>
      `<Prefix/><AbortIncompleteMultipartUpload><DaysAfterInitiation>${days}</DaysAfterInitiation></AbortIncompleteMultipartUpload>`;
    expect(await run(abort(5))).toEqual({ objects: 0, uploads: 0 });
    expect(await run(abort(1))).toEqual({ objects: 0, uploads: 1 });
    await expect(volume.stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
