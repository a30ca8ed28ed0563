// Random requests over raw HTTP to a real gateway: whatever comes, the answer is HTTP, no fault is shown, the process stays, and a request
// that was refused leaves the metadata and the blocks as they were.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { z } from 'zod';
import type { Gateway } from '../harness/gateway.ts';
import { xmlValue } from '../harness/s3-client.ts';
import { type TestVolume, volumeState } from '../harness/volume.ts';
import { anyRequest, type FuzzRequest, type FuzzTarget, textOf, UPLOAD_PATH } from './http-fuzz-requests.ts';

export interface FuzzOptions {
  readonly gateway: Gateway;
  readonly volume: TestVolume;
  readonly requests: number;
  readonly seed: number;
  readonly say?: (text: string) => void;
}

export interface FuzzResult {
  /** How many answers had each status. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** Requests on their way at once, in turns; the state is compared after each such group. */
const TOGETHER = [1, 1, 1, 1, 4];
/** The upload that requests refer to ends sooner or later: there is another one after so many. */
const REQUESTS_AN_UPLOAD = 200;
const ANSWER_WITHIN_MS = 20_000;
/** A client that got no answer for so long says that it will send no more; one whose body breaks off says so sooner. */
const SILENT_MS = 500;
const BROKEN_MS = 30;
/** What a request brought before it was refused may be there for a moment. */
const SETTLED_WITHIN_MS = 5_000;
/** A volume that did not change for so long is taken to be at rest. */
const AT_REST_MS = 1_000;

/** Throws with the request that broke a rule. */
export async function fuzzGateway({ gateway, volume, requests, seed, say }: FuzzOptions): Promise<FuzzResult> {
  const statuses = new Map<number, number>();
  const all = fc.sample(anyRequest, { numRuns: requests, seed });
  let target = await newTarget(gateway);
  let before = volumeState(volume);
  let said = 0;
  for (let at = 0, turn = 0; at < all.length; turn++) {
    if (turn % REQUESTS_AN_UPLOAD === REQUESTS_AN_UPLOAD - 1) {
      target = await newTarget(gateway);
      before = volumeState(volume);
    }
    const together = TOGETHER[turn % TOGETHER.length] ?? 1;
    const group = all.slice(at, at + together).map((request) => ({ request, text: textOf(request, target) }));
    at += together;
    const exchanges = await Promise.all(
      group.map(async ({ request, text }) => ({
        request,
        text,
        answer: await exchange(gateway.port, text, request.framing === 'short' ? BROKEN_MS : SILENT_MS),
      })),
    );
    for (const { text, answer } of exchanges) {
      const given = statusesOf(answer);
      for (const status of given.length === 0 ? [0] : given) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (given.some((status) => status === 500 || status === 503)) {
        throw failure('was answered as a fault', text, answer, gateway);
      }
    }
    const texts = exchanges.map(({ text }) => text).join('\n---\n');
    if (gateway.process.exit !== undefined) throw failure('ended the gateway', texts, '', gateway);
    const isLost = exchanges.some(({ answer }) => statusesOf(answer).length === 0);
    const changed = (): Promise<string[]> | string[] => (isLost ? atRest(volume) : volumeState(volume));
    const after = exchanges.some(mayChange) ? await changed() : await settled(volume, before);
    const changes = exchanges.some(mayChange) ? [] : changesOf(before, after);
    if (changes.length > 0) {
      const answers = exchanges.map(({ answer }) => answer).join('\n');
      throw failure(`changed the volume though refused:\n${changes.join('\n')}`, texts, answers, gateway);
    }
    before = after;
    if (at - said >= 8_000) {
      said = at;
      say?.(`${at} requests`);
    }
  }
  if (/uncaught|a worker ended|a request failed|an answer broke off/.test(gateway.process.log)) {
    throw failure('wrote a fault to the log', '', '', gateway);
  }
  return { statuses };
}

/** An upload under way, for requests to refer to; in the bucket, which a request may have removed with all that was in it. */
async function newTarget({ client, root: keys, port }: Gateway): Promise<FuzzTarget> {
  const { status } = await client.send({ method: 'PUT', bucket: 'photos', keys });
  if (status === 200) await client.send({ method: 'PUT', bucket: 'photos', key: 'there', body: 'content', keys });
  const { body } = await client.send({ method: 'POST', path: UPLOAD_PATH, query: { uploads: '' }, keys });
  const uploadId = xmlValue(body, 'UploadId');
  if (uploadId === undefined) throw new Error(`no upload could be begun: ${body}`);
  return { port, keys, uploadId };
}

interface Exchange {
  readonly request: FuzzRequest;
  readonly text: string;
  readonly answer: string;
}

/** The statuses of all answers; bytes that are exchanged for others may make two requests of one. */
function statusesOf(answer: string): number[] {
  return [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)]
    .map(([, status]) => Number(status))
    .filter((status) => status !== 100);
}

