// The access log: one JSON line a request, without what would let its reader repeat the request.
import type { Writable } from 'node:stream';

/** Lines waiting for a slow disk, bytes; more are dropped. */
export const MAX_ACCESS_LOG_BACKLOG = 16 * 1024 * 1024;

/** Parameters whose values are credentials. */
const SECRET_PARAMETERS =
  /((?:^|[?&])(?:X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|Signature|AWSAccessKeyId)=)[^&]*/gi;

export interface AccessLogLine {
  readonly time: string;
  readonly requestId: string;
  readonly remote: string;
  readonly method: string;
  readonly url: string;
  readonly operation: string | undefined;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** Access key of who was allowed; undefined when nobody was. */
  readonly accessKey: string | undefined;
  readonly status: number;
  /** S3's error code. */
  readonly error: string | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly milliseconds: number;
  readonly userAgent: string | undefined;
}

export class AccessLog {
  readonly #out: Writable;
  readonly #onDropped: () => void;
  #dropping = false;

  /** @param onDropped called when lines begin to be dropped because they cannot be written fast enough */
  constructor(out: Writable, onDropped: () => void) {
    this.#out = out;
    this.#onDropped = onDropped;
  }

  write(line: AccessLogLine): void {
    if (this.#out.writableLength > MAX_ACCESS_LOG_BACKLOG) {
      if (!this.#dropping) this.#onDropped();
      this.#dropping = true;
      return;
    }
    this.#dropping = false;
    this.#out.write(`${JSON.stringify({ ...line, url: line.url.replace(SECRET_PARAMETERS, '$1***') })}\n`);
  }
}
