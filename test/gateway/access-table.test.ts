// The table of accesses against what the operations ask, request by request, and against the document that is made of it.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Principal_Type } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { renderS3Actions } from '../../scripts/s3-actions.ts';
import type { NotificationHub } from '../../src/gateway/events/event-publisher.ts';
import { notificationOperations } from '../../src/gateway/events/notification-operations.ts';
import { type AccessRow, S3_ACCESSES } from '../../src/gateway/operations/access-table.ts';
import { OPERATIONS } from '../../src/gateway/operations/index.ts';
import type { S3Request } from '../../src/gateway/s3/operation.ts';
import { MemoryVolume } from './memory-volume.ts';
import { Served, type TestRequest } from './operation-harness.ts';

const UPLOAD = '0123456789abcdef0123456789abcdef';
const TAGGED = { 'x-amz-tagging': 'a=b' };
const SHARED = { 'x-amz-acl': 'public-read' };
const SOURCE = { 'x-amz-copy-source': '/src/from' };
const FORM = (() => {
  const fields = { key: 'key', 'x-amz-algorithm': '', policy: '' };
  const parts = Object.entries({ key: fields.key }).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return `${parts.join('')}--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--\r\n`;
})();

type Sample = readonly [method: string, url: string, request?: TestRequest];
const bucket = (method: string, query: string): Sample => [method, `/bkt?${query}`];
const object = (method: string, query = '', request: TestRequest = {}): Sample => [
  method,
  `/bkt/key${query === '' ? '' : `?${query}`}`,
  request,
];

/** Requests of each operation that make it ask for everything it ever asks. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  AbortMultipartUpload: object('DELETE', `uploadId=${UPLOAD}`),
  CompleteMultipartUpload: object('POST', `uploadId=${UPLOAD}`),
  CopyObject: object('PUT', '', {
    headers: { ...SOURCE, ...TAGGED, ...SHARED, 'x-amz-tagging-directive': 'REPLACE' },
  }),
  CreateBucket: ['PUT', '/bkt', { headers: { ...SHARED, 'x-amz-object-ownership': 'ObjectWriter' } }],
  CreateMultipartUpload: object('POST', 'uploads', { headers: { ...TAGGED, ...SHARED } }),
  DeleteBucket: ['DELETE', '/bkt', { headers: { 'x-minio-force-delete': 'true' } }],
  DeleteObject: object('DELETE'),
  DeleteObjects: ['POST', '/bkt?delete', { body: '<Delete><Object><Key>key</Key></Object></Delete>' }],
  GetObject: object('GET'),
  GetObjectAttributes: object('GET', 'attributes', { headers: { 'x-amz-object-attributes': 'ETag' } }),
  HeadBucket: ['HEAD', '/bkt'],
  HeadObject: object('HEAD'),
  ListBuckets: ['GET', '/'],
  ListMultipartUploads: bucket('GET', 'uploads'),
  ListObjects: ['GET', '/bkt'],
  ListObjectsV2: bucket('GET', 'list-type=2'),
  ListObjectVersions: bucket('GET', 'versions'),
  ListParts: object('GET', `uploadId=${UPLOAD}`),
  PostObject: ['POST', '/bkt', { headers: { 'content-type': 'multipart/form-data; boundary=b' }, body: FORM }],
  PutObject: object('PUT', '', { headers: { ...TAGGED, ...SHARED }, body: 'x' }),
  PutBucketTagging: ['PUT', '/bkt?tagging', { body: '<Tagging><TagSet/></Tagging>' }],
  PutObjectTagging: object('PUT', 'tagging', { body: '<Tagging><TagSet/></Tagging>' }),
  UploadPart: object('PUT', `partNumber=1&uploadId=${UPLOAD}`, { body: 'x' }),
  UploadPartCopy: object('PUT', `partNumber=1&uploadId=${UPLOAD}`, { headers: SOURCE }),
};

/** For operations without a sample of their own: a bare request by their route. */
function sampleOf(name: string): Sample {
  const sample = SAMPLES[name];
  if (sample !== undefined) return sample;
  const match = [...OPERATIONS, ...EVENTS].find((operation) => operation.name === name)?.match;
  if (match === undefined) throw new Error(`no operation is named ${name}`);
  return [match.method, `/bkt${match.target === 'object' ? '/key' : ''}?${(match.query ?? []).join('&')}`];
}

const RESOURCES: Readonly<Record<AccessRow['on'], string>> = {
  service: 'arn:aws:s3:::',
  bucket: 'arn:aws:s3:::bkt',
  object: 'arn:aws:s3:::bkt/key',
  source: 'arn:aws:s3:::src/from',
  eachKey: 'arn:aws:s3:::bkt/key',
  eachBucket: 'arn:aws:s3:::bkt',
};

/** Rows of the table that other parts of the gateway than its operations bring. */
const EVENTS = notificationOperations({} as NotificationHub);

describe('the table of accesses', () => {
  it('has each operation once', () => {
    const names = S3_ACCESSES.map(({ operation }) => operation);
    expect([...names].sort()).toEqual([...new Set([...OPERATIONS, ...EVENTS].map(({ name }) => name))].sort());
  });

  it.each(S3_ACCESSES.map((row) => [row.operation, row] as const))(
    'says what %s asks',
    async (operation, { accesses }) => {
      const event = EVENTS.find(({ name }) => name === operation);
      if (event !== undefined) {
        const input = { bucket: event.match.target === 'service' ? undefined : 'bkt' };
        const asked = event
          .questions(input, {} as S3Request)
          .map(({ action, bucket = '' }) => `${action} arn:aws:s3:::${bucket}`);
        expect(asked).toEqual(accesses.map(({ action, on }) => `${action} ${RESOURCES[on]}`));
        return;
      }
      const volume = new MemoryVolume();
      await volume.mkdir(['bkt']);
      const served = new Served(
        volume,
        {},
        // nothing is allowed: whatever else is asked, is asked for another reason
        { allows: () => false, principal: Principal_Type.TYPE_USER },
      );
      const [method, url, request] = sampleOf(operation);
      await served.send(method, url, request);
      const told = accesses
        // the form brings neither tags nor a list
        .filter(({ when }) => operation !== 'PostObject' || when === undefined)
        .map(({ action, on }) => `${action} ${RESOURCES[on]}`);
      expect([...served.asked].sort()).toEqual([...told].sort());
    },
  );

  it('is what the document says', () => {
    expect(readFileSync(resolve(import.meta.dirname, '../../docs/s3-actions.md'), 'utf8')).toBe(renderS3Actions());
  });
});