/**
 * Whether the volume may be another one now: something that writes succeeded, or nobody can say, as the answer was lost. Whose body broke
 * off cannot have succeeded, answer or none.
 */
function mayChange({ request: { method, framing, damage }, answer }: Exchange): boolean {
  const given = statusesOf(answer);
  if (given.length === 0) return damage !== null || framing !== 'short';
  const reads = damage === null && ['GET', 'HEAD', 'OPTIONS'].includes(method);
  return !reads && given.some((status) => status < 300);
}

/** The state once it is what it was; after a while, whatever it is. */
async function settled(volume: TestVolume, before: readonly string[]): Promise<string[]> {
  const until = Date.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const state = volumeState(volume);
    if (changesOf(before, state).length === 0 || Date.now() > until) return state;
    await pause(20);
  }
}

/** The state when nothing is being done any more: a request whose answer was lost may still be served. */
async function atRest(volume: TestVolume): Promise<string[]> {
  for (let before = volumeState(volume); ; ) {
    await pause(AT_REST_MS);
    const after = volumeState(volume);
    if (after.length === before.length && after.every((line, i) => line === before[i])) return after;
    before = after;
  }
}

/** What came, and what went; but what was replaced or removed before may go at any time. */
function changesOf(before: readonly string[], after: readonly string[]): string[] {
  const [known, still] = [new Set(before), new Set(after)];
  const gone = before.filter((line) => !still.has(line));
  const went = withoutGarbage(gone, before);
  const came = after.filter((line) => !known.has(line));
  // a slice that several files shared is counted down when the turn of one of those comes that were removed
  const counts = new Map(went.map((line) => [sliceCount(line)?.slice, line]));
  const countedDown = new Set(
    came.flatMap((line) => {
      const [now, then] = [sliceCount(line), counts.get(sliceCount(line)?.slice)];
      return now !== undefined && then !== undefined && now.count < (sliceCount(then)?.count ?? 0) ? [line, then] : [];
    }),
  );
  return [...went.map((line) => `- ${line}`), ...came.map((line) => `+ ${line}`)].filter(
    (line) => !countedDown.has(line.slice(2)),
  );
}

function sliceCount(line: string): { readonly slice: string; readonly count: number } | undefined {
  const [, slice, count] = /^jfs_chunk_ref .*"chunkid":"(\d+)".*"refs":"(\d+)"/.exec(line) ?? [];
  return slice === undefined ? undefined : { slice, count: Number(count) };
}

const Row = z.record(z.string(), z.string());
/** JuiceFS: bytes of a slice in a chunk's row; its id is at 4, eight bytes long. */
const SLICE_BYTES = 24;

/** Those lines that belong to a file that is there. */
function withoutGarbage(lines: readonly string[], state: readonly string[]): readonly string[] {
  if (lines.length === 0) return lines;
  const rows = (table: string) =>
    state
      .filter((line) => line.startsWith(`${table} `))
      .map((line) => Row.parse(JSON.parse(line.slice(table.length + 1))));
  const inodes = new Set(rows('jfs_node').map(({ inode }) => inode));
  const slices = new Set<string>();
  for (const { inode, slices: hex = '' } of rows('jfs_chunk')) {
    if (!inodes.has(inode)) continue;
    const bytes = Buffer.from(hex, 'hex');
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) slices.add(String(bytes.readBigUInt64BE(at + 4)));
  }
  return lines.filter((line) => {
    if (line.startsWith('jfs_delfile ') || line.startsWith('jfs_delslices ')) return false;
    if (line.startsWith('jfs_chunk ')) return inodes.has(/"inode":"(\d+)"/.exec(line)?.[1]);
    const slice = /^jfs_chunk_ref .*"chunkid":"(\d+)"/.exec(line) ?? /^block .*\/(\d+)_\d+_\d+$/.exec(line);
    return slice === null || slices.has(slice[1] ?? '');
  });
}

function failure(what: string, text: string | undefined, answer: string, gateway: Gateway): Error {
  return new Error(
    `${what}:\n${JSON.stringify(text)}\n${answer.slice(0, 1_000)}\n${gateway.process.log.slice(-2_000)}`,
  );
}

/** Sends, says that nothing more comes, and collects what is answered. */
function exchange(port: number, text: string, silentMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let answer = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer to ${JSON.stringify(text)}`));
    }, ANSWER_WITHIN_MS);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('error', done);
    socket.on('end', done);
    socket.write(Buffer.from(text, 'latin1'));
    // whoever still waits for the rest of a body is told that there is none
    const rest = setTimeout(() => socket.end(), silentMs);
    socket.on('close', () => clearTimeout(rest));
  });
}
