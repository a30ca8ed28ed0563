// The console for everyone: in two languages, in the dark, on narrow screens, with the keyboard and with a screen reader.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ROOT_KEYS, startGateway } from '../harness/gateway.ts';
import { accessibilityFaults, hasChromium, keepScreenshot, signIn, visit } from './browser.ts';
import { photosSetting } from './photos.ts';

describe.skipIf(!hasChromium())('the console for everyone', () => {
  const { setting } = photosSetting();

  test.each([
    'buckets',
    'files/photos/old/',
    'bucket/photos',
    'users',
    'groups',
    'policies',
    'accounts',
    'sessions',
    'health',
    'server',
    'audit',
    'playground',
  ])('no serious fault of accessibility on %s', async (place) => {
    const page = await setting.openAs(ROOT_KEYS, `#/${place}`);
    await page.waitForLoadState('networkidle');
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  test('nor at the sign-in, nor in the dark, nor on a narrow screen', async () => {
    expect(await accessibilityFaults(await setting.open())).toEqual([]);
    const page = await setting.open({ dark: true, width: 400 });
    await signIn(page, ROOT_KEYS);
    await page.getByRole('link', { name: 'photos', exact: true }).click();
    await page.getByText('old/').first().waitFor();
    await keepScreenshot(page, 'narrow-dark');
    expect(await accessibilityFaults(page)).toEqual([]);
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
  });

  test('speaks Chinese to who reads Chinese, and English when asked', async () => {
    const page = await setting.open({ locale: 'zh-CN' });
    await page.getByLabel('访问密钥').fill(ROOT_KEYS.accessKey);
    await page.getByLabel('密钥', { exact: true }).fill(ROOT_KEYS.secretKey);
    await page.getByRole('button', { name: '登录' }).click();
    await page.getByRole('heading', { name: '存储桶' }).waitFor();
    await page.getByRole('link', { name: 'photos', exact: true }).waitFor();
    await keepScreenshot(page, 'chinese');
    await page.getByLabel('语言').selectOption('en');
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
  });

  test('works with the keyboard alone', async () => {
    const page = await setting.open();
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

  test('works at a name on the network without TLS, where browsers tell and allow less', async () => {
    const { context, page, faults } = await visit(setting.browser, `http://files.example:${setting.gateway.port}`);
    await signIn(page, ROOT_KEYS);
    await page.getByRole('link', { name: 'photos', exact: true }).click();
    expect(await page.evaluate('isSecureContext')).toBe(false);
    await page.getByLabel('Files to upload').setInputFiles({
      name: 'there.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('there'),
    });
    await page.getByText('Uploads: 1 of 1 done').waitFor();
    await page.getByLabel('Select mine/').check();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download as zip' }).click(),
    ]);
    expect(readFileSync(await download.path()).includes('mine/a.txt')).toBe(true);
    await page.getByRole('button', { name: 'there.txt', exact: true }).click();
    await page.getByText('there', { exact: true }).waitFor();
    await page.getByRole('tab', { name: 'Share' }).click();
    await page.getByRole('button', { name: 'Make a link' }).click();
    expect(await page.getByLabel(/^Link, until/).inputValue()).toContain('http://files.example:');
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await context.close();
    expect(faults).toEqual([]);
  });

  test('can be turned off', async () => {
    const other = await startGateway({
      metaUrl: `sqlite3://${setting.folder}/meta.db`,
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
