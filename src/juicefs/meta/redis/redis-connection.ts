// One connection to the Redis server that holds a volume: all of a volume's keys are on one server, also with sentinels and in
// a cluster. It is found (again) whenever there is no connection, so that a failover is followed.
import { Redis, type RedisOptions } from 'ioredis';
import { VolumeError } from '../../volume.ts';
import type { HostPort, RedisAddress } from './redis-address.ts';
import type { RedisScript } from './redis-scripts.ts';

export type RedisArgument = string | number | Buffer;
/** An answer; texts are bytes. */
export type RedisReply = Buffer | number | null | readonly RedisReply[];

const CONNECT_TIMEOUT_MS = 10_000;
/** Error replies after which another try, maybe on another server, may succeed; nothing was done. */
const TRY_AGAIN = /^(LOADING|READONLY|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|MASTERDOWN|BUSY|ERR max number of clients)/;

/** The connection is gone, or could not be made. `sent`: the command may have been done. */
export class ConnectionLost extends Error {
  readonly sent: boolean;
  constructor(sent: boolean, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'ConnectionLost';
    this.sent = sent;
  }
}

/** The server refused for now: it starts, is a replica since a failover, or the keys are elsewhere. */
export class TryAgain extends Error {}

export class RedisConnection {
  readonly #address: RedisAddress;
  readonly #sentinelPassword: string | undefined;
  /** What every key begins with: the hash tag of a cluster. */
  prefix = '';
  #current: Redis | undefined;
  #connecting: Promise<Redis> | undefined;
  #closed = false;

  constructor(address: RedisAddress, sentinelPassword: string | undefined) {
    this.#address = address;
    this.#sentinelPassword = sentinelPassword;
  }

  /** Runs a command. */
  async call(command: string, ...args: readonly RedisArgument[]): Promise<RedisReply> {
    const redis = this.#current ?? (await this.#connect());
    gatherWrites(redis);
    try {
      // The types of the driver name every command; an answer is checked where it is used.
      return toReply(await redis.callBuffer(command, ...args));
    } catch (error) {
      throw this.#told(redis, error);
    }
  }

  /** Runs a script, which is sent in full only when the server does not know it. */
  async run(script: RedisScript, args: readonly RedisArgument[]): Promise<RedisReply> {
    const key = `${this.prefix}setting`;
    try {
      return await this.call('EVALSHA', script.sha1, 1, key, ...args);
    } catch (error) {
      if (!(error instanceof VolumeError) || !error.message.includes('NOSCRIPT')) throw error;
      return this.call('EVAL', script.text, 1, key, ...args);
    }
  }

