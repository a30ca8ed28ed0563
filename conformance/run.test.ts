// The runner: what it counts, what it prints, and that a program of any kind can be its target.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reportJson, reportText } from './report.ts';
import { type RunOptions, type RunResult, runVectors } from './run.ts';
import { CommandTarget } from './targets/command.ts';
import { InProcessTarget } from './targets/in-process.ts';

const DIALECTS = new Set(['portcullis', 'juicefs', 'minio']);
const ALLOW = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::photos/*' };

const REQUEST = {
  principal: { type: 'User', account: '', user: 'alice' },
  action: 's3:GetObject',
  resource: { bucket: 'photos', object: 'cat.jpg' },
  conditions: {},
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-vectors-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function vector(members: object): object {
  return {
    id: 'v1',
    family: 'reads',
    dialects: ['juicefs', 'minio'],
    kind: 'identity',
    policies: {
      identity: [{ Version: '2012-10-17', Statement: [ALLOW] }],
      session: null,
      bucket: null,
      boundary: null,
    },
    request: REQUEST,
    expect: 'ALLOW',
    ...members,
  };
}

async function run(lines: readonly (object | string)[], options: Partial<RunOptions> = {}): Promise<RunResult> {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  writeFileSync(join(folder, 'a.jsonl'), text);
  const target = options.target ?? new InProcessTarget();
  try {
    return await runVectors({ folder, dialects: DIALECTS, departure: () => undefined, ...options, target });
  } finally {
    await target.close();
  }
}

/** A program that answers what its JavaScript says for the vector `v`. */
function adapter(answer: string): Promise<CommandTarget> {
  const path = join(folder, 'adapter.cjs');
  const loop = `require('node:readline').createInterface({input:process.stdin}).on('line', (l) => { const v = JSON.parse(l); ${answer} });`;
  writeFileSync(path, loop);
  return CommandTarget.start(`${process.execPath} ${path}`);
}

describe('a run', () => {
  it('counts a vector of several dialects as one line', async () => {
    const result = await run([vector({})]);
    expect(result).toMatchObject({ lines: 1, passed: 1, departed: 0, failed: 0 });
  });

  it('fails a line when one of its dialects disagrees, and says which and why', async () => {
    const result = await run([vector({ expect: undefined, expect_by: { juicefs: 'ALLOW', minio: 'DENY' } })]);
    expect(result).toMatchObject({ lines: 1, passed: 0, failed: 1 });
    expect(result.failures).toMatchObject([{ id: 'v1', dialect: 'minio', expected: 'DENY', actual: 'ALLOW' }]);
    expect(reportText(result)).toContain('identity[0] statement 0: Allow matched');
  });

  it('has no expectation of a dialect that cannot read a document', async () => {
    const result = await run([vector({ expect: undefined, expect_by: { minio: 'ALLOW' }, invalid_in: ['juicefs'] })]);
    expect(result).toMatchObject({ lines: 1, passed: 1 });
  });

  it('fails what it does not understand, and counts it', async () => {
    const result = await run([
      'not json',
      '[]',
      vector({ id: 'kind', kind: 'oracle' }),
      vector({ id: 'dialect', dialects: ['cobol'] }),
      vector({ id: 'expectation', expect: undefined }),
      vector({ id: 'members', request: {} }),
      vector({ id: 'nothing', invalid_in: ['juicefs', 'minio'] }),
      vector({ id: 'nobody', request: { ...REQUEST, principal: { type: 'Cat', user: 'alice' } } }),
      '',
      vector({ id: 'fine' }),
    ]);
    expect(result).toMatchObject({ lines: 9, passed: 1, departed: 0, failed: 8 });
    const text = reportText(result);
    expect(text).toContain('nothing is expected of any');
    expect(text).toContain('unknown kind "oracle"');
    expect(text).toContain('unknown dialect "cobol"');
    expect(text).toContain('a.jsonl:1');
    expect(text.endsWith('\n1 passed, 8 failed\n')).toBe(true);
  });

  it('counts departures by rule, and a line that also fails as failed', async () => {
    const wrong = { expect: 'DENY' };
    const result = await run([vector({ ...wrong, id: 'a' }), vector({ ...wrong, id: 'b', family: 'other' })], {
      departure: (read, dialect) =>
        read.question.family === 'reads' || dialect === 'minio' ? 'a-reason-that-is-given' : undefined,
    });
    expect(result).toMatchObject({ lines: 2, passed: 0, departed: 1, failed: 1 });
    expect(reportText(result)).toContain('departed: 1\n  a-reason-that-is-given: 1\n0 passed, 1 failed\n');
  });

  it('reads plain and compressed files, and chooses by family and dialect', async () => {
    const packed = [
      vector({ id: 'g1', family: 'writes-a' }),
      vector({ id: 'g2', family: 'writes-b', dialects: ['minio'] }),
    ];
    writeFileSync(join(folder, 'b.jsonl.gz'), gzipSync(packed.map((line) => JSON.stringify(line)).join('\n')));
    expect((await run([vector({})])).lines).toBe(3);
    expect((await run([vector({})], { family: 'writes-*' })).lines).toBe(2);
    expect((await run([vector({})], { dialect: 'juicefs' })).lines).toBe(2);
    const one = await run([vector({})], { dialect: 'juicefs', family: '{writes-*,none}' });
    expect([...one.families.keys()]).toEqual(['writes-a']);
  });

  it('fails a file that is cut short, and counts what it could read', async () => {
    const packed = gzipSync(JSON.stringify(vector({ id: 'g1' })));
    writeFileSync(join(folder, 'b.jsonl.gz'), packed.subarray(0, -9));
    writeFileSync(join(folder, 'c.jsonl.gz'), 'not gzip');
    const result = await run([vector({})]);
    expect(result.lines).toBe(result.passed + result.failed);
    expect(result.failures.map(({ id }) => id)).toEqual([expect.stringMatching(/^b\.jsonl\.gz:\d$/), 'c.jsonl.gz:1']);
    expect(reportText(result)).toContain('the file cannot be read');
  });

  it('writes the same as JSON', async () => {
    const result = await run([vector({ expect: 'DENY' })]);
    expect(JSON.parse(reportJson(result))).toMatchObject({
      target: 'in-process',
      lines: 1,
      failed: 1,
      families: { reads: { passed: 0, departed: 0, failed: 1 } },
      failures: [{ id: 'v1' }, { id: 'v1' }],
    });
  });
});

