// What `--help` shows as defaults can be typed as it stands, and says what a person would.
import { expect, it } from 'vitest';
import { runCommand } from '../harness/run-command.ts';

it('shows the defaults of the sidecar in the units that people write', async () => {
  const { code, stdout } = await runCommand(['authz', '--help']);
  expect(code).toBe(0);
  const text = stdout.replaceAll(/\s+/g, ' ');
  expect(text).toMatch(/--refresh-iam-interval <DURATION> [^-]*\(default: 5m\)/);
  expect(text).toMatch(/--audit-rotate-size <SIZE> [^-]*\(default: 100M\)/);
});
