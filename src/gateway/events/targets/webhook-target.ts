// Events to a webhook: one POST each, in order. Any answer from 200 to 299 takes an event; any other is tried again.
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Agent, request } from 'undici';
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

/** Bytes of an answer that are read before its connection is given up. */
const MAX_ANSWER_BYTES = 64 * 1024;

export class WebhookTarget implements EventTarget {
  readonly id: TargetSettings['id'];
  readonly #settings: Settings;
  #agent: Agent | undefined;

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
    for (const [delivered, { json }] of events.entries()) {
      const record = JSON.parse(json) as EventRecord;
      const name = JSON.stringify(record.eventName);
      const body = `{"EventName":${name},"Key":${JSON.stringify(objectPathOf(record))},"Records":[${json}]}`;
      let status: number;
      try {
        status = await this.#send('POST', body);
      } catch (cause) {
        throw new DeliveryError(reasonOf(cause), { delivered, cause });
      }
      if (status < 200 || status > 299) throw new DeliveryError(`the webhook answered ${status}`, { delivered });
    }
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
    this.#agent = undefined;
  }

  /** Answers the status. */
  async #send(method: 'HEAD' | 'POST', body: string | undefined): Promise<number> {
    const { endpoint, authToken } = this.#settings;
    this.#agent ??= this.#makeAgent();
    const answer = await request(endpoint, {
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
  #makeAgent(): Agent {
    const { clientCert, clientKey, caCert } = this.#settings;
    return new Agent({
      connections: 1,
      pipelining: 1,
      headersTimeout: TARGET_TIMEOUT_MS,
      bodyTimeout: TARGET_TIMEOUT_MS,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        ...(clientCert === ''
          ? {}
          : { cert: readPem('client_cert', clientCert), key: readPem('client_key', clientKey) }),
        ...(caCert === '' ? {} : { ca: [...rootCertificates, readPem('ca_cert', caCert)] }),
      },
    });
  }
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
