// `portcullis iam export|import`: between all kinds of stores, as people run it.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenKeyOf } from '../../src/authz/administration/token-key.ts';
import { serviceAccountLimit } from '../../src/authz/identity/session-token.ts';
import { isUnreadable } from '../../src/authz/store/iam-store.ts';
import { openStore } from '../../src/authz/store/open-store.ts';
import { unpackGolden } from '../fixtures/volumes/golden.ts';
import { runCli } from '../harness/gateway.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { STORE_KINDS, type StorePlace } from './iam-stores.ts';

const ENV = { MINIO_ROOT_USER: 'goldenadmin', MINIO_ROOT_PASSWORD: 'golden-secret-key-1' };
const KINDS = STORE_KINDS.filter(({ available }) => available);

let folder: string;
let golden: ReturnType<typeof unpackGolden>;
let places: Map<string, StorePlace>;
let document: string;

async function iam(...args: string[]): Promise<string> {
  const { code, output } = await runCli(['iam', ...args], ENV);
  if (code !== 0) throw new Error(output);
  return output;
}
const exportTo = async (url: string, name: string, ...flags: string[]): Promise<string> => {
  const file = join(folder, `${name}-${Math.random()}.json`);
  await iam('export', '--store', url, '--output', file, ...flags);
  return file;
};
const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

beforeAll(async () => {
  folder = makeTempFolder();
  golden = unpackGolden('iam-volume');
  places = new Map();
  for (const kind of KINDS) {
    await kind.start();
    places.set(kind.name, await kind.place(folder));
  }
  document = await exportTo(golden.metaUrl, 'golden', '--storage', 'file', '--bucket', golden.bucket);
});
afterAll(async () => {
  for (const kind of KINDS) await kind.stop();
  removeTempFolder(folder);
});

describe('identities of a volume of the real gateway', () => {
  it('are exported for this user alone, and not over another file', async () => {
    expect(statSync(document).mode & 0o777).toBe(0o600);
    const flags = ['--storage', 'file', '--bucket', golden.bucket];
    const again = await runCli(['iam', 'export', '--store', golden.metaUrl, ...flags, '--output', document], ENV);
    expect([again.code, again.output]).toEqual([1, expect.stringMatching(/cannot make .*EEXIST/)]);
    expect(read(document)).toMatchObject({
      version: 1,
      users: { alice: { secretKey: 'alice-secret-12', status: 'enabled' }, carol: { status: 'disabled' } },
      groups: { ops: { status: 'disabled', members: ['erin'] } },
      userPolicies: { erin: ['golden-ro', 'golden-admin-users'] },
      serviceAccounts: { svcbob00001: { parent: 'bob' } },
      buckets: { 'iam-events': { documents: { notification: expect.stringContaining('arn:minio:sqs') } } },
      server: { config: expect.stringContaining('notify_webhook') },
    });
  });

  it('go through every kind of store and come back the same', async () => {
    let from = document;
    for (const kind of KINDS) {
      const { url } = places.get(kind.name) as StorePlace;
      expect(await iam('import', '--store', url, '--input', from, '--dry-run')).toMatch(
        /\+ user alice\n[\s\S]* 0 removed, 0 the same \(nothing was written\)\n$/,
      );
      expect(await iam('import', '--store', url, '--input', from)).toMatch(/\+ user alice\n[\s\S]*, 0 the same\n$/);
      expect(await iam('import', '--store', url, '--input', from)).toMatch(
        /^0 added, 0 changed, 0 removed, \d+ the same\n$/,
      );
      from = await exportTo(url, kind.name);
      expect(read(from)).toEqual(read(document));
    }
  });

  it('keep their service accounts, whatever tokens are signed with there', async () => {
    for (const kind of KINDS) {
      const opened = await openStore((places.get(kind.name) as StorePlace).url);
      try {
        const key = await tokenKeyOf(opened, ENV.MINIO_ROOT_PASSWORD, false);
        const { serviceAccounts } = await opened.store.load();
        for (const [accessKey, limit] of [
          ['svcbob00001', { kind: 'inherit' }],
          ['svcbob00002', { kind: 'policy', document: expect.stringContaining('Statement') }],
        ] as const) {
          const record = serviceAccounts.get(accessKey);
          if (record === undefined || isUnreadable(record)) throw new Error(`${accessKey} is missing`);
          const token = { accessKey, parent: record.parent, token: record.sessionToken };
          expect([kind.name, accessKey, serviceAccountLimit(token, key)]).toEqual([kind.name, accessKey, limit]);
        }
      } finally {
        await opened.close();
      }
    }
  });

  it('replace what is there only when that is asked for', async () => {
    const { url } = places.get('sqlite') as StorePlace;
    const less = read(document) as { users: Record<string, unknown>; groups: Record<string, unknown> };
    delete less.users.nopolicy;
    less.groups.ops = { status: 'enabled', members: [] };
    const file = join(folder, 'less.json');
    writeFileSync(file, JSON.stringify(less));
    expect(await iam('import', '--store', url, '--input', file, '--dry-run')).toMatch(
      /^~ group ops\n0 added, 1 changed, 0 removed/,
    );
    expect(await iam('import', '--store', url, '--input', file, '--replace')).toMatch(
      /^- user nopolicy\n~ group ops\n0 added, 1 changed, 1 removed/,
    );
    expect(read(await exportTo(url, 'less'))).toEqual(less);
  });

  it('are refused in one line when the document is none', async () => {
    const { url } = places.get('sqlite') as StorePlace;
    for (const [text, why] of [
      ['{', /is not JSON/],
      ['{"version":2}', /is no document of `portcullis iam export`: version/],
      ['{"version":1,"users":{"x":{"secretKey":""}}}', /users\.x\.secretKey/],
      ['{"version":1,"extra":{}}', /extra/i],
    ] as const) {
      const file = join(folder, 'bad.json');
      writeFileSync(file, text);
      const { code, output } = await runCli(['iam', 'import', '--store', url, '--input', file], ENV);
      expect([code, output]).toEqual([1, expect.stringMatching(why)]);
      expect(output.trim().split('\n')).toHaveLength(1);
    }
  });
});
