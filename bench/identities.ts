// A sidecar with 10,000 users, 1,000 policies and 1,000 groups beside one with ten users: how soon it serves, what it weighs, how
// soon a change is seen by another sidecar, and whether decisions cost more. Arguments: the stores (volume sqlite postgres etcd).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import {
  AuthorizationClient,
  AuthorizeRequest,
  type AuthorizeResponse,
  Outcome,
} from '../proto/gen/portcullis/authz/v1/authorization.ts';
import type { IdentityRecord } from '../src/authz/store/iam-store.ts';
import { openStore } from '../src/authz/store/open-store.ts';
import { signFor } from '../test/admin/admin-client.ts';
import { STORE_KINDS } from '../test/contract/iam-stores.ts';
import { sha256 } from '../test/harness/sigv4.ts';
import { type Child, CLI, startChild } from './child.ts';
import { cpuSeconds, type Measured, measure, row } from './measure.ts';

interface Size {
  readonly users: number;
  readonly policies: number;
  readonly groups: number;
}
export const LARGE: Size = { users: 10_000, policies: 1_000, groups: 1_000 };
const SMALL: Size = { users: 10, policies: 10, groups: 10 };
const ROOT = { accessKey: 'bench-root', secretKey: 'bench-root-secret' };
const MILLISECONDS = 3_000;
const CHANGES = 20;

/** Runs the suite on the named stores, or on all that can run here. */
export async function run(args: readonly string[]): Promise<void> {
  for (const kind of STORE_KINDS) {
    if (!kind.available || (args.length > 0 && !args.includes(kind.name))) continue;
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
    await kind.start();
    try {
      process.stdout.write(`${kind.name}\n`);
      const [large, small] = [await kind.place(folder), await kind.place(folder)];
      await fill(large.url, LARGE);
      await fill(small.url, SMALL);
      const [one, two, few] = [
        await Sidecar.start(folder, 'one', large.url),
        await Sidecar.start(folder, 'two', large.url),
        await Sidecar.start(folder, 'few', small.url),
      ];
      process.stdout.write(
        `  ready after            ${one.ready()} (with ${SMALL.users} users: ${few.ready()})\n` +
          `  resident memory        ${one.memoryMiB()} MiB (with ${SMALL.users} users: ${few.memoryMiB()} MiB)\n`,
      );
      await changes(one, two, kind.watches);
      const decisions = (of: Sidecar, users: number): Promise<Measured> =>
        measure(() => of.decide(Math.floor(Math.random() * users)), {
          concurrency: 32,
          milliseconds: MILLISECONDS,
          pids: [of.pid],
        });
      // Once for each user first: what a policy compiles to is made when it is first asked for.
      await measureFirst(one, LARGE.users);
      process.stdout.write(
        `  ${row('decisions', await decisions(one, LARGE.users), await decisions(few, SMALL.users))}\n`,
      );
      process.stdout.write(`  resident memory        ${one.memoryMiB()} MiB after them\n`);
      for (const sidecar of [one, two, few]) await sidecar.stop();
    } finally {
      await kind.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Asks once for each user. */
async function measureFirst(sidecar: Sidecar, users: number): Promise<void> {
  const start = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (next < users) await sidecar.decide(next++);
    }),
  );
  process.stdout.write(`  each user's first      ${((performance.now() - start) / users).toFixed(2)} ms each\n`);
}

const userName = (index: number): string => `user-${index}`;

/** Every user has a policy of its own choice and is in a group that has another. */
export async function fill(url: string, { users, policies, groups }: Size): Promise<void> {
  const opened = await openStore(url);
  const record = (index: number): IdentityRecord => ({
    secretKey: `secret-of-user-${index}`,
    enabled: true,
    expiresAtMs: undefined,
    sessionToken: '',
    parent: '',
  });
  const of = <R>(count: number, entry: (index: number) => [string, R]): Map<string, R> =>
    new Map(Array.from({ length: count }, (_, index) => entry(index)));
  const members = (group: number): string[] =>
    Array.from({ length: Math.ceil(users / groups) }, (_, index) => index * groups + group)
      .filter((index) => index < users)
      .map(userName);
  await opened.records?.exclusively((records) =>
    records.write({
      users: of(users, (index) => [userName(index), record(index)]),
      groups: of(groups, (index) => [`group-${index}`, { enabled: true, members: members(index) }]),
      policies: of(policies, (index) => [`policy-${index}`, policy(index)]),
      userPolicies: of(users, (index) => [userName(index), [`policy-${index % policies}`]]),
      groupPolicies: of(groups, (index) => [`group-${index}`, [`policy-${(index * 7) % policies}`]]),
    }),
  );
  await opened.close();
}

