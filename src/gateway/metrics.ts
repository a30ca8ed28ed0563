// The gateway's own measurements, in a registry of its own.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Volume } from '../juicefs/volume.ts';
import type { AuthzClient } from './authz-client/index.ts';
import { addMinioMetrics } from './minio-metrics.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { timedVolume } from './timed-volume.ts';
import { addVolumeMetrics } from './volume-metrics.ts';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** One request, when it is over. */
export interface RequestMeasure {
  readonly operation: string;
  readonly status: number;
  readonly seconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export class GatewayMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'operation' | 'status'>;
  readonly #seconds: Histogram<'operation'>;
  readonly #received: Counter<'operation'>;
  readonly #sent: Counter<'operation'>;
  readonly #authzSeconds: Histogram<'result'>;
  readonly #volumeSeconds: Histogram<'method'>;
  readonly inFlight: Gauge;

  constructor() {
    const registers = [this.registry];
    this.#requests = new Counter({
      name: 'portcullis_s3_requests_total',
      help: 'S3 requests answered',
      labelNames: ['operation', 'status'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'portcullis_s3_request_duration_seconds',
      help: 'Time from the request line to the end of the answer',
      labelNames: ['operation'],
      buckets: SECONDS,
      registers,
    });
    this.#received = new Counter({
      name: 'portcullis_s3_received_bytes_total',
      help: 'Bytes of request bodies',
      labelNames: ['operation'],
      registers,
    });
    this.#sent = new Counter({
      name: 'portcullis_s3_sent_bytes_total',
      help: 'Bytes of answers without their headers',
      labelNames: ['operation'],
      registers,
    });
    this.#authzSeconds = new Histogram({
      name: 'portcullis_authz_duration_seconds',
      help: 'Time to the answer of the sidecar; result "none" when it gave none',
      labelNames: ['result'],
      buckets: SECONDS,
      registers,
    });
    this.#volumeSeconds = new Histogram({
      name: 'portcullis_volume_duration_seconds',
      help: "Time of the volume's calls; listings and reads, which last as long as their readers want, are left out",
      labelNames: ['method'],
      buckets: SECONDS,
      registers,
    });
    this.inFlight = new Gauge({
      name: 'portcullis_s3_requests_in_flight',
      help: 'S3 requests being served',
      registers,
    });
    addMinioMetrics(this.registry, { requests: this.#requests, received: this.#received, sent: this.#sent });
    addProcessMetrics(this.registry);
  }

  /** The same volume, its calls timed, and what it holds measured. */
  timedVolume(volume: Volume): Volume {
    addVolumeMetrics(this.registry, volume);
    return timedVolume(volume, (method, seconds) => this.#volumeSeconds.observe({ method }, seconds));
  }

  count({ operation, status, seconds, receivedBytes, sentBytes }: RequestMeasure): void {
    this.#requests.inc({ operation, status: String(status) });
    this.#seconds.observe({ operation }, seconds);
    this.#received.inc({ operation }, receivedBytes);
    this.#sent.inc({ operation }, sentBytes);
  }

  /** The same client, its answers timed. */
  timed(authz: AuthzClient): AuthzClient {
    const time = async <T>(answer: Promise<T>): Promise<T> => {
      const end = this.#authzSeconds.startTimer();
      try {
        const got = await answer;
        end({ result: 'answer' });
        return got;
      } catch (error) {
        end({ result: 'none' });
        throw error;
      }
    };
    return {
      authorize: (request) => time(authz.authorize(request)),
      authorizeBatch: (request) => time(authz.authorizeBatch(request)),
      buckets: authz.buckets,
      isReachable: (withinMs) => authz.isReachable(withinMs),
      close: () => authz.close(),
    };
  }
}
