// A sidecar in this process on a private socket, and the generated client to it.
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import {
  AuthorizationClient,
  AuthorizeBatchRequest,
  type AuthorizeBatchResponse,
  AuthorizeRequest,
  type AuthorizeResponse,
  type DeepPartial,
  ExplainRequest,
  type ExplainResponse,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type RunningAuthz, type ServeAuthzOptions, serveAuthz } from '../../src/cli/authz.ts';

export const ROOT = { accessKey: 'rootuser', secretKey: 'root-secret-1' };

export class TestSidecar {
  readonly running: RunningAuthz;
  readonly client: AuthorizationClient;

  private constructor(running: RunningAuthz) {
    this.running = running;
    this.client = new AuthorizationClient(running.address, credentials.createInsecure());
  }

  /** Serves `none:` to the root user, unless told otherwise. */
  static async start(directory: string, options: Partial<ServeAuthzOptions> = {}): Promise<TestSidecar> {
    const running = await serveAuthz({
      listen: `unix:${join(directory, 'authz.sock')}`,
      store: 'none:',
      root: ROOT,
      logger: pino({ level: 'silent' }),
      ...options,
    });
    return new TestSidecar(running);
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.running.stop();
  }

  authorize(request: DeepPartial<AuthorizeRequest>): Promise<AuthorizeResponse> {
    return new Promise((resolve, reject) => {
      this.client.authorize(AuthorizeRequest.fromPartial(request), (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  }

  batch(request: DeepPartial<AuthorizeBatchRequest>): Promise<AuthorizeBatchResponse> {
    return new Promise((resolve, reject) => {
      this.client.authorizeBatch(AuthorizeBatchRequest.fromPartial(request), (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  }

  explain(request: DeepPartial<ExplainRequest>): Promise<ExplainResponse> {
    return new Promise((resolve, reject) => {
      this.client.explain(ExplainRequest.fromPartial(request), (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  }
}
