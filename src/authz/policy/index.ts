// The policy engine's public face: parse, compile, authorize, explain. Pure and synchronous; no I/O, no clock, no logger.
export { authorize } from './authorize.ts';
export { CANNED_POLICIES } from './canned-policies.ts';
export { DIALECT_NAMES } from './dialect/index.ts';
export {
  MAX_DOCUMENT_BYTES,
  MAX_SERVICE_ACCOUNT_POLICY_BYTES,
  MAX_SESSION_POLICY_BYTES,
  type ParsedPolicy,
  type ParseOptions,
  parsePolicy,
} from './document/parse-policy.ts';
export type { PolicyIssue, PolicyIssueCode } from './document/policy-issue.ts';
export { type Explanation, explain, type StatementTrace } from './explain.ts';
export type { Policy } from './policy.ts';
export { type CompileOptions, compilePolicySet, type PolicyProgram, type PolicySet } from './program.ts';
export type {
  Decision,
  DialectName,
  PolicyKind,
  PolicyRequest,
  RequestPrincipal,
  StatementRef,
} from './request.ts';
