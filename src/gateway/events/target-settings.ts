// The settings of an event target: the keys of its sub-system in the server configuration, with what the environment puts over them,
// read once into a type.
import { isAbsolute } from 'node:path';
import { TARGET_SUBSYSTEMS, type TargetId, type TargetType } from './target-name.ts';

/** Keys of a sub-system as they are configured: text. */
export type TargetKeys = Readonly<Record<string, string>>;

/** Targets as they are configured, by sub-system and name ('_' = the one without a name). */
export type ConfiguredTargets = ReadonlyMap<string, ReadonlyMap<string, TargetKeys>>;

export type TargetFormat = 'namespace' | 'access';

interface Queueing {
  /** '' = in memory. */
  readonly queueDir: string;
  /** 0 = the default. */
  readonly queueLimit: number;
}

export type TargetSettings = { readonly id: TargetId } & Queueing &
  (
    | {
        readonly type: 'redis';
        readonly format: TargetFormat;
        readonly address: string;
        readonly key: string;
        readonly password: string;
      }
    | { readonly type: 'mysql'; readonly format: TargetFormat; readonly dsn: string; readonly table: string }
    | {
        readonly type: 'postgresql';
        readonly format: TargetFormat;
        readonly connectionString: string;
        readonly table: string;
      }
    | {
        readonly type: 'webhook';
        readonly endpoint: URL;
        readonly authToken: string;
        readonly clientCert: string;
        readonly clientKey: string;
        /** PEM file of certificate authorities beside the well-known ones, or a folder of such files; '' = none. */
        readonly caCert: string;
      }
  );

/** The keys are no settings; the message says what would be right. */
export class TargetSettingsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TargetSettingsError';
  }
}

const TYPES = Object.keys(TARGET_SUBSYSTEMS) as TargetType[];
/** The name of the target that was given none. */
export const DEFAULT_TARGET = '_';
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** Reads the keys of one target. Throws TargetSettingsError. */
export function readTargetSettings(type: TargetType, name: string, keys: TargetKeys): TargetSettings {
  const subSystem = TARGET_SUBSYSTEMS[type];
  const text = (key: string): string => keys[key] ?? '';
  const required = (key: string): string => {
    const value = text(key);
    if (value === '') throw new TargetSettingsError(`'${key}' is not optional for '${subSystem}' sub-system`);
    return value;
  };
  if (!NAME.test(name)) {
    throw new TargetSettingsError(
      `the name of a target has 1 to 64 of A-Z, a-z, 0-9, '_', '.' and '-', not ${JSON.stringify(name)}`,
    );
  }
  const queueDir = text('queue_dir');
  if (queueDir !== '' && !isAbsolute(queueDir)) throw new TargetSettingsError('queue_dir path should be absolute');
  const limit = text('queue_limit') === '' ? '0' : text('queue_limit');
  if (!/^\d{1,9}$/.test(limit))
    throw new TargetSettingsError(`queue_limit must be a number, not ${JSON.stringify(limit)}`);
  const base = { id: `${name}:${type}` as const, queueDir, queueLimit: Number(limit) };
  switch (type) {
    case 'redis':
      return {
        ...base,
        type,
        format: format(text('format')),
        address: required('address'),
        key: required('key'),
        password: text('password'),
      };
    case 'mysql':
      return { ...base, type, format: format(text('format')), dsn: required('dsn_string'), table: required('table') };
    case 'postgresql':
      return {
        ...base,
        type,
        format: format(text('format')),
        connectionString: required('connection_string'),
        table: required('table'),
      };
    case 'webhook': {
      const [clientCert, clientKey] = [text('client_cert'), text('client_key')];
      if ((clientCert === '') !== (clientKey === '')) {
        throw new TargetSettingsError('client_cert and client_key must be specified as a pair');
      }
      const endpoint = webhookUrl(required('endpoint'));
      return { ...base, type, endpoint, authToken: text('auth_token'), clientCert, clientKey, caCert: text('ca_cert') };
    }
  }
}

function format(text: string): TargetFormat {
  const lower = text.toLowerCase();
  if (lower === '' || lower === 'namespace') return 'namespace';
  if (lower === 'access') return 'access';
  throw new TargetSettingsError(`format must be 'namespace' or 'access', not ${JSON.stringify(text)}`);
}

function webhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TargetSettingsError('endpoint must be a URL that begins with http:// or https://');
  }
  return url;
}

export interface ReadTargets {
  readonly targets: readonly TargetSettings[];
  /** What cannot be used, by target. */
  readonly problems: readonly { readonly target: string; readonly problem: string }[];
}

/**
 * The targets that are enabled: those of the server configuration and those that the environment names
 * (MINIO_NOTIFY_REDIS_ENABLE_NAME=on), each key overridden by its variable (MINIO_NOTIFY_REDIS_ADDRESS_NAME).
 *
 * @param defaults what keys are that nobody says
 */
export function enabledTargets(
  configured: ConfiguredTargets,
  env: Readonly<Record<string, string | undefined>>,
  defaults: TargetKeys = {},
): ReadTargets {
  const targets: TargetSettings[] = [];
  const problems: { target: string; problem: string }[] = [];
  for (const type of TYPES) {
    const subSystem = TARGET_SUBSYSTEMS[type];
    const stored = configured.get(subSystem) ?? new Map<string, TargetKeys>();
    const names = new Set([...stored.keys(), ...environmentNames(subSystem, env)]);
    for (const name of names) {
      const keys: TargetKeys = { ...defaults, ...stored.get(name), ...environmentKeys(subSystem, name, env) };
      // MinIO: a target that is stored without a word on it is on
      const enable = keys.enable ?? (name === DEFAULT_TARGET ? 'off' : 'on');
      if (!['on', 'true', '1'].includes(enable.toLowerCase())) continue;
      try {
        targets.push(readTargetSettings(type, name, keys));
      } catch (error) {
        if (!(error instanceof TargetSettingsError)) throw error;
        problems.push({ target: `${name}:${type}`, problem: error.message });
      }
    }
  }
  return { targets, problems };
}

/** Names of targets that the environment enables. */
function environmentNames(subSystem: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const enable = `MINIO_${subSystem.toUpperCase()}_ENABLE`;
  return Object.keys(env).flatMap((variable) => {
    if (variable === enable) return [DEFAULT_TARGET];
    return variable.startsWith(`${enable}_`) ? [variable.slice(enable.length + 1)] : [];
  });
}

const KEYS = [
  'enable',
  'address',
  'auth_token',
  'ca_cert',
  'client_cert',
  'client_key',
  'connection_string',
  'dsn_string',
  'endpoint',
  'format',
  'key',
  'password',
  'queue_dir',
  'queue_limit',
  'table',
] as const;

/** What the environment says of one target. */
export function environmentKeys(
  subSystem: string,
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): TargetKeys {
  const ending = name === DEFAULT_TARGET ? '' : `_${name}`;
  const keys: Record<string, string> = {};
  for (const key of KEYS) {
    const value = env[`MINIO_${subSystem.toUpperCase()}_${key.toUpperCase()}${ending}`];
    if (value !== undefined) keys[key] = value;
  }
  return keys;
}
