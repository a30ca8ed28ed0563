// What every store of identities owes to the service, the same for all of them.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tokenKeyOf } from '../../src/authz/administration/token-key.ts';
import { type IamRecords, type IdentityRecord, isUnreadable } from '../../src/authz/store/iam-store.ts';
import { type OpenedStore, openStore } from '../../src/authz/store/open-store.ts';
import type { RecordChanges } from '../../src/authz/store/record-changes.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { eventually } from '../harness/waiting.ts';
import { STORE_KINDS, type StorePlace } from './iam-stores.ts';

const user = (secretKey: string, more: Partial<IdentityRecord> = {}): IdentityRecord => ({
  secretKey,
  enabled: true,
  expiresAtMs: undefined,
  sessionToken: '',
  parent: '',
  ...more,
});
const later = Date.UTC(2040, 1, 1);
/** A record of every kind. */
const SAMPLE: RecordChanges = {
  users: new Map([
    ['alice', user('alice-secret')],
    ['bjørn@example.com', user('bjørns secret', { enabled: false })],
  ]),
  serviceAccounts: new Map([
    ['svc', user('svc-secret', { parent: 'alice', sessionToken: 't.o.k', name: 'backup', description: 'nightly' })],
  ]),
  sessions: new Map([['STS1', user('sts-secret', { parent: 'alice', sessionToken: 's.t.s', expiresAtMs: later })]]),
  groups: new Map([['team', { enabled: false, members: ['alice'] }]]),
  policies: new Map([['mine', '{"Version":"2012-10-17","Statement":[]}']]),
  userPolicies: new Map([['alice', ['mine', 'readonly']]]),
  groupPolicies: new Map([['team', ['readwrite']]]),
  buckets: new Map([
    [
      'photos',
      {
        createdMs: 1_795_000_000_123,
        lockEnabled: true,
        documents: new Map([
          ['policy', '{"Statement":[]}'],
          ['cors', '<CORSConfiguration/>'],
        ]),
      },
    ],
  ]),
  server: new Map([
    ['config', { text: '{"region":{}}', modifiedMs: 0 }],
    ['history/5d1f', { text: 'region name=x', modifiedMs: 0 }],
    ['sts-keys', { text: 'é', modifiedMs: 0 }],
  ]),
};

/** All tables, without what depends on the moment. */
function contents(records: IamRecords) {
  const { revision: _, server, ...tables } = records;
  const texts = [...server].map(([name, document]) => [name, 'text' in document ? document.text : document]);
  return { ...tables, server: Object.fromEntries(texts) };
}

