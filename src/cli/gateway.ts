// `portcullis gateway META-URL ADDRESS`: reads the command line, then runs the primary process.
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { defaultLogFile, isBackgroundProcess, reportToForeground, runBackground } from './background.ts';
import { addFlags, flagsWithoutEffect, GATEWAY_FLAGS, GLOBAL_FLAGS, PORTCULLIS_FLAGS } from './gateway-flags.ts';
import { runGatewayPrimary } from './gateway-primary.ts';
import { type GatewaySettings, readGatewaySettings } from './gateway-settings.ts';
import { UsageError } from './root-credentials.ts';

/** The `gateway` subcommand. */
export function gatewayCommand(): Command {
  const command = new Command('gateway')
    .description('start an S3 gateway on a JuiceFS volume; every request is decided by the authorization sidecar')
    .argument(
      '<META-URL>',
      'metadata engine of the volume, e.g. redis://localhost:6379/1 or sqlite3:///var/lib/jfs/meta.db',
    )
    .argument('<ADDRESS>', 'address to listen on, e.g. localhost:9000')
    .addHelpText(
      'after',
      '\nThe root user is MINIO_ROOT_USER and MINIO_ROOT_PASSWORD of the environment.\nExample: portcullis gateway --multi-buckets sqlite3:///var/lib/jfs/meta.db localhost:9000',
    );
  addFlags(command, GATEWAY_FLAGS);
  addFlags(command, PORTCULLIS_FLAGS);
  addFlags(command, GLOBAL_FLAGS);
  return command.action(async (metaUrl: string, address: string, _options, self: Command) => {
    const settings = readGatewaySettings(metaUrl, address, self.optsWithGlobals(), process.env, availableParallelism());
    const inactive = flagsWithoutEffect(process.argv);
    await serveGateway(settings, inactive);
  });
}

/** Runs a gateway until it is told to end; in the background if the settings say so. */
export async function serveGateway(
  settings: GatewaySettings,
  flagsThatDoNotAct: readonly string[],
  onServing: () => void = () => undefined,
): Promise<void> {
  const inBackground = isBackgroundProcess(process.env);
  if (settings.background && !inBackground) {
    const log = resolve(settings.logFile ?? defaultLogFile(process.getuid?.() ?? 1));
    const pid = await runBackground(process.argv, log);
    process.stdout.write(`gateway is running in the background, pid ${pid}, log ${log}\n`);
    return;
  }
  try {
    await runGatewayPrimary(settings, flagsThatDoNotAct, () => {
      reportToForeground({ type: 'serving' });
      onServing();
    });
  } catch (error) {
    if (error instanceof UsageError) reportToForeground({ type: 'failed', message: error.message });
    throw error;
  }
}
