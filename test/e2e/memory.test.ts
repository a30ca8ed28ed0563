// A 2 GiB object through the gateway, both ways and in every transfer form: its processes together stay small. Long, so it runs in CI
// only: `PORTCULLIS_CI=1 npx vitest run test/e2e/memory.test.ts`.
import { createHash, createHmac, type Hash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { residentBytes } from '../harness/processes.ts';
import { collect, type S3Answer } from '../harness/s3-client.ts';
import { FrameSigner, objectPath, signHeaders } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';

const MIB = 1024 * 1024;
const OBJECT_BYTES = 2 * 1024 * MIB;
/** For all processes of a gateway together: primary, worker, sidecar. */
const RESIDENT_LIMIT = 300 * MIB;
const FRAME_BYTES = MIB;
const SAMPLE_MS = 100;
const WITHIN_MS = 15 * 60_000;

/** 2 GiB that do not repeat, a frame at a time. */
function* content(): Generator<Buffer> {
  const base = createHmac('sha512', 'content').update('frame').digest();
  for (let i = 0; i < OBJECT_BYTES / FRAME_BYTES; i++) {
    const frame = Buffer.alloc(FRAME_BYTES, base);
    frame.writeUInt32BE(i, 0);
    yield frame;
  }
}

describe.skipIf(process.env.PORTCULLIS_CI !== '1')('a 2 GiB object (long; with PORTCULLIS_CI=1)', () => {
  const folder = makeTempFolder();
  let gateway: Gateway;
  let expectedHash: string;
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    const volume = await formatTestVolume(folder, ['--trash-days', '0']);
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: ['--multi-buckets', '--keep-etag', '--workers', '1'],
    });
    const made = await gateway.client.send({ method: 'PUT', bucket: 'large', keys: gateway.root });
    expect(made.status).toBe(200);
    const hash = createHash('sha256');
    for (const frame of content()) hash.update(frame);
    expectedHash = hash.digest('hex');
  });
  afterAll(async () => {
    await gateway?.dispose();
    removeTempFolder(folder);
  });

  /** The most memory that the gateway's processes held together while something was done. */
  async function mostResident(work: () => Promise<void>): Promise<number> {
    let most = 0;
    let working = true;
    const done = work().finally(() => {
      working = false;
    });
    while (working) {
      const now = gateway.process.group().reduce((sum, { pid }) => sum + residentBytes(pid), 0);
      most = Math.max(most, now);
      await pause(SAMPLE_MS);
    }
    await done;
    process.stderr.write(`most resident: ${Math.round(most / MIB)} MiB\n`);
    return most;
  }

  const put = (payloadHash: string, headers: Record<string, string>) => {
    const path = objectPath('large', 'object');
    const all = { host: gateway.client.host, ...headers };
    const signed = signHeaders({ method: 'PUT', path, query: [], headers: all, payloadHash }, gateway.root, new Date());
    const request = gateway.client.open('PUT', path, signed.headers);
    const answer = new Promise<S3Answer>((resolve, reject) => {
      request.on('response', (response) => collect(response).then(resolve, reject));
      request.on('error', reject);
    });
    return { request, answer, signed: signed.signed };
  };

  async function write(request: ClientRequest, pieces: Iterable<Buffer>): Promise<void> {
    for (const piece of pieces) if (!request.write(piece)) await once(request, 'drain');
    request.end();
  }

  async function getAll(): Promise<{ size: number; hash: Hash }> {
    const response = await gateway.client.stream({ bucket: 'large', key: 'object', keys: gateway.root });
    const hash = createHash('sha256');
    let size = 0;
    for await (const data of response) {
      hash.update(data as Buffer);
      size += (data as Buffer).length;
    }
    return { size, hash };
  }

  it('is uploaded unsigned', { timeout: WITHIN_MS }, async () => {
    const most = await mostResident(async () => {
      const { request, answer } = put('UNSIGNED-PAYLOAD', { 'content-length': String(OBJECT_BYTES) });
      await write(request, content());
      expect(await answer).toMatchObject({ status: 200 });
    });
    expect(most).toBeLessThan(RESIDENT_LIMIT);
  });

  it('is uploaded in signed frames', { timeout: WITHIN_MS }, async () => {
    const most = await mostResident(async () => {
      const overhead = (size: number): number => size.toString(16).length + ';chunk-signature='.length + 64 + 4;
      const wire = OBJECT_BYTES + (OBJECT_BYTES / FRAME_BYTES) * overhead(FRAME_BYTES) + overhead(0);
      const { request, answer, signed } = put('STREAMING-AWS4-HMAC-SHA256-PAYLOAD', {
        'content-encoding': 'aws-chunked',
        'content-length': String(wire),
        'x-amz-decoded-content-length': String(OBJECT_BYTES),
      });
      const signer = new FrameSigner(signed);
      const frames = function* (): Generator<Buffer> {
        for (const frame of content()) yield signer.frame(frame);
        yield signer.frame(Buffer.alloc(0));
      };
      await write(request, frames());
      expect(await answer).toMatchObject({ status: 200 });
    });
    expect(most).toBeLessThan(RESIDENT_LIMIT);
  });

  it('is downloaded, byte for byte', { timeout: WITHIN_MS }, async () => {
    const most = await mostResident(async () => {
      const { size, hash } = await getAll();
      expect({ size, hash: hash.digest('hex') }).toEqual({ size: OBJECT_BYTES, hash: expectedHash });
    });
    expect(most).toBeLessThan(RESIDENT_LIMIT);
  });

  it('is downloaded by eight clients that do not read', { timeout: WITHIN_MS }, async () => {
    const most = await mostResident(async () => {
      const responses = await Promise.all(
        Array.from({ length: 8 }, () => gateway.client.stream({ bucket: 'large', key: 'object', keys: gateway.root })),
      );
      // Nobody asks for data: only what the sockets hold is under way.
      await pause(3_000);
      for (const response of responses) response.destroy();
    });
    expect(most).toBeLessThan(RESIDENT_LIMIT);
  });
});
