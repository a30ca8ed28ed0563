import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileStore } from './file-store.ts';
import type { ObjectBody, ObjectStore } from './object-store.ts';
import { PatientStore } from './patient-store.ts';

const PATIENCE = {
  ioRetries: 2,
  getTimeoutMs: 5_000,
  putTimeoutMs: 100,
  uploadBytesPerSecond: 0,
  downloadBytesPerSecond: 0,
};

test('a try that is too late does not touch what the next one stored', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-unseen-'));
  try {
    const files = new FileStore(`${folder}/`);
    let late: Promise<void> | undefined;
    // The first try begins to write, and goes on after its time.
    const slow: ObjectStore = Object.assign(Object.create(files) as ObjectStore, {
      put: (key: string, body: ObjectBody) => files.put(key, body),
      putUnseen: (key: string, body: ObjectBody) => {
        writeFileSync(join(folder, key), 'half');
        late = new Promise((resolve) => setTimeout(resolve, 400)).then(() => files.putUnseen(key, body));
        return late;
      },
    });
    const patient = new PatientStore(slow, PATIENCE);
    await patient.putUnseen('block', Buffer.from('whole'));
    expect(readFileSync(join(folder, 'block'), 'utf8')).toBe('whole');
    await late;
    expect(readFileSync(join(folder, 'block'), 'utf8')).toBe('whole');
    expect(readdirSync(folder)).toEqual(['block']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
