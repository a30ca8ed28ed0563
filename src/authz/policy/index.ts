// The policy engine's public face: parse, compile, authorize, explain. Pure and synchronous; no I/O, no clock, no logger.
export {
  askDocuments,
  type DocumentAnswer,
  type DocumentQuestion,
  type PolicyText,
  type QuestionScope,
} from './ask-documents.ts';
export { authorize } from './authorize.ts';
export { CANNED_POLICIES } from './canned-policies.ts';
export {
  canonicalHeader,
  type DeriveOptions,
  deriveConditions,
  type HttpRequest,
  type Requester,
} from './derive/derive-conditions.ts';
export { DIALECT_NAMES } from './dialect/index.ts';
export { admittedKeys, inspectPolicy, type PolicyInspection } from './document/inspect-policy.ts';
export {
  MAX_DOCUMENT_BYTES,
  MAX_SERVICE_ACCOUNT_POLICY_BYTES,
  MAX_SESSION_POLICY_CHARACTERS,
  type ParsedPolicy,
  type ParseOptions,
  parsePolicy,
} from './document/parse-policy.ts';
export type { PolicyIssue, PolicyIssueCode } from './document/policy-issue.ts';
export { type Explanation, explain, type StatementTrace } from './explain.ts';
export type { Policy } from './policy.ts';
export { PRIMITIVES, type Primitives } from './primitives.ts';
export { type CompileOptions, compilePolicySet, type PolicyProgram, type PolicySet } from './program.ts';
export { readingDifferences } from './reading-differences.ts';
export type {
  Decision,
  DialectName,
  PolicyKind,
  PolicyRequest,
  PrincipalType,
  RequestPrincipal,
  StatementRef,
} from './request.ts';
export { type Vocabulary, vocabularyOf } from './vocabulary.ts';
