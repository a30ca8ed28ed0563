// A running Portcullis: the same questions over gRPC, through PolicySimulation.
import { type ChannelCredentials, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { Outcome as DecisionOutcome } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import {
  type HttpFacts,
  type InspectDocumentResponse,
  type MatchTextRequest,
  PolicySimulationClient,
  type SimulateRequest,
  SimulateRequest_Scope,
  type SimulateResponse,
} from '../../proto/gen/portcullis/authz/v1/policy_simulation.ts';
import type { DocumentQuestion, HttpRequest, PolicyText, Requester } from '../../src/authz/policy/index.ts';
import { issuesText, traceText } from '../explanation.ts';
import { type Answer, flatConditions, PROBED_KEYS } from '../outcome.ts';
import { type EngineQuestion, engineQuestion } from '../question.ts';
import type { Question } from '../vector.ts';
import { type Target, TargetError } from './target.ts';

/** Longest wait for the service, and for one answer. */
export const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 30_000;
const CONCURRENCY = 64;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

const OUTCOMES: ReadonlyMap<DecisionOutcome, string> = new Map([
  [DecisionOutcome.OUTCOME_ALLOW, 'ALLOW'],
  [DecisionOutcome.OUTCOME_EXPLICIT_DENY, 'EXPLICIT_DENY'],
  [DecisionOutcome.OUTCOME_IMPLICIT_DENY, 'DENY'],
]);

const SCOPES: Readonly<Record<DocumentQuestion['scope'], SimulateRequest_Scope>> = {
  identity: SimulateRequest_Scope.SCOPE_IDENTITY,
  session: SimulateRequest_Scope.SCOPE_SESSION,
  bucket: SimulateRequest_Scope.SCOPE_BUCKET,
  anonymous: SimulateRequest_Scope.SCOPE_ANONYMOUS,
  combined: SimulateRequest_Scope.SCOPE_COMBINED,
};

type Call<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

export interface GrpcTargetOptions {
  /** `unix:PATH` or `HOST:PORT`. */
  readonly address: string;
  /** Shown as a bearer token. */
  readonly token?: string | undefined;
  readonly channel?: ChannelCredentials;
}

export class GrpcTarget implements Target {
  readonly name: string;
  readonly concurrency = CONCURRENCY;
  readonly #client: PolicySimulationClient;
  readonly #metadata = new Metadata();

  private constructor({ address, token, channel }: GrpcTargetOptions) {
    this.name = `grpc:${address}`;
    this.#client = new PolicySimulationClient(address, channel ?? credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    });
    if (token !== undefined) this.#metadata.set('authorization', `Bearer ${token}`);
  }

  /** Waits for the service. Throws TargetError when it cannot be reached. */
  static async connect(options: GrpcTargetOptions): Promise<GrpcTarget> {
    if (options.address === '') throw new TargetError('grpc: needs an address, e.g. grpc:unix:/run/authz.sock');
    const target = new GrpcTarget(options);
    const error = await new Promise<Error | undefined>((resolve) => {
      target.#client.waitForReady(Date.now() + CONNECT_TIMEOUT_MS, resolve);
    });
    if (error === undefined) return target;
    await target.close();
    throw new TargetError(`no service answers at ${options.address}`, { cause: error });
  }

  async evaluate(question: Question, dialect: string): Promise<Answer> {
    const asked = engineQuestion(question, dialect as DocumentQuestion['dialect']);
    switch (asked.ask) {
      case 'decide':
        return this.#decide(simulateRequest(asked.question, { keys: asked.question.conditions }));
      case 'decideRequest':
        return this.#decide(simulateRequest(asked.question, { http: httpFacts(asked.http, asked.requester) }));
      case 'derive': {
        const http = httpFacts(asked.http, asked.requester);
        const { keys } = await this.#call(this.#client.deriveConditions, { http });
        return { outcome: flatConditions(Object.entries(keys).map(([key, { values }]) => [key, values])) };
      }
      case 'inspect':
        return this.#inspect(asked, dialect);
      case 'admittedKeys': {
        const { action, kind } = asked;
        const candidates = [...PROBED_KEYS];
        const { known, keys } = await this.#call(this.#client.listAdmittedKeys, { dialect, kind, action, candidates });
        return { outcome: { accepted: known, keys: known ? keys : null } };
      }
      case 'wildcard': {
        const { ask: _, ...value } = asked;
        return { outcome: (await this.#match({ matcher: { $case: 'wildcard', value } })).matched };
      }
      case 'segments': {
        const { ask: _, ...value } = asked;
        return { outcome: (await this.#match({ matcher: { $case: 'segments', value } })).matched };
      }
      case 'cidr': {
        const { matched, text } = await this.#match({ matcher: { $case: 'cidr', value: { text: asked.text } } });
        return { outcome: matched ? { valid: true, normalized: text } : { valid: false } };
      }
      case 'sourceIp': {
        const value = { variable: asked.remoteAddrParam, environment: { ...asked.env } };
        const { matched, text } = await this.#match({ matcher: { $case: 'sourceAddress', value } });
        return { outcome: matched ? text : null };
      }
    }
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async #decide(request: SimulateRequest): Promise<Answer> {
    const { answer, statements } = await this.#call(this.#client.simulate, request);
    switch (answer?.$case) {
      case 'decision':
        return {
          outcome: OUTCOMES.get(answer.value.outcome) ?? 'ERROR',
          get explanation() {
            return traceText(statements.map(traceOf));
          },
        };
      case 'invalid':
        return {
          outcome: 'INVALID',
          explanation: `the ${answer.value.document} document: ${issuesText(answer.value.issues)}`,
        };
      default:
        throw new Error('the service gave an empty answer');
    }
  }

  async #inspect(
    { text, kinds, bucket, tenant }: Extract<EngineQuestion, { ask: 'inspect' }>,
    dialect: string,
  ): Promise<Answer> {
    let first: InspectDocumentResponse | undefined;
    for (const kind of kinds) {
      const request = { dialect, kind, document: text, bucket: bucket ?? '', tenant: tenant ?? '' };
      const inspected = await this.#call(this.#client.inspectDocument, request);
      first ??= inspected;
      if (inspected.valid) return inspection(inspected);
    }
    if (first === undefined) throw new Error('a document is of some kind');
    return inspection(first);
  }

  #match(request: MatchTextRequest): Promise<{ matched: boolean; text: string }> {
    return this.#call(this.#client.matchText, request);
  }

  #call<Request, Response>(method: Call<Request, Response>, request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + ANSWER_TIMEOUT_MS };
      method.call(this.#client, request, this.#metadata, options, (error, response) => {
        if (error === null) resolve(response);
        else reject(new Error(`the service answered ${error.code}: ${error.details}`));
      });
    });
  }
}

