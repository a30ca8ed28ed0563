import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditEntry, type AuditedDecision, auditedContext } from './audit-log.ts';
import { type AuditTrouble, BufferedSink, type LineWriter } from './buffered-sink.ts';
import { RotatedFileWriter, WebhookWriter } from './line-writers.ts';
import { KEPT_QUESTIONS, RecentDecisions } from './recent-decisions.ts';

function decision(requestId: string, padding = ''): AuditedDecision {
  const entry: AuditEntry = {
    time: '2026-03-01T12:00:00.000Z',
    requestId,
    sourceAddress: '192.0.2.7',
    principalType: 'User',
    accessKey: 'alice',
    parent: '',
    principal: 'arn:aws:iam::000000000000:user/alice',
    action: 's3:GetObject',
    resource: `arn:aws:s3:::photos/${padding}`,
    outcome: 'Allow',
    reason: 'Allow',
    accesses: [],
    context: {},
    latencyMs: 0.1,
    revision: 'r',
  };
  return { isRefusal: false, asksOnly: false, entry: () => entry, explain: () => [`how ${requestId} came about`] };
}

/** Keeps lines, or fails as often as it is told to. */
class ScriptedWriter implements LineWriter {
  readonly lines: string[] = [];
  failures = 0;

  async write(lines: readonly string[]): Promise<void> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('out of space');
    }
    this.lines.push(...lines);
  }

  async close(): Promise<void> {}
}

const idsOf = (lines: readonly string[]): string[] => lines.map((line) => JSON.parse(line).requestId);

describe('a buffered sink', () => {
  it('keeps every line in order, and writes out what waits when it is closed', async () => {
    const writer = new ScriptedWriter();
    const sink = new BufferedSink(writer, () => undefined);
    for (let i = 0; i < 1_000; i++) sink.write(decision(String(i)));
    await sink.close();
    expect(idsOf(writer.lines)).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)));
  });

  it('tries again while the place fails, counts, and complains once', async () => {
    const writer = new ScriptedWriter();
    writer.failures = 3;
    const troubles: AuditTrouble[] = [];
    const sink = new BufferedSink(writer, (trouble) => troubles.push(trouble));
    sink.write(decision('a'));
    await expect.poll(() => writer.lines.length, { timeout: 10_000 }).toBe(1);
    expect(sink.counts).toEqual({ written: 1, failures: 3, retried: 3, dropped: 0, waiting: 0 });
    expect(troubles).toMatchObject([{ failures: 1, dropped: 0, waiting: 1, error: { message: 'out of space' } }]);
    await sink.close();
  });

  it('drops and counts what does not fit', async () => {
    const writer = new ScriptedWriter();
    writer.failures = Number.POSITIVE_INFINITY;
    const sink = new BufferedSink(writer, () => undefined);
    for (let i = 0; i < 20; i++) sink.write(decision(String(i), 'x'.repeat(1024 * 1024)));
    expect(sink.counts).toMatchObject({ written: 0, dropped: 5, waiting: 15 });
    await sink.close();
    expect(sink.counts).toMatchObject({ written: 0, dropped: 20 });
  });

  it('tells who must be sure that a line was not kept, at once from then on, and when it is kept again', async () => {
    const writer = new ScriptedWriter();
    writer.failures = 1;
    const sink = new BufferedSink(writer, () => undefined);
    await expect(sink.keep(decision('a'))).rejects.toThrow('cannot be kept');
    await expect(sink.keep(decision('b'))).rejects.toThrow('cannot be kept');
    await expect
      .poll(
        () =>
          sink.keep(decision('c')).then(
            () => idsOf(writer.lines),
            () => [],
          ),
        { timeout: 5_000 },
      )
      .toEqual(['c']);
    await sink.close();
  });
});

describe('places', () => {
  let folder: string;
  let server: Server | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'portcullis-audit-'));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true, force: true });
    await new Promise((done) => (server === undefined ? done(undefined) : server.close(done)));
    server = undefined;
  });

  it('a file is private, and put aside before it grows too large; the oldest go', async () => {
    const path = join(folder, 'audit.jsonl');
    const writer = await RotatedFileWriter.open(path, { maxBytes: 10, keep: 2 });
    for (const line of ['one.....\n', 'two.....\n', 'three...\n', 'four....\n']) await writer.write([line]);
    await writer.close();
    expect(readdirSync(folder).sort()).toEqual(['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2']);
    expect(readFileSync(path, 'utf8')).toBe('four....\n');
    expect(readFileSync(`${path}.2`, 'utf8')).toBe('two.....\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('a file is gone on with after a restart', async () => {
    const path = join(folder, 'audit.jsonl');
    for (const line of ['a\n', 'b\n']) {
      const writer = await RotatedFileWriter.open(path);
      await writer.write([line]);
      await writer.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
  });

  it('a webhook gets lines and a token, and an error answer keeps nothing', async () => {
    const got: { type: string | undefined; token: string | undefined; body: string }[] = [];
    let status = 204;
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        got.push({ type: request.headers['content-type'], token: request.headers.authorization, body });
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const writer = new WebhookWriter(new URL(`http://127.0.0.1:${port}/audit`), 'a-token');
    await writer.write(['{"a":1}\n', '{"a":2}\n']);
    expect(got).toEqual([{ type: 'application/x-ndjson', token: 'Bearer a-token', body: '{"a":1}\n{"a":2}\n' }]);
    status = 503;
    await expect(writer.write(['{"a":3}\n'])).rejects.toThrow('answered 503');
  });
});

describe('what a line holds', () => {
  it('no query of a referring page, for it may be a signed URL', () => {
    const context = auditedContext(
      new Map([
        ['aws:Referer', ['https://example.com/page?X-Amz-Signature=secret#x']],
        ['aws:SourceIp', ['192.0.2.7']],
      ]),
    );
    expect(context).toEqual({ 'aws:Referer': ['https://example.com/page'], 'aws:SourceIp': ['192.0.2.7'] });
  });

  it('recent decisions are told with how they came about', () => {
    const recent = new RecentDecisions([]);
    for (const id of ['a', 'b', 'a']) recent.write(decision(id));
    expect(recent.explain('a').map(({ line }) => line.sequence)).toEqual([1, 3]);
    expect(recent.explain('b')).toMatchObject([{ line: { requestId: 'b' }, explanation: ['how b came about'] }]);
    expect(recent.explain('c')).toEqual([]);
  });

  it('what a page only asked drowns nothing that somebody did, and is told to who wants it', () => {
    const recent = new RecentDecisions([]);
    recent.write(decision('done'));
    for (let i = 0; i < KEPT_QUESTIONS + 10; i++) recent.write({ ...decision(`asked-${i}`), asksOnly: true });
    expect(recent.after(0).lines.map(({ requestId }) => requestId)).toEqual(['done']);
    expect(recent.after(0).next).toBe(KEPT_QUESTIONS + 11);
    expect(recent.after(1, { questions: true }).lines).toHaveLength(KEPT_QUESTIONS);
    expect(recent.all().map(({ requestId }) => requestId)).toEqual(['done']);
    expect(recent.explain(`asked-${KEPT_QUESTIONS}`)).toHaveLength(1);
  });
});
