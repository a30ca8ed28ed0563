// Events into Redis: a hash of objects (format namespace), or a list that grows (format access).
import type { Redis } from 'ioredis';
import { type EventRecord, isRemoval, objectPathOf } from '../event-record.ts';
import { type TargetSettings, TargetSettingsError } from '../target-settings.ts';
import {
  CONNECT_TIMEOUT_MS,
  type DeliverableEvent,
  DeliveryError,
  type EventTarget,
  reasonOf,
  TARGET_TIMEOUT_MS,
  TargetError,
} from './event-target.ts';

type Settings = Extract<TargetSettings, { type: 'redis' }>;

/** The Redis type of the key, by format. */
const KEY_TYPES = { namespace: 'hash', access: 'list' } as const;

export class RedisTarget implements EventTarget {
  readonly id: TargetSettings['id'];
  readonly #settings: Settings;
  readonly #server: ReturnType<typeof parseRedisAddress>;
  #client: Redis | undefined;

  /** Throws TargetSettingsError. */
  constructor(settings: Settings) {
    this.id = settings.id;
    this.#settings = settings;
    this.#server = parseRedisAddress(settings.address);
  }

  async check(): Promise<void> {
    const { key, format } = this.#settings;
    const client = await this.#connected();
    let type: string;
    try {
      type = await client.type(key);
    } catch (cause) {
      throw new TargetError(reasonOf(cause), { cause });
    }
    if (type !== 'none' && type !== KEY_TYPES[format]) {
      throw new TargetError(
        `expected type ${KEY_TYPES[format]} does not match with available type ${type} of the key ${key}`,
      );
    }
  }

  async deliver(events: readonly DeliverableEvent[]): Promise<void> {
    const client = await this.#connected();
    const pipeline = client.pipeline();
    for (const event of events) this.#add(pipeline, event.json);
    try {
      requireAll(await pipeline.exec());
    } catch (cause) {
      // the next attempt asks anew who is there: another server may have taken over
      await this.close();
      throw cause instanceof DeliveryError ? cause : new DeliveryError(reasonOf(cause), { delivered: 0, cause });
    }
  }

  async close(): Promise<void> {
    this.#client?.disconnect();
    this.#client = undefined;
  }

  #add(pipeline: ReturnType<Redis['pipeline']>, json: string): void {
    const { key, format } = this.#settings;
    const record = JSON.parse(json) as EventRecord;
    if (format === 'access')
      pipeline.rpush(key, `[{"Event":[${json}],"EventTime":${JSON.stringify(record.eventTime)}}]`);
    else if (isRemoval(record)) pipeline.hdel(key, objectPathOf(record));
    else pipeline.hset(key, objectPathOf(record), `{"Records":[${json}]}`);
  }

  async #connected(): Promise<Redis> {
    const { Redis } = await import('ioredis');
    if (this.#client?.status === 'ready') return this.#client;
    this.#client?.disconnect();
    const { host, port, database, user, password, tls } = this.#server;
    const secret = this.#settings.password === '' ? password : this.#settings.password;
    const client = new Redis({
      host,
      port,
      db: database,
      ...(user === '' ? {} : { username: user }),
      ...(secret === '' ? {} : { password: secret }),
      ...(tls ? { tls: {} } : {}),
      lazyConnect: true,
      enableOfflineQueue: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: TARGET_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      // the queue decides when to try again
      retryStrategy: () => null,
    });
    this.#client = client;
    let why: unknown;
    client.on('error', (error) => {
      why = error;
    });
    try {
      await client.connect();
    } catch (cause) {
      client.disconnect();
      throw new TargetError(reasonOf(why ?? cause), { cause: why ?? cause });
    }
    return client;
  }
}

/** Throws DeliveryError unless every command of a pipeline was carried out. */
function requireAll(results: readonly (readonly [Error | null, unknown])[] | null): void {
  if (results === null) throw new DeliveryError('the pipeline was not carried out', { delivered: 0 });
  const failed = results.findIndex(([error]) => error !== null);
  const cause = results[failed]?.[0];
  if (cause != null) throw new DeliveryError(reasonOf(cause), { delivered: failed, cause });
}

/** HOST:PORT[/DATABASE], with or without redis:// or rediss:// and USER:PASSWORD@ before it. Throws TargetSettingsError. */
export function parseRedisAddress(address: string) {
  const text = /^rediss?:\/\//.test(address) ? address : `redis://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = url?.pathname.replace(/^\//, '') ?? '';
  if (url === undefined || url.hostname === '') {
    throw new TargetSettingsError(`address must be HOST:PORT or HOST:PORT/DATABASE, not ${JSON.stringify(address)}`);
  }
  if (!/^\d{0,5}$/.test(database)) {
    throw new TargetSettingsError(`redis: invalid database number: ${JSON.stringify(decodeURIComponent(database))}`);
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    database: Number(database),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    tls: url.protocol === 'rediss:',
  };
}
