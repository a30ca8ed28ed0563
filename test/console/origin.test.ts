// What keeps a session its owner's: cookies over TLS, guessing slowed down by the client's own address behind a proxy, and pages of other
// sites in the same browser, which can neither act in the session's name nor show the console inside themselves.
import { createServer, type Server } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAuthority } from '../harness/certificates.ts';
import { type Gateway, logsOnFailure, ROOT_KEYS, startGateway } from '../harness/gateway.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { hasChromium, launchBrowser, signIn, visit } from './browser.ts';

const SESSION_CALL = '/minio/console/api/session';

describe.skipIf(!hasChromium())('a session of the console', () => {
  let folder: string;
  let metaUrl: string;
  let browser: Browser;
  let gateway: Gateway;
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    folder = makeTempFolder();
    ({ metaUrl } = await formatTestVolume(folder));
    gateway = await startGateway({
      metaUrl,
      flags: ['--multi-buckets', '--workers', '1', '--trusted-proxy', '127.0.0.1'],
    });
    expect((await gateway.client.send({ method: 'PUT', keys: ROOT_KEYS, bucket: 'photos' })).status).toBe(200);
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.dispose();
    removeTempFolder(folder);
  });

  test('over TLS is carried by a cookie that no unencrypted answer and no neighbour can set', async () => {
    const server = new TestAuthority(folder, 'authority').issue('localhost', 'serverAuth');
    const secure = await startGateway({
      metaUrl,
      flags: ['--multi-buckets', '--workers', '1', '--tls-cert', server.certFile, '--tls-key', server.keyFile],
      isUp: (port) => answersOverTls(port),
    });
    try {
      const url = `https://127.0.0.1:${secure.port}`;
      const { context, page, faults } = await visit(browser, url, { anyCertificate: true });
      await context.addCookies([{ name: 'portcullis-console', value: 'planted', url: `${url}/minio/` }]);
      await signIn(page, ROOT_KEYS);
      await page.getByRole('heading', { name: 'Buckets' }).waitFor();
      const cookie = (await context.cookies()).find(({ name }) => name.startsWith('__Host-'));
      expect(cookie).toMatchObject({
        name: '__Host-portcullis-console',
        secure: true,
        httpOnly: true,
        sameSite: 'Strict',
        path: '/',
      });
      // its value under the name that a neighbour could set is nobody's session
      await context.clearCookies();
      await context.addCookies([{ name: 'portcullis-console', value: cookie?.value ?? '', url: `${url}/minio/` }]);
      await page.reload();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await context.close();
      expect(faults).toEqual([]);
    } finally {
      await secure.dispose();
    }
  });

  test('behind a trusted proxy guessing is slowed down by the address of the client, not of the proxy', async () => {
    const attempt = (from: string, secretKey: string): Promise<Response> =>
      fetch(`${gateway.url}${SESSION_CALL}`, {
        method: 'POST',
        body: JSON.stringify({ accessKey: ROOT_KEYS.accessKey, secretKey }),
        headers: { 'x-portcullis-console': '1', 'x-forwarded-for': from, 'x-forwarded-proto': 'https' },
      });
    for (let i = 0; i < 10; i++) expect((await attempt('198.51.100.1', 'wrong-secret')).status).toBe(403);
    expect((await attempt('198.51.100.1', ROOT_KEYS.secretKey)).status).toBe(429);
    // what the client itself claims to come from counts for nothing
    expect((await attempt('203.0.113.9, 198.51.100.1', ROOT_KEYS.secretKey)).status).toBe(429);
    const other = await attempt('198.51.100.2', ROOT_KEYS.secretKey);
    expect(other.status).toBe(200);
    expect(other.headers.get('set-cookie')).toMatch(
      /^__Host-portcullis-console=[\w-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/,
    );
  });

  test('is of no use to a page of another site in the same browser, which cannot show the console either', async () => {
    const { context, page, faults } = await visit(browser, gateway.url);
    await signIn(page, ROOT_KEYS);
    await page.getByRole('link', { name: 'photos', exact: true }).waitFor();
    const site = await startSite(hostilePage(gateway.url));
    try {
      const hostile = await context.newPage();
      // the same host under another name, so that it is another site
      await hostile.goto(site.url.replace('127.0.0.1', 'localhost'));
      await hostile.waitForFunction('document.title === "done"');
      // a frame that was refused shows an error page of the browser's own, without the console in it
      expect(await hostile.frameLocator('iframe').getByText('Portcullis').count()).toBe(0);
      expect(await hostile.evaluate('window.answers')).toEqual(['refused', 'refused', 'refused', 'refused']);
      // and what a form of such a page sends is no request of the console
      await hostile.evaluate('document.querySelector("form").submit()');
      await hostile.waitForURL(/minio\/console/);
      expect(await hostile.locator('body').innerText()).toContain('CrossOrigin');

      // the same site, another port: the cookie comes along, and the request is refused all the same
      await hostile.goto(site.url);
      await hostile.waitForFunction('document.title === "done"');
      expect(await hostile.evaluate('window.answers')).toEqual(['refused', 'refused', 'refused', 'refused']);
      for (const key of ['planted', 'posted']) {
        expect((await gateway.client.send({ bucket: 'photos', key, keys: ROOT_KEYS })).status).toBe(404);
      }
      await page.reload();
      await page.getByRole('link', { name: 'photos', exact: true }).waitFor();
    } finally {
      site.server.close();
      site.server.closeAllConnections();
      await context.close();
    }
    expect(faults).toEqual([]);
  });

  test('ends in every answer that is the page', async () => {
    const browserHeaders = { 'user-agent': 'Mozilla/5.0' };
    for (const path of ['/minio/', '/minio/login', '/minio/oauth_callback?state=s', '/minio/nothing']) {
      const { headers } = await fetch(`${gateway.url}${path}`, { headers: browserHeaders });
      expect(headers.get('x-frame-options'), path).toBe('DENY');
      expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
      expect(headers.get('content-security-policy'), path).toContain("script-src 'self';");
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(headers.get('referrer-policy'), path).toBe('same-origin');
    }
  });
});

/** Tries what a hostile page may try, and says of each try whether it was answered. */
function hostilePage(gateway: string): string {
  const tries = [
    `fetch('${gateway}/minio/console/api/session', { credentials: 'include' })`,
    `fetch('${gateway}/minio/console/s3/photos/planted', { method: 'PUT', body: 'x', credentials: 'include' })`,
    `fetch('${gateway}/minio/console/s3/photos/planted', { method: 'PUT', body: 'x', credentials: 'include', headers: { 'x-portcullis-console': '1' } })`,
    `fetch('${gateway}/minio/console/api/session', { method: 'DELETE', credentials: 'include', mode: 'no-cors', headers: { 'content-type': 'text/plain' } })`,
  ];
  return `<!doctype html><iframe src="${gateway}/minio/"></iframe>
<form method="post" action="${gateway}/minio/console/s3/photos/posted"><input name="a" value="b"></form>
<script>
Promise.all([${tries.join(',')}].map((each) => each.then((answer) => answer.ok ? 'answered' : 'refused', () => 'refused')))
  .then((answers) => { window.answers = answers; document.title = 'done'; });
</script>`;
}

async function startSite(html: string): Promise<{ server: Server; url: string }> {
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { server, url: `http://127.0.0.1:${port}/` };
}

function answersOverTls(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    httpsRequest(
      { host: '127.0.0.1', port, path: '/minio/health/ready', rejectUnauthorized: false, agent: false },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    )
      .on('error', () => resolve(false))
      .end();
  });
}
