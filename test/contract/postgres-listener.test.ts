// A store in PostgreSQL that loses the connection on which it hears of changes: what others change meanwhile, and afterwards, is seen all
// the same, and without anybody asking.
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IdentityRecord } from '../../src/authz/store/iam-store.ts';
import { type OpenedStore, openStore } from '../../src/authz/store/open-store.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { eventually } from '../harness/waiting.ts';
import { STORE_KINDS } from './iam-stores.ts';

const kind = STORE_KINDS.find(({ name }) => name === 'postgres');
const user: IdentityRecord = {
  secretKey: 'a-secret-key',
  enabled: true,
  expiresAtMs: undefined,
  sessionToken: '',
  parent: '',
};

describe.runIf(kind?.available === true)('a store in PostgreSQL', () => {
  const folder = makeTempFolder();
  let url: string;
  let listening: OpenedStore;
  let writing: OpenedStore;
  let database: Client;
  /** Users as they were when the store last said that something changed. */
  let seen: readonly string[] = [];
  let unwatch: () => void = () => undefined;

  beforeAll(async () => {
    await kind?.start();
    url = (await kind?.place(folder))?.url ?? '';
    database = new Client({ connectionString: url });
    await database.connect();
    listening = await openStore(url);
    writing = await openStore(url);
    await listening.store.load();
    unwatch = listening.store.watch(() => {
      listening.store.load().then(({ users }) => {
        seen = [...users.keys()];
      });
    });
    await eventually('it listens', async () => (await listeners()).length === 1);
  });
  afterAll(async () => {
    unwatch();
    await listening?.close();
    await writing?.close();
    await database?.end();
    await kind?.stop();
    removeTempFolder(folder);
  });

  async function listeners(): Promise<number[]> {
    const { rows } = await database.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'",
    );
    return rows.map(({ pid }) => pid);
  }
  const add = (name: string): Promise<void> | undefined =>
    writing.records?.exclusively((records) => records.write({ users: new Map([[name, user]]) }));

  it('hears of changes again when its connection was ended, and of those that it missed', async () => {
    await add('before');
    await eventually('the first change is seen', () => seen.includes('before'));
    const [old] = await listeners();
    await database.query('SELECT pg_terminate_backend($1)', [old]);
    await add('meanwhile');
    await eventually('the change that nobody told of is seen', () => seen.includes('meanwhile'));
    await eventually('it listens again', async () => {
      const now = await listeners();
      return now.length === 1 && now[0] !== old;
    });
    await add('after');
    await eventually('the next change is seen', () => seen.includes('after'));
    expect(seen).toEqual(expect.arrayContaining(['before', 'meanwhile', 'after']));
  });
});
