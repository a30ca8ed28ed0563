// The HTTP doors of a sidecar: one for its gateway or for plain clients, one over TLS, which asks clients for their certificates.
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Asks } from '../authz/grpc/asks.ts';
import type { Callers } from '../authz/grpc/callers.ts';
import { parseListenAddress } from '../authz/grpc/listen.ts';
import type { GrpcTls } from '../authz/grpc/server.ts';
import type { AdminService } from '../authz/http/admin-service.ts';
import type { ConsoleService } from '../authz/http/console/console-call.ts';
import { type HttpTls, type RunningHttpServer, serveAdminHttp } from '../authz/http/server.ts';
import type { StsService } from '../authz/http/sts-service.ts';
import type { Authorizer } from '../authz/identity/authorizer.ts';
import { LdapDirectory } from '../authz/identity/provider/ldap.ts';
import { OpenIdProviders } from '../authz/identity/provider/openid.ts';
import type { IdentityProviderSettings } from './identity-providers.ts';
import { UsageError } from './root-credentials.ts';

export interface HttpDoorOptions {
  readonly admin: AdminService;
  readonly console: Omit<ConsoleService, 'sts'>;
  readonly asks: Asks;
  readonly authorizer: Authorizer;
  readonly providers: IdentityProviderSettings;
  /** Gateways among them may forward for their clients. */
  readonly callers: Callers;
  /** `unix:PATH` or `HOST:PORT`. */
  readonly httpListen: string | undefined;
  /** `HOST:PORT`; needs `tls`. */
  readonly httpsListen: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly isReady: () => boolean;
  readonly metrics: Registry;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

export interface RunningHttpDoors {
  readonly httpAddress: string | undefined;
  readonly httpsAddress: string | undefined;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** Throws ListenError, UsageError. */
export async function openHttpDoors(options: HttpDoorOptions): Promise<RunningHttpDoors> {
  const { admin, console, callers, isReady, logger, providers, httpListen, httpsListen, tls } = options;
  const open: RunningHttpServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(open.map((door) => door.stop()));
  };
  const sts = stsService(options);
  const serve = async (listen: string, over?: HttpTls): Promise<string> => {
    const door = await serveAdminHttp({
      listen: parseListenAddress(listen),
      callers,
      service: admin,
      console: { ...console, sts },
      sts,
      tls: over,
      isReady,
      metrics: options.metrics,
      logger,
    });
    open.push(door);
    return door.address;
  };
  try {
    if (httpsListen !== undefined && tls === undefined) {
      throw new UsageError('--https-listen needs --tls-cert and --tls-key');
    }
    return {
      httpAddress: httpListen === undefined ? undefined : await serve(httpListen),
      httpsAddress:
        httpsListen === undefined || tls === undefined
          ? undefined
          : await serve(httpsListen, { ...tls, skipVerify: providers.tls.skipVerify }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function stsService({ admin, asks, authorizer, providers, nowMs }: HttpDoorOptions): StsService {
  return {
    admin,
    answerFor: (identified, ask) => asks.answerFor(identified, ask),
    prepareFor: (identified, ask) => authorizer.prepareFor(identified, ask),
    policiesOf: (external) => authorizer.snapshot.policiesOf(external),
    openId: new OpenIdProviders(providers.openId, nowMs),
    directory: providers.ldap === undefined ? undefined : new LdapDirectory(providers.ldap),
    certificates: providers.tls.enabled,
  };
}

/** PEM texts out of files. */
export type TlsFiles = Omit<HttpTls, 'skipVerify'> & GrpcTls;

/** Names of the flags' files, as given. */
export interface TlsFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly callerCa?: string;
}

/** Reads the files; undefined when none is named. Throws UsageError. */
export function readTlsFiles({ tlsCert, tlsKey, clientCa, callerCa }: TlsFlags): TlsFiles | undefined {
  if ([tlsCert, tlsKey, clientCa, callerCa].every((file) => file === undefined)) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw new UsageError('--tls-cert and --tls-key go together');
  return {
    cert: readPem('--tls-cert', tlsCert),
    key: readPem('--tls-key', tlsKey),
    ...(clientCa === undefined ? {} : { clientCa: readPem('--client-ca', clientCa) }),
    ...(callerCa === undefined ? {} : { callerCa: readPem('--caller-ca', callerCa) }),
  };
}

/** Throws UsageError. */
export function readPem(flag: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`${flag}: cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (!text.includes('-----BEGIN ')) throw new UsageError(`${flag}: ${path} holds no PEM`);
  return text;
}
