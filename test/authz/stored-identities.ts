import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type {
  Access,
  Credentials,
  Decision,
  DeepPartial,
  Outcome,
  RequestContext,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { IamRecords, IdentityRecord } from '../../src/authz/store/iam-store.ts';
import { MemoryIamStore } from '../../src/authz/store/memory-store.ts';
import type { ServeAuthzOptions } from '../../src/cli/authz.ts';
import { TestSidecar } from './sidecar-client.ts';
import { headerCredentials, type TestKeys } from './signing-client.ts';

export const ALICE = { accessKey: 'alice', secretKey: 'alice-secret' };
export const BOB = { accessKey: 'bob', secretKey: 'bob-secret' };

export const user = ({ secretKey }: TestKeys, enabled = true): IdentityRecord => ({
  secretKey,
  enabled,
  expiresAtMs: undefined,
  sessionToken: '',
  parent: '',
});

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Principal?: unknown;
  readonly Condition?: object;
}
export const policy = (...statements: readonly Statement[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });
export const allow = (Action: string, Resource: string, Condition?: object): Statement => ({
  Effect: 'Allow',
  Action,
  Resource: `arn:aws:s3:::${Resource}`,
  ...(Condition === undefined ? {} : { Condition }),
});
export const deny = (Action: string, Resource: string): Statement => ({ ...allow(Action, Resource), Effect: 'Deny' });

export let directory: string;
export let sidecar: TestSidecar;
export let store: MemoryIamStore;

/** A sidecar for each test of a file, started by `serve`. */
export function useSidecar(): void {
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'portcullis-test-'));
  });
  afterEach(async () => {
    await sidecar.stop();
    rmSync(directory, { recursive: true, force: true });
  });
}

export async function serve(records: Partial<IamRecords>, options: Partial<ServeAuthzOptions> = {}): Promise<void> {
  store = new MemoryIamStore({
    users: new Map([
      ['alice', user(ALICE)],
      ['bob', user(BOB)],
    ]),
    ...records,
  });
  sidecar = await TestSidecar.start(directory, { store, ...options });
}

/** Alice has the policies, each under its name. */
export const aliceWith = (policies: Readonly<Record<string, string>>): Partial<IamRecords> => ({
  policies: new Map(Object.entries(policies)),
  userPolicies: new Map([['alice', Object.keys(policies)]]),
});

export async function ask(
  keys: TestKeys | Credentials,
  action: string,
  resource: string,
  more: { context?: Record<string, string[]>; request?: DeepPartial<RequestContext> } = {},
): Promise<Decision> {
  const context = Object.fromEntries(Object.entries(more.context ?? {}).map(([key, values]) => [key, { values }]));
  const access: DeepPartial<Access> = { action, resource: `arn:aws:s3:::${resource}`, context };
  const credentials = 'presented' in keys ? keys : headerCredentials(keys);
  const request = more.request === undefined ? {} : { context: more.request };
  const { decision } = await sidecar.authorize({ credentials, accesses: [access], ...request });
  if (decision === undefined) throw new Error('no decision');
  return decision;
}
export const outcome = async (...asked: Parameters<typeof ask>): Promise<Outcome> => (await ask(...asked)).outcome;
