// The console in a real Chromium: 10,000 small files and one of 2 GiB go up while the memory of the tab and of the gateway is watched, and
// a folder of 100,000 entries is opened. `npm run bench -- console files|large|folder` runs one of them.
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { openVolume } from '../src/juicefs/index.ts';
import { launchBrowser, signIn, visit } from '../test/console/browser.ts';
import { processes, residentBytes } from '../test/harness/processes.ts';
import { CLI, startChild } from './child.ts';
import { send } from './signed-request.ts';

const CREDENTIALS = { accessKey: 'bench-root', secretKey: 'bench-root-secret' };
const BUCKET = 'bench-bucket';
const FILES = 10_000;
const LARGE_BYTES = 2 * 2 ** 30;
const ENTRIES = 100_000;
/** Between two looks at the memory, milliseconds. */
const EVERY_MS = 5_000;
/** Looks that may pass while the page and the gateway warm up. */
const WARM_UP = 2;
const PATIENCE_MS = 20 * 60_000;

interface Place {
  readonly folder: string;
  readonly metaUrl: string;
  readonly browser: Browser;
  readonly page: Page;
  /** Resident bytes of the tab, and of the gateway with its sidecar. */
  readonly memory: () => Promise<{ tab: number; gateway: number }>;
}

type Part = (place: Place) => Promise<void>;
const PARTS: Readonly<Record<string, Part>> = { folder: openLargeFolder, files: uploadFiles, large: uploadLarge };

export async function run(args: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  const metaUrl = `sqlite3://${join(folder, 'meta.db')}`;
  execFileSync(process.execPath, [
    CLI,
    'format',
    '--storage',
    'file',
    '--bucket',
    `${folder}/objects/`,
    metaUrl,
    'bench',
  ]);
  const parts = args.length > 0 ? args : Object.keys(PARTS);
  if (parts.includes('folder')) await fillFolder(metaUrl);
  const port = await freePort();
  const gateway = await startChild(
    [CLI, 'gateway', '--multi-buckets', '--keep-etag', '--workers', '1', '--quiet', metaUrl, `127.0.0.1:${port}`],
    (line) => line.startsWith('Endpoint'),
    { MINIO_ROOT_USER: CREDENTIALS.accessKey, MINIO_ROOT_PASSWORD: CREDENTIALS.secretKey },
  );
  const browser = await launchBrowser();
  try {
    // A folder that was filled is the bucket already.
    if (!parts.includes('folder')) await send({ host: '127.0.0.1', port, ...CREDENTIALS }, 'PUT', `/${BUCKET}`);
    const { page } = await visit(browser, `http://127.0.0.1:${port}`);
    await signIn(page, CREDENTIALS);
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    const session = await browser.newBrowserCDPSession();
    const place = { folder, metaUrl, browser, page, memory: () => memoryOf(session, gateway.pid) };
    for (const part of parts) await (PARTS[part] ?? unknownPart(part))(place);
  } finally {
    await browser.close();
    await gateway.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function unknownPart(part: string): never {
  throw new Error(`there is no ${part}; there are: ${Object.keys(PARTS).join(', ')}`);
}

async function fillFolder(metaUrl: string): Promise<void> {
  const volume = await openVolume(metaUrl, { backgroundJobs: false });
  const began = performance.now();
  for (let i = 0; i < ENTRIES; i++) {
    await volume.create([BUCKET, 'many', `${String(i).padStart(6, '0')}.txt`]).commit();
  }
  process.stdout.write(`${ENTRIES} entries were made in ${ms(performance.now() - began)}\n`);
  await volume.close();
}

async function openLargeFolder({ page }: Place): Promise<void> {
  for (const round of ['first', 'second', 'third']) {
    await open(page, '#/buckets');
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    const start = performance.now();
    await open(page, `#/files/${BUCKET}/many/`);
    await page.getByRole('button', { name: '000005.txt', exact: true }).waitFor();
    const shown = performance.now() - start;
    await page.getByText(`${ENTRIES} entries`, { exact: true }).waitFor({ timeout: PATIENCE_MS });
    const whole = performance.now() - start;
    process.stdout.write(
      `a folder of ${ENTRIES} entries, ${round} time: shown after ${ms(shown)}, all of it there after ${ms(whole)}\n`,
    );
  }
}

async function uploadFiles(place: Place): Promise<void> {
  const files = join(place.folder, 'small');
  mkdirSync(files);
  for (let i = 0; i < FILES; i++) writeFileSync(join(files, `${i}.txt`), `small file ${i}`);
  await open(place.page, `#/files/${BUCKET}/uploads/`);
  await place.page.getByLabel('Folder to upload').setInputFiles(files);
  await watch(place, `${FILES} files`, `Uploads: ${FILES} of ${FILES} done`);
}

async function uploadLarge(place: Place): Promise<void> {
  const file = join(place.folder, 'large.bin');
  const handle = openSync(file, 'w');
  ftruncateSync(handle, LARGE_BYTES);
  closeSync(handle);
  await open(place.page, `#/files/${BUCKET}/large/`);
  const clear = place.page.getByRole('button', { name: 'Clear', exact: true });
  if ((await clear.count()) > 0) await clear.click();
  await place.page.getByLabel('Files to upload').setInputFiles(file);
  await watch(place, '2 GiB', 'Uploads: 1 of 1 done');
}

/** Looks at the memory until the page says that all is done. */
async function watch({ page, memory }: Place, what: string, done: string): Promise<void> {
  const start = performance.now();
  const looks: { tab: number; gateway: number }[] = [];
  while ((await page.getByText(done, { exact: true }).count()) === 0) {
    if (performance.now() - start > PATIENCE_MS) throw new Error(`${what} did not go up in time`);
    const look = await memory();
    looks.push(look);
    const progress = await page.getByText(/^Uploads: \d+ of/).allTextContents();
    process.stdout.write(
      `  ${ms(performance.now() - start)}: tab ${mib(look.tab)}, gateway ${mib(look.gateway)}, ${progress}\n`,
    );
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  const seconds = performance.now() - start;
  const warm = looks.length > WARM_UP ? looks.slice(WARM_UP) : looks;
  const range = (part: 'tab' | 'gateway'): string => {
    const values = warm.map((look) => look[part]);
    return `${mib(Math.min(...values))} to ${mib(Math.max(...values))}`;
  };
  process.stdout.write(`${what} went up in ${ms(seconds)}; tab ${range('tab')}, gateway ${range('gateway')}\n`);
}

async function memoryOf(session: CDPSession, gateway: number): Promise<{ tab: number; gateway: number }> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const tab = processInfo.filter(({ type }) => type === 'renderer').reduce((sum, { id }) => sum + residentBytes(id), 0);
  const group = processes().find(({ pid }) => pid === gateway)?.group;
  const ours = processes().filter((each) => each.group === group && /cli\/main\.js|gateway-worker/.test(each.command));
  return { tab, gateway: ours.reduce((sum, { pid }) => sum + residentBytes(pid), 0) };
}

async function open(page: Page, fragment: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(fragment)}`);
}

function ms(milliseconds: number): string {
  return milliseconds < 10_000 ? `${Math.round(milliseconds)} ms` : `${Math.round(milliseconds / 1000)} s`;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => done(port));
    });
  });
}
