// The console shows what somebody may do, and takes requests from its own page alone.
import { describe, expect, test } from 'vitest';
import { ROOT_KEYS } from '../harness/gateway.ts';
import { hasChromium } from './browser.ts';
import { LOOKER, PREFIXED, photosSetting, READER } from './photos.ts';

describe.skipIf(!hasChromium())('rights at the console', () => {
  const { setting, stored } = photosSetting();

  test('who may only read is shown no way to change anything', async () => {
    const page = await setting.openAs(READER, '#/files/photos/old/');
    await page.getByRole('button', { name: 'first.txt', exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Upload files' }).count()).toBe(0);
    for (const hidden of ['Users', 'Policies', 'Audit', 'Playground']) {
      expect(await page.getByRole('link', { name: hidden, exact: true }).count()).toBe(0);
    }
    await page.getByRole('link', { name: 'Download first.txt' }).waitFor();
    await page.getByRole('button', { name: 'first.txt', exact: true }).click();
    await page.getByRole('tab', { name: 'Tags' }).click();
    await page.getByText('It has no tags.').waitFor();
    await page.getByRole('tab', { name: 'Share' }).waitFor();
    for (const hidden of ['Add a tag', 'Save', 'Delete']) {
      expect(await page.getByRole('dialog').getByRole('button', { name: hidden }).count()).toBe(0);
    }
    await page.keyboard.press('Escape');
    await page.evaluate(`location.hash = '#/bucket/photos'`);
    await page.getByText('No events are sent anywhere.').waitFor();
    for (const hidden of ['Save', 'Add', 'Everyone may read']) {
      expect(await page.getByRole('button', { name: hidden, exact: true }).count()).toBe(0);
    }
  });

  test('who may look at users, and no more, is shown no way to change them', async () => {
    const page = await setting.openAs(LOOKER, '#/users');
    await page.getByRole('cell', { name: 'reader', exact: true }).waitFor();
    await page.waitForLoadState('networkidle');
    expect(await page.getByRole('main').getByRole('button').allTextContents()).toEqual([]);
  });

  test('who has one folder sees that folder, and is told why not the rest', async () => {
    const page = await setting.openAs(PREFIXED, '#/files/photos/mine/');
    await page.getByRole('button', { name: 'a.txt', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Upload files' }).waitFor();
    await page.evaluate(`location.hash = '#/files/photos/old/'`);
    await page
      .getByRole('alert')
      .filter({ hasText: /Access denied|not authorized/i })
      .waitFor();
  });

  test('requests that do not come from the page are refused', async () => {
    const page = await setting.openAs(ROOT_KEYS);
    const [cookie] = await page.context().cookies();
    const session = { cookie: `portcullis-console=${cookie?.value}` };
    for (const headers of [
      { ...session, 'sec-fetch-site': 'cross-site', 'x-portcullis-console': '1' },
      { ...session, origin: 'http://evil.example', 'x-portcullis-console': '1' },
      { ...session, origin: 'null', 'x-portcullis-console': '1' },
      session,
    ]) {
      const answer = await fetch(`${setting.gateway.url}/minio/console/s3/photos/planted.txt`, {
        method: 'PUT',
        body: 'x',
        headers,
      });
      expect(answer.status).toBe(403);
    }
    expect(await stored('planted.txt')).toBeUndefined();
    const framed = await fetch(`${setting.gateway.url}/minio/`, { headers: { 'user-agent': 'Mozilla/5.0' } });
    expect(framed.headers.get('x-frame-options')).toBe('DENY');
    expect(framed.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(framed.headers.get('content-security-policy')).not.toContain('unsafe');
  });
});
