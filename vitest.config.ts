import { defineConfig } from 'vitest/config';

/** Continuous integration runs everything at once on small machines: what is slow there is not broken. */
const CI = process.env.PORTCULLIS_CI === '1';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'conformance/**/*.test.ts', 'bench/**/*.test.ts'],
    testTimeout: CI ? 180_000 : 60_000,
    hookTimeout: CI ? 300_000 : 120_000,
    // A server or client that a busy machine starves gets another try, and is named; .ci/run tries a whole file anew after that.
    retry: CI ? 1 : 0,
    // Polling ends with what is there; a machine that is busy has its time.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
