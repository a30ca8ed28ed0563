// Files at the console: what the page shows, and what the volume then holds.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT_KEYS } from '../harness/gateway.ts';
import { eventually } from '../harness/waiting.ts';
import { hasChromium, keepScreenshot } from './browser.ts';
import { PREFIXED, photosSetting } from './photos.ts';

const MARKUP = '<img src=x onerror=document.title="broken">.txt';

describe.skipIf(!hasChromium())('files at the console', () => {
  const { setting, put, stored } = photosSetting();

  test('uploads, shows, tags, shares, renames and deletes an object', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/new/');
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
      const { body } = await setting.gateway.client.send({
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
    // a time of one's own, a week from now at most
    await page.getByLabel('Works for').selectOption('until');
    const until = page.getByLabel('Until, at most a week from now');
    const before = await page.getByLabel(/^Link, until/).inputValue();
    const inHours = (hours: number): Promise<string> =>
      page.evaluate(
        `new Date(Date.now() + ${hours} * 3600000 - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16)`,
      );
    for (const wrong of [8 * 24, -1]) {
      await until.fill(await inHours(wrong));
      await page.getByRole('button', { name: 'Make a link' }).click();
      expect(await page.evaluate('document.querySelector("input[type=datetime-local]").validity.valid')).toBe(false);
    }
    expect(await page.getByLabel(/^Link, until/).inputValue()).toBe(before);
    await until.fill(await inHours(50));
    await page.getByRole('button', { name: 'Make a link' }).click();
    const chosen = await eventually('the link', async () => {
      const url = await page.getByLabel(/^Link, until/).inputValue();
      return url !== before && url;
    });
    const seconds = Number(new URL(chosen).searchParams.get('X-Amz-Expires'));
    expect(seconds).toBeGreaterThan(50 * 3600 - 120);
    expect(seconds).toBeLessThanOrEqual(50 * 3600);
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
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/paused/');
    const content = Buffer.alloc(48 << 20);
    for (let i = 0; i < content.length; i += 4096) content.writeUInt32LE(i, i);
    const file = join(setting.folder, 'big.bin');
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
    const answer = await setting.gateway.client.send({ bucket: 'photos', key: 'paused/big.bin', keys: ROOT_KEYS });
    expect(answer.body.equals(content)).toBe(true);
  });

  test('downloads a selection as an archive', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/');
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
      expect((await setting.gateway.client.send({ keys: ROOT_KEYS, ...short, ...call })).status).toBeLessThan(300);
    await send({ method: 'PUT' });
    await send({ method: 'PUT', key: 'only.txt', body: 'x' });
    const page = await setting.openAs(ROOT_KEYS, '#/files/short-lived/');
    const row = page.getByRole('button', { name: 'only.txt', exact: true });
    await row.waitFor();
    await send({ method: 'DELETE', key: 'only.txt' });
    await send({ method: 'DELETE' });
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('alert').filter({ hasText: 'bucket does not exist' }).waitFor();
    expect(await row.count()).toBe(0);
  });

  test('an archive of more keys than an address can name holds what may be read, and names the rest', async () => {
    const page = await setting.openAs(PREFIXED);
    const [cookie] = await page.context().cookies();
    const headers = { cookie: `portcullis-console=${cookie?.value}` };
    const form = new URLSearchParams({ base: '' });
    for (let i = 0; i < 400; i++) form.append('key', `old/refused-${'x'.repeat(80)}-${i}.txt`);
    form.append('key', 'mine/a.txt');
    form.append('prefix', 'old/');
    const answer = await fetch(`${setting.gateway.url}/minio/console/zip/photos`, {
      method: 'POST',
      headers,
      body: form,
    });
    expect(answer.status).toBe(200);
    const archive = Buffer.from(await answer.arrayBuffer()).toString('latin1');
    expect(archive).toContain('mine/a.txt');
    expect(archive).toContain('LEFT-OUT.txt');
    expect(archive).toContain('-399.txt');
    expect(archive).toMatch(/^old\/$/m);
    expect(archive).not.toContain('old/first.txt');
    const strange = { ...headers, 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' };
    const refused = await fetch(`${setting.gateway.url}/minio/console/zip/photos`, {
      method: 'POST',
      headers: strange,
      body: form,
    });
    expect(refused.status).toBe(403);
  });

  test('moves folders whole, empty ones too, replaces nothing unasked, and puts no folder into itself', async () => {
    await put('trip/one.txt', 'one', { 'x-amz-tagging': 'a=b', 'x-amz-meta-by': 'ann' });
    await put('trip/day/two.txt', 'two');
    await put('trip/empty/', '');
    await put('moved/one.txt', 'what was there');
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/');
    const dialog = page.getByRole('dialog');
    const move = async (to: string): Promise<void> => {
      await dialog.getByLabel('New name').fill(to);
      await dialog.getByRole('button', { name: 'Move', exact: true }).click();
    };
    await page.getByLabel('Select trip/').check();
    await page.getByRole('button', { name: 'Copy, move or rename' }).click();
    await move('trip/inner/');
    await dialog.getByRole('alert').filter({ hasText: 'cannot be put into itself' }).waitFor();
    expect(await stored('trip/inner/one.txt')).toBeUndefined();
    await move('moved/');
    await dialog.getByRole('alert').filter({ hasText: 'trip/one.txt: Something is there already.' }).waitFor();
    expect(await stored('moved/one.txt')).toBe('what was there');
    expect(await stored('trip/one.txt')).toBe('one');
    expect(await stored('moved/day/two.txt')).toBe('two');
    expect(await stored('trip/day/two.txt')).toBeUndefined();
    await dialog.getByLabel('Replace what is there').check();
    await move('moved/');
    await dialog.waitFor({ state: 'detached' });
    expect(await stored('moved/one.txt')).toBe('one');
    expect(await stored('trip/one.txt')).toBeUndefined();
    const moved = { bucket: 'photos', key: 'moved/one.txt', keys: ROOT_KEYS };
    const { headers } = await setting.gateway.client.send({ ...moved, method: 'HEAD' });
    expect(headers['x-amz-meta-by']).toBe('ann');
    expect((await setting.gateway.client.send({ ...moved, query: { tagging: '' } })).body.toString()).toContain(
      '<Value>b',
    );
    expect(await stored('moved/empty/')).toBe('');
    await page.getByRole('link', { name: 'trip/' }).waitFor({ state: 'detached' });

    await page.getByLabel('Select moved/').check();
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('link', { name: 'moved/' }).waitFor({ state: 'detached' });
    expect(await stored('moved/day/two.txt')).toBeUndefined();
    expect(await stored('moved/empty/')).toBeUndefined();
  });

  test('makes a bucket, and deletes it when it is empty', async () => {
    const page = await setting.openAs(ROOT_KEYS);
    const head = async (bucket: string): Promise<number> =>
      (await setting.gateway.client.send({ method: 'HEAD', bucket, keys: ROOT_KEYS })).status;
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Create bucket' }).click();
    await dialog.getByLabel('Name').fill('Not_A_Bucket');
    await dialog.getByRole('button', { name: 'Create bucket' }).click();
    await dialog.getByRole('alert').filter({ hasText: 'bucket is not valid' }).waitFor();
    await dialog.getByLabel('Name').fill('made-here');
    await dialog.getByRole('button', { name: 'Create bucket' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'made-here', exact: true }).waitFor();
    expect(await head('made-here')).toBe(200);

    const kept = { bucket: 'made-here', key: 'kept.txt', keys: ROOT_KEYS };
    expect((await setting.gateway.client.send({ ...kept, method: 'PUT', body: 'x' })).status).toBe(200);
    await page.getByRole('button', { name: 'Delete made-here' }).click();
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.getByRole('alert').filter({ hasText: 'not empty' }).waitFor();
    expect(await head('made-here')).toBe(200);
    expect((await setting.gateway.client.send({ ...kept, method: 'DELETE' })).status).toBe(204);
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'made-here', exact: true }).waitFor({ state: 'detached' });
    expect(await head('made-here')).toBe(404);
  });

  test('makes folders, and opens them by their links', async () => {
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/');
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
    const page = await setting.openAs(ROOT_KEYS);
    const [cookie] = await page.context().cookies();
    const answer = await fetch(`${setting.gateway.url}/minio/console/api/share`, {
      method: 'POST',
      body: JSON.stringify({ bucket: 'photos', key: 'evil.html', expiresSeconds: 60 }),
      headers: { cookie: `portcullis-console=${cookie?.value}`, 'x-portcullis-console': '1' },
    });
    const { url } = (await answer.json()) as { url: string };
    // At the console's door no script runs at all; at the object's own address it runs as nobody.
    const looker = await page.context().newPage();
    await looker.goto(`${setting.gateway.url}/minio/console/s3/photos/evil.html`);
    expect(await looker.title()).toBe('');
    await looker.goto(url);
    await looker.waitForFunction('document.title !== ""');
    expect(await looker.title()).toBe('refused');
  });
});
