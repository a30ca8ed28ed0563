// How long sessions of the console live, who knows them, and what ends them.
import { expect, test } from 'vitest';
import { CONSOLE_IDLE_MS, CONSOLE_SESSION_MS } from '../identity/console-session.ts';
import type { Credential } from '../identity/credential.ts';
import type { IamRecords } from '../store/iam-store.ts';
import { EMPTY_RECORDS } from '../store/memory-store.ts';
import { withChanges } from '../store/record-changes.ts';
import { MAX_ENDINGS } from './console-documents.ts';
import { ConsoleSessions, RENEWAL_MS } from './console-sessions.ts';

const ALICE: Credential = { type: 'User', accessKey: 'alice', secretKey: 'alice-secret', enabled: true };
const BOB: Credential = { type: 'User', accessKey: 'bob', secretKey: 'bob-secret', enabled: true };
const NOW = 1_800_000_000_000;

/** A store, and the sidecars on it. */
class Store {
  records: IamRecords = EMPTY_RECORDS;
  isDown = false;
  nowMs = NOW;

  sidecar({ writes = true } = {}): ConsoleSessions {
    return new ConsoleSessions({
      records: () => this.records,
      writer: writes
        ? {
            change: async (_touched, decide) => {
              if (this.isDown) throw new Error('the store is down');
              this.records = withChanges(this.records, decide(this.records), 'next');
            },
          }
        : undefined,
      refresh: async () => undefined,
      nowMs: () => this.nowMs,
    });
  }
}

test('a token stands for its credential, at every sidecar of the store, and tells nothing', async () => {
  const store = new Store();
  const token = await store.sidecar().open(ALICE, false, NOW);
  expect(store.sidecar().find(token, NOW + 1)).toMatchObject({ accessKey: 'alice' });
  expect(new Store().sidecar().find(token, NOW + 1)).toBeUndefined();
  const bytes = Buffer.from(token, 'base64url').toString('latin1');
  for (const word of ['alice', 'secret', 'accessKey']) expect(bytes).not.toContain(word);
  expect(JSON.stringify(store.sidecar().find(token, NOW + 1))).not.toContain('alice-secret');
});

test('no other token stands for anything', async () => {
  const sessions = new Store().sidecar();
  expect(sessions.find('abc', NOW)).toBeUndefined();
  const token = await sessions.open(ALICE, false, NOW);
  expect(await sessions.open(ALICE, false, NOW)).not.toBe(token);
  for (const wrong of ['', token.slice(1), `${token}x`, [...token].reverse().join('')]) {
    expect(sessions.find(wrong, NOW)).toBeUndefined();
  }
});

test('ends for every sidecar when it is closed, and what was renewed of it, too', async () => {
  const store = new Store();
  const [one, other] = [store.sidecar(), store.sidecar()];
  const token = await one.open(ALICE, true, NOW);
  const second = await one.open(ALICE, false, NOW);
  store.nowMs = NOW + RENEWAL_MS;
  const renewed = other.renewed(token, store.nowMs)?.token ?? '';
  expect(one.find(renewed, store.nowMs)).toMatchObject({ accessKey: 'alice' });
  expect(await other.close(token)).toMatchObject({ accessKey: 'alice', isOwner: true });
  for (const sidecar of [one, other, store.sidecar()]) {
    expect(sidecar.find(token, store.nowMs)).toBeUndefined();
    expect(sidecar.find(renewed, store.nowMs)).toBeUndefined();
    expect(sidecar.find(second, store.nowMs)).toBeDefined();
  }
});

test('ends here when the store fails, which is told', async () => {
  const store = new Store();
  const sessions = store.sidecar();
  const token = await sessions.open(ALICE, false, NOW);
  store.isDown = true;
  await expect(sessions.close(token)).rejects.toThrow('the store is down');
  expect(sessions.find(token, NOW)).toBeUndefined();
  store.isDown = false;
  await sessions.close(token);
  expect(store.sidecar().find(token, NOW)).toBeUndefined();
});