  /** Connects if it is not yet; for an early word on what is wrong. */
  async open(): Promise<void> {
    if (this.#current === undefined) await this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#current?.disconnect();
    this.#current = undefined;
  }

  #connect(): Promise<Redis> {
    if (this.#closed) throw new VolumeError('EIO', 'the volume is closed');
    this.#connecting ??= this.#find().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #find(): Promise<Redis> {
    const { servers, db } = this.#address;
    let redis: Redis;
    if (servers.kind === 'socket') redis = await this.#dial({ path: servers.path });
    else if (servers.kind === 'sentinel') redis = await this.#dial(await this.#master(servers));
    else redis = await this.#dialFirst(servers.kind === 'single' ? [servers.at] : servers.seeds);
    const owner = servers.kind === 'sentinel' ? undefined : await this.#slotOwner(redis);
    if (owner !== undefined) {
      this.prefix = `{${db}}`;
      if (owner !== 'this') {
        redis.disconnect();
        redis = await this.#dial(owner);
      }
    } else {
      await this.#ask(redis, 'SELECT', db);
    }
    redis.on('end', () => {
      if (this.#current === redis) this.#current = undefined;
    });
    if (redis.status === 'end') throw new ConnectionLost(false, 'the connection ended at once');
    this.#current = redis;
    return redis;
  }

  async #dialFirst(places: readonly HostPort[]): Promise<Redis> {
    let failure: unknown;
    for (const place of places) {
      try {
        return await this.#dial(place);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #dial(place: HostPort | { readonly path: string }, sentinel = false): Promise<Redis> {
    const { username, password, tls, readTimeoutMs } = this.#address;
    const secret = sentinel ? this.#sentinelPassword : password;
    const options: RedisOptions & { replyMapping: 'legacy' } = {
      replyMapping: 'legacy',
      ...place,
      ...(sentinel || username === undefined ? {} : { username }),
      ...(secret === undefined ? {} : { password: secret }),
      ...(tls === undefined ? {} : { tls }),
      protocol: 2,
      lazyConnect: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: readTimeoutMs,
      disableClientInfo: true,
    };
    const redis = new Redis(options);
    let failure: unknown;
    redis.on('error', (error) => {
      failure = error;
    });
    try {
      await redis.connect();
      await this.#ask(redis, 'PING');
      return redis;
    } catch (error) {
      redis.disconnect();
      const told = isReply(failure) ? failure : error;
      if (isReply(told)) throw new VolumeError('EIO', `the Redis server answered: ${told.message}`, { cause: told });
      throw error instanceof VolumeError || error instanceof TryAgain
        ? error
        : new ConnectionLost(false, failure ?? error);
    }
  }

  async #ask(redis: Redis, command: string, ...args: readonly RedisArgument[]): Promise<RedisReply> {
    try {
      return toReply(await redis.callBuffer(command, ...args));
    } catch (error) {
      throw this.#told(redis, error);
    }
  }

  async #master(servers: { readonly master: string; readonly sentinels: readonly HostPort[] }): Promise<HostPort> {
    let failure: unknown = `no sentinel knows a master named ${servers.master}`;
    for (const place of servers.sentinels) {
      let sentinel: Redis | undefined;
      try {
        sentinel = await this.#dial(place, true);
        const reply = await this.#ask(sentinel, 'SENTINEL', 'get-master-addr-by-name', servers.master);
        if (Array.isArray(reply)) return { host: String(reply[0]), port: Number(String(reply[1])) };
      } catch (error) {
        failure = error;
      } finally {
        sentinel?.disconnect();
      }
    }
    if (failure instanceof VolumeError) throw failure;
    throw new ConnectionLost(false, failure);
  }

  /** Where the volume's slot of a cluster is served; undefined when the server is not of a cluster. */
  async #slotOwner(redis: Redis): Promise<HostPort | 'this' | undefined> {
    let info: RedisReply;
    try {
      info = await this.#ask(redis, 'CLUSTER', 'INFO');
    } catch (error) {
      // A server without cluster support, or a user who may not ask: one server.
      if (error instanceof VolumeError) return undefined;
      throw error;
    }
    if (!String(info).includes('cluster_state:')) return undefined;
    const slot = Number(await this.#ask(redis, 'CLUSTER', 'KEYSLOT', `{${this.#address.db}}`));
    const ranges = await this.#ask(redis, 'CLUSTER', 'SLOTS');
    if (!Array.isArray(ranges)) throw new TryAgain('the cluster has no slots yet');
    for (const range of ranges) {
      if (!Array.isArray(range) || Number(range[0]) > slot || Number(range[1]) < slot) continue;
      const [host, port, id] = range[2] ?? [];
      const myself = String(await this.#ask(redis, 'CLUSTER', 'MYID'));
      if (String(id) === myself) return 'this';
      return { host: String(host ?? ''), port: Number(port) };
    }
    throw new TryAgain('no server of the cluster serves the slot of the volume');
  }

  /** What an error of the driver means. A server that is not the right one any more is left. */
  #told(redis: Redis, error: unknown): Error {
    if (isReply(error)) {
      if (!TRY_AGAIN.test(error.message)) {
        return new VolumeError('EIO', `the Redis server answered: ${error.message}`, { cause: error });
      }
      if (/^(READONLY|MOVED|ASK|CLUSTERDOWN)/.test(error.message)) this.#leave(redis);
      return new TryAgain(error.message, { cause: error });
    }
    this.#leave(redis);
    const text = error instanceof Error ? error.message : String(error);
    // Refused before it was written to the connection.
    const unsent = /isn't writeable|offline queue/i.test(text);
    return new ConnectionLost(!unsent, error);
  }

  #leave(redis: Redis): void {
    if (this.#current === redis) this.#current = undefined;
    redis.disconnect();
  }
}

/** Commands of one turn of the event loop go out in one write: the system call costs more than making the command. */
function gatherWrites({ stream }: Redis): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** An error that the server answered with, unlike one of the connection. */
function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

function toReply(value: unknown): RedisReply {
  if (value === null || typeof value === 'number' || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map(toReply);
  if (typeof value === 'string') return Buffer.from(value);
  throw new Error(`an unexpected answer of Redis, of type ${typeof value}`);
}
