// The sidecar dies, hangs or was never there: no request gets through while it is away, and service resumes by itself.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort, type Gateway, type GatewayOptions, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { collect, type S3Answer, S3Client } from '../harness/s3-client.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const RESUMES_WITHIN_MS = 30_000;
const AUTHZ_TIMEOUT_MS = 2_000;
/** What a busy machine may add to a deadline. */
const SLACK_MS = 3_000;
/** Once nothing is in flight, well before requests would be cut off. */
const ENDS_WITHIN_MS = 5_000;

const started: Gateway[] = [];
const folders: string[] = [];
logsOnFailure(() => started.at(-1));
afterEach(async () => {
  for (const gateway of started.splice(0)) await gateway.dispose();
  for (const folder of folders.splice(0)) removeTempFolder(folder);
});

async function newVolume(): Promise<TestVolume & { folder: string }> {
  const folder = makeTempFolder();
  folders.push(folder);
  return { ...(await formatTestVolume(folder)), folder };
}

async function served(
  volume: TestVolume,
  flags: readonly string[] = [],
  health: NonNullable<GatewayOptions['health']> = 'ready',
): Promise<Gateway> {
  const all = ['--multi-buckets', '--metrics', '127.0.0.1:0', ...flags];
  const gateway = await startGateway({ metaUrl: volume.metaUrl, flags: all, health });
  started.push(gateway);
  return gateway;
}

/** SIGTERM, and the end that a well-behaved server comes to. */
async function ends(gateway: Gateway): Promise<void> {
  expect(await gateway.stop(), gateway.process.log).toEqual({ code: 0, signal: null });
  expect(gateway.process.group()).toEqual([]);
}

describe('a supervised sidecar', () => {
  it('killed under load: no request gets through while it is away, and it serves again without a restart of the gateway', async () => {
    const volume = await newVolume();
    const gateway = await served(volume, ['--workers', '2']);
    const { client, root: keys } = gateway;
    expect((await client.send({ method: 'PUT', bucket: 'load', keys })).status).toBe(200);
    expect((await client.send({ method: 'PUT', path: '/load/object', body: 'x', keys })).status).toBe(200);

    const answers: { startedAt: number; endedAt: number; status: number }[] = [];
    let loading = true;
    const load = Array.from({ length: 8 }, async () => {
      while (loading) {
        const startedAt = performance.now();
        const { status } = await client.send({ path: '/load/object', keys });
        answers.push({ startedAt, endedAt: performance.now(), status });
      }
    });
    await eventually('requests are under way', () => answers.length > 20);

    for (const round of [1, 2]) {
      const pid = gateway.sidecars()[0]?.pid;
      if (pid === undefined) throw new Error('there is no sidecar');
      process.kill(pid, 'SIGKILL');
      await eventually('the killed sidecar is gone', () => gateway.process.group().every((one) => one.pid !== pid));
      const goneAt = performance.now();
      const backAt = await eventually(
        'another sidecar runs',
        () => gateway.sidecars().length > 0 && performance.now(),
        RESUMES_WITHIN_MS,
      );
      await eventually(
        `round ${round}: requests succeed again`,
        () => answers.some(({ startedAt, status }) => startedAt > backAt && status === 200),
        RESUMES_WITHIN_MS,
      );
      const away = answers.filter(({ startedAt, endedAt }) => startedAt > goneAt && endedAt < backAt);
      expect(away.filter(({ status }) => status !== 503)).toEqual([]);
    }
    loading = false;
    await Promise.all(load);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    await ends(gateway);
  });

  it('that only hangs: 503 within the deadline, and service when it wakes up', async () => {
    const gateway = await served(await newVolume());
    const { client, root: keys } = gateway;
    const pid = gateway.sidecars()[0]?.pid;
    if (pid === undefined) throw new Error('there is no sidecar');
    // Stopped, not dead: it holds its socket and never answers.
    process.kill(pid, 'SIGSTOP');
    const before = performance.now();
    const answer = await client.send({ keys });
    expect({ status: answer.status, code: answer.code }).toEqual({ status: 503, code: 'ServiceUnavailable' });
    expect(performance.now() - before).toBeLessThan(AUTHZ_TIMEOUT_MS + SLACK_MS);
    process.kill(pid, 'SIGCONT');
    await eventually('it serves again', async () => (await client.send({ keys })).status === 200, RESUMES_WITHIN_MS);
    await ends(gateway);
  });
});

