// Signing in at the console by way of an OpenID issuer, which is another site to the browser.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ROOT_KEYS } from '../harness/gateway.ts';
import { OpenIdIssuer } from '../harness/openid-issuer.ts';
import { accessibilityFaults, hasChromium, keepScreenshot, signIn } from './browser.ts';
import { consoleSetting } from './setting.ts';

const SECRET = 'a client secret: +/&';

describe.skipIf(!hasChromium())('signing in at an OpenID issuer', () => {
  let issuer: OpenIdIssuer;
  beforeAll(async () => {
    issuer = await OpenIdIssuer.start();
  });
  afterEach(() => {
    issuer.browserAnswer = {};
  });
  afterAll(() => issuer?.stop());
  const setting = consoleSetting({
    identities: {
      users: [],
      policies: {
        look: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: ['s3:List*', 's3:Get*'], Resource: ['arn:aws:s3:::*'] }],
        },
      },
    },
    env: () => ({
      MINIO_IDENTITY_OPENID_CONFIG_URL: issuer.configUrl,
      MINIO_IDENTITY_OPENID_CLIENT_ID: 'portcullis',
      MINIO_IDENTITY_OPENID_CLIENT_SECRET: SECRET,
      MINIO_IDENTITY_OPENID_DISPLAY_NAME: 'Example ID',
      MINIO_IDENTITY_OPENID_CONFIG_URL_STAFF: issuer.configUrl,
      MINIO_IDENTITY_OPENID_CLIENT_ID_STAFF: 'portcullis-staff',
      MINIO_IDENTITY_OPENID_CLAIM_USERINFO_STAFF: 'on',
      MINIO_IDENTITY_OPENID_DISPLAY_NAME_STAFF: 'Staff ID',
    }),
    async prepare(gateway) {
      expect((await gateway.client.send({ method: 'PUT', keys: ROOT_KEYS, bucket: 'photos' })).status).toBe(200);
    },
  });

  async function signInAtIssuer(): Promise<Page> {
    const page = await setting.open();
    await page.getByRole('button', { name: 'Sign in with Example ID' }).click();
    return page;
  }

  function refusal(page: Page, text: string): Promise<void> {
    return page.getByRole('alert').filter({ hasText: text }).waitFor();
  }

  test('gives the rights of the policies that the token names, and signing out ends them', async () => {
    issuer.browserAnswer = { claims: { sub: 'a-1', preferred_username: 'ann', policy: 'look' } };
    const page = await setting.open();
    await page.evaluate(`location.hash = '#/files/photos/'`);
    await page.getByRole('button', { name: 'Sign in with Example ID' }).waitFor();
    await keepScreenshot(page, 'sign-in-openid');
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign in with Example ID' }).click();

    // back where they were, with nothing of the way back left in the address
    await page.getByText('This folder is empty.').waitFor();
    expect(page.url()).toBe(`${setting.gateway.url}/minio/#/files/photos/`);
    expect(await page.getByRole('button', { name: 'Upload files' }).count()).toBe(0);
    await page.getByText('ann', { exact: true }).waitFor();
    const [cookie, ...others] = await page.context().cookies();
    expect(others).toEqual([]);
    expect(cookie).toMatchObject({ name: 'portcullis-console', httpOnly: true, sameSite: 'Strict' });

    // the issuer knows the service by its secret, and the code by its proof
    expect(issuer.lastExchange?.authorization).toBe(
      `Basic ${Buffer.from(`portcullis:${new URLSearchParams({ '': SECRET }).toString().slice(1)}`).toString('base64')}`,
    );
    expect(issuer.lastExchange?.form.get('redirect_uri')).toBe(`${setting.gateway.url}/minio/oauth_callback`);

    const administrator = await setting.open();
    await signIn(administrator, ROOT_KEYS);
    await administrator.getByRole('link', { name: 'Sessions', exact: true }).click();
    await administrator.getByRole('cell', { name: 'openid:a-1', exact: true }).waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    await administrator.getByRole('button', { name: 'Refresh' }).click();
    await administrator.getByText('There are no temporary credentials.').waitFor();
    const answer = await fetch(`${setting.gateway.url}/minio/console/s3/`, {
      headers: { cookie: `portcullis-console=${cookie?.value}` },
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test.each([
    ['whoever the issuer refuses', { code: undefined, error: 'access_denied', error_description: 'Ann said no' }, {}],
    ['an answer to another sign-in', { state: 'another' }, {}],
    ['the answer of another issuer', { iss: 'https://other.example' }, {}],
    ['a code that is not right', { code: 'another' }, {}],
    ['a token that answers another request', {}, { nonce: 'another' }],
    ['a token for another client', {}, { aud: 'another' }],
    ['a token that is over', {}, { exp: 1_000 }],
    ['somebody without policies', {}, { policy: undefined }],
    ['somebody whose policies are not known here', {}, { policy: 'unknown' }],
  ])('refuses %s, and says so', async (name, back, claims) => {
    const words: Record<string, string> = {
      'whoever the issuer refuses': 'The identity provider refused the sign-in: Ann said no',
      'an answer to another sign-in': 'This sign-in was not started in this browser',
      'a code that is not right': 'took too long',
      'a token that is over': 'took too long',
      'somebody without policies': 'No policy of this service belongs to you.',
      'somebody whose policies are not known here': 'No policy of this service belongs to you.',
    };
    issuer.browserAnswer = { back, claims: { policy: 'look', ...claims } };
    const page = await signInAtIssuer();
    await refusal(page, words[name] ?? 'What the identity provider said cannot be trusted.');
    expect(page.url()).toBe(`${setting.gateway.url}/minio/`);
    expect((await page.context().cookies()).map((each) => each.name)).toEqual(['portcullis-sign-in']);
  });

  test('asks the issuer for the claims that its token lacks, with the access token that came along', async () => {
    issuer.userInfo.set('Bearer of-ann', { sub: 'a-2', policy: 'look', preferred_username: 'ann.staff' });
    issuer.browserAnswer = { claims: { sub: 'a-2', aud: 'portcullis-staff' }, accessToken: 'of-ann' };
    const page = await setting.open();
    await page.getByRole('button', { name: 'Sign in with Staff ID' }).click();
    await page.getByText('ann.staff', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'photos', exact: true }).waitFor();
  });

  test('an address that somebody else made signs nobody in, and says nothing of theirs', async () => {
    const page = await setting.open();
    await page.goto(`${setting.gateway.url}/minio/oauth_callback?state=s&error=e&error_description=Call+555-0100`);
    await refusal(page, 'This sign-in was not started in this browser');
    expect(await page.getByText('555-0100').count()).toBe(0);
  });
});
