// Events to a webhook: one POST each. Those of one object go one after the other, those of others beside them. Any answer from 200 to
// 299 takes an event; any other is tried again.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Agent } from 'undici';
import { type EventRecord, objectPathOf } from '../event-record.ts';
import type { TargetSettings } from '../target-settings.ts';
import {
  CONNECT_TIMEOUT_MS,
  type DeliverableEvent,
  DeliveryError,
  type EventTarget,
  reasonOf,
  TARGET_TIMEOUT_MS,
  TargetError,
} from './event-target.ts';

type Settings = Extract<TargetSettings, { type: 'webhook' }>;

/** Most POSTs at once, to one webhook. */
export const WEBHOOK_CONCURRENCY = 32;
/** Bytes of an answer that are read before its connection is given up. */
const MAX_ANSWER_BYTES = 64 * 1024;

export class WebhookTarget implements EventTarget {
  readonly id: TargetSettings['id'];
  readonly #settings: Settings;
  #agent: Agent | undefined;
  /** Events that are delivered although one before them is not: they wait with it, and are not sent again. */
  readonly #delivered = new WeakSet<DeliverableEvent>();

  constructor(settings: Settings) {
    this.id = settings.id;
    this.#settings = settings;
  }

  async check(): Promise<void> {
    try {
      // any answer says that somebody is there; what HEAD is answered with differs between servers
      await this.#send('HEAD', undefined);
    } catch (cause) {
      throw cause instanceof TargetError ? cause : new TargetError(reasonOf(cause), { cause });
    }
  }

  async deliver(events: readonly DeliverableEvent[]): Promise<void> {
    const lanes = lanesOf(events);
    const waiting = lanes.values();
    let failure: unknown;
    // each takes the next object's events when it has delivered those of one
    const deliverLanes = async (): Promise<void> => {
      for (const lane of waiting) {
        try {
          for (const event of lane) if (failure === undefined) await this.#post(event);
        } catch (error) {
          failure ??= error;
        }
        if (failure !== undefined) return;
      }
    };
    await Promise.all(Array.from({ length: Math.min(WEBHOOK_CONCURRENCY, lanes.length) }, deliverLanes));
    if (failure === undefined) return;
    // the next attempt reads the certificates anew
    await this.close();
    const undelivered = events.findIndex((event) => !this.#delivered.has(event));
    throw new DeliveryError(reasonOf(failure), { delivered: undelivered, cause: failure });
  }

  /** Does nothing for an event that an attempt which failed for others has delivered. */
  async #post(event: DeliverableEvent): Promise<void> {
    if (this.#delivered.has(event)) return;
    const record = JSON.parse(event.json) as EventRecord;
    const name = JSON.stringify(record.eventName);
    const body = `{"EventName":${name},"Key":${JSON.stringify(objectPathOf(record))},"Records":[${event.json}]}`;
    const status = await this.#send('POST', body);
    if (status < 200 || status > 299) throw new TargetError(`the webhook answered ${status}`);
    this.#delivered.add(event);
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
    this.#agent = undefined;
  }

  /** Answers the status. */
  async #send(method: 'HEAD' | 'POST', body: string | undefined): Promise<number> {
    const { endpoint, authToken } = this.#settings;
    const undici = await import('undici');
    this.#agent ??= new undici.Agent(this.#agentOptions());
    const answer = await undici.request(endpoint, {
      method,
      dispatcher: this.#agent,
      headers: {
        'user-agent': 'Portcullis',
        ...(authToken === '' ? {} : { authorization: authorizationOf(authToken) }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(TARGET_TIMEOUT_MS),
    });
    await answer.body.dump({ limit: MAX_ANSWER_BYTES });
    return answer.statusCode;
  }

  /** Throws TargetError when a certificate or key cannot be read. */
  #agentOptions(): Agent.Options {
    const { clientCert, clientKey, caCert } = this.#settings;
    return {
      connections: WEBHOOK_CONCURRENCY,
      pipelining: 1,
      headersTimeout: TARGET_TIMEOUT_MS,
      bodyTimeout: TARGET_TIMEOUT_MS,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        ...(clientCert === ''
          ? {}
          : { cert: readPem('client_cert', clientCert), key: readPem('client_key', clientKey) }),
        ...(caCert === '' ? {} : { ca: [...rootCertificates, ...readAuthorities(caCert)] }),
      },
    };
  }
}

/** The events of each object, in their order. */
function lanesOf(events: readonly DeliverableEvent[]): DeliverableEvent[][] {
  const lanes = new Map<string, DeliverableEvent[]>();
  for (const event of events) {
    const path = objectPathOf(JSON.parse(event.json) as EventRecord);
    const lane = lanes.get(path);
    if (lane === undefined) lanes.set(path, [event]);
    else lane.push(event);
  }
  return [...lanes.values()];
}

/** A token alone is a bearer's; one with its scheme before it stands as it is. */
function authorizationOf(token: string): string {
  return /^\S+ \S/.test(token) ? token : `Bearer ${token}`;
}

function readPem(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new TargetError(`${key}: ${reasonOf(cause)}`, { cause });
  }
}

/** Certificates of a file, or of all files of a folder. */
function readAuthorities(place: string): string[] {
  let files = [place];
  try {
    if (statSync(place).isDirectory()) {
      files = readdirSync(place, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map(({ name }) => join(place, name));
    }
  } catch (cause) {
    throw new TargetError(`ca_cert: ${reasonOf(cause)}`, { cause });
  }
  return files.map((file) => readPem('ca_cert', file)).filter((text) => text.includes('BEGIN CERTIFICATE'));
}
