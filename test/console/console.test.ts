// The console as people use it: a real Chromium against a real gateway and its sidecar, looking at what the page shows and at what the
// volume then holds.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, logsOnFailure, ROOT_KEYS, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';
import {
  accessibilityFaults,
  hasChromium,
  keepScreenshot,
  launchBrowser,
  signIn,
  type Visitor,
  visit,
} from './browser.ts';

const READER = { accessKey: 'reader', secretKey: 'reader-secret' };
const PREFIXED = { accessKey: 'prefixed', secretKey: 'prefixed-secret' };
const DISABLED = { accessKey: 'disabled', secretKey: 'disabled-secret' };
const LEAVING = { accessKey: 'leaving', secretKey: 'leaving-secret' };

const MARKUP = '<img src=x onerror=document.title="broken">.txt';

describe.skipIf(!hasChromium())('the console', () => {
  let folder: string;
  let gateway: Gateway;
  let browser: Browser;
  const visitors: Visitor[] = [];
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    folder = makeTempFolder();
    const volume = await formatTestVolume(folder);
    await writeIdentities(volume, {
      users: [
        { ...READER, policies: ['look'] },
        { ...PREFIXED, policies: ['own-folder'] },
        { ...DISABLED, policies: ['readwrite'], disabled: true },
        { ...LEAVING, policies: ['readwrite'] },
      ],
      policies: {
        look: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: ['s3:List*', 's3:Get*'], Resource: ['arn:aws:s3:::*'] }],
        },
        'own-folder': {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: ['s3:ListAllMyBuckets'], Resource: ['arn:aws:s3:::*'] },
            {
              Effect: 'Allow',
              Action: ['s3:ListBucket'],
              Resource: ['arn:aws:s3:::photos'],
              Condition: { StringLike: { 's3:prefix': ['mine/*'] } },
            },
            { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: ['arn:aws:s3:::photos/mine/*'] },
          ],
        },
      },
    });
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: ['--multi-buckets', '--keep-etag', '--object-tag', '--object-meta', '--workers', '1'],
    });
    await put('', '');
    await put('old/first.txt', 'first');
    await put('mine/a.txt', 'mine');
    browser = await launchBrowser();
  });

  afterEach(async () => {
    for (const { context, faults } of visitors.splice(0)) {
      await context.close();
      // A script of the page that fails, or one that was stopped, is a fault wherever it happens.
      expect(faults).toEqual([]);
    }
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.dispose();
    removeTempFolder(folder);
  });

  async function put(key: string, body: string, headers: Record<string, string> = {}): Promise<void> {
    const call = key === '' ? { bucket: 'photos' } : { bucket: 'photos', key, body, headers };
    expect((await gateway.client.send({ method: 'PUT', keys: ROOT_KEYS, ...call })).status).toBe(200);
  }

  async function stored(key: string): Promise<string | undefined> {
    const answer = await gateway.client.send({ bucket: 'photos', key, keys: ROOT_KEYS });
    return answer.status === 200 ? answer.body.toString() : undefined;
  }

  async function open(options: Parameters<typeof visit>[2] = {}): Promise<Page> {
    const visitor = await visit(browser, gateway.url, options);
    visitors.push(visitor);
    return visitor.page;
  }

  async function openAs(keys: { accessKey: string; secretKey: string }, place = ''): Promise<Page> {
    const page = await open();
    await signIn(page, keys);
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    if (place !== '') await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
    return page;
  }

  describe('signing in', () => {
    test('takes the right keys, keeps no secret in the page, and signing out ends the session at once', async () => {
      const page = await open();
      await page.waitForLoadState('networkidle');
      // no identity provider is configured
      expect(await page.getByRole('button').allTextContents()).toEqual(['I have temporary credentials', 'Sign in']);
      await signIn(page, ROOT_KEYS);
      await page.getByRole('heading', { name: 'Buckets' }).waitFor();
      expect(page.url()).toContain('/minio/');
      const kept = await page.evaluate(
        'JSON.stringify({ ...localStorage, ...sessionStorage, cookie: document.cookie })',
      );
      expect(kept).not.toContain(ROOT_KEYS.secretKey);
      expect(kept).not.toContain('portcullis-console');
      const [cookie] = await page.context().cookies();
      expect(cookie).toMatchObject({ name: 'portcullis-console', httpOnly: true, sameSite: 'Strict' });
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      const answer = await fetch(`${gateway.url}/minio/console/s3/`, {
        headers: { cookie: `portcullis-console=${cookie?.value}`, 'sec-fetch-site': 'same-origin' },
      });
      expect(answer.status).toBeGreaterThanOrEqual(400);
    });

    test.each([
      ['a wrong secret', { ...READER, secretKey: 'not-the-secret' }],
      ['an unknown key', { accessKey: 'nobody', secretKey: 'nobody-secret' }],
      ['a disabled user', DISABLED],
    ])('refuses %s with the same words', async (_name, keys) => {
      const page = await open();
      await signIn(page, keys);
      await page.getByRole('alert').filter({ hasText: 'The access key or the secret key is not right.' }).waitFor();
    });

    test('a user who is disabled meanwhile has to sign in again', async () => {
      const page = await openAs(LEAVING);
      const administrator = await openAs(ROOT_KEYS, '#/users');
      await administrator.getByRole('button', { name: 'Disable leaving' }).click();
      await administrator.getByRole('button', { name: 'Enable leaving' }).waitFor();
      await page.getByRole('link', { name: 'photos', exact: true }).click();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
    });
  });

  describe('files', () => {
    test('uploads, shows, tags, shares, renames and deletes an object', async () => {
      const page = await openAs(ROOT_KEYS, '#/files/photos/new/');
      await page.getByLabel('Files to upload').setInputFiles([
        { name: 'hello.txt', mimeType: 'text/plain', buffer: Buffer.from('hello <b>world</b>') },
        { name: MARKUP, mimeType: 'text/plain', buffer: Buffer.from('text') },
        { name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(20 << 20, 7) },
      ]);
      await page.getByText('Uploads: 3 of 3 done').waitFor();
      expect(await stored('new/hello.txt')).toBe('hello <b>world</b>');
      expect((await stored('new/large.bin'))?.length).toBe(20 << 20);

      // a name that looks like markup is text
      await page.getByRole('button', { name: MARKUP, exact: true }).waitFor();
      expect(await page.title()).toBe('Portcullis');
      await keepScreenshot(page, 'files');

      await page.getByRole('button', { name: 'hello.txt', exact: true }).click();
      await page.getByText('hello <b>world</b>').waitFor();
      await keepScreenshot(page, 'preview');
      await page.getByRole('tab', { name: 'Details' }).click();
      await page.getByText('text/plain').waitFor();
      await page.getByRole('tab', { name: 'Tags' }).click();
      await page.getByRole('button', { name: 'Add a tag' }).click();
      await page.getByLabel('Key of tag 1').fill('team');
      await page.getByLabel('Value of tag 1').fill('"<i>'.padEnd(256, 'x'));
      const save = page.getByRole('tabpanel').getByRole('button', { name: 'Save' });
      await save.click();
      await page.getByRole('alert').filter({ hasText: /./ }).waitFor();
      await page.getByLabel('Value of tag 1').fill('y'.repeat(256));
      await save.click();
      await eventually('the tags are stored', async () => {
        const { body } = await gateway.client.send({
          bucket: 'photos',
          key: 'new/hello.txt',
          query: { tagging: '' },
          keys: ROOT_KEYS,
        });
        return body.toString().includes(`<Value>${'y'.repeat(256)}</Value>`);
      });

      await page.getByRole('tab', { name: 'Share' }).click();
      await page.getByRole('button', { name: 'Make a link' }).click();
      const link = await page.getByLabel(/^Link, until/).inputValue();
      expect(await (await fetch(link)).text()).toBe('hello <b>world</b>');
      await page.getByRole('img', { name: 'The link as a QR code' }).waitFor();
      await keepScreenshot(page, 'share');
      await page.getByRole('button', { name: 'Close' }).click();

      await page.getByLabel('Select hello.txt').check();
      await page.getByRole('button', { name: 'Copy, move or rename' }).click();
      await page.getByLabel('New name').fill('new/renamed.txt');
      await page.getByRole('dialog').getByRole('button', { name: 'Move', exact: true }).click();
      await page.getByRole('button', { name: 'renamed.txt', exact: true }).waitFor();
      expect(await stored('new/hello.txt')).toBeUndefined();
      expect(await stored('new/renamed.txt')).toBe('hello <b>world</b>');

      await page.getByLabel('Select all').check();
      await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText('This folder is empty.').waitFor();
      expect(await stored('new/renamed.txt')).toBeUndefined();
    });

    test('pauses a large upload and takes it up again, with every byte', async () => {
      const page = await openAs(ROOT_KEYS, '#/files/photos/paused/');
      const content = Buffer.alloc(48 << 20);
      for (let i = 0; i < content.length; i += 4096) content.writeUInt32LE(i, i);
      const file = join(folder, 'big.bin');
      writeFileSync(file, content);
      // Slow enough that there is something left to pause.
      const session = await page.context().newCDPSession(page);
      await session.send('Network.enable');
      await session.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: 8 << 20,
      });
      await page.getByLabel('Files to upload').setInputFiles(file);
      await page.getByRole('button', { name: 'Pause paused/big.bin' }).click();
      await page.locator('.state.paused').waitFor();
      expect(await stored('paused/big.bin')).toBeUndefined();
      await session.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: -1,
      });
      await page.getByRole('button', { name: 'Resume paused/big.bin' }).click();
      await page.getByText('Uploads: 1 of 1 done').waitFor();
      const answer = await gateway.client.send({ bucket: 'photos', key: 'paused/big.bin', keys: ROOT_KEYS });
      expect(answer.body.equals(content)).toBe(true);
    });

    test('downloads a selection as an archive', async () => {
      const page = await openAs(ROOT_KEYS, '#/files/photos/');
      await page.getByLabel('Select old/').check();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download as zip' }).click(),
      ]);
      expect(download.suggestedFilename()).toBe('old.zip');
      const archive = readFileSync(await download.path());
      expect(archive.subarray(0, 2).toString()).toBe('PK');
      expect(archive.includes('old/first.txt')).toBe(true);
      expect(archive.includes('first')).toBe(true);
    });

    test('a folder whose bucket is deleted meanwhile shows that, and nothing of what was there', async () => {
      const short = { bucket: 'short-lived' };
      const send = async (call: object) =>
        expect((await gateway.client.send({ keys: ROOT_KEYS, ...short, ...call })).status).toBeLessThan(300);
      await send({ method: 'PUT' });
      await send({ method: 'PUT', key: 'only.txt', body: 'x' });
      const page = await openAs(ROOT_KEYS, '#/files/short-lived/');
      const row = page.getByRole('button', { name: 'only.txt', exact: true });
      await row.waitFor();
      await send({ method: 'DELETE', key: 'only.txt' });
      await send({ method: 'DELETE' });
      await page.getByRole('button', { name: 'Refresh' }).click();
      await page.getByRole('alert').filter({ hasText: 'bucket does not exist' }).waitFor();
      expect(await row.count()).toBe(0);
    });

    test('an archive of more keys than an address can name holds what may be read, and names the rest', async () => {
      const page = await openAs(PREFIXED);
      const [cookie] = await page.context().cookies();
      const headers = { cookie: `portcullis-console=${cookie?.value}` };
      const form = new URLSearchParams({ base: '' });
      for (let i = 0; i < 400; i++) form.append('key', `old/refused-${'x'.repeat(80)}-${i}.txt`);
      form.append('key', 'mine/a.txt');
      form.append('prefix', 'old/');
      const answer = await fetch(`${gateway.url}/minio/console/zip/photos`, { method: 'POST', headers, body: form });
      expect(answer.status).toBe(200);
      const archive = Buffer.from(await answer.arrayBuffer()).toString('latin1');
      expect(archive).toContain('mine/a.txt');
      expect(archive).toContain('LEFT-OUT.txt');
      expect(archive).toContain('-399.txt');
      expect(archive).toMatch(/^old\/$/m);
      expect(archive).not.toContain('old/first.txt');
      const strange = { ...headers, 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' };
      const refused = await fetch(`${gateway.url}/minio/console/zip/photos`, {
        method: 'POST',
        headers: strange,
        body: form,
      });
      expect(refused.status).toBe(403);
    });

    test('makes folders, and opens them by their links', async () => {
      const page = await openAs(ROOT_KEYS, '#/files/photos/');
      await page.getByRole('button', { name: 'New folder' }).click();
      await page.getByRole('dialog').getByLabel('Name').fill('summer 2026');
      await page.getByRole('button', { name: 'Create folder' }).click();
      await page.getByRole('link', { name: 'summer 2026/' }).click();
      await page.getByText('This folder is empty.').waitFor();
      await page.getByLabel('Filter by name').waitFor();
    });

    test('what strangers stored runs nothing in the name of whoever looks at it', async () => {
      const script =
        '<script>fetch("/minio/console/api/session").then(r => document.title = "status " + r.status, () => document.title = "refused")</script>';
      await put('evil.html', script, { 'content-type': 'text/html' });
      const page = await openAs(ROOT_KEYS);
      const [cookie] = await page.context().cookies();
      const answer = await fetch(`${gateway.url}/minio/console/api/share`, {
        method: 'POST',
        body: JSON.stringify({ bucket: 'photos', key: 'evil.html', expiresSeconds: 60 }),
        headers: { cookie: `portcullis-console=${cookie?.value}`, 'x-portcullis-console': '1' },
      });
      const { url } = (await answer.json()) as { url: string };
      // At the console's door no script runs at all; at the object's own address it runs as nobody.
      const looker = await page.context().newPage();
      await looker.goto(`${gateway.url}/minio/console/s3/photos/evil.html`);
      expect(await looker.title()).toBe('');
      await looker.goto(url);
      await looker.waitForFunction('document.title !== ""');
      expect(await looker.title()).toBe('refused');
    });
  });

  describe('rights', () => {
    test('who may only read is shown no way to change anything', async () => {
      const page = await openAs(READER, '#/files/photos/old/');
      await page.getByRole('button', { name: 'first.txt', exact: true }).waitFor();
      expect(await page.getByRole('button', { name: 'Upload files' }).count()).toBe(0);
      for (const hidden of ['Users', 'Policies', 'Audit', 'Playground']) {
        expect(await page.getByRole('link', { name: hidden, exact: true }).count()).toBe(0);
      }
      await page.getByRole('link', { name: 'Download first.txt' }).waitFor();
    });

    test('who has one folder sees that folder, and is told why not the rest', async () => {
      const page = await openAs(PREFIXED, '#/files/photos/mine/');
      await page.getByRole('button', { name: 'a.txt', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Upload files' }).waitFor();
      await page.evaluate(`location.hash = '#/files/photos/old/'`);
      await page
        .getByRole('alert')
        .filter({ hasText: /Access denied|not authorized/i })
        .waitFor();
    });

    test('requests that do not come from the page are refused', async () => {
      const page = await openAs(ROOT_KEYS);
      const [cookie] = await page.context().cookies();
      const session = { cookie: `portcullis-console=${cookie?.value}` };
      for (const headers of [
        { ...session, 'sec-fetch-site': 'cross-site', 'x-portcullis-console': '1' },
        { ...session, origin: 'http://evil.example', 'x-portcullis-console': '1' },
        { ...session, origin: 'null', 'x-portcullis-console': '1' },
        session,
      ]) {
        const answer = await fetch(`${gateway.url}/minio/console/s3/photos/planted.txt`, {
          method: 'PUT',
          body: 'x',
          headers,
        });
        expect(answer.status).toBe(403);
      }
      expect(await stored('planted.txt')).toBeUndefined();
      const framed = await fetch(`${gateway.url}/minio/`, { headers: { 'user-agent': 'Mozilla/5.0' } });
      expect(framed.headers.get('x-frame-options')).toBe('DENY');
      expect(framed.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(framed.headers.get('content-security-policy')).not.toContain('unsafe');
    });
  });

  describe('administration', () => {
    test('makes a user with a policy and an access key, whose secret is shown once and works', async () => {
      const page = await openAs(ROOT_KEYS, '#/policies');
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
      expect((await gateway.client.send({ bucket: 'photos', key: 'old/first.txt', keys: carol })).status).toBe(200);

      await page.getByRole('button', { name: 'Access keys of carol' }).click();
      await page.getByRole('button', { name: 'Make an access key' }).click();
      const creating = page.getByRole('dialog', { name: 'Make an access key' });
      await creating.getByRole('button', { name: 'Make an access key' }).click();
      await creating.getByText('Keep the secret key now').waitFor();
      const keys = {
        accessKey: await creating.getByLabel('Access key').inputValue(),
        secretKey: await creating.getByLabel('Secret key').inputValue(),
      };
      expect((await gateway.client.send({ bucket: 'photos', key: 'old/first.txt', keys })).status).toBe(200);
      expect(
        (await gateway.client.send({ method: 'DELETE', bucket: 'photos', key: 'old/first.txt', keys })).status,
      ).toBe(403);
    });

    test('completes words, and tells what a change allows and which requests it would decide otherwise', async () => {
      const watched = { accessKey: 'watched', secretKey: 'watched-secret' };
      const page = await openAs(ROOT_KEYS, '#/policies');
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
      expect((await gateway.client.send(read)).status).toBe(403);

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
      const page = await openAs(ROOT_KEYS, '#/groups');
      await page.getByRole('button', { name: 'Add a group' }).click();
      await page.getByLabel('Name').fill('editors');
      await page.getByLabel('Members, one a line').fill('reader');
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      await page.getByRole('button', { name: 'Policies of editors' }).click();
      await page.getByRole('checkbox', { name: 'readwrite' }).check();
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      await page.getByRole('cell', { name: 'readwrite' }).waitFor();
      const put = () =>
        gateway.client.send({ method: 'PUT', bucket: 'photos', key: 'by-reader', body: 'x', keys: READER });
      expect((await put()).status).toBe(200);
      await page.getByRole('button', { name: 'Disable editors' }).click();
      await page.getByRole('button', { name: 'Enable editors' }).waitFor();
      expect((await put()).status).toBe(403);
    });

    test('opens a prefix of a bucket to everyone, and closes it again', async () => {
      const page = await openAs(ROOT_KEYS, '#/bucket/photos');
      await page.getByLabel('Below prefix').fill('old/');
      await page.getByRole('button', { name: 'Everyone may read', exact: true }).click();
      const policy = page.locator('article').first();
      await policy.getByRole('button', { name: 'Save' }).click();
      const remove = policy.getByRole('button', { name: 'Remove the policy' });
      await remove.waitFor();
      expect((await fetch(`${gateway.url}/photos/old/first.txt`)).status).toBe(200);
      expect((await fetch(`${gateway.url}/photos/mine/a.txt`)).status).toBe(403);
      await remove.click();
      await remove.waitFor({ state: 'detached' });
      expect((await fetch(`${gateway.url}/photos/old/first.txt`)).status).toBe(403);
    });

    test('explains a refusal from its request id, and what would be decided otherwise', async () => {
      const refused = await gateway.client.send({
        method: 'DELETE',
        bucket: 'photos',
        key: 'old/first.txt',
        keys: PREFIXED,
      });
      const requestId = String(refused.headers['x-amz-request-id']);
      const page = await openAs(ROOT_KEYS, '#/audit');
      await page.getByRole('link', { name: requestId }).first().click();
      await page.getByLabel('Request id of a refusal').waitFor();
      await page.getByLabel('Request id of a refusal').fill(requestId);
      await page.getByRole('button', { name: 'Look it up' }).click();
      await page.getByRole('heading', { name: /ImplicitDeny/ }).waitFor();
      await page.getByText('s3:DeleteObject').first().waitFor();
      await keepScreenshot(page, 'playground');
      await page.getByLabel('Action').fill('s3:PutObject');
      await page.getByLabel('Key', { exact: true }).fill('mine/b.txt');
      await page.getByRole('button', { name: 'Decide' }).click();
      await page.getByRole('heading', { name: /Allow/ }).waitFor();
    });
  });

  describe('for everyone', () => {
    test.each([
      'buckets',
      'files/photos/old/',
      'bucket/photos',
      'users',
      'groups',
      'policies',
      'accounts',
      'server',
      'audit',
      'playground',
    ])('no serious fault of accessibility on %s', async (place) => {
      const page = await openAs(ROOT_KEYS, `#/${place}`);
      await page.waitForLoadState('networkidle');
      expect(await accessibilityFaults(page)).toEqual([]);
    });

    test('nor at the sign-in, nor in the dark, nor on a narrow screen', async () => {
      expect(await accessibilityFaults(await open())).toEqual([]);
      const page = await open({ dark: true, width: 400 });
      await signIn(page, ROOT_KEYS);
      await page.getByRole('link', { name: 'photos', exact: true }).click();
      await page.getByText('old/').first().waitFor();
      await keepScreenshot(page, 'narrow-dark');
      expect(await accessibilityFaults(page)).toEqual([]);
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(overflow).toBeLessThanOrEqual(0);
    });

    test('speaks Chinese to who reads Chinese, and English when asked', async () => {
      const page = await open({ locale: 'zh-CN' });
      await page.getByLabel('访问密钥').fill(ROOT_KEYS.accessKey);
      await page.getByLabel('密钥', { exact: true }).fill(ROOT_KEYS.secretKey);
      await page.getByRole('button', { name: '登录' }).click();
      await page.getByRole('heading', { name: '存储桶' }).waitFor();
      await keepScreenshot(page, 'chinese');
      await page.getByLabel('语言').selectOption('en');
      await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    });

    test('works with the keyboard alone', async () => {
      const page = await open();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await page.keyboard.type(ROOT_KEYS.accessKey);
      await page.keyboard.press('Tab');
      await page.keyboard.type(ROOT_KEYS.secretKey);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Buckets' }).waitFor();
      await page.getByRole('button', { name: 'Create bucket' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    });

    test('can be turned off', async () => {
      const other = await startGateway({
        metaUrl: `sqlite3://${folder}/meta.db`,
        flags: ['--multi-buckets', '--workers', '1'],
        env: { MINIO_BROWSER: 'off' },
      });
      try {
        const answer = await fetch(`${other.url}/`, { headers: { 'user-agent': 'Mozilla/5.0' }, redirect: 'manual' });
        expect(answer.status).toBe(403);
      } finally {
        await other.dispose();
      }
    });
  });
});
