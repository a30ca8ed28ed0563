// Stored policies that the dialect reads otherwise than the gateway of JuiceFS does are named in the log when the sidecar starts: each once,
// and nothing else.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryIamStore } from '../../src/authz/store/memory-store.ts';
import { serveAuthz } from '../../src/cli/authz.ts';
import { eventually } from '../harness/waiting.ts';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly subject?: string;
  readonly differences?: readonly string[];
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-readings-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const statement = (members: object): object => ({
  Effect: 'Allow',
  Action: 's3:GetObject',
  Resource: 'arn:aws:s3:::photos/*',
  ...members,
});
const document = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

const ALIKE = document(statement({}));
const POLICIES = new Map([
  ['alike', ALIKE],
  ['unlisted', document({ Effect: 'Allow', NotAction: 's3:DeleteObject', Resource: 'arn:aws:s3:::*' })],
  ['home', document(statement({ Resource: 'arn:aws:s3:::home/${aws:username}/*' }))],
]);

async function readings(
  dialect: 'portcullis' | 'juicefs',
  afterStart?: (store: MemoryIamStore) => void,
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const logger = pino({}, { write: (text) => void lines.push(JSON.parse(text) as Line) });
  const store = new MemoryIamStore({ policies: POLICIES });
  const running = await serveAuthz({
    listen: `unix:${join(folder, 'authz.sock')}`,
    store,
    root: { accessKey: 'rootuser', secretKey: 'root-secret-1' },
    dialect,
    logger,
  });
  try {
    if (afterStart !== undefined) {
      const loads = (): number => lines.filter(({ msg }) => msg.includes('are loaded')).length;
      const before = loads();
      afterStart(store);
      await eventually('the identities are read again', () => loads() > before);
    }
  } finally {
    await running.stop();
  }
  return lines.filter(({ msg }) => msg.includes('otherwise than juicefs'));
}

it('names each policy that reads otherwise, once, with what is different', async () => {
  const lines = await readings('portcullis');
  expect(lines.map(({ subject }) => subject)).toEqual(['policy unlisted', 'policy home']);
  expect(lines.every(({ level }) => level === 40)).toBe(true);
  expect(lines[0]?.differences?.join()).toMatch(/not valid in juicefs/);
  expect(lines[1]?.differences?.join()).toMatch(/literal text/);
});

it('does not name them again when identities are read again', async () => {
  const lines = await readings('portcullis', (store) =>
    store.change({ policies: new Map([...POLICIES, ['more', ALIKE]]) }),
  );
  expect(lines).toHaveLength(2);
});

it('has nothing to say where the dialect is juicefs itself', async () => {
  expect(await readings('juicefs')).toEqual([]);
});
