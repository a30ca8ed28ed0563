// `portcullis conformance run`: holds an engine against vectors. Everything that is said goes to standard output; the exit code is 0 only
// when nothing failed.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { departureOf } from '../../conformance/departing-vector.ts';
import { reportJson, reportText } from '../../conformance/report.ts';
import { type RunResult, runVectors } from '../../conformance/run.ts';
import { CommandTarget } from '../../conformance/targets/command.ts';
import { GrpcTarget } from '../../conformance/targets/grpc.ts';
import { InProcessTarget } from '../../conformance/targets/in-process.ts';
import { type Target, TargetError } from '../../conformance/targets/target.ts';
import { DIALECT_NAMES } from '../authz/policy/index.ts';
import { UsageError } from './root-credentials.ts';
import { readToken } from './token-file.ts';
import { packageRoot } from './version.ts';

interface RunFlags {
  readonly vectors?: string;
  readonly dialect?: string;
  readonly family?: string;
  readonly target: string;
  readonly tokenFile?: string;
  readonly json?: string;
}

const EXAMPLES = `
Examples:
  portcullis conformance run
  portcullis conformance run --dialect ceph --family 'ceph-*'
  portcullis conformance run --target grpc:unix:/run/portcullis/authz.sock
  portcullis conformance run --target 'command:python3 adapter.py' --json report.json
`;

/** The `conformance` subcommand. */
export function conformanceCommand(): Command {
  const run = new Command('run')
    .description('hold a policy engine against vectors: questions with the answers that are right')
    .option('--vectors <DIR>', 'folder of *.jsonl and *.jsonl.gz (default: those of this package)')
    .addOption(new Option('--dialect <NAME>', 'only the expectations of this dialect').choices(DIALECT_NAMES))
    .option('--family <GLOB>', 'only families that match')
    .option('--target <TARGET>', 'in-process, grpc:ADDRESS, or command:CMD', 'in-process')
    .option('--token-file <FILE>', 'file with the token that a sidecar over TCP wants')
    .option('--json <FILE>', 'also write the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: RunFlags) => {
      const result = await runConformance(flags);
      if (flags.json !== undefined) writeReport(flags.json, reportJson(result));
      process.stdout.write(reportText(result));
      // A run that chose nothing has shown nothing.
      process.exitCode = result.failed === 0 && result.lines > 0 ? 0 : 1;
    });
  return new Command('conformance')
    .description('the suite that says what a policy engine has to answer')
    .addCommand(run);
}

async function runConformance({ vectors, dialect, family, target: name, tokenFile }: RunFlags): Promise<RunResult> {
  const folder = vectors ?? join(packageRoot(), 'conformance', 'vectors');
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new UsageError(`--vectors: there is no folder ${folder}`);
  }
  const target = await openTarget(name, tokenFile === undefined ? undefined : readToken(tokenFile));
  try {
    return await runVectors({
      folder,
      target,
      dialects: new Set(DIALECT_NAMES),
      dialect,
      family,
      departure: departureOf,
    });
  } finally {
    await target.close();
  }
}

async function openTarget(name: string, token: string | undefined): Promise<Target> {
  try {
    if (name === 'in-process') return new InProcessTarget();
    if (name.startsWith('grpc:')) return await GrpcTarget.connect({ address: name.slice('grpc:'.length), token });
    if (name.startsWith('command:')) return await CommandTarget.start(name.slice('command:'.length));
  } catch (error) {
    if (error instanceof TargetError) throw new UsageError(`--target: ${error.message}`);
    throw error;
  }
  throw new UsageError(`--target must be in-process, grpc:ADDRESS or command:CMD, not ${JSON.stringify(name)}`);
}

function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new UsageError(`--json: cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