function policy(index: number): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: [`arn:aws:s3:::bucket-${index}/*`] },
      { Effect: 'Allow', Action: ['s3:ListBucket'], Resource: [`arn:aws:s3:::bucket-${index}`] },
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::shared/*'] },
    ],
  });
}

/** Disables and enables users at one sidecar, and sees when it, and another, refuse. */
async function changes(one: Sidecar, two: Sidecar, watches: boolean): Promise<void> {
  const took = { answered: [] as number[], here: [] as number[], there: [] as number[] };
  for (let index = 0; index < CHANGES; index++) {
    const start = performance.now();
    await one.setStatus(index, 'disabled');
    took.answered.push(performance.now() - start);
    const acknowledged = performance.now();
    if (await one.isAllowed(index)) throw new Error('a disabled user was allowed after the acknowledgement');
    took.here.push(performance.now() - acknowledged);
    if (!watches) continue;
    while (await two.isAllowed(index));
    took.there.push(performance.now() - acknowledged);
  }
  const show = (times: number[]): string => {
    const sorted = [...times].sort((a, b) => a - b);
    return `${sorted[Math.floor(sorted.length / 2)]?.toFixed(0)} ms (most ${sorted.at(-1)?.toFixed(0)} ms)`;
  };
  process.stdout.write(`  a change is answered   after ${show(took.answered)}\n`);
  process.stdout.write(`  and refuses here       ${show(took.here)} later, the question's own time\n`);
  if (watches) process.stdout.write(`  and elsewhere          ${show(took.there)} later\n`);
}

class Sidecar {
  readonly #readyMs: number;
  readonly #readyCpuSeconds: number;
  readonly #child: Child;
  readonly #client: AuthorizationClient;
  readonly #http: string;

  private constructor(child: Child, readyMs: number, address: string, http: string) {
    this.#child = child;
    this.#readyMs = readyMs;
    // The time that counts where others keep the machine busy.
    this.#readyCpuSeconds = cpuSeconds([child.pid]);
    this.#http = http;
    this.#client = new AuthorizationClient(address, credentials.createInsecure());
  }

  static async start(folder: string, name: string, store: string): Promise<Sidecar> {
    const [address, http] = [`unix:${join(folder, `${name}.sock`)}`, join(folder, `${name}-http.sock`)];
    const start = performance.now();
    const child = await startChild(
      [
        CLI,
        '--quiet',
        'authz',
        '--supervised',
        '--trust-callers',
        '--listen',
        address,
        '--http-listen',
        `unix:${http}`,
      ],
      (line) => line.includes('"ready"'),
      { MINIO_ROOT_USER: ROOT.accessKey, MINIO_ROOT_PASSWORD: ROOT.secretKey, PORTCULLIS_STORE: store },
    );
    return new Sidecar(child, performance.now() - start, address, http);
  }

  get pid(): number {
    return this.#child.pid;
  }

  ready(): string {
    return `${this.#readyMs.toFixed(0)} ms, ${this.#readyCpuSeconds.toFixed(1)} s of CPU time`;
  }

  memoryMiB(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
  }

  /** A GetObject that the user's own policy allows. */
  async isAllowed(user: number): Promise<boolean> {
    const answer = await new Promise<AuthorizeResponse>((resolve, reject) => {
      const question = AuthorizeRequest.fromPartial({
        credentials: { presented: { $case: 'named', value: { accessKey: userName(user) } } },
        accesses: [{ action: 's3:GetObject', resource: `arn:aws:s3:::bucket-${user % LARGE.policies}/key` }],
        context: { requestId: 'bench', sourceAddress: '127.0.0.1', userAgent: 'bench' },
      });
      this.#client.authorize(question, (error, value) => (error === null ? resolve(value) : reject(error)));
    });
    return answer.decision?.outcome === Outcome.OUTCOME_ALLOW;
  }

  async decide(user: number): Promise<void> {
    await this.isAllowed(user);
  }

  async setStatus(user: number, status: 'enabled' | 'disabled'): Promise<void> {
    const query = [
      ['accessKey', userName(user)],
      ['status', status],
    ] as const;
    const path = '/minio/admin/v3/set-user-status';
    const hash = sha256(Buffer.alloc(0));
    const headers = signFor(
      { method: 'PUT', path, query, headers: { host: 'bench', 'x-amz-content-sha256': hash }, payloadHash: hash },
      ROOT,
      { region: '', service: 's3' },
    );
    const target = `${path}?${query.map(([name, value]) => `${name}=${value}`).join('&')}`;
    const answered = await new Promise<number>((resolve, reject) => {
      request({ socketPath: this.#http, method: 'PUT', path: target, headers }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      })
        .on('error', reject)
        .end();
    });
    if (answered !== 200) throw new Error(`the change was answered with ${answered}`);
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.#child.end();
  }
}