test('ends when it is not used, and at last even if it is', async () => {
  const store = new Store();
  const sessions = store.sidecar();
  const unused = await sessions.open(ALICE, false, NOW);
  expect(sessions.find(unused, NOW + CONSOLE_IDLE_MS + 1)).toBeUndefined();
  const used = await sessions.open(ALICE, false, NOW);
  for (let now = NOW; now < NOW + CONSOLE_SESSION_MS; now += CONSOLE_IDLE_MS) {
    expect(sessions.find(used, now)).toBeDefined();
  }
  expect(sessions.find(used, NOW + CONSOLE_SESSION_MS)).toBeUndefined();
});

test('is renewed with use, so that another sidecar knows of it, but never beyond its end', async () => {
  const store = new Store();
  const [one, other] = [store.sidecar(), store.sidecar()];
  let token = await one.open(ALICE, false, NOW);
  expect(one.renewed(token, NOW + RENEWAL_MS - 1)).toBeUndefined();
  for (let now = NOW + RENEWAL_MS; now < NOW + CONSOLE_SESSION_MS; now += CONSOLE_IDLE_MS / 2) {
    const renewed = one.renewed(token, now);
    expect(renewed?.lifeMs).toBe(NOW + CONSOLE_SESSION_MS - now);
    token = renewed?.token ?? '';
  }
  expect(other.find(token, NOW + CONSOLE_SESSION_MS - 1)).toBeDefined();
  expect(other.find(token, NOW + CONSOLE_SESSION_MS)).toBeUndefined();
  expect(other.renewed(token, NOW + CONSOLE_SESSION_MS)).toBeUndefined();
});

test('who signs out very often ends his own older sessions, and nobody else grows or ends', async () => {
  const store = new Store();
  const sessions = store.sidecar();
  const oldest = await sessions.open(ALICE, false, NOW);
  const other = await sessions.open(BOB, false, NOW);
  for (let i = 1; i <= MAX_ENDINGS + 1; i++) await sessions.close(await sessions.open(ALICE, false, NOW + i));
  const newest = await sessions.open(ALICE, false, NOW + MAX_ENDINGS + 2);
  expect(sessions.find(oldest, NOW + 100)).toBeUndefined();
  expect(sessions.find(other, NOW + 100)).toBeDefined();
  expect(sessions.find(newest, NOW + 100)).toBeDefined();
  const [text = ''] = [...store.records.server.values()].map((each) => ('text' in each ? each.text : '')).slice(-1);
  expect(JSON.parse(text).ended).toHaveLength(MAX_ENDINGS);
});

test('what was ended is forgotten when its time is over', async () => {
  const store = new Store();
  const sessions = store.sidecar();
  await sessions.close(await sessions.open(ALICE, false, NOW));
  expect(store.records.server.size).toBe(2);
  store.nowMs = NOW + CONSOLE_SESSION_MS + 1;
  await sessions.close(await sessions.open(BOB, false, store.nowMs));
  expect(store.records.server.size).toBe(2);
});

test('what cannot be read of the endings has ended them all', async () => {
  const store = new Store();
  const sessions = store.sidecar();
  const token = await sessions.open(ALICE, false, NOW);
  await sessions.close(await sessions.open(ALICE, false, NOW));
  const damaged = [...store.records.server].map(([name, document]) =>
    name.startsWith('console-ended/') ? ([name, { unreadable: 'damaged' }] as const) : ([name, document] as const),
  );
  expect(sessions.find(token, NOW)).toBeDefined();
  store.records = { ...store.records, server: new Map(damaged) };
  expect(sessions.find(token, NOW)).toBeUndefined();
});

test('of a sidecar that may not write are its own alone', async () => {
  const store = new Store();
  const reading = store.sidecar({ writes: false });
  const token = await reading.open(ALICE, false, NOW);
  expect(reading.find(token, NOW)).toBeDefined();
  expect(store.sidecar().find(token, NOW)).toBeUndefined();
  await reading.close(token);
  expect(reading.find(token, NOW)).toBeUndefined();
  expect(store.records.server.size).toBe(0);
});
