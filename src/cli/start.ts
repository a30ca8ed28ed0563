// `portcullis start`: a working gateway from nothing. Makes a default volume (SQLite + local files) and root credentials the first
// time, keeps them, and serves.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { formatVolume } from '../juicefs/index.ts';
import { serveGateway } from './gateway.ts';
import { readGatewaySettings } from './gateway-settings.ts';
import { MIN_SECRET_KEY_LENGTH, type RootCredentials, readRootCredentials, UsageError } from './root-credentials.ts';

const VOLUME_NAME = 'portcullis';

/** The `start` subcommand. */
export function startCommand(): Command {
  return new Command('start')
    .description('serve a default volume under a data directory, made the first time')
    .option('--data <DIR>', 'data directory (default: $PORTCULLIS_DATA or ./data)')
    .option('--address <ADDRESS>', 'address to listen on', '127.0.0.1:9000')
    .option('--workers <N>', 'worker processes', '1')
    .action(async (options: { data?: string; address: string; workers: string }) => {
      const data = resolve(options.data ?? process.env.PORTCULLIS_DATA ?? 'data');
      mkdirSync(data, { recursive: true, mode: 0o700 });
      const credentials = rootCredentials(data);
      process.env.MINIO_ROOT_USER = credentials.accessKey;
      process.env.MINIO_ROOT_PASSWORD = credentials.secretKey;
      const metaUrl = `sqlite3://${join(data, 'meta.db')}`;
      // Also finishes what an interrupted first start left behind; a volume that is there stays as it is.
      const { outcome } = await formatVolume(metaUrl, {
        name: VOLUME_NAME,
        storage: 'file',
        bucket: `${join(data, 'objects')}/`,
        noUpdate: true,
      });
      if (outcome === 'created') process.stdout.write(`Made the volume "${VOLUME_NAME}" in ${data}\n`);
      const settings = readGatewaySettings(
        metaUrl,
        options.address,
        { multiBuckets: true, keepEtag: true, objectTag: true, objectMeta: true, workers: options.workers },
        process.env,
        1,
      );
      await serveGateway(settings, [], () => process.stdout.write(firstSteps(data, options.address, credentials)));
    });
}

/** The content of a file; undefined when it is not JSON. */
function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** From the environment; else from the private file, made once. */
function rootCredentials(data: string): RootCredentials & { file: string | undefined } {
  const { env } = process;
  if (env.MINIO_ROOT_USER !== undefined || env.MINIO_ACCESS_KEY !== undefined) {
    return { ...readRootCredentials(env), file: undefined };
  }
  const file = join(data, 'root-credentials.json');
  if (!existsSync(file)) {
    const made = { accessKey: 'admin', secretKey: randomBytes(18).toString('base64url') };
    writeFileSync(file, `${JSON.stringify(made)}\n`, { mode: 0o600, flag: 'wx' });
  }
  const kept = readJson(file);
  if (
    typeof kept === 'object' &&
    kept !== null &&
    'accessKey' in kept &&
    'secretKey' in kept &&
    typeof kept.accessKey === 'string' &&
    typeof kept.secretKey === 'string' &&
    kept.secretKey.length >= MIN_SECRET_KEY_LENGTH
  ) {
    return { accessKey: kept.accessKey, secretKey: kept.secretKey, file };
  }
  throw new UsageError(`${file} does not hold an accessKey and a secretKey; remove it to have new ones made`);
}

function firstSteps(data: string, address: string, credentials: { file: string | undefined }): string {
  const keys =
    credentials.file === undefined
      ? ['export AWS_ACCESS_KEY_ID="$MINIO_ROOT_USER" AWS_SECRET_ACCESS_KEY="$MINIO_ROOT_PASSWORD"']
      : [
          `export AWS_ACCESS_KEY_ID=$(node -p 'require("${credentials.file}").accessKey')`,
          `export AWS_SECRET_ACCESS_KEY=$(node -p 'require("${credentials.file}").secretKey')`,
        ];
  return [
    `Data:     ${data}`,
    `Root:     ${credentials.file ?? 'MINIO_ROOT_USER and MINIO_ROOT_PASSWORD of the environment'}`,
    '',
    'Try, in another terminal:',
    ...keys.map((line) => `  ${line}`),
    `  aws --endpoint-url http://${address} s3 mb s3://first`,
    `  aws --endpoint-url http://${address} s3 cp README.md s3://first/`,
    `  aws --endpoint-url http://${address} s3 ls s3://first`,
    '',
  ].join('\n');
}
