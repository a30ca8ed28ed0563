// `portcullis policy` as built: answers on standard output, reasons for having none on standard error, and the exit codes that scripts
// go by.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, runCommand } from '../harness/run-command.ts';

const READERS = {
  Version: '2012-10-17',
  Statement: [
    { Sid: 'Read', Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::photos/*'] },
    {
      Sid: 'Office',
      Effect: 'Allow',
      Action: ['s3:PutObject'],
      Resource: ['arn:aws:s3:::photos/${aws:username}/*'],
      Condition: { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8'] } },
    },
    { Sid: 'Private', Effect: 'Deny', Action: ['s3:*'], Resource: ['arn:aws:s3:::photos/private/*'] },
  ],
};
const allow = (members: object): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::photos/*', ...members }],
});

let folder: string;
const file = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-policy-'));
  const documents = {
    'readers.json': READERS,
    'narrower.json': { ...READERS, Statement: READERS.Statement.filter(({ Sid }) => Sid !== 'Private') },
    'resid.json': { ...READERS, Statement: READERS.Statement.map((one) => ({ ...one, Sid: `${one.Sid}2` })).reverse() },
    'session.json': allow({ Resource: 'arn:aws:s3:::photos/shared/*' }),
    'bucket.json': allow({ Principal: { AWS: ['alice'] } }),
    'bucket-versions.json': {
      Version: '2012-10-17',
      Statement: [
        ...['s3:DeleteObject', 's3:ListBucket'].map((Action) => ({ Effect: 'Allow', Action })),
        { Effect: 'Deny', Action: 's3:DeleteObjectVersion' },
      ].map((one) => ({ ...one, Principal: '*', Resource: 'arn:aws:s3:::photos*' })),
    },
    'bucket-bob.json': allow({ Principal: { AWS: ['bob'] } }),
    'typo.json': allow({ Action: 's3:GetObjects', Effect: 'allow' }),
    'same.json': { Version: '2012-10-17', Statement: [...READERS.Statement, READERS.Statement[0]] },
  };
  for (const [name, document] of Object.entries(documents)) writeFileSync(file(name), JSON.stringify(document));
  writeFileSync(file('broken.json'), '{"Version":');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const policy = (...args: string[]): Promise<Ran> =>
  runCommand(['policy', ...args.map((arg) => (arg.endsWith('.json') ? file(arg) : arg))]);

describe('policy validate', () => {
  it('says that a document may be stored', async () => {
    expect(await policy('validate', 'readers.json', 'bucket.json')).toEqual({
      code: 0,
      stdout: `${file('readers.json')}: valid\n${file('bucket.json')}: valid\n`,
      stderr: '',
    });
  });

  it('names every issue with its place and what was meant', async () => {
    const { code, stdout } = await policy('validate', 'typo.json');
    expect(code).toBe(1);
    expect(stdout).toContain('$.Statement[0].Effect: InvalidEffect');
    expect(stdout).toMatch(/\$\.Statement\[0\]\.Action(\[0\])?: UnknownAction: .*s3:GetObject\b/);
  });

  it('answers as JSON', async () => {
    const { stdout } = await policy('validate', '--json', 'typo.json');
    expect(JSON.parse(stdout)).toMatchObject([{ valid: false, issues: [{ code: 'InvalidEffect' }, {}] }]);
  });

  it('tells a document that is wrong from one that is not there', async () => {
    expect(await policy('validate', 'broken.json')).toMatchObject({ code: 1, stderr: '' });
    expect(await policy('validate', 'nowhere.json')).toMatchObject({ code: 2, stdout: '' });
  });

  it('reads standard input', async () => {
    const ran = await runCommand(['policy', 'validate', '-'], { input: JSON.stringify(READERS) });
    expect(ran).toMatchObject({ code: 0, stdout: '-: valid\n' });
  });
});

describe('policy check', () => {
  const get = (key: string): string[] => ['--action', 's3:GetObject', '--resource', `arn:aws:s3:::photos/${key}`];
  const put = ['--action', 's3:PutObject', '--resource', 'arn:aws:s3:::photos/alice/x', '--principal', 'alice'];

  it.each([
    ['allows what a statement allows', 0, ['readers.json', ...get('a')], /^allowed .*statement 0 "Read"/],
    ['denies what no statement allows', 1, ['readers.json', ...put], /^denied: no statement allows it/],
    ['denies what a statement denies', 1, ['readers.json', ...get('private/a')], /^denied: a statement .*2 "Private"/],
    ['knows the facts', 0, ['readers.json', ...put, '--context', 'aws:SourceIp=10.9.9.9'], /^allowed .*1 "Office"/],
    ['intersects with a session policy', 1, ['readers.json', '--session', 'session.json', ...get('a')], /^denied/],
    ['allows within both', 0, ['readers.json', '--session', 'session.json', ...get('shared/a')], /^allowed/],
    ['merges policies', 0, ['session.json', '--policy', 'readers.json', ...get('a')], /^allowed/],
    ['reads a bucket policy for whom it names', 0, ['bucket.json', ...get('a'), '--principal', 'alice'], /^allowed/],
    ['and for nobody else', 1, ['bucket.json', ...get('a'), '--principal', 'bob'], /^denied/],
    ['takes a short resource', 0, ['readers.json', '--action', 's3:GetObject', '--resource', 'photos/a'], /^allowed/],
  ] as const)('%s', async (_what, code, args, text) => {
    const ran = await policy('check', ...args);
    expect(ran.stdout).toMatch(text);
    expect(ran).toMatchObject({ code, stderr: '' });
  });

  it.each([
    ['a file that is not there', ['nowhere.json', ...get('a')]],
    ['a document that does not parse', ['typo.json', ...get('a')]],
    ['no document', get('a')],
    ['no action', ['readers.json']],
    ['a pattern for an action', ['readers.json', '--action', 's3:*']],
    ['a malformed fact', ['readers.json', ...get('a'), '--context', 'nonsense']],
    ['an unknown dialect', ['readers.json', ...get('a'), '--dialect', 'cobol']],
    ['an unknown flag', ['readers.json', ...get('a'), '--frobnicate']],
  ])('ends with 2, and no answer, for %s', async (_what, args) => {
    const { code, stdout, stderr } = await policy('check', ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  it('answers as JSON', async () => {
    const { stdout } = await policy('check', '--json', 'readers.json', ...get('private/a'), '--principal', 'alice');
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'ExplicitDeny',
      determining: { policy: file('readers.json'), sid: 'Private', statement: 2 },
      request: { principal: { user: 'alice' }, context: { 'aws:username': ['alice'] } },
    });
  });
});

describe('policy check of a bucket policy', () => {
  it.each([
    ['a version that a statement denies', ['s3:DeleteObject', 'photos/x', '--context', 's3:versionid=v1'], 1],
    ['the object itself', ['s3:DeleteObject', 'photos/x'], 0],
    ['the versions, which are listed by who may list', ['s3:ListBucketVersions', 'photos'], 0],
  ])('decides as the gateway does: %s', async (_what, [action = '', resource = '', ...more], code) => {
    const asked = ['--action', action, '--resource', resource, ...more];
    const answer = await policy('check', 'bucket-versions.json', ...asked);
    expect(answer).toMatchObject({ code, stderr: '' });
  });
});

describe('policy explain', () => {
  it('says of each statement whether it matched, or what it wanted and what it saw', async () => {
    const asked = ['--action', 's3:PutObject', '--resource', 'arn:aws:s3:::photos/alice/x', '--principal', 'alice'];
    const { code, stdout } = await policy('explain', 'readers.json', ...asked);
    expect(code).toBe(0);
    expect(stdout).toContain('Action wants "s3:GetObject", the request has "s3:PutObject"');
    expect(stdout).toContain('Condition IpAddress aws:SourceIp wants "10.0.0.0/8", the request has nothing');
    expect(stdout).toContain('not in the request: aws:SourceIp');
    const seen = await policy('explain', 'readers.json', ...asked, '--context', 'aws:SourceIp=10.0.0.1', '--json');
    expect(JSON.parse(seen.stdout)).toMatchObject({
      outcome: 'Allow',
      determining: { sid: 'Office' },
      missingKeys: [],
      statements: [{ matched: false }, { matched: true }, { matched: false, failedElement: 'Resource' }],
    });
  });
});

describe('policy diff', () => {
  it('shows what is newly allowed with a request that the engine decides so', async () => {
    const { code, stdout } = await policy('diff', 'readers.json', 'narrower.json');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^newly allowed: s3:GetObject on arn:aws:s3:::photos\/private\//);
    expect(stdout).toMatch(/\n\d+ newly allowed, 0 newly denied \(\d+ requests were tried\)\n$/);
  });

  it('gives witnesses that check decides as it says', async () => {
    const { stdout } = await policy('diff', '--json', 'narrower.json', 'readers.json');
    const { newlyDenied } = JSON.parse(stdout);
    expect(newlyDenied.length).toBeGreaterThan(0);
    for (const { request } of newlyDenied) {
      const facts = Object.entries(request.context as Record<string, string[]>).flatMap(([key, [value]]) => [
        '--context',
        `${key}=${value}`,
      ]);
      const asked = ['--action', request.action, '--resource', request.resource, ...facts];
      expect((await policy('check', 'narrower.json', ...asked)).code).toBe(0);
      expect((await policy('check', 'readers.json', ...asked)).code).toBe(1);
    }
  });

  it('sees a principal change both ways', async () => {
    const { stdout } = await policy('diff', '--json', 'bucket.json', 'bucket-bob.json');
    const { newlyAllowed, newlyDenied } = JSON.parse(stdout);
    expect(
      newlyAllowed.map((one: { request: { principal: { user: string } } }) => one.request.principal.user),
    ).toContain('bob');
    expect(
      newlyDenied.map((one: { request: { principal: { user: string } } }) => one.request.principal.user),
    ).toContain('alice');
  });

  it('tells documents that say the same from a search that found nothing', async () => {
    expect(await policy('diff', 'readers.json', 'resid.json')).toMatchObject({
      code: 0,
      stdout: 'the documents say the same\n',
    });
    const added = { ...READERS.Statement[0], Resource: ['arn:aws:s3:::photos/cats/*'] };
    writeFileSync(file('redundant.json'), JSON.stringify({ ...READERS, Statement: [...READERS.Statement, added] }));
    const { code, stdout } = await policy('diff', 'readers.json', 'redundant.json');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^no difference was found in \d+ requests; the documents are written differently\n$/);
  });

  it('ends with 2 when a document cannot be read', async () => {
    expect(await policy('diff', 'readers.json', 'typo.json')).toMatchObject({ code: 2, stdout: '' });
    expect(await policy('diff', 'readers.json')).toMatchObject({ code: 2, stdout: '' });
  });
});
