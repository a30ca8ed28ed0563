// Where the audit log goes: a file that is rotated, standard output, a webhook; and what happens while it cannot be written.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AuditTrouble, BufferedSink, type LineWriter } from '../authz/audit/buffered-sink.ts';
import {
  DEFAULT_ROTATION,
  RotatedFileWriter,
  type RotationOptions,
  StandardOutputWriter,
  WebhookWriter,
} from '../authz/audit/line-writers.ts';
import type { Logger } from './logger.ts';
import { UsageError } from './root-credentials.ts';
import { readToken } from './token-file.ts';

export interface AuditOptions {
  /** A file, or '-' for standard output. */
  readonly auditLog?: string | undefined;
  readonly auditRotation?: RotationOptions | undefined;
  readonly auditWebhook?: string | undefined;
  readonly auditWebhookToken?: string | undefined;
  /** No answer is given whose line is not kept. */
  readonly auditRequired?: boolean | undefined;
}

export interface AuditFlags {
  readonly auditLog?: string;
  readonly auditRotateSize: number;
  readonly auditRotateKeep: number;
  readonly auditWebhook?: string;
  readonly auditWebhookTokenFile?: string;
  readonly auditRequired?: boolean;
}

export function addAuditFlags(command: Command): Command {
  return command
    .option('--audit-log <FILE>', 'append one JSON line a decision; - is standard output')
    .addOption(
      new Option('--audit-rotate-size <SIZE>', 'size at which FILE is put aside')
        .argParser(size)
        .default(DEFAULT_ROTATION.maxBytes, '100M'),
    )
    .option('--audit-rotate-keep <N>', 'files put aside that are kept', count, DEFAULT_ROTATION.keep)
    .option('--audit-webhook <URL>', 'post the lines to a URL, as application/x-ndjson')
    .option('--audit-webhook-token-file <FILE>', 'file with the bearer token for the webhook')
    .option('--audit-required', 'give no answer whose line cannot be kept');
}

export function auditOptions(flags: AuditFlags): AuditOptions {
  const tokenFile = flags.auditWebhookTokenFile;
  return {
    auditLog: flags.auditLog,
    auditRotation: { maxBytes: flags.auditRotateSize, keep: flags.auditRotateKeep },
    auditWebhook: flags.auditWebhook,
    auditWebhookToken: tokenFile === undefined ? undefined : readToken(tokenFile, '--audit-webhook-token-file'),
    auditRequired: flags.auditRequired === true,
  };
}

/** Opens what was asked for. Throws UsageError. */
export async function openAuditSinks(options: AuditOptions, logger: Logger): Promise<BufferedSink[]> {
  const { auditLog, auditWebhook, auditRequired } = options;
  if (auditRequired === true && auditLog === undefined && auditWebhook === undefined) {
    throw new UsageError('--audit-required needs --audit-log or --audit-webhook');
  }
  const sink = (writer: LineWriter, where: string): BufferedSink =>
    new BufferedSink(
      writer,
      ({ failures, dropped, waiting, error }: AuditTrouble) =>
        logger.error({ err: error, where, failures, dropped, waiting }, 'audit lines cannot be kept'),
      where,
    );
  const sinks: BufferedSink[] = [];
  if (auditLog === '-') sinks.push(sink(new StandardOutputWriter(), 'standard output'));
  else if (auditLog !== undefined) {
    try {
      sinks.push(sink(await RotatedFileWriter.open(auditLog, options.auditRotation), auditLog));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new UsageError(`--audit-log: cannot write ${auditLog}: ${why}`);
    }
  }
  if (auditWebhook !== undefined) {
    const url = URL.canParse(auditWebhook) ? new URL(auditWebhook) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
      throw new UsageError('--audit-webhook must be an http or https URL without credentials in it');
    }
    sinks.push(sink(new WebhookWriter(url, options.auditWebhookToken), url.origin));
  }
  return sinks;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

function size(text: string): number {
  const [, number, unit = ''] = /^(\d{1,9})([KMG]?)(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Number(number) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  if (!(bytes >= 1)) throw new InvalidArgumentError('Write a size, e.g. 100M.');
  return bytes;
}

function count(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('Write a number from 0 to 9999.');
  return Number(text);
}
