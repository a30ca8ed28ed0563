// Uploads in which something goes wrong half-way: what the page says beside the file, and that going on loses nothing.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { ROOT_KEYS } from '../harness/gateway.ts';
import { hasChromium, signIn } from './browser.ts';
import { consoleSetting } from './setting.ts';

const WRITER = { accessKey: 'writer', secretKey: 'writer-secret' };
/** Of parts that are sent one after another: three go up at a time. */
const SIZE = 96 << 20;

describe.skipIf(!hasChromium())('an upload at the console', () => {
  const setting = consoleSetting({
    identities: { users: [{ ...WRITER, policies: ['readwrite'] }] },
    async prepare(gateway) {
      expect((await gateway.client.send({ method: 'PUT', keys: ROOT_KEYS, bucket: 'photos' })).status).toBe(200);
    },
  });
  const content = randomBytes(SIZE);
  let file: string;

  beforeAll(() => {
    file = join(setting.folder, 'film.bin');
    writeFileSync(file, content);
  });

  async function openAs(keys: { accessKey: string; secretKey: string }, prefix: string): Promise<Page> {
    const page = await setting.openAs(keys, `#/files/photos/${prefix}`);
    await page.getByRole('button', { name: 'Upload files' }).waitFor();
    return page;
  }

  /** Bytes a second that go up; -1 = as many as may. */
  async function throttle(session: CDPSession, uploadThroughput: number, offline = false): Promise<void> {
    await session.send('Network.emulateNetworkConditions', {
      offline,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    });
  }

  async function slowly(page: Page): Promise<CDPSession> {
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    await throttle(session, 16 << 20);
    return session;
  }

  async function expectStored(key: string): Promise<void> {
    const answer = await setting.gateway.client.send({ bucket: 'photos', key, keys: ROOT_KEYS });
    expect(answer.status).toBe(200);
    expect(answer.body.equals(content)).toBe(true);
  }

  test('whose rights are taken away half-way says so beside the file, and goes on when they are back', async () => {
    const administrator = await openAs(ROOT_KEYS, '');
    const page = await openAs(WRITER, 'taken/');
    const session = await slowly(page);
    const firstPart = page.waitForResponse((answer) => answer.url().includes('partNumber=1') && answer.ok());
    await page.getByLabel('Files to upload').setInputFiles(file);
    await firstPart;

    const choose = async (policy: string, other: string): Promise<void> => {
      await administrator.evaluate(`location.hash = '#/users'`);
      await administrator.getByRole('button', { name: 'Policies of writer' }).click();
      await administrator.getByRole('checkbox', { name: policy, exact: true }).check();
      await administrator.getByRole('checkbox', { name: other, exact: true }).uncheck();
      await administrator.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      await administrator.getByRole('cell', { name: policy, exact: true }).waitFor();
    };
    await choose('readonly', 'readwrite');
    const uploads = page.getByRole('complementary', { name: 'Uploads' });
    const row = uploads.getByRole('row').filter({ hasText: 'taken/film.bin' });
    await row.getByText(/Access denied|not authorized/i).waitFor();
    await uploads.getByText('1 failed').waitFor();
    expect(
      (await setting.gateway.client.send({ bucket: 'photos', key: 'taken/film.bin', keys: ROOT_KEYS })).status,
    ).toBe(404);

    await choose('readwrite', 'readonly');
    await throttle(session, -1);
    const again: string[] = [];
    page.on('request', (request) => again.push(request.url()));
    await uploads.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Uploads: 1 of 1 done').waitFor();
    await expectStored('taken/film.bin');
    // what was there already was not sent once more
    expect(again.filter((url) => /partNumber=1&/.test(url))).toEqual([]);
  });

  test('that loses the network goes on by itself when it is back', async () => {
    const page = await openAs(WRITER, 'lost/');
    const session = await slowly(page);
    const firstPart = page.waitForResponse((answer) => answer.url().includes('partNumber=1') && answer.ok());
    await page.getByLabel('Files to upload').setInputFiles(file);
    await firstPart;
    await throttle(session, 0, true);
    const row = page.getByRole('row').filter({ hasText: 'lost/film.bin' });
    await row.getByText('The gateway cannot be reached.').waitFor();
    await throttle(session, -1);
    await page.getByText('Uploads: 1 of 1 done').waitFor();
    await expectStored('lost/film.bin');
  });

  test('whose parts were cleaned up meanwhile begins anew', async () => {
    const page = await openAs(WRITER, 'swept/');
    const session = await slowly(page);
    const firstPart = page.waitForResponse((answer) => answer.url().includes('partNumber=1') && answer.ok());
    await page.getByLabel('Files to upload').setInputFiles(file);
    const uploadId = new URL((await firstPart).url()).searchParams.get('uploadId') ?? '';
    await page.getByRole('button', { name: 'Pause swept/film.bin' }).click();
    const abort = { method: 'DELETE', bucket: 'photos', key: 'swept/film.bin', query: { uploadId }, keys: ROOT_KEYS };
    expect((await setting.gateway.client.send(abort)).status).toBe(204);
    await throttle(session, -1);
    await page.getByRole('button', { name: 'Resume swept/film.bin' }).click();
    await page.getByText('Uploads: 1 of 1 done').waitFor();
    await expectStored('swept/film.bin');
  });

  test('of many files is paused and taken up again as a whole, and is gone when its owner signs out', async () => {
    const page = await openAs(WRITER, 'many/');
    await slowly(page);
    await page.getByLabel('Files to upload').setInputFiles(file);
    await page.getByLabel('Files to upload').setInputFiles(file);
    await page.getByRole('button', { name: 'Pause all' }).click();
    await page.getByText('paused').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, ROOT_KEYS);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    expect(await page.getByRole('complementary', { name: 'Uploads' }).count()).toBe(0);
  });
});