describe.each(STORE_KINDS)('$name', (kind) => {
  describe.runIf(kind.available)('as a store of identities', () => {
    let folder: string;
    let place: StorePlace;
    let opened: OpenedStore;
    const open: OpenedStore[] = [];
    const openAnother = async (kmsSecretKey?: string): Promise<OpenedStore> => {
      const another = await openStore(place.url, { kmsSecretKey });
      open.push(another);
      return another;
    };
    const write = (changes: RecordChanges, on: OpenedStore = opened): Promise<void> => {
      if (on.records === undefined) throw new Error('the store cannot be written to');
      return on.records.exclusively((records) => records.write(changes));
    };

    beforeAll(async () => {
      folder = makeTempFolder();
      await kind.start();
    });
    beforeEach(async () => {
      place = await kind.place(folder);
      opened = await openAnother();
    });
    afterEach(async () => {
      for (const store of open.splice(0)) await store.close();
    });
    afterAll(async () => {
      await kind.stop();
      removeTempFolder(folder);
    });

    it('is empty at first, and not asked to be read anew while nothing changes', async () => {
      const first = await opened.store.load();
      expect(first.users.size + first.policies.size + first.buckets.size).toBe(0);
      expect((await opened.store.load()).revision).toBe(first.revision);
    });

    it('keeps records of every kind, for others and after a restart', async () => {
      const other = await openAnother();
      await other.store.load();
      await write(SAMPLE);
      const { revision } = await opened.store.load();
      for (const reader of [opened, other, await openAnother()]) {
        const found = contents(await reader.store.load());
        for (const [table, records] of Object.entries(SAMPLE)) {
          if (table === 'server') continue;
          expect({ [table]: found[table as keyof typeof found] }).toEqual({ [table]: records });
        }
        expect(found.server).toEqual({ config: '{"region":{}}', 'history/5d1f': 'region name=x', 'sts-keys': 'é' });
      }
      await opened.records?.exclusively(async (records) => {
        expect(await records.read('users', 'alice')).toEqual(user('alice-secret'));
        expect(await records.read('userPolicies', 'alice')).toEqual(['mine', 'readonly']);
        expect(await records.read('buckets', 'photos')).toEqual(SAMPLE.buckets?.get('photos'));
        expect(await records.read('server', 'sts-keys')).toMatchObject({ text: 'é' });
        expect(await records.read('users', 'nobody')).toBeUndefined();
      });
      expect((await opened.store.load()).revision).toBe(revision);
    });

    it('shows what changed, and leaves the rest as it was', async () => {
      await write(SAMPLE);
      const other = await openAnother();
      const before = await other.store.load();
      await write({
        users: new Map([
          ['alice', undefined],
          ['carol', user('carols-secret')],
        ]),
        sessions: new Map([['STS1', undefined]]),
        buckets: new Map([['photos', undefined]]),
        server: new Map([['history/5d1f', undefined]]),
      });
      const after = await other.store.load();
      expect(after.revision).not.toBe(before.revision);
      expect([...after.users.keys()].sort()).toEqual(['bjørn@example.com', 'carol']);
      expect([after.sessions.size, after.buckets.size, after.server.has('history/5d1f')]).toEqual([0, 0, false]);
      expect(after.serviceAccounts.get('svc')).toBe(before.serviceAccounts.get('svc'));
      // the records that were handed out stay what they were
      expect(before.users.has('alice')).toBe(true);
      // removing what is not there is fine
      await write({ users: new Map([['alice', undefined]]) });
    });

    it('lets one change after the other be made, whoever makes them', async () => {
      const other = await openAnother();
      await write({ groups: new Map([['team', { enabled: true, members: [] }]]) });
      const join = (on: OpenedStore, member: string) =>
        on.records?.exclusively(async (records) => {
          const group = await records.read('groups', 'team');
          const members = group === undefined || isUnreadable(group) ? [] : group.members;
          await records.write({ groups: new Map([['team', { enabled: true, members: [...members, member] }]]) });
        });
      await Promise.all(Array.from({ length: 24 }, (_, index) => join(index % 2 === 0 ? opened : other, `m${index}`)));
      const group = (await opened.store.load()).groups.get('team');
      expect(group !== undefined && 'members' in group && new Set(group.members).size).toBe(24);
    });

    it('changes nothing when the work fails before it writes', async () => {
      await expect(opened.records?.exclusively(async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
      await write(SAMPLE);
      expect((await opened.store.load()).users.size).toBe(2);
    });

    it('takes many records in one change', async () => {
      const users = new Map(Array.from({ length: 350 }, (_, index) => [`user${index}`, user(`secret-${index}`)]));
      await write({ users });
      expect((await opened.store.load()).users).toEqual(users);
      await write({ users: new Map([...users.keys()].map((name) => [name, undefined])) });
      expect((await opened.store.load()).users.size).toBe(0);
    });

    it.runIf(kind.watches)('tells others of a change soon, and not those who stopped listening', async () => {
      const other = await openAnother();
      const told = { one: 0, other: 0 };
      const stop = other.store.watch(() => {
        told.one += 1;
      });
      other.store.watch(() => {
        told.other += 1;
      });
      await eventually('the watch hears of changes', async () => {
        await write({ users: new Map([['alice', user(`secret-${Math.random()}`)]]) });
        return told.other > 0 || undefined;
      });
      stop();
      const before = told.one;
      const otherBefore = told.other;
      await write({ users: new Map([['alice', undefined]]) });
      await eventually('the other hears of it', () => told.other > otherBefore || undefined);
      expect(told.one).toBe(before);
      expect((await other.store.load()).users.size).toBe(0);
    });

    it('refuses a damaged record alone, and takes it back when it is replaced', async () => {
      await write(SAMPLE);
      await place.damageUser('alice', '{"version":1,');
      const { users } = await opened.store.load();
      expect(users.get('alice')).toEqual({ unreadable: 'it is not JSON' });
      expect(users.get('bjørn@example.com')).toMatchObject({ enabled: false });
      await write({ users: new Map([['alice', user('alices-next-secret')]]) });
      expect((await opened.store.load()).users.get('alice')).toEqual(user('alices-next-secret'));
    });

    it('keeps secrets sealed under a KMS key', async () => {
      const key = (fill: number) => `k:${Buffer.alloc(32, fill).toString('base64')}`;
      const sealing = await openAnother(key(1));
      await write(SAMPLE, sealing);
      expect(contents(await sealing.store.load()).users).toEqual(SAMPLE.users);
      for (const [wrong, why] of [
        [undefined, /MINIO_KMS_SECRET_KEY/],
        [key(2), /does not decrypt/],
      ] as const) {
        const found = (await (await openAnother(wrong)).store.load()).users.get('alice');
        expect(found !== undefined && isUnreadable(found) && found.unreadable).toMatch(why);
      }
    });

    it('has one key for tokens, whoever asks first', async () => {
      const others = await Promise.all([openAnother(), openAnother()]);
      const keys = await Promise.all(others.map((store) => tokenKeyOf(store, 'the-root-secret', true)));
      expect(keys[0]).toBe(keys[1]);
      expect(keys[0] === 'the-root-secret').toBe(kind.name === 'volume');
      expect(await tokenKeyOf(await openAnother(), 'the-root-secret', false)).toBe(keys[0]);
    });
  });
});