describe('a program as target', () => {
  it('gets questions without their expectation and answers in any order', async () => {
    const target = await adapter(
      `const leaks = ['expect','expect_by','invalid_in','note','why','valid'].filter((n) => n in v);
       (globalThis.held ??= []).push({ id: v.id, outcome: leaks.length === 0 && v.dialect === v.dialects[0] ? 'ALLOW' : leaks });
       if (globalThis.held.length === 2) for (const a of globalThis.held.splice(0).reverse()) console.log(JSON.stringify(a));`,
    );
    const result = await run([vector({ note: 'x' }), vector({ id: 'v2', note: 'y' })], { target });
    expect(reportText(result)).toContain('2 passed, 0 failed');
  });

  it('may fold both ways of refusing, and answer a bare outcome', async () => {
    const target = await adapter(`console.log(JSON.stringify('REFUSE'));`);
    const expectations = ['DENY', 'EXPLICIT_DENY', 'ERROR', 'ALLOW'];
    const result = await run(
      expectations.map((expectation, i) => vector({ id: `v${i}`, dialects: ['minio'], expect: expectation })),
      { target },
    );
    expect(result).toMatchObject({ passed: 3, failed: 1 });
  });

  it('may answer that there is none', async () => {
    const none = { kind: 'source-ip', dialects: ['minio'], remoteAddrParam: 'X', env: {}, expect: null };
    const target = await adapter('console.log(JSON.stringify({ id: v.id, outcome: null }));');
    expect(await run([vector(none)], { target })).toMatchObject({ passed: 1, failed: 0 });
  });

  it('ends with all that the shell started for it, whatever they do', async () => {
    const target = await CommandTarget.start('yes | cat; sleep 600');
    const result = await run([vector({})], { target });
    expect(result).toMatchObject({ lines: 1, failed: 1 });
    expect(result.failures[0]?.explanation).toContain('not JSON: "y"');
  });

  it.each([
    ['ends early', 'console.error("out of cheese"); process.exit(3);', /exit code 3; it wrote: out of cheese/],
    ['answers nonsense', 'console.log("hello");', /not JSON: "hello"/],
    ['answers what was not asked', 'console.log(JSON.stringify({id:"v9",outcome:"ALLOW"}));', /answered "v9"/],
  ])('that %s fails every vector that waits for it', async (_what, program, why) => {
    const result = await run([vector({}), vector({ id: 'v2' })], { target: await adapter(program) });
    expect(result).toMatchObject({ lines: 2, passed: 0, failed: 2 });
    expect(result.failures[0]?.explanation).toMatch(why);
  });
});
