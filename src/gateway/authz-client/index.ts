// The public face of the sidecar's client.

export { NoAnswer } from '../../client/decision-stream.ts';
export {
  type AuthorizeAnswer,
  type AuthzClient,
  type AuthzClientOptions,
  type BatchAnswer,
  createAuthzClient,
  DEFAULT_AUTHZ_TIMEOUT_MS,
} from './authz-client.ts';
export type { BucketConfigurationRpc } from './bucket-configuration-rpc.ts';
