// Directories that last as long as a test file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A new directory, removed after the tests of the file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-test-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