describe('Ctrl-C on the process group', () => {
  it('lets the request in flight end well, and leaves no process', async () => {
    const volume = await newVolume();
    const gateway = await served(volume, ['--workers', '2']);
    const { client, root: keys } = gateway;
    expect((await client.send({ method: 'PUT', bucket: 'kept', keys })).status).toBe(200);
    const body = Buffer.alloc(24 * 1024 * 1024, 'k');

    // Told to go on, and stopped half-way: the request is surely in flight when the signal comes.
    const { method, target, headers } = client.prepare({ method: 'PUT', path: '/kept/slow', body, keys });
    const outgoing = client.open(method, target, { ...headers, expect: '100-continue' });
    const goOn = once(outgoing, 'continue');
    outgoing.flushHeaders();
    const answer = new Promise<S3Answer>((resolve, reject) => {
      outgoing.on('response', (response) => collect(response).then(resolve, reject));
      outgoing.on('error', reject);
    });
    // Whatever goes wrong first fails the test; this must not hide it.
    answer.catch(() => undefined);
    await goOn;
    const middle = body.length / 2;
    await new Promise((resolve) => outgoing.write(body.subarray(0, middle), resolve));
    gateway.process.signalGroup('SIGINT');
    await eventually('no new connection is taken', () => isRefused(gateway));
    outgoing.end(body.subarray(middle));
    expect((await answer).status).toBe(200);
    const answered = performance.now();
    expect(await gateway.process.exited, gateway.process.log).toEqual({ code: 0, signal: null });
    expect(performance.now() - answered).toBeLessThan(ENDS_WITHIN_MS);
    expect(gateway.process.group()).toEqual([]);

    const again = await served(volume);
    const read = await again.client.send({ path: '/kept/slow', keys });
    expect(read.body.equals(body)).toBe(true);
    await ends(again);
  });

  it('ends a gateway at once whose workers are still starting', async () => {
    const volume = await newVolume();
    for (const workers of ['1', '4']) {
      const gateway = await served(volume, ['--workers', workers]);
      const before = performance.now();
      gateway.process.signalGroup('SIGINT');
      expect(await gateway.process.exited, gateway.process.log).toEqual({ code: 0, signal: null });
      expect(performance.now() - before).toBeLessThan(ENDS_WITHIN_MS);
      expect(gateway.process.group()).toEqual([]);
    }
  });
});

async function isRefused({ client }: Gateway): Promise<boolean> {
  try {
    const probe = new S3Client(client.endpoint);
    await probe.send({ path: '/minio/health/live' });
    probe.close();
    return false;
  } catch (error) {
    // Reset: taken by the kernel just before the listener was closed.
    return ['ECONNREFUSED', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

describe('a gateway pointed at a sidecar', () => {
  const refusedInTime = async ({ client, root }: Gateway): Promise<void> => {
    for (const [method, keys] of [
      ['GET', root],
      ['PUT', root],
      ['GET', undefined],
    ] as const) {
      const before = performance.now();
      const { status, code } = await client.send({ method, path: '/bucket/key', keys });
      expect({ status, code }).toEqual({ status: 503, code: 'ServiceUnavailable' });
      expect(performance.now() - before).toBeLessThan(AUTHZ_TIMEOUT_MS + SLACK_MS);
    }
  };
  const servedBy = (volume: TestVolume, address: string): Promise<Gateway> =>
    served(volume, ['--workers', '1', '--authz', address], 'live');

  it('that is dead answers 503 within the deadline', async () => {
    const volume = await newVolume();
    for (const address of [`unix:${join(volume.folder, 'nobody.sock')}`, `127.0.0.1:${await freePort()}`]) {
      const gateway = await servedBy(volume, address);
      await refusedInTime(gateway);
      await ends(gateway);
    }
  });

  it('that takes connections and says nothing, or nonsense, answers 503 within the deadline', async () => {
    const volume = await newVolume();
    for (const nonsense of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok']) {
      const sockets: Socket[] = [];
      const path = join(volume.folder, `deaf${nonsense.length}.sock`);
      const server = createServer((socket) => {
        sockets.push(socket.on('error', () => socket.destroy()));
        socket.write(nonsense);
      }).listen(path);
      const gateway = await servedBy(volume, `unix:${path}`);
      await refusedInTime(gateway);
      await ends(gateway);
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
});
