// npm run fuzz [-- PAIRS [SEED]]: the long runs. npm run fuzz -- http [REQUESTS [SEED]]: random requests to a gateway out of the build. Random documents and requests against the reference evaluator, the properties over many
// cases, and the search for differences over many changes. Prints the seed, so that a failure can be had again.
import fc from 'fast-check';
import { diffPolicies } from '../../src/authz/policy-diff/diff-policies.ts';
import { compareWithReference } from './differential.ts';
import { withFuzzedGateway } from './http-fuzz-gateway.ts';
import { mutations } from './policy-mutations.ts';
import { POLICY_PROPERTIES } from './policy-properties.ts';

const isHttp = process.argv[2] === 'http';
const [first, second] = process.argv.slice(isHttp ? 3 : 2);
const pairs = Number(first ?? (isHttp ? 100_000 : 1_000_000));
const seed = Number(second ?? Date.now() % 2 ** 31);
const runs = Math.ceil(pairs / 5);
const changes = Math.ceil(pairs / 1_000);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

say(`seed ${seed}`);
if (isHttp) {
  const { statuses } = await withFuzzedGateway(pairs, seed, say);
  say(`${pairs} requests: no fault, no crash, and nothing changed by what was refused`);
  for (const [status, count] of [...statuses].sort(([a], [b]) => a - b)) say(`  ${status}: ${count}`);
  process.exit(0);
}
const { compared, unreadable, outcomes } = compareWithReference(pairs, seed, (done) => say(`${done} pairs agree`));
say(`the engine and the reference agree on ${compared} pairs (${unreadable} documents are not valid)`);
for (const [outcome, count] of Object.entries(outcomes).sort()) say(`  ${outcome}: ${count}`);
for (const [name, property] of Object.entries(POLICY_PROPERTIES)) {
  fc.assert(property, { numRuns: runs, seed });
  say(`held in ${runs} cases: ${name}`);
}
let found = 0;
for (const { kind, before, after } of mutations(changes, seed)) {
  const diff = diffPolicies(before, after, { kind, dialect: 'portcullis', bucket: 'photos' });
  if (diff.kind === 'compared' && diff.newlyAllowed.length + diff.newlyDenied.length > 0) found += 1;
  else say(`not found: ${before}\n       now: ${after}`);
}
say(`differences found: ${found} of ${changes}`);
if (found < changes * 0.99) process.exitCode = 1;
