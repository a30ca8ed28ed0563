// Signing in at the console with keys, and out again.
import { describe, expect, test } from 'vitest';
import { ROOT_KEYS } from '../harness/gateway.ts';
import { hasChromium, signIn } from './browser.ts';
import { DISABLED, LEAVING, photosSetting, READER } from './photos.ts';

describe.skipIf(!hasChromium())('signing in at the console', () => {
  const { setting } = photosSetting();

  test('takes the right keys, keeps no secret in the page, and signing out ends the session at once', async () => {
    const page = await setting.open();
    await page.waitForLoadState('networkidle');
    // no identity provider is configured
    expect(await page.getByRole('button').allTextContents()).toEqual(['I have temporary credentials', 'Sign in']);
    await signIn(page, ROOT_KEYS);
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    expect(page.url()).toContain('/minio/');
    const kept = await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage, cookie: document.cookie })');
    expect(kept).not.toContain(ROOT_KEYS.secretKey);
    expect(kept).not.toContain('portcullis-console');
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ name: 'portcullis-console', httpOnly: true, sameSite: 'Strict' });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    const answer = await fetch(`${setting.gateway.url}/minio/console/s3/`, {
      headers: { cookie: `portcullis-console=${cookie?.value}`, 'sec-fetch-site': 'same-origin' },
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test.each([
    ['a wrong secret', { ...READER, secretKey: 'not-the-secret' }],
    ['an unknown key', { accessKey: 'nobody', secretKey: 'nobody-secret' }],
    ['a disabled user', DISABLED],
  ])('refuses %s with the same words', async (_name, keys) => {
    const page = await setting.open();
    await signIn(page, keys);
    await page.getByRole('alert').filter({ hasText: 'The access key or the secret key is not right.' }).waitFor();
  });

  test('a user who is disabled meanwhile has to sign in again', async () => {
    const page = await setting.openAs(LEAVING);
    const administrator = await setting.openAs(ROOT_KEYS, '#/users');
    await administrator.getByRole('button', { name: 'Disable leaving' }).click();
    await administrator.getByRole('button', { name: 'Enable leaving' }).waitFor();
    await page.getByRole('link', { name: 'photos', exact: true }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
  });
});
