// A real Chromium for the console's tests: the system's own, driven by playwright-core. Screenshots go to PORTCULLIS_SCREENSHOTS.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { AxeBuilder, type Finding } from './axe.ts';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const program = process.env.PORTCULLIS_CHROMIUM ?? PROGRAMS.find((path) => existsSync(path));

/** Nothing of the browser's own business goes out to the network. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A name that is no loopback address, as people's own are: browsers trust those less without TLS.
  '--host-resolver-rules=MAP files.example 127.0.0.1',
];

/** Whether browser tests can run here; says so when they cannot. */
export function hasChromium(): boolean {
  if (program !== undefined) return true;
  if (process.env.PORTCULLIS_CI === '1') throw new Error('PORTCULLIS_CI=1, and Chromium is not installed');
  process.stderr.write('\nSKIPPED: tests of the console, because Chromium is not installed here\n\n');
  return false;
}

export async function launchBrowser(): Promise<Browser> {
  if (program === undefined) throw new Error('Chromium is not installed');
  return chromium.launch({ executablePath: program, args: FLAGS });
}

export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page's scripts threw, and what the Content-Security-Policy stopped. */
  readonly faults: string[];
}

/** A person with a browser of their own, at the console's sign-in. */
export async function visit(
  browser: Browser,
  url: string,
  options: { locale?: string; width?: number; dark?: boolean; anyCertificate?: boolean } = {},
): Promise<Visitor> {
  const context = await browser.newContext({
    locale: options.locale ?? 'en-US',
    viewport: { width: options.width ?? 1200, height: 800 },
    colorScheme: options.dark === true ? 'dark' : 'light',
    acceptDownloads: true,
    ignoreHTTPSErrors: options.anyCertificate === true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(`${url}/`);
  return { context, page, faults };
}

export async function signIn(page: Page, keys: { accessKey: string; secretKey: string }): Promise<void> {
  await page.getByLabel('Access key').fill(keys.accessKey);
  await page.getByLabel('Secret key').fill(keys.secretKey);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Keeps a picture of the page, where somebody wants to look at it. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.PORTCULLIS_SCREENSHOTS;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Faults of accessibility that axe-core calls serious or worse. */
export async function accessibilityFaults(page: Page): Promise<Finding[]> {
  return new AxeBuilder(page).serious();
}