function inspection({ valid, storable, strictlyValid, issues }: InspectDocumentResponse): Answer {
  return { outcome: { valid, storable, strict: strictlyValid }, explanation: issuesText(issues) };
}

function simulateRequest(
  question: Omit<DocumentQuestion, 'conditions'>,
  facts: { keys: DocumentQuestion['conditions'] } | { http: HttpFacts },
): SimulateRequest {
  const { dialect, scope, documents, principal, action, resource, tenant } = question;
  const { identity = [], session, boundary, bucket } = documents;
  const { type, account = '', user = '', groups = [], arn = '' } = principal;
  return {
    dialect,
    scope: SCOPES[scope],
    identityPolicies: identity.map(textOf),
    sessionPolicy: optionalText(session),
    boundaryPolicy: optionalText(boundary),
    bucketPolicy: optionalText(bucket),
    principal: { type: type === 'Account' ? 'Root' : type, account, user, groups: [...groups], arn },
    action,
    resource: { bucket: '', object: '', arn: '', account: '', ...resource },
    facts:
      'http' in facts
        ? { $case: 'http', value: facts.http }
        : {
            $case: 'keys',
            value: {
              keys: Object.fromEntries(
                Object.entries(facts.keys).map(([name, values]) => [name, { values: [...values] }]),
              ),
            },
          },
    tenant: tenant ?? '',
  };
}

function textOf(document: PolicyText): string {
  return typeof document === 'string' ? document : JSON.stringify(document);
}

function optionalText(document: PolicyText | null | undefined): string | undefined {
  return document === undefined || document === null ? undefined : textOf(document);
}

function httpFacts(http: HttpRequest, requester: Requester): HttpFacts {
  return {
    method: http.method,
    query: http.query,
    headers: Object.entries(http.headers).map(([name, values]) => ({ name, values: [...values] })),
    remoteAddress: http.remoteAddr,
    tls: http.tls,
    username: requester.username,
    root: requester.root,
    claimsJson: JSON.stringify(requester.claims),
    locationConstraint: requester.locationConstraint ?? '',
  };
}

function traceOf(trace: SimulateResponse['statements'][number]): Parameters<typeof traceText>[0][number] {
  const { statement, effect, matched, failedElement, operator, key, wanted, seen } = trace;
  const { policy = '', sid = '', index = 0 } = statement ?? {};
  return {
    statement: { policy, sid: sid === '' ? undefined : sid, index },
    effect: effect === 'Deny' ? 'Deny' : 'Allow',
    matched,
    ...(failedElement === '' ? {} : { failedElement: failedElement as 'Action' }),
    ...(operator === '' ? {} : { operator }),
    ...(key === '' ? {} : { key }),
    wanted,
    seen,
  };
}
