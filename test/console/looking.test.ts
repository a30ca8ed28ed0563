// Looking into objects at the console: previews of every kind, details, and names and contents that strangers chose.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { ROOT_KEYS } from '../harness/gateway.ts';
import { eventually } from '../harness/waiting.ts';
import { accessibilityFaults, hasChromium, keepScreenshot } from './browser.ts';
import { photosSetting } from './photos.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20" onload="top.document.title=\'svg\'"><script>top.document.title="svg"</script></svg>';
const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj
trailer<</Root 1 0 R>>`;

/** A second of silence. */
function wav(): Buffer {
  const rate = 8_000;
  const file = Buffer.alloc(44 + rate, 128);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + rate, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(rate, 28);
  file.writeUInt16LE(1, 32);
  file.writeUInt16LE(8, 34);
  file.write('data', 36);
  file.writeUInt32LE(rate, 40);
  return file;
}

describe.skipIf(!hasChromium())('looking into objects at the console', () => {
  const { setting, put, stored } = photosSetting();

  async function look(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name, exact: true }).click();
    await page.getByRole('tab', { name: 'Preview' }).waitFor();
  }

  test('shows pictures, sound, video, PDF and text, and offers the rest for download', async () => {
    await put('kinds/dot.png', PNG, { 'content-type': 'image/png' });
    await put('kinds/drawing.svg', SVG, { 'content-type': 'image/svg+xml' });
    await put('kinds/silence.wav', wav(), { 'content-type': 'audio/wav' });
    await put('kinds/film.webm', 'no film', { 'content-type': 'video/webm' });
    await put('kinds/paper.pdf', PDF, { 'content-type': 'application/pdf' });
    // what it is goes by its name where nobody said
    await put('kinds/notes.md', '# <b>Notes</b>', { 'content-type': 'application/octet-stream' });
    await put('kinds/page.html', '<script>top.document.title = "html"</script>', { 'content-type': 'text/html' });
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/kinds/');
    const isTrue = (what: string, script: string) =>
      eventually(what, async () => (await page.evaluate(script)) === true);

    await look(page, 'dot.png');
    await isTrue('the picture is shown', `document.querySelector('img.preview')?.naturalWidth === 1`);
    await page.keyboard.press('Escape');
    await look(page, 'drawing.svg');
    await isTrue('the drawing is shown', `document.querySelector('img.preview')?.naturalWidth === 30`);
    await page.keyboard.press('Escape');
    await look(page, 'silence.wav');
    await isTrue('the sound can be played', `document.querySelector('audio.preview')?.duration === 1`);
    await page.keyboard.press('Escape');
    await look(page, 'film.webm');
    await page.locator('video.preview[controls]').waitFor();
    await page.keyboard.press('Escape');
    await look(page, 'paper.pdf');
    await page.locator('iframe.preview[src^="blob:"][title="paper.pdf"]').waitFor();
    await page.keyboard.press('Escape');
    await look(page, 'notes.md');
    await page.locator('pre.preview').getByText('# <b>Notes</b>').waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await look(page, 'page.html');
    await page.getByText('There is no preview of this type.').waitFor();
    expect(await page.title()).toBe('Portcullis');
  });

  test('tells what is known of an object: its size, type, ETag, checksum, metadata and tags', async () => {
    await put('facts/known.txt', 'hello', {
      'content-type': 'text/plain; charset=utf-8',
      'content-language': 'de',
      'cache-control': 'max-age=60',
      'x-amz-meta-author': 'ann',
      'x-amz-tagging': 'team=red',
      'x-amz-checksum-crc32': 'NhCmhg==',
    });
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/facts/');
    await look(page, 'known.txt');
    await page.getByRole('tab', { name: 'Details' }).click();
    const facts = page.getByRole('tabpanel');
    for (const fact of [
      'facts/known.txt',
      '5 B (5)',
      'text/plain; charset=utf-8',
      '"5d41402abc4b2a76b9719d911017c592"',
      'NhCmhg==',
      'max-age=60',
      'STANDARD',
      'ann',
    ]) {
      await facts.getByText(fact, { exact: true }).waitFor();
    }
    await keepScreenshot(page, 'details');
    expect(await accessibilityFaults(page)).toEqual([]);
    // the arrows turn the pages
    await page.getByRole('tab', { name: 'Details' }).press('ArrowRight');
    await page.getByLabel('Key of tag 1').waitFor();
    expect(await page.getByLabel('Value of tag 1').inputValue()).toBe('red');
    expect(await page.evaluate('document.activeElement.id')).toBe('tab-tags');
    await page.keyboard.press('Escape');

    await page.getByLabel('Files to upload').setInputFiles({
      name: 'in-parts.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(17 << 20),
    });
    await look(page, 'in-parts.bin');
    await page.getByRole('tab', { name: 'Details' }).click();
    await page.getByText('Uploaded in parts').waitFor();
    await facts.getByText('2', { exact: true }).waitFor();
  });

  test('shows names and policies that look like markup, or hide something, as the text that they are', async () => {
    const names = ['<img src=x onerror=alert(1)>.txt', `"quoted" & 'more'.txt`, 'a\u202Egpj.exe', 'b ​.txt', '%2e%2e'];
    for (const name of names) await put(`strange/${name}`, 'x');
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/strange/');
    for (const shown of [names[0], names[1], 'a⟨U+202E⟩gpj.exe', 'b ⟨U+200B⟩.txt', names[4]]) {
      await page.getByRole('button', { name: shown ?? '', exact: true }).waitFor();
    }
    for (const name of names) expect(await stored(`strange/${name}`)).toBe('x');
    await look(page, names[4] ?? '');
    await page.getByText('There is no preview of this type.').waitFor();
    await page.keyboard.press('Escape');

    const policy = `say "hi" <b>x`;
    await page.evaluate(`location.hash = '#/policies'`);
    await page.getByRole('button', { name: 'Write a policy' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill(policy);
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('cell', { name: policy, exact: true }).waitFor();
    await page.getByRole('button', { name: `Delete ${policy}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('cell', { name: policy, exact: true }).waitFor({ state: 'detached' });
  });

  test('takes files and whole folders that are dropped on it', async () => {
    const folder = join(setting.folder, 'album');
    mkdirSync(join(folder, 'day one', 'deep'), { recursive: true });
    writeFileSync(join(folder, 'first.txt'), 'first');
    writeFileSync(join(folder, 'day one', 'deep', 'last.txt'), 'last');
    const single = join(setting.folder, 'single.txt');
    writeFileSync(single, 'single');
    const page = await setting.openAs(ROOT_KEYS, '#/files/photos/dropped/');
    await page.getByRole('button', { name: 'Upload files' }).waitFor();
    const session = await page.context().newCDPSession(page);
    const data = { items: [], files: [folder, single], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await session.send('Input.dispatchDragEvent', { type, x: 700, y: 400, data });
    }
    await page.getByText('Uploads: 3 of 3 done').waitFor();
    await page.getByRole('link', { name: 'album/' }).waitFor();
    expect(await stored('dropped/album/first.txt')).toBe('first');
    expect(await stored('dropped/album/day one/deep/last.txt')).toBe('last');
    expect(await stored('dropped/single.txt')).toBe('single');
  });
});
