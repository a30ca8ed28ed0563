#!/usr/bin/env node
// The `portcullis` command: its subcommands, and the one place where a failure becomes an exit code.
import { Command, CommanderError } from 'commander';
import { addFlags, GATEWAY_FLAGS, GLOBAL_FLAGS, PORTCULLIS_FLAGS } from './gateway-flags.ts';
import { flagsOf, type GoFlag, normalizeGoFlags } from './go-flags.ts';
import { UsageError } from './root-credentials.ts';
import { VERSION } from './version.ts';

/** Subcommands are loaded when they are asked for, so that a worker starts fast. */
const SUBCOMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  authz: async () => (await import('./authz.ts')).authzCommand(),
  gateway: async () => (await import('./gateway.ts')).gatewayCommand(),
  start: async () => (await import('./start.ts')).startCommand(),
  format: async () => (await import('./format.ts')).formatCommand(),
  config: async () => (await import('./config.ts')).configCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  info: async () => (await import('./info.ts')).infoCommand(),
  fsck: async () => (await import('./fsck.ts')).fsckCommand(),
  gc: async () => (await import('./gc.ts')).gcCommand(),
  dump: async () => (await import('./dump.ts')).dumpCommand(),
  load: async () => (await import('./load.ts')).loadCommand(),
  destroy: async () => (await import('./destroy.ts')).destroyCommand(),
  conformance: async () => (await import('./conformance.ts')).conformanceCommand(),
  iam: async () => (await import('./iam.ts')).iamCommand(),
  policy: async () => (await import('./policy.ts')).policyCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
};

/** Those on a volume, as the JuiceFS client has them. */
const VOLUME_SUBCOMMANDS = new Set(['format', 'config', 'status', 'info', 'fsck', 'gc', 'dump', 'load', 'destroy']);

async function main(argv: readonly string[]): Promise<void> {
  if (argv[0] === 'gateway-worker') {
    await (await import('./gateway-worker.ts')).runGatewayWorker();
    return;
  }
  const asked = argv.find((argument) => Object.hasOwn(SUBCOMMANDS, argument));
  const args = asked === undefined ? argv : normalizeGoFlags(argv, await goFlags(asked));
  const program = new Command('portcullis')
    .description('authorization for S3: a policy sidecar, and an S3 gateway for JuiceFS that obeys it')
    .version(VERSION, '-V, --version')
    .enablePositionalOptions(false)
    .exitOverride();
  addFlags(program, GLOBAL_FLAGS);
  for (const [name, load] of Object.entries(SUBCOMMANDS)) {
    if (asked === undefined || asked === name) program.addCommand((await load()).exitOverride());
  }
  await program.parseAsync(args as string[], { from: 'user' });
}

/** Those that a subcommand takes in Go's forms: it has them from the JuiceFS client. */
async function goFlags(subcommand: string): Promise<GoFlag[]> {
  if (subcommand === 'gateway') return [...GATEWAY_FLAGS, ...PORTCULLIS_FLAGS, ...GLOBAL_FLAGS];
  const load = VOLUME_SUBCOMMANDS.has(subcommand) ? SUBCOMMANDS[subcommand] : undefined;
  return load === undefined ? [] : [...flagsOf(await load()), ...GLOBAL_FLAGS];
}

/** Says why the command failed, and answers the exit code. */
function report(error: unknown): number {
  // commander has printed its message; asking for help is no failure.
  if (error instanceof CommanderError) return error.exitCode;
  if (error instanceof UsageError) {
    process.stderr.write(`portcullis: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(`portcullis: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

// A failed command ends at once, whatever it had opened: a supervised sidecar's lifeline would keep it alive.
main(process.argv.slice(2)).catch((error: unknown) => process.exit(report(error)));
