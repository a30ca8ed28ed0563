// Checksums of objects: kept, shown to those who ask, joined out of those of parts; and the parts themselves.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { type S3Answer, type S3Client, xmlElements, xmlValue } from '../harness/s3-client.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';

const BUCKET = 'sums';
const PART = Buffer.alloc(5 * 1024 * 1024, 'p');
const LAST = Buffer.from('the last part');
let folder: string;
let gateway: Gateway;
let client: S3Client;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  gateway = await startGateway({
    metaUrl: volume.metaUrl,
    flags: ['--multi-buckets', '--keep-etag', '--object-meta', '--workers', '1'],
  });
  client = gateway.client;
  await client.send({ method: 'PUT', bucket: BUCKET, keys: gateway.root });
});

afterAll(async () => {
  await gateway.dispose();
  removeTempFolder(folder);
});

function crc32Of(bytes: Uint8Array): string {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(bytes));
  return value.toString('base64');
}
const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64');

type Call = Parameters<S3Client['send']>[0];
const send = (call: Call): Promise<S3Answer> => client.send({ bucket: BUCKET, keys: gateway.root, ...call });
const head = (key: string, headers: Record<string, string> = {}): Promise<S3Answer> =>
  send({ method: 'HEAD', key, headers });
const ENABLED = { 'x-amz-checksum-mode': 'ENABLED' };

interface Completed {
  readonly answer: S3Answer;
  readonly again: S3Answer;
}

async function uploadInParts(
  key: string,
  headers: Record<string, string>,
  parts: readonly Buffer[],
): Promise<Completed> {
  const created = await send({ method: 'POST', key, query: { uploads: '' }, headers });
  const uploadId = xmlValue(created.body, 'UploadId') ?? '';
  const listed: string[] = [];
  for (const [i, body] of parts.entries()) {
    const partNumber = String(i + 1);
    const { headers: sent } = await send({ method: 'PUT', key, query: { partNumber, uploadId }, body });
    listed.push(`<Part><PartNumber>${partNumber}</PartNumber><ETag>${sent.etag}</ETag></Part>`);
  }
  const document = `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`;
  const complete = (): Promise<S3Answer> => send({ method: 'POST', key, query: { uploadId }, body: document });
  return { answer: await complete(), again: await complete() };
}

describe('the checksum of an object', () => {
  it('is kept, and shown to those who ask for it', async () => {
    const value = sha256Of(LAST);
    const put = await send({ method: 'PUT', key: 'one', body: LAST, headers: { 'x-amz-checksum-sha256': value } });
    expect(put.headers['x-amz-checksum-sha256']).toBe(value);
    expect((await head('one')).headers['x-amz-checksum-sha256']).toBeUndefined();
    const { headers } = await head('one', ENABLED);
    expect([headers['x-amz-checksum-sha256'], headers['x-amz-checksum-type']]).toEqual([value, 'FULL_OBJECT']);
  });

  it('goes with a copy, or is computed for it', async () => {
    const copy = { 'x-amz-copy-source': `${BUCKET}/one` };
    await send({ method: 'PUT', key: 'copied', headers: copy });
    expect((await head('copied', ENABLED)).headers['x-amz-checksum-sha256']).toBe(sha256Of(LAST));
    await send({ method: 'PUT', key: 'crc', headers: { ...copy, 'x-amz-checksum-algorithm': 'CRC32' } });
    expect((await head('crc', ENABLED)).headers['x-amz-checksum-crc32']).toBe(crc32Of(LAST));
  });

  it('is computed for an upload that wants it and sends none', async () => {
    await send({ method: 'PUT', key: 'wanted', body: LAST, headers: { 'x-amz-checksum-algorithm': 'CRC32' } });
    expect((await head('wanted', ENABLED)).headers['x-amz-checksum-crc32']).toBe(crc32Of(LAST));
  });
});

describe('an upload in parts', () => {
  it('gets the checksum of the whole out of those of its parts', async () => {
    const whole = { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'FULL_OBJECT' };
    const { answer } = await uploadInParts('whole', whole, [PART, LAST]);
    expect(xmlValue(answer.body, 'ChecksumCRC32')).toBe(crc32Of(Buffer.concat([PART, LAST])));
    const { headers } = await head('whole', ENABLED);
    expect(headers['x-amz-checksum-crc32']).toBe(crc32Of(Buffer.concat([PART, LAST])));
  });

  it('gets a checksum of checksums, which names the number of parts', async () => {
    const { answer } = await uploadInParts('composite', { 'x-amz-checksum-algorithm': 'SHA256' }, [PART, LAST]);
    const parts = Buffer.concat([PART, LAST].map((part) => createHash('sha256').update(part).digest()));
    expect(xmlValue(answer.body, 'ChecksumSHA256')).toBe(`${sha256Of(parts)}-2`);
    const attributes = await send({
      key: 'composite',
      query: { attributes: '' },
      headers: { 'x-amz-object-attributes': 'ObjectParts,Checksum' },
    });
    expect(xmlValue(attributes.body, 'PartsCount')).toBe('2');
    expect(xmlElements(attributes.body, 'Part').map((part) => xmlValue(part, 'ChecksumSHA256'))).toEqual(
      [PART, LAST].map(sha256Of),
    );
  });

  it('is finished by the type it was begun with', async () => {
    const key = 'types';
    const begun = await send({
      method: 'POST',
      key,
      query: { uploads: '' },
      headers: { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'COMPOSITE' },
    });
    const uploadId = xmlValue(begun.body, 'UploadId') ?? '';
    const { headers } = await send({ method: 'PUT', key, query: { partNumber: '1', uploadId }, body: LAST });
    const complete = (type: string): Promise<S3Answer> =>
      send({
        method: 'POST',
        key,
        query: { uploadId },
        headers: { 'x-amz-checksum-type': type },
        body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${headers.etag}</ETag></Part></CompleteMultipartUpload>`,
      });
    expect(await complete('FULL_OBJECT')).toMatchObject({ status: 400, code: 'InvalidRequest' });
    expect((await complete('COMPOSITE')).status).toBe(200);
  });

  it('may be completed again by a client that lost the answer, until the object is another', async () => {
    const { answer, again } = await uploadInParts('twice', {}, [LAST]);
    expect(again.status).toBe(200);
    expect(xmlValue(again.body, 'ETag')).toBe(xmlValue(answer.body, 'ETag'));
  });

  it('is read part by part', async () => {
    const second = await send({ key: 'composite', query: { partNumber: '2' }, headers: ENABLED });
    expect([second.status, second.body.toString()]).toEqual([206, LAST.toString()]);
    expect(second.headers['content-range']).toBe(
      `bytes ${PART.length}-${PART.length + LAST.length - 1}/${PART.length + LAST.length}`,
    );
    expect(second.headers['x-amz-mp-parts-count']).toBe('2');
    expect(second.headers['x-amz-checksum-sha256']).toBe(sha256Of(LAST));
    expect((await send({ key: 'composite', query: { partNumber: '3' } })).code).toBe('InvalidPartNumber');
  });
});
