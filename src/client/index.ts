// The public face of `portcullis/client`: ask a Portcullis sidecar who may do what, from any Node.js service.
export {
  type Access,
  type Answer,
  AuthorizationClient,
  type AuthorizationClientOptions,
  type BatchAnswer,
  type CallOptions,
  connect,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUT_MS,
  type Outcome,
  type Question,
  type StatementRef,
  type Who,
} from './authorization-client.ts';
export type { Explanation, StatementTrace } from './explanation.ts';
export type { ClientTls } from './tls.ts';
export { AuthorizationUnavailable, QuestionRefused } from './unavailable.ts';
