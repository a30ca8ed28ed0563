// A gateway as people run it: `portcullis gateway META-URL ADDRESS` out of the build, on a free port, with its own sidecar.
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { afterEach } from 'vitest';
import { type Exit, type ProcessEntry, TestProcess } from './processes.ts';
import { S3Client } from './s3-client.ts';
import type { Keys } from './sigv4.ts';
import { eventually } from './waiting.ts';

/** The built command; another build's can be named for a try. */
export const CLI = process.env.PORTCULLIS_CLI ?? resolve(import.meta.dirname, '../../dist/cli/main.js');

export const ROOT_KEYS: Keys = { accessKey: 'test-root-user', secretKey: 'test-root-password' };

const READY_WITHIN_MS = 60_000;
const END_WITHIN_MS = 30_000;
/** Another process may take a port between our asking for it and the gateway's listening. */
const PORT_TRIES = 5;

export interface GatewayOptions {
  readonly metaUrl: string;
  readonly flags?: readonly string[];
  readonly root?: Keys;
  readonly env?: Readonly<Record<string, string>>;
  /** What says that it is up: `ready` asks for the sidecar, too. */
  readonly health?: 'ready' | 'live';
  /** Instead of `health`, where it cannot be asked for over HTTP. */
  readonly isUp?: (port: number) => Promise<boolean>;
}

export interface Gateway {
  readonly port: number;
  readonly url: string;
  readonly root: Keys;
  readonly client: S3Client;
  readonly process: TestProcess;
  sidecars(): ProcessEntry[];
  /** SIGTERM to the primary alone, and its end. */
  stop(): Promise<Exit>;
  /** Leaves nothing behind, whatever state it is in. */
  dispose(): Promise<void>;
}

/** The environment of this process without anybody's credentials. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of Object.keys(env)) if (/^(AWS|MINIO|PORTCULLIS|BOTO|RCLONE)_/.test(name)) delete env[name];
  return env;
}

/** Runs the command to its end. */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Exit & { output: string }> {
  requireBuild();
  const child = new TestProcess(process.execPath, [CLI, ...args], { ...cleanEnvironment(), ...env });
  const exit = await child.exited;
  child.killGroup();
  return { ...exit, output: child.log };
}

function requireBuild(): void {
  if (!existsSync(CLI)) throw new Error(`${CLI} is missing: run \`npm run build\` first (\`npm test\` does)`);
}

/** A port that nobody listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((done, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => done(port));
    });
  });
}

/** Starts a gateway and waits until it serves. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  requireBuild();
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const root = options.root ?? ROOT_KEYS;
    const child = new TestProcess(
      process.execPath,
      [CLI, 'gateway', '--no-banner', ...(options.flags ?? []), options.metaUrl, `127.0.0.1:${port}`],
      {
        ...cleanEnvironment(),
        MINIO_ROOT_USER: root.accessKey,
        MINIO_ROOT_PASSWORD: root.secretKey,
        ...options.env,
      },
    );
    const gateway = gatewayOf(child, port, root);
    try {
      await eventually(
        'the gateway serves',
        async () => {
          if (child.exit !== undefined) throw new Error(`the gateway ended (${JSON.stringify(child.exit)})`);
          return options.isUp === undefined ? isUp(gateway.client, options.health ?? 'ready') : options.isUp(port);
        },
        READY_WITHIN_MS,
      );
      return gateway;
    } catch (error) {
      await gateway.dispose();
      if (tries < PORT_TRIES && child.log.includes('EADDRINUSE')) continue;
      throw new Error(`${error instanceof Error ? error.message : error}; it wrote:\n${child.log}`, { cause: error });
    }
  }
}

async function isUp(client: S3Client, health: 'ready' | 'live'): Promise<boolean> {
  try {
    return (await client.raw('GET', `/minio/health/${health}`, { host: client.host })).status === 200;
  } catch (error) {
    // nobody listens yet
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

function gatewayOf(child: TestProcess, port: number, root: Keys): Gateway {
  const client = new S3Client({ host: '127.0.0.1', port });
  const gateway: Gateway = {
    port,
    url: `http://127.0.0.1:${port}`,
    root,
    client,
    process: child,
    sidecars: () => child.group().filter(({ command }) => / authz( |$)/.test(command)),
    async stop() {
      client.close();
      child.child.kill('SIGTERM');
      return eventually('the gateway ends', () => child.exit, END_WITHIN_MS);
    },
    async dispose() {
      client.close();
      child.killGroup();
      if (child.child.pid !== undefined) await child.exited;
    },
  };
  return gateway;
}

/** Prints what the gateway wrote when a test of the file fails. */
export function logsOnFailure(gateway: () => Gateway | undefined): void {
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    process.stderr.write(
      `--- what the gateway wrote (${task.name})\n${gateway()?.process.log ?? '(it did not start)'}\n`,
    );
  });
}
