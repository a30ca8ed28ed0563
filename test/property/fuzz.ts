// The long runs; CI has short ones. Each prints its seed, so that a failure can be had again.
//   npm run fuzz [-- PAIRS [SEED]]         documents and requests against the reference evaluators, properties, and differences of policies
//   npm run fuzz -- diff [CHANGES [SEED]]  whether `policy diff` finds what was changed
//   npm run fuzz -- http [REQUESTS [SEED]] random requests to a gateway out of the build
import fc from 'fast-check';
import { compareWithReference } from './differential.ts';
import { findDifferences } from './found-differences.ts';
import { withFuzzedGateway } from './http-fuzz-gateway.ts';
import { POLICY_PROPERTIES } from './policy-properties.ts';

const RUNS = { policy: 1_000_000, diff: 1_000, http: 100_000 } as const;

const mode = process.argv[2] === 'http' || process.argv[2] === 'diff' ? process.argv[2] : 'policy';
const [first, second] = process.argv.slice(mode === 'policy' ? 2 : 3);
const runs = Number(first ?? RUNS[mode]);
const seed = Number(second ?? Date.now() % 2 ** 31);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function fuzzGateway(): Promise<void> {
  const { statuses } = await withFuzzedGateway(runs, seed, say);
  say(`${runs} requests: no fault, no crash, and nothing changed by what was refused`);
  for (const [status, count] of [...statuses].sort(([a], [b]) => a - b)) say(`  ${status}: ${count}`);
}

function fuzzEngine(): void {
  const { compared, unreadable, outcomes } = compareWithReference(runs, seed, (done) => say(`${done} pairs agree`));
  say(`the engine and the references agree on ${compared} pairs (${unreadable} documents are not valid)`);
  for (const [outcome, count] of Object.entries(outcomes).sort()) say(`  ${outcome}: ${count}`);
  const cases = Math.ceil(runs / 5);
  for (const [name, property] of Object.entries(POLICY_PROPERTIES)) {
    fc.assert(property, { numRuns: cases, seed });
    say(`held in ${cases} cases: ${name}`);
  }
}

/** Fails where fewer than 99 in a hundred are found. */
function fuzzDifferences(changes: number): void {
  const { found, witnesses, missed } = findDifferences(changes, seed);
  for (const documents of missed) say(`not found: ${documents}`);
  const share = ((found / changes) * 100).toFixed(1);
  say(`differences found: ${found} of ${changes} (${share} %); ${witnesses} witnesses, each decided again`);
  if (found < changes * 0.99) process.exitCode = 1;
}

say(`seed ${seed}`);
switch (mode) {
  case 'http':
    await fuzzGateway();
    process.exit(0);
    break;
  case 'diff':
    fuzzDifferences(runs);
    break;
  case 'policy':
    fuzzEngine();
    fuzzDifferences(Math.ceil(runs / 1_000));
}
