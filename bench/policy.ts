// npm run bench -- policy --workload FILE... [--json]: what one decision of the policy engine costs, in CPU time.
// A workload (.json or .json.gz) is a policy with requests and the outcome expected of each.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  authorize,
  compilePolicySet,
  type Decision,
  type PolicyProgram,
  type PolicyRequest,
  parsePolicy,
} from '../src/authz/policy/index.ts';
import { ROOT } from './child.ts';

interface WorkloadRequest {
  readonly user: string;
  readonly action: string;
  readonly bucket: string;
  readonly key: string;
  readonly context: Readonly<Record<string, string | readonly string[]>>;
  readonly expected: string;
}

interface Workload {
  readonly name: string;
  readonly policy: unknown;
  readonly requests: readonly WorkloadRequest[];
}

/** One line of the result. */
interface Row {
  readonly workload: string;
  readonly ns_per_decision: number;
  /** Share of the requests that were decided as expected. */
  readonly agreement: number;
  /** Reading and indexing the document, once. */
  readonly compile_ms: number;
}

const DEFAULT_WORKLOADS = ['W1', 'W2', 'W3', 'W4'].map((name) => join(ROOT, 'bench', 'workloads', `${name}.json.gz`));
const OUTCOMES: Readonly<Record<Decision['outcome'], string>> = {
  Allow: 'allow',
  ExplicitDeny: 'explicitDeny',
  ImplicitDeny: 'implicitDeny',
  EvaluationError: 'error',
  NeedsFacts: 'needsFacts',
};

/** Decisions of one timed batch: as many requests as a processor's cache holds. */
const BATCH = 250;
/** How much CPU time a measurement takes. */
const MEASURE_NS = 1_500_000_000;
const WARM_UP_NS = 500_000_000;
const COMPILATIONS = 5;

export async function run(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const files = args.filter((arg) => !arg.startsWith('--'));
  const rows = (files.length === 0 ? DEFAULT_WORKLOADS : files).map(measure);
  if (json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  process.stdout.write('workload              ns/decision  decisions/s  compile ms  agreement\n');
  for (const { workload, ns_per_decision, agreement, compile_ms } of rows) {
    const perSecond = Math.round(1e9 / ns_per_decision).toLocaleString('en');
    process.stdout.write(
      `${workload.padEnd(20)} ${ns_per_decision.toFixed(0).padStart(12)} ${perSecond.padStart(12)} ${compile_ms.toFixed(1).padStart(11)} ${agreement.toFixed(4).padStart(10)}\n`,
    );
  }
}

function measure(file: string): Row {
  const bytes = readFileSync(file);
  const workload = JSON.parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as Workload;
  const text = JSON.stringify(workload.policy);
  const compilations: number[] = [];
  let program = compile(text);
  for (let i = 0; i < COMPILATIONS; i++) {
    const began = cpuNs();
    program = compile(text);
    compilations.push((cpuNs() - began) / 1e6);
  }
  const { requests } = workload;
  const agreed = requests.filter((asked) => OUTCOMES[authorize(program, request(asked)).outcome] === asked.expected);
  decideFor(WARM_UP_NS, program, requests);
  const { ns, decisions } = decideFor(MEASURE_NS, program, requests);
  return {
    workload: workload.name ?? basename(file),
    ns_per_decision: Math.round((ns / decisions) * 10) / 10,
    agreement: agreed.length / requests.length,
    compile_ms: Math.round(median(compilations) * 100) / 100,
  };
}

function compile(text: string): PolicyProgram {
  const parsed = parsePolicy(text, { kind: 'identity', dialect: 'portcullis', name: 'workload' });
  if (!parsed.ok) throw new Error(`the workload's policy does not parse: ${JSON.stringify(parsed.issues[0])}`);
  return compilePolicySet({ identity: [parsed.policy] }, 'portcullis');
}

/** A request object of its own: nothing of an earlier decision is in it. */
function request({ user, action, bucket, key, context }: WorkloadRequest): PolicyRequest {
  const keys = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(context)) keys.set(name, typeof value === 'string' ? [value] : value);
  return { principal: { type: 'User', user, account: '' }, action, bucket, object: key, keys };
}

/** Decides fresh requests for so much CPU time; only the deciding is timed. */
function decideFor(
  atLeastNs: number,
  program: PolicyProgram,
  requests: readonly WorkloadRequest[],
): { ns: number; decisions: number } {
  let ns = 0;
  let decisions = 0;
  let allowed = 0;
  let next = 0;
  while (ns < atLeastNs) {
    const batch: PolicyRequest[] = [];
    for (let i = 0; i < BATCH; i++) batch.push(request(requests[next++ % requests.length] as WorkloadRequest));
    const began = cpuNs();
    for (const asked of batch) if (authorize(program, asked).outcome === 'Allow') allowed++;
    ns += cpuNs() - began;
    decisions += batch.length;
  }
  if (allowed > decisions) throw new Error('the decisions were not counted');
  return { ns, decisions };
}

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
