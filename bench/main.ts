// npm run bench -- SUITE [arguments]: repeatable benchmarks, each beside a named reference measured in the same run.

type Suite = { run(args: readonly string[]): Promise<void> };

const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  authz: () => import('./authz.ts'),
  console: () => import('./console.ts'),
  events: () => import('./events.ts'),
  gateway: () => import('./gateway.ts'),
  'volume-data': () => import('./volume-data.ts'),
  'volume-metadata': () => import('./volume-metadata.ts'),
  identities: () => import('./identities.ts'),
  policy: () => import('./policy.ts'),
};

const [name, ...args] = process.argv.slice(2);
const names = name === undefined ? Object.keys(SUITES) : [name];
for (const suite of names) {
  const load = SUITES[suite];
  if (load === undefined) {
    process.stderr.write(`unknown benchmark ${suite}; there are: ${Object.keys(SUITES).join(', ')}\n`);
    process.exit(2);
  }
  await (await load()).run(args);
}
