// Users, groups, policies and bucket policies at the console, and why something is allowed or denied.
import { describe, expect, test } from 'vitest';
import { ROOT_KEYS } from '../harness/gateway.ts';
import { eventually } from '../harness/waiting.ts';
import { hasChromium, keepScreenshot } from './browser.ts';
import { PREFIXED, photosSetting, READER } from './photos.ts';

describe.skipIf(!hasChromium())('administration at the console', () => {
  const { setting } = photosSetting();

  test('makes a user with a policy and an access key, whose secret is shown once and works', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/policies');
    await page.getByRole('button', { name: 'Write a policy' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('team-read');
    const editor = page.getByRole('dialog').getByLabel('Policy', { exact: true });
    const statement = (action: string) =>
      JSON.stringify(
        {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: [action], Resource: ['arn:aws:s3:::photos/*'] }],
        },
        null,
        2,
      );
    await editor.fill(statement('s3:GetObjects'));
    await page.getByRole('button', { name: 'Use s3:GetObject', exact: true }).click();
    await page.getByText('The document is valid.').waitFor();
    await keepScreenshot(page, 'policy-editor');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Open team-read' }).waitFor();

    await page.getByRole('link', { name: 'Users', exact: true }).click();
    await page.getByRole('button', { name: 'Add a user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Access key').fill('carol');
    await dialog.getByLabel('Secret key').fill('carol-secret');
    await dialog.getByLabel('Policy').selectOption('team-read');
    await dialog.getByRole('button', { name: 'Add a user' }).click();
    await page.getByRole('cell', { name: 'team-read' }).waitFor();
    const carol = { accessKey: 'carol', secretKey: 'carol-secret' };
    expect((await setting.gateway.client.send({ bucket: 'photos', key: 'old/first.txt', keys: carol })).status).toBe(
      200,
    );

    await page.getByRole('button', { name: 'Access keys of carol' }).click();
    await page.getByRole('button', { name: 'Make an access key' }).click();
    const creating = page.getByRole('dialog', { name: 'Make an access key' });
    await creating.getByRole('button', { name: 'Make an access key' }).click();
    await creating.getByText('Keep the secret key now').waitFor();
    const keys = {
      accessKey: await creating.getByLabel('Access key').inputValue(),
      secretKey: await creating.getByLabel('Secret key').inputValue(),
    };
    expect((await setting.gateway.client.send({ bucket: 'photos', key: 'old/first.txt', keys })).status).toBe(200);
    expect(
      (await setting.gateway.client.send({ method: 'DELETE', bucket: 'photos', key: 'old/first.txt', keys })).status,
    ).toBe(403);
  });

  test('completes words, and tells what a change allows and which requests it would decide otherwise', async () => {
    const watched = { accessKey: 'watched', secretKey: 'watched-secret' };
    const page = await setting.openAs(ROOT_KEYS, '#/policies');
    const write = async (text: string): Promise<void> => {
      await page.getByRole('dialog').getByLabel('Policy', { exact: true }).fill(text);
      await page.getByText('The document is valid.').waitFor();
    };
    const reading = (resource: string): string =>
      JSON.stringify(
        { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:GetObject'], Resource: [resource] }] },
        undefined,
        2,
      );
    await page.getByRole('button', { name: 'Write a policy' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('watched-read');
    await write(reading('arn:aws:s3:::photos/mine/*'));
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: 'Users', exact: true }).click();
    await page.getByRole('button', { name: 'Add a user' }).click();
    await page.getByRole('dialog').getByLabel('Access key').fill(watched.accessKey);
    await page.getByRole('dialog').getByLabel('Secret key').fill(watched.secretKey);
    await page.getByRole('dialog').getByLabel('Policy').selectOption('watched-read');
    await page.getByRole('dialog').getByRole('button', { name: 'Add a user' }).click();
    await page.getByRole('cell', { name: 'watched-read' }).waitFor();
    const read = { bucket: 'photos', key: 'old/first.txt', keys: watched };
    expect((await setting.gateway.client.send(read)).status).toBe(403);

    await page.getByRole('link', { name: 'Policies', exact: true }).click();
    await page.getByRole('button', { name: 'Open watched-read' }).click();
    await write(reading('arn:aws:s3:::photos/*'));
    await page.getByRole('button', { name: 'What does this change?' }).click();
    await page.getByRole('heading', { name: 'Newly allowed, for example' }).waitFor();
    await page
      .getByText('watched s3:GetObject arn:aws:s3:::photos/old/first.txt: ImplicitDeny → Allow')
      .first()
      .waitFor();
    await keepScreenshot(page, 'policy-change');

    const editor = page.getByRole('dialog').getByLabel('Policy', { exact: true });
    await editor.fill('{ "Statement": [{ "Action": "');
    await editor.press('End');
    await editor.pressSequentially('s3:GetBucketLoc');
    await page.getByRole('option', { name: 's3:GetBucketLocation' }).waitFor();
    await editor.press('Enter');
    expect(await editor.inputValue()).toBe('{ "Statement": [{ "Action": "s3:GetBucketLocation');
  });

  test('puts a user into a group that gives rights', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/groups');
    await page.getByRole('button', { name: 'Add a group' }).click();
    await page.getByLabel('Name').fill('editors');
    await page.getByLabel('Members, one a line').fill('reader');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Policies of editors' }).click();
    await page.getByRole('checkbox', { name: 'readwrite' }).check();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('cell', { name: 'readwrite' }).waitFor();
    const put = () =>
      setting.gateway.client.send({ method: 'PUT', bucket: 'photos', key: 'by-reader', body: 'x', keys: READER });
    expect((await put()).status).toBe(200);
    await page.getByRole('button', { name: 'Disable editors' }).click();
    await page.getByRole('button', { name: 'Enable editors' }).waitFor();
    expect((await put()).status).toBe(403);
  });

  test('opens a prefix of a bucket to everyone, and closes it again', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/bucket/photos');
    await page.getByLabel('Below prefix').fill('old/');
    await page.getByRole('button', { name: 'Everyone may read', exact: true }).click();
    const policy = page.locator('article').first();
    await policy.getByRole('button', { name: 'Save' }).click();
    const remove = policy.getByRole('button', { name: 'Remove the policy' });
    await remove.waitFor();
    expect((await fetch(`${setting.gateway.url}/photos/old/first.txt`)).status).toBe(200);
    expect((await fetch(`${setting.gateway.url}/photos/mine/a.txt`)).status).toBe(403);
    await remove.click();
    await remove.waitFor({ state: 'detached' });
    expect((await fetch(`${setting.gateway.url}/photos/old/first.txt`)).status).toBe(403);
  });

  test('shows decisions as they are made, without what the page itself asks, unless it is asked for', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/audit');
    const polled = () => page.waitForResponse((answer) => answer.url().includes('/api/audit?'));
    await setting.gateway.client.send({ bucket: 'photos', key: 'audited.txt', keys: READER });
    await page.getByRole('cell', { name: 'photos/audited.txt' }).first().waitFor();
    const own = page.getByRole('cell', { name: 'admin:*' });
    const before = await own.count();
    for (let polls = 0; polls < 3; polls++) await polled();
    expect(await own.count()).toBe(before);
    expect(await page.getByText('only asked').count()).toBe(0);
    await keepScreenshot(page, 'audit');
    await page.getByLabel("Also the console's own questions").check();
    await eventually('its own questions are shown', async () => (await own.count()) > before);
    await page.getByText('only asked').first().waitFor();
    await page.getByRole('cell', { name: 'photos/audited.txt' }).first().waitFor();
  });

  test('explains a refusal from its request id, and what would be decided otherwise', async () => {
    const refused = await setting.gateway.client.send({
      method: 'DELETE',
      bucket: 'photos',
      key: 'old/first.txt',
      keys: PREFIXED,
    });
    const requestId = String(refused.headers['x-amz-request-id']);
    const page = await setting.openAs(ROOT_KEYS, '#/audit');
    await page.getByRole('link', { name: requestId }).first().click();
    await page.getByLabel('Request id of a refusal').waitFor();
    await page.getByLabel('Request id of a refusal').fill(requestId);
    await page.getByRole('button', { name: 'Look it up' }).click();
    await page.getByRole('heading', { name: 'ImplicitDeny as it was decided' }).waitFor();
    await page.getByRole('heading', { name: 's3:DeleteObject arn:aws:s3:::photos/old/first.txt' }).waitFor();
    // each statement of the policy, and what of it did not fit
    await page.getByRole('row', { name: 'own-folder · 3 Allow no: Action wants s3:GetObject, s3:PutObject' }).waitFor();
    expect(await page.getByLabel('Condition keys').inputValue()).toContain('aws:SourceIp=127.0.0.1');
    await keepScreenshot(page, 'playground');
    await page.getByLabel('Action').fill('s3:PutObject');
    await page.getByLabel('Key', { exact: true }).fill('mine/b.txt');
    await page.getByRole('button', { name: 'Decide' }).click();
    await page.getByRole('heading', { name: /Allow/ }).waitFor();
  });
});
