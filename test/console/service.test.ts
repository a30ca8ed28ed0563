// The console's pages about the service itself: its health, its configuration, and the temporary credentials that it issued.
import { describe, expect, test } from 'vitest';
import { ASSUME_ROLE, postSts, sessionKeys } from '../admin/admin-client.ts';
import { ROOT_KEYS } from '../harness/gateway.ts';
import { ConfigClient, startWebhook } from '../harness/notifications.ts';
import { eventually } from '../harness/waiting.ts';
import { accessibilityFaults, hasChromium, keepScreenshot, signIn } from './browser.ts';
import { consoleSetting } from './setting.ts';

const ANN = { accessKey: 'ann', secretKey: 'ann-secret-key' };

describe.skipIf(!hasChromium())('the service in the console', () => {
  const setting = consoleSetting({ identities: { users: [{ ...ANN, policies: ['readwrite'] }] } });

  test('tells whether the gateway and the sidecar are well', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/health');
    await page.getByText('online').nth(1).waitFor();
    expect(await page.getByText('offline').count()).toBe(0);
    await page.getByText('No targets are configured.').waitFor();
    await keepScreenshot(page, 'health');
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  test('changes the configuration, and says what is wrong with a line beside it', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/server');
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

  test('sends the events of a bucket where an administrator says, until they are taken back', async () => {
    const webhook = await startWebhook();
    try {
      const put = (key: string) =>
        setting.gateway.client.send({
          method: 'PUT',
          bucket: 'watched',
          ...(key === '' ? {} : { key }),
          keys: ROOT_KEYS,
        });
      expect((await put('')).status).toBe(200);
      const page = await setting.openAs(ROOT_KEYS, '#/server');
      await page.getByLabel('Sub-system').selectOption('notify_webhook');
      await page.getByLabel('Set', { exact: true }).fill(`notify_webhook:page endpoint="${webhook.url}"`);
      await page.getByRole('button', { name: 'Save' }).click();
      await page.locator('pre').filter({ hasText: webhook.url }).waitFor();

      await page.evaluate(`location.hash = '#/bucket/watched'`);
      const events = page.locator('article').nth(1);
      await events.getByLabel('Target ARN').fill('arn:minio:sqs::unknown:webhook');
      await events.getByRole('button', { name: 'Add' }).click();
      await events.getByRole('alert').filter({ hasText: /ARN/ }).waitFor();
      await new ConfigClient(setting.gateway).reload();
      await events.getByLabel('Target ARN').fill('arn:minio:sqs::page:webhook');
      await events.getByLabel('Suffix').fill('.jpg');
      await events.getByRole('button', { name: 'Add' }).click();
      await events.getByRole('cell', { name: 'arn:minio:sqs::page:webhook', exact: true }).waitFor();
      await keepScreenshot(page, 'events');
      await eventually('an event comes', async () => {
        expect((await put('a.jpg')).status).toBe(200);
        return webhook.posts.some(({ body }) => body.Key === 'watched/a.jpg');
      });
      await events.getByRole('button', { name: 'Delete arn:minio:sqs::page:webhook' }).click();
      await events.getByText('No events are sent anywhere.').waitFor();
    } finally {
      await webhook.close();
    }
  });

  test('lists temporary credentials, and ends them at once', async () => {
    const answer = await postSts(setting.gateway.client, ANN, { ...ASSUME_ROLE, DurationSeconds: '900' });
    expect(answer.status).toBe(200);
    const keys = sessionKeys(answer);
    const read = () => setting.gateway.client.send({ keys });
    expect((await read()).status).toBe(200);

    const page = await setting.openAs(ROOT_KEYS, '#/sessions');
    await page.getByRole('cell', { name: 'ann', exact: true }).waitFor();
    await keepScreenshot(page, 'sessions');
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('button', { name: `End ${keys.accessKey}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click();
    await page.getByText('There are no temporary credentials.').waitFor();
    expect((await read()).status).toBe(403);
  });

  test('is shown to nobody whose policies do not allow it', async () => {
    const page = await setting.openAs(ANN);
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
    const keys = sessionKeys(await postSts(setting.gateway.client, ANN, { ...ASSUME_ROLE, DurationSeconds: '900' }));
    const page = await setting.open();
    await page.getByRole('button', { name: 'I have temporary credentials' }).click();
    await page.getByLabel('Session token').fill(keys.sessionToken ?? '');
    await signIn(page, keys);
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    // what these keys sign ends with them, whatever is asked for
    const shared = (await page.evaluate(
      `fetch('/minio/console/api/share', { method: 'POST', headers: { 'x-portcullis-console': '1' },
        body: JSON.stringify({ bucket: 'photos', key: 'a.txt', expiresSeconds: 604800 }) }).then((answer) => answer.json())`,
    )) as { url: string; expiresAtMs: number };
    const seconds = Number(new URL(shared.url).searchParams.get('X-Amz-Expires'));
    expect(seconds).toBeLessThanOrEqual(900);
    expect(shared.expiresAtMs).toBeLessThanOrEqual(Date.now() + 900_000);

    const administrator = await setting.openAs(ROOT_KEYS, '#/sessions');
    await administrator.getByRole('button', { name: `End ${keys.accessKey}` }).click();
    await administrator.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click();
    await administrator.getByRole('button', { name: `End ${keys.accessKey}` }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Access keys', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  });

  test('gives a user another secret, which ends the sessions that were opened with the old', async () => {
    const page = await setting.openAs(ANN);
    const administrator = await setting.openAs(ROOT_KEYS, '#/users');
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
    expect((await setting.gateway.client.send({ keys: ANN })).status).toBe(403);
    expect((await setting.gateway.client.send({ keys: { ...ANN, secretKey: 'another-secret-key' } })).status).toBe(200);
    await page.getByRole('link', { name: 'Access keys', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  });
});
