// The gateway's measurements under the names that MinIO's dashboards ask for, as far as they are true here. They are read off the
// gateway's own when metrics are gathered; requests pay nothing for them.
import { Counter, type Registry } from 'prom-client';

export interface MinioMetricsSources {
  readonly requests: Counter<'operation' | 'status'>;
  readonly received: Counter<'operation'>;
  readonly sent: Counter<'operation'>;
}

/** Adds them to a registry. */
export function addMinioMetrics(registry: Registry, { requests, received, sent }: MinioMetricsSources): void {
  const byApi = (name: string, help: string, counts: (status: string) => boolean): void => {
    new Counter({
      name,
      help,
      labelNames: ['api'],
      registers: [registry],
      async collect() {
        const { values } = await requests.get();
        this.reset();
        for (const { labels, value } of values) {
          if (counts(String(labels.status))) this.inc({ api: String(labels.operation).toLowerCase() }, value);
        }
      },
    });
  };
  byApi('minio_s3_requests_total', 'S3 requests answered', () => true);
  byApi('minio_s3_requests_errors_total', 'S3 requests answered with an error', (status) => /^[45]/.test(status));
  byApi('minio_s3_requests_4xx_errors_total', 'S3 requests answered with 4xx', (status) => status.startsWith('4'));
  byApi('minio_s3_requests_5xx_errors_total', 'S3 requests answered with 5xx', (status) => status.startsWith('5'));
  const total = (name: string, help: string, source: Counter<'operation'>): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      async collect() {
        const { values } = await source.get();
        this.reset();
        this.inc(values.reduce((sum, { value }) => sum + value, 0));
      },
    });
  };
  total('minio_s3_traffic_received_bytes', 'Bytes of request bodies', received);
  total('minio_s3_traffic_sent_bytes', 'Bytes of answers without their headers', sent);
}
