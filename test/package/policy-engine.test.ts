// The policy engine as others embed it: installed out of the packed package, imported by its name, with the types that come with it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

/** A project of somebody else's, with the package installed. */
let project: string;
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'portcullis-embedder-'));
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], { cwd: ROOT });
  const [archive = ''] = readdirSync(project).filter((name) => name.endsWith('.tgz'));
  const modules = join(project, 'node_modules');
  mkdirSync(modules);
  execFileSync('tar', ['-xzf', join(project, archive), '-C', modules]);
  execFileSync('mv', [join(modules, 'package'), join(modules, 'portcullis')]);
  // The one package that the engine needs.
  symlinkSync(join(ROOT, 'node_modules', 'ipaddr.js'), join(modules, 'ipaddr.js'));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
}, 60_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

function run(program: string): unknown {
  writeFileSync(join(project, 'embed.js'), program);
  return JSON.parse(execFileSync(process.execPath, ['embed.js'], { cwd: project, encoding: 'utf8' }));
}

it('parses, compiles, decides and explains', () => {
  const answer = run(`
    import { authorize, compilePolicySet, explain, parsePolicy } from 'portcullis/policy';
    const text = JSON.stringify({ Version: '2012-10-17', Statement: [
      { Sid: 'Read', Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::photos/*' },
      { Effect: 'Deny', Action: 's3:*', Resource: 'arn:aws:s3:::photos/private/*',
        Condition: { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } },
    ] });
    const parsed = parsePolicy(text, { kind: 'identity', dialect: 'portcullis', name: 'readers' });
    const program = compilePolicySet({ identity: [parsed.policy] }, 'portcullis');
    const ask = (object) => ({
      principal: { type: 'User', user: 'alice', account: '' }, action: 's3:GetObject', bucket: 'photos', object,
      keys: new Map([['aws:username', ['alice']], ['aws:SourceIp', ['192.0.2.1']]]),
    });
    const wrong = parsePolicy(text.replace('s3:GetObject', 's3:GetObjects'), { kind: 'identity', dialect: 'portcullis', name: 'x' });
    console.log(JSON.stringify({
      allowed: authorize(program, ask('a.jpg')),
      denied: authorize(program, ask('private/a.jpg')).outcome,
      explained: explain(program, ask('a.jpg')).statements.map(({ matched, failedElement }) => matched || failedElement),
      suggestion: wrong.issues[0].suggestion,
    }));`);
  expect(answer).toEqual({
    allowed: { outcome: 'Allow', by: { policy: 'readers', sid: 'Read', index: 0 }, reason: 'Allow' },
    denied: 'ExplicitDeny',
    explained: [true, 'Resource'],
    suggestion: 's3:GetObject',
  });
});

it('runs what the documentation shows', () => {
  const guide = readFileSync(join(ROOT, 'docs', 'policy-language.md'), 'utf8');
  const sample = /```js\n(import [^`]*'portcullis\/policy'[\s\S]*?)```/.exec(guide)?.[1] ?? '';
  const text =
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::photos/*"}]}';
  const decision = run(`const text = ${JSON.stringify(text)};\n${sample}\nconsole.log(JSON.stringify(decision));`);
  expect(decision).toEqual({ outcome: 'Allow', by: { policy: 'readers', index: 0 }, reason: 'Allow' });
});

it('comes with its types', () => {
  writeFileSync(
    join(project, 'embed.ts'),
    `import { authorize, compilePolicySet, type Decision, explain, parsePolicy } from 'portcullis/policy';
     const parsed = parsePolicy('{}', { kind: 'identity', dialect: 'portcullis', name: 'none' });
     const program = compilePolicySet({ identity: parsed.ok ? [parsed.policy] : [] }, 'portcullis');
     const asked = { principal: { type: 'User', user: 'alice', account: '' }, action: 's3:GetObject', bucket: 'b', object: 'k', keys: new Map() } as const;
     export const decision: Decision = authorize(program, asked);
     export const matched: boolean[] = explain(program, asked).statements.map((one) => one.matched);
     // @ts-expect-error there is no such dialect
     compilePolicySet({ identity: [] }, 'cobol');`,
  );
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--skipLibCheck',
    'false',
    '--types',
    '',
    'embed.ts',
  ];
  expect(execFileSync(process.execPath, [TSC, ...options], { cwd: project, encoding: 'utf8' })).toBe('');
}, 60_000);
