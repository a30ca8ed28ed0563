// The console's pages about the service itself: its health, its configuration, and the temporary credentials that it issued.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ASSUME_ROLE, postSts, sessionKeys } from '../admin/admin-client.ts';
import { type Gateway, logsOnFailure, ROOT_KEYS, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import {
  accessibilityFaults,
  hasChromium,
  keepScreenshot,
  launchBrowser,
  signIn,
  type Visitor,
  visit,
} from './browser.ts';

const ANN = { accessKey: 'ann', secretKey: 'ann-secret-key' };

describe.skipIf(!hasChromium())('the service in the console', () => {
  let folder: string;
  let gateway: Gateway;
  let browser: Browser;
  const visitors: Visitor[] = [];
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    folder = makeTempFolder();
    const volume = await formatTestVolume(folder);
    await writeIdentities(volume, { users: [{ ...ANN, policies: ['readwrite'] }] });
    gateway = await startGateway({ metaUrl: volume.metaUrl, flags: ['--multi-buckets', '--workers', '1'] });
    browser = await launchBrowser();
  });

  afterEach(async () => {
    for (const { context, faults } of visitors.splice(0)) {
      await context.close();
      expect(faults).toEqual([]);
    }
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.dispose();
    removeTempFolder(folder);
  });

  async function openAs(keys: { accessKey: string; secretKey: string }, link = ''): Promise<Page> {
    const visitor = await visit(browser, gateway.url);
    visitors.push(visitor);
    const { page } = visitor;
    await signIn(page, keys);
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    if (link !== '') await page.getByRole('link', { name: link, exact: true }).click();
    return page;
  }

  test('tells whether the gateway and the sidecar are well', async () => {
    const page = await openAs(ROOT_KEYS, 'Health');
    await page.getByText('online').nth(1).waitFor();
    expect(await page.getByText('offline').count()).toBe(0);
    await page.getByText('No targets are configured.').waitFor();
    await keepScreenshot(page, 'health');
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  test('changes the configuration, and says what is wrong with a line beside it', async () => {
    const page = await openAs(ROOT_KEYS, 'Server');
    await page.getByLabel('Sub-system').selectOption('region');
    const line = page.getByLabel('Set', { exact: true });
    await line.fill('region nonsense=1');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('form').getByRole('alert').filter({ hasText: 'nonsense' }).waitFor();
    await line.fill('region name=eu-test-1');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('pre').filter({ hasText: 'name=eu-test-1' }).waitFor();
    await keepScreenshot(page, 'server');
    await line.fill('region');
    await page.getByRole('button', { name: 'Reset' }).click();
    await page.locator('pre').filter({ hasNotText: 'eu-test-1' }).waitFor();
  });

  test('lists temporary credentials, and ends them at once', async () => {
    const answer = await postSts(gateway.client, ANN, { ...ASSUME_ROLE, DurationSeconds: '900' });
    expect(answer.status).toBe(200);
    const keys = sessionKeys(answer);
    const read = () => gateway.client.send({ keys });
    expect((await read()).status).toBe(200);

    const page = await openAs(ROOT_KEYS, 'Sessions');
    await page.getByRole('cell', { name: 'ann', exact: true }).waitFor();
    await keepScreenshot(page, 'sessions');
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('button', { name: `End ${keys.accessKey}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click();
    await page.getByText('There are no temporary credentials.').waitFor();
    expect((await read()).status).toBe(403);
  });

  test('is shown to nobody whose policies do not allow it', async () => {
    const page = await openAs(ANN);
    await page.getByRole('link', { name: 'Access keys', exact: true }).waitFor();
    const answer = await page.evaluate(
      `fetch('/minio/console/api/temporary-credentials').then((answer) => answer.status)`,
    );
    expect(answer).toBe(403);
    for (const hidden of ['Sessions', 'Health', 'Server']) {
      expect(await page.getByRole('link', { name: hidden, exact: true }).count()).toBe(0);
    }
  });

  test('lets in who has temporary credentials, and asks them to sign in again when those are over', async () => {
    const keys = sessionKeys(await postSts(gateway.client, ANN, { ...ASSUME_ROLE, DurationSeconds: '900' }));
    const visitor = await visit(browser, gateway.url);
    visitors.push(visitor);
    const { page } = visitor;
    await page.getByRole('button', { name: 'I have temporary credentials' }).click();
    await page.getByLabel('Session token').fill(keys.sessionToken ?? '');
    await signIn(page, keys);
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();

    const administrator = await openAs(ROOT_KEYS, 'Sessions');
    await administrator.getByRole('button', { name: `End ${keys.accessKey}` }).click();
    await administrator.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click();
    await administrator.getByRole('button', { name: `End ${keys.accessKey}` }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Access keys', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  });

  test('gives a user another secret, which ends the sessions that were opened with the old', async () => {
    const page = await openAs(ANN);
    const administrator = await openAs(ROOT_KEYS, 'Users');
    await administrator.getByRole('button', { name: 'Secret key of ann' }).click();
    const dialog = administrator.getByRole('dialog');
    await dialog.getByLabel('New secret key').fill('short');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog
      .getByRole('alert')
      .filter({ hasText: /secret/i })
      .waitFor();
    await dialog.getByLabel('New secret key').fill('another-secret-key');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect((await gateway.client.send({ keys: ANN })).status).toBe(403);
    expect((await gateway.client.send({ keys: { ...ANN, secretKey: 'another-secret-key' } })).status).toBe(200);
    await page.getByRole('link', { name: 'Access keys', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  });
});
