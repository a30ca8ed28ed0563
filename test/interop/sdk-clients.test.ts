// The SDKs for JavaScript of AWS and MinIO, and MinIO's for Python, with their default settings against a gateway.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Client as MinioClient } from 'minio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { hasMinioAdmin } from './client-tools.ts';

const MIB = 1024 * 1024;
const SLOW_MS = 120_000;
const directory = makeTempFolder();
const content = randomBytes(11 * MIB);
const file = join(directory, 'content');
let gateway: Gateway;
logsOnFailure(() => gateway);

beforeAll(async () => {
  writeFileSync(file, content);
  const volume = await formatTestVolume(directory);
  gateway = await startGateway({
    metaUrl: volume.metaUrl,
    flags: ['--multi-buckets', '--keep-etag', '--object-meta', '--object-tag', '--workers', '1'],
  });
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(directory);
});

describe('the AWS SDK for JavaScript', () => {
  it(
    'puts, copies, lists in pages and removes, with the checksums that it sends and asks for',
    async () => {
      const { accessKey, secretKey } = gateway.root;
      const client = new S3Client({
        endpoint: gateway.url,
        region: 'us-east-1',
        credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      });
      const Bucket = 'aws-sdk';
      await client.send(new CreateBucketCommand({ Bucket }));
      const put = await client.send(
        new PutObjectCommand({ Bucket, Key: 'plain ü', Body: 'plain', Metadata: { colour: 'blue' } }),
      );
      expect(put.ChecksumCRC32).toBeDefined();
      const got = await client.send(new GetObjectCommand({ Bucket, Key: 'plain ü', ChecksumMode: 'ENABLED' }));
      expect([await got.Body?.transformToString(), got.Metadata?.colour, got.ChecksumCRC32]).toEqual([
        'plain',
        'blue',
        put.ChecksumCRC32,
      ]);

      const upload = { Bucket, Key: 'parts' };
      const { UploadId } = await client.send(
        new CreateMultipartUploadCommand({ ...upload, ChecksumAlgorithm: 'CRC64NVME' }),
      );
      const Parts = [];
      for (const [i, Body] of [content.subarray(0, 6 * MIB), content.subarray(6 * MIB)].entries()) {
        const PartNumber = i + 1;
        const part = await client.send(
          new UploadPartCommand({ ...upload, UploadId, PartNumber, Body, ChecksumAlgorithm: 'CRC64NVME' }),
        );
        Parts.push({ PartNumber, ETag: part.ETag, ChecksumCRC64NVME: part.ChecksumCRC64NVME });
      }
      const done = await client.send(
        new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts } }),
      );
      expect(done.ChecksumType).toBe('FULL_OBJECT');
      const whole = await client.send(new GetObjectCommand(upload));
      expect(Buffer.from((await whole.Body?.transformToByteArray()) ?? []).equals(content)).toBe(true);
      const { ObjectParts } = await client.send(
        new GetObjectAttributesCommand({ ...upload, ObjectAttributes: ['ObjectParts'] }),
      );
      expect(ObjectParts?.Parts?.map(({ Size }) => Size)).toEqual([6 * MIB, 5 * MIB]);

      await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/parts` }));
      const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'copy' }));
      expect(head.ContentLength).toBe(content.length);
      const Objects = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client, pageSize: 2 }, { Bucket })) {
        Objects.push(...Contents.map(({ Key }) => ({ Key })));
      }
      expect(Objects.map(({ Key }) => Key)).toEqual(['copy', 'parts', 'plain ü']);
      const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      expect(Deleted?.length).toBe(3);
      await client.send(new DeleteBucketCommand({ Bucket }));
      client.destroy();
    },
    SLOW_MS,
  );
});

describe('minio-js', () => {
  it(
    'puts large and small objects, tags, lists and removes them, and shares them',
    async () => {
      const { accessKey, secretKey } = gateway.root;
      const client = new MinioClient({
        endPoint: '127.0.0.1',
        port: gateway.port,
        useSSL: false,
        accessKey,
        secretKey,
      });
      await client.makeBucket('minio-js');
      await client.fPutObject('minio-js', 'dir/large ü', file, { 'x-amz-meta-colour': 'red' });
      await client.putObject('minio-js', 'small', 'small');
      await client.setObjectTagging('minio-js', 'small', { team: 'a' });
      const stat = await client.statObject('minio-js', 'dir/large ü');
      expect([stat.size, stat.metaData.colour]).toEqual([content.length, 'red']);
      await client.fGetObject('minio-js', 'dir/large ü', join(directory, 'js-back'));
      expect(readFileSync(join(directory, 'js-back')).equals(content)).toBe(true);
      const shared = await fetch(await client.presignedGetObject('minio-js', 'small', 60));
      expect(await shared.text()).toBe('small');

      const policy = client.newPostPolicy();
      policy.setBucket('minio-js');
      policy.setKey('by-form');
      policy.setExpires(new Date(Date.now() + 60_000));
      const { postURL, formData } = await client.presignedPostPolicy(policy);
      const form = new FormData();
      for (const [name, value] of Object.entries(formData)) form.append(name, String(value));
      form.append('file', new Blob(['by form']), 'f.txt');
      expect((await fetch(postURL, { method: 'POST', body: form })).status).toBe(204);

      const names: string[] = [];
      for await (const item of client.listObjectsV2('minio-js', '', true)) names.push(item.name);
      expect(names).toEqual(['by-form', 'dir/large ü', 'small']);
      await client.removeObjects('minio-js', names);
      await client.removeBucket('minio-js');
    },
    SLOW_MS,
  );
});

describe.skipIf(!hasMinioAdmin)('minio-py', () => {
  it(
    'does the same',
    async () => {
      const { accessKey, secretKey } = gateway.root;
      const script = join(import.meta.dirname, 'minio-py-session.py');
      const endpoint = `127.0.0.1:${gateway.port}`;
      const child = new TestProcess(
        'python3',
        [script, endpoint, accessKey, secretKey, file, directory],
        cleanEnvironment(),
      );
      const { code } = await child.exited;
      child.killGroup();
      expect(code, child.log).toBe(0);
      expect(JSON.parse(child.log.trim().split('\n').at(-1) ?? '')).toMatchObject({
        exists: true,
        transferred: true,
        size: content.length,
        tags: { colour: 'blue' },
        presigned: content.length,
        names: ['big/file ü', 'copied'],
        errors: [],
      });
    },
    SLOW_MS,
  );
});
