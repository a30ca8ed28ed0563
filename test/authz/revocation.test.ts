// Rights that are taken away: refused at once where the change was made, soon at every other sidecar of the store, and never allowed
// after the acknowledgement, whatever else is being asked meanwhile.

import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { IdentityRecord } from '../../src/authz/store/iam-store.ts';
import { openStore } from '../../src/authz/store/open-store.ts';
import { signFor } from '../admin/admin-client.ts';
import { STORE_KINDS } from '../contract/iam-stores.ts';
import { sha256 } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { ROOT, TestSidecar } from './sidecar-client.ts';
import { headerCredentials, type TestKeys, timeText } from './signing-client.ts';

/** What the issue of a change must not exceed at another sidecar. */
const ELSEWHERE_WITHIN_MS = 1_000;
const ASKERS = 8;

const ANN: TestKeys = { accessKey: 'ann', secretKey: 'ann-secret-1' };
const user: IdentityRecord = {
  secretKey: ANN.secretKey,
  enabled: true,
  expiresAtMs: undefined,
  sessionToken: '',
  parent: '',
};

interface Served {
  readonly sidecar: TestSidecar;
  readonly http: string;
}

describe.each(STORE_KINDS.filter(({ watches }) => watches))('two sidecars on $name', (kind) => {
  describe.runIf(kind.available)('that share it', () => {
    let folder: string;
    let url: string;
    let first: Served;
    let second: Served;
    let starts = 0;

    beforeAll(async () => {
      folder = makeTempFolder();
      await kind.start();
      url = (await kind.place(folder)).url;
      const opened = await openStore(url);
      await opened.records?.exclusively((records) =>
        records.write({
          users: new Map([['ann', user]]),
          userPolicies: new Map([['ann', ['readwrite']]]),
          groups: new Map([['team', { enabled: true, members: ['ann'] }]]),
        }),
      );
      await opened.close();
      first = await serve();
      second = await serve();
    });
    afterEach(async () => {
      await change(first, 'set-user-status', { accessKey: 'ann', status: 'enabled' });
      await change(first, 'set-user-or-group-policy', {
        userOrGroup: 'ann',
        isGroup: 'false',
        policyName: 'readwrite',
      });
      for (const { sidecar } of [first, second]) while (!(await isAllowed(sidecar)));
    });
    afterAll(async () => {
      await first?.sidecar.stop();
      await second?.sidecar.stop();
      await kind.stop();
      removeTempFolder(folder);
    });

    async function serve(): Promise<Served> {
      const place = join(folder, `sidecar-${++starts}`);
      mkdirSync(place, { mode: 0o700 });
      const http = join(place, 'http.sock');
      const sidecar = await TestSidecar.start(place, { store: url, httpListen: `unix:${http}`, refreshMs: 0 });
      return { sidecar, http };
    }

    it.each([
      ['is disabled', 'set-user-status', { accessKey: 'ann', status: 'disabled' }],
      ['loses its policy', 'set-user-or-group-policy', { userOrGroup: 'ann', isGroup: 'false', policyName: '' }],
    ] as const)('refuse a user who %s', async (_, path, query) => {
      expect([await isAllowed(first.sidecar), await isAllowed(second.sidecar)]).toEqual([true, true]);
      await change(first, path, query);
      const acknowledged = performance.now();
      expect(await isAllowed(first.sidecar)).toBe(false);
      while (await isAllowed(second.sidecar));
      expect(performance.now() - acknowledged).toBeLessThan(ELSEWHERE_WITHIN_MS);
    });

    it('allow nothing after the acknowledgement, under load', async () => {
      let acknowledged = false;
      let over = false;
      const seen = { before: 0, after: 0, late: 0 };
      const asker = async (): Promise<void> => {
        while (!over) {
          const askedAfter = acknowledged;
          const allowed = await isAllowed(first.sidecar);
          if (!askedAfter) seen.before += allowed ? 1 : 0;
          else if (allowed) seen.late += 1;
          else seen.after += 1;
        }
      };
      const askers = Array.from({ length: ASKERS }, asker);
      while (seen.before < 100) await new Promise((done) => setTimeout(done, 5));
      await change(first, 'set-user-status', { accessKey: 'ann', status: 'disabled' });
      acknowledged = true;
      while (seen.after < 100 && seen.late === 0) await new Promise((done) => setTimeout(done, 5));
      over = true;
      await Promise.all(askers);
      expect(seen.late).toBe(0);
      expect(seen.before).toBeGreaterThanOrEqual(100);
    });
  });
});

async function isAllowed(sidecar: TestSidecar): Promise<boolean> {
  const { decision } = await sidecar.authorize({
    credentials: headerCredentials(ANN, { time: timeText(Date.now()) }),
    accesses: [{ action: 's3:GetObject', resource: 'arn:aws:s3:::photos/a' }],
  });
  return decision?.outcome === Outcome.OUTCOME_ALLOW;
}

/** A call of the admin API at a sidecar's own door. */
async function change({ http }: Served, path: string, query: Readonly<Record<string, string>>): Promise<void> {
  const hash = sha256(Buffer.alloc(0));
  const target = `/minio/admin/v3/${path}`;
  const headers = signFor(
    {
      method: 'PUT',
      path: target,
      query: Object.entries(query),
      headers: { host: 'test', 'x-amz-content-sha256': hash },
      payloadHash: hash,
    },
    ROOT,
    { region: '', service: 's3' },
  );
  const status = await new Promise<number>((resolve, reject) => {
    const full = `${target}?${new URLSearchParams(query)}`;
    request({ socketPath: http, method: 'PUT', path: full, headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
  expect([path, status]).toEqual([path, 200]);
}
