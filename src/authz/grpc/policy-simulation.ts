// Answers about documents that come with the question: the policy engine in messages. Nothing stored is read here, and an answer grants
// nothing.
import type { ConditionValues } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type {
  DeriveConditionsResponse,
  DocumentIssue,
  HttpFacts,
  InspectDocumentRequest,
  InspectDocumentResponse,
  ListAdmittedKeysRequest,
  ListAdmittedKeysResponse,
  MatchTextRequest,
  MatchTextResponse,
  SimulateRequest,
  SimulateResponse,
} from '../../../proto/gen/portcullis/authz/v1/policy_simulation.ts';
import { SimulateRequest_Scope } from '../../../proto/gen/portcullis/authz/v1/policy_simulation.ts';
import { AskFault } from '../identity/ask-fault.ts';
import { fromPolicy } from '../identity/authorizer.ts';
import {
  admittedKeys,
  askDocuments,
  DIALECT_NAMES,
  type DialectName,
  type DocumentQuestion,
  deriveConditions,
  explain,
  inspectPolicy,
  type PolicyIssue,
  type PolicyKind,
  PRIMITIVES,
  type QuestionScope,
} from '../policy/index.ts';
import { decisionMessage, traceMessage } from './messages.ts';

/** Characters of all documents of one question. */
export const MAX_SIMULATED_LENGTH = 1024 * 1024;
/** Documents of one question. */
export const MAX_SIMULATED_DOCUMENTS = 100;
/** Keys asked about at once. */
export const MAX_CANDIDATES = 200;
/** Characters of a pattern and of a text to be matched. */
export const MAX_MATCHED_LENGTH = 64 * 1024;

const SCOPES: ReadonlyMap<SimulateRequest_Scope, QuestionScope> = new Map([
  [SimulateRequest_Scope.SCOPE_IDENTITY, 'identity'],
  [SimulateRequest_Scope.SCOPE_SESSION, 'session'],
  [SimulateRequest_Scope.SCOPE_BUCKET, 'bucket'],
  [SimulateRequest_Scope.SCOPE_ANONYMOUS, 'anonymous'],
  [SimulateRequest_Scope.SCOPE_COMBINED, 'combined'],
]);
const KINDS: readonly PolicyKind[] = ['identity', 'session', 'bucket'];
const PRINCIPAL_TYPES = ['Anonymous', 'Root', 'User', 'AssumedRole', 'FederatedUser', 'Tenant', 'None'] as const;

/** Throws AskFault. */
export function simulate(asked: SimulateRequest, nowMs: number): SimulateResponse {
  const answer = askDocuments(documentQuestion(asked, nowMs));
  if (answer.kind === 'invalid') {
    const value = { document: answer.document, issues: answer.issues.map(issueMessage) };
    return { answer: { $case: 'invalid', value }, statements: [] };
  }
  const { statements } = explain(answer.program, answer.request);
  return {
    answer: { $case: 'decision', value: decisionMessage(fromPolicy(answer.decision)) },
    statements: statements.map(traceMessage),
  };
}

function documentQuestion(asked: SimulateRequest, nowMs: number): DocumentQuestion {
  const { identityPolicies, sessionPolicy, boundaryPolicy, bucketPolicy, facts, tenant } = asked;
  const texts = [...identityPolicies, sessionPolicy, boundaryPolicy, bucketPolicy].filter((text) => text !== undefined);
  if (texts.length > MAX_SIMULATED_DOCUMENTS) {
    throw AskFault.malformed(`more than ${MAX_SIMULATED_DOCUMENTS} documents`);
  }
  limitDocuments(texts);
  const scope = SCOPES.get(asked.scope);
  if (scope === undefined) throw AskFault.malformed('the scope is not one of those that there are');
  if (asked.principal === undefined || asked.resource === undefined) {
    throw AskFault.malformed('a principal and a resource are needed, if empty ones');
  }
  const { type, ...principal } = asked.principal;
  return {
    dialect: dialectOf(asked.dialect),
    scope,
    documents: {
      identity: identityPolicies,
      session: sessionPolicy ?? null,
      boundary: boundaryPolicy ?? null,
      bucket: bucketPolicy ?? null,
    },
    principal: { ...withoutEmpty(principal), type: oneOf('principal type', type, PRINCIPAL_TYPES) },
    action: asked.action,
    resource: withoutEmpty(asked.resource),
    conditions: facts === undefined ? {} : conditionsOf(facts, nowMs),
    ...(tenant === '' ? {} : { tenant }),
  };
}

function conditionsOf(facts: NonNullable<SimulateRequest['facts']>, nowMs: number): Record<string, readonly string[]> {
  if (facts.$case === 'http') return Object.fromEntries(derive(facts.value, nowMs));
  return Object.fromEntries(Object.entries(facts.value.keys).map(([name, { values }]) => [name, values]));
}

/** An empty text in a message is one that was not given. */
function withoutEmpty<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== '')) as Partial<T>;
}

/** Throws AskFault. */
export function inspectDocument(asked: InspectDocumentRequest): InspectDocumentResponse {
  const { document, bucket, tenant } = asked;
  limitDocuments([document]);
  const { valid, storable, strictlyValid, issues } = inspectPolicy(document, {
    dialect: dialectOf(asked.dialect),
    kind: oneOf('kind', asked.kind, KINDS),
    ...(bucket === '' ? {} : { bucket }),
    ...(tenant === '' ? {} : { tenant }),
  });
  return { valid, storable, strictlyValid, issues: issues.map(issueMessage) };
}

/** Throws AskFault. */
export function listAdmittedKeys(asked: ListAdmittedKeysRequest): ListAdmittedKeysResponse {
  if (asked.candidates.length > MAX_CANDIDATES) throw AskFault.malformed(`more than ${MAX_CANDIDATES} candidates`);
  const dialect = dialectOf(asked.dialect);
  const keys = admittedKeys(asked.action, asked.candidates, { dialect, kind: oneOf('kind', asked.kind, KINDS) });
  return { known: keys !== null, keys: [...(keys ?? [])] };
}

/** Throws AskFault. */
export function deriveRequestConditions(http: HttpFacts | undefined, nowMs: number): DeriveConditionsResponse {
  if (http === undefined) throw AskFault.malformed('there is no request');
  const keys: Record<string, ConditionValues> = {};
  for (const [name, values] of derive(http, nowMs)) keys[name] = { values: [...values] };
  return { keys };
}

function derive(http: HttpFacts, nowMs: number): ReadonlyMap<string, readonly string[]> {
  const headers: Record<string, readonly string[]> = {};
  for (const { name, values } of http.headers) headers[name] = [...(headers[name] ?? []), ...values];
  const { method, query, remoteAddress, tls, username, root, locationConstraint } = http;
  return deriveConditions(
    { method, query, headers, remoteAddr: remoteAddress, tls },
    {
      username,
      root,
      claims: claimsOf(http.claimsJson),
      ...(locationConstraint === '' ? {} : { locationConstraint }),
    },
    { nowMs, trustedPeer: true },
  );
}

function claimsOf(text: string): Readonly<Record<string, unknown>> {
  if (text === '') return {};
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch {
    claims = undefined;
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw AskFault.malformed('claims_json is not a JSON object');
  }
  return claims as Readonly<Record<string, unknown>>;
}

/** Throws AskFault. */
export function matchText({ matcher }: MatchTextRequest): MatchTextResponse {
  switch (matcher?.$case) {
    case 'wildcard': {
      const { pattern, text, ignoreCase } = matcher.value;
      limitTexts(pattern, text);
      return { matched: PRIMITIVES.wildcard(pattern, text, ignoreCase), text: '' };
    }
    case 'segments': {
      const { pattern, text, mode } = matcher.value;
      limitTexts(pattern, text);
      const matched = PRIMITIVES.segments(pattern, text, oneOf('mode', mode, ['action', 'arn'] as const));
      return { matched, text: '' };
    }
    case 'cidr':
      limitTexts(matcher.value.text);
      return found(PRIMITIVES.cidr(matcher.value.text));
    case 'sourceAddress':
      return found(PRIMITIVES.sourceIp(matcher.value.variable, matcher.value.environment));
    default:
      throw AskFault.malformed('there is no matcher');
  }
}

function found(text: string | null): MatchTextResponse {
  return { matched: text !== null, text: text ?? '' };
}

function issueMessage({ code, path, message, suggestion }: PolicyIssue): DocumentIssue {
  return { code, path, message, suggestion: suggestion ?? '' };
}

function dialectOf(name: string): DialectName {
  return oneOf('dialect', name, DIALECT_NAMES);
}

function oneOf<T extends string>(what: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw AskFault.malformed(`the ${what} must be one of ${allowed.join(', ')}`);
  return found;
}

function limitDocuments(texts: readonly string[]): void {
  if (texts.reduce((sum, text) => sum + text.length, 0) > MAX_SIMULATED_LENGTH) {
    throw AskFault.malformed(`the documents are longer than ${MAX_SIMULATED_LENGTH} characters together`);
  }
}

function limitTexts(...texts: readonly string[]): void {
  if (texts.some((text) => text.length > MAX_MATCHED_LENGTH)) {
    throw AskFault.malformed(`a text is longer than ${MAX_MATCHED_LENGTH} characters`);
  }
}
