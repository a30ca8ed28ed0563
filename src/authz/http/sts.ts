// The Security Token Service: AssumeRole gives a user credentials for a while. Answers and errors are AWS's XML.
import type { Logger } from 'pino';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { addSession, expireSessions, type SessionCredentials } from '../administration/sessions.ts';
import { AskFault } from '../identity/ask-fault.ts';
import { AuthRefusal } from '../identity/auth-refusal.ts';
import { type AdminReply, authRefusalStatus } from './admin-call.ts';
import type { AdminService } from './admin-service.ts';
import { bodyHash, credentialsOf, type HttpRequest, parseForm } from './http-request.ts';

const API_VERSION = '2011-06-15';
const NAMESPACE = `https://sts.amazonaws.com/doc/${API_VERSION}/`;

/** Life of a session, seconds. */
export const MIN_DURATION_SECONDS = 900;
export const MAX_DURATION_SECONDS = 604_800;
export const DEFAULT_DURATION_SECONDS = 3600;
/** AWS: characters of an inline policy. */
export const MAX_POLICY_CHARACTERS = 2048;

/** Codes of AWS STS, with their HTTP status. */
const STS_ERRORS = {
  AccessDenied: 403,
  InternalError: 500,
  InvalidParameterValue: 400,
  MalformedPolicyDocument: 400,
  MissingParameter: 400,
  ServiceUnavailable: 503,
} as const satisfies Record<string, number>;

class StsRefusal extends Error {
  readonly code: keyof typeof STS_ERRORS;
  constructor(code: keyof typeof STS_ERRORS, message: string) {
    super(message);
    this.name = 'StsRefusal';
    this.code = code;
  }
}

/** Answers a POST to `/`. Never rejects. */
export async function answerSts(
  service: AdminService,
  request: HttpRequest,
  requestId: string,
  logger: Logger,
): Promise<AdminReply> {
  try {
    const credentials = await assumeRole(service, request);
    sweep(service, logger);
    return { status: 200, contentType: 'application/xml', body: assumeRoleXml(credentials, requestId) };
  } catch (error) {
    return refusalReply(error, requestId, logger);
  }
}

async function assumeRole(service: AdminService, request: HttpRequest): Promise<SessionCredentials> {
  const parameters = readParameters(request);
  const durationSeconds = parameters?.get('DurationSeconds');
  const user = await authenticateUser(service, request, durationSeconds);
  if (parameters === undefined) throw new StsRefusal('InvalidParameterValue', 'The form could not be read.');
  const version = parameters.get('Version');
  if (version !== API_VERSION) {
    throw new StsRefusal('MissingParameter', `Invalid STS API version ${version ?? ''}, expecting ${API_VERSION}`);
  }
  const action = parameters.get('Action') ?? '';
  if (action !== 'AssumeRole') {
    throw new StsRefusal('InvalidParameterValue', `Unsupported action ${action.slice(0, 64)}`);
  }
  const policy = readPolicy(service, parameters.get('Policy'));
  const expiresAtMs = Math.floor(service.nowMs() / 1000 + readDuration(durationSeconds)) * 1000;
  let made: SessionCredentials | undefined;
  await service.run(
    addSession(service.rules, { parent: user, policy, expiresAtMs }, (credentials) => {
      made = credentials;
    }),
  );
  if (made === undefined) throw new Error('the session was stored without being made');
  return made;
}

/**
 * The user who asks. Not root, and no service account or session. Assuming needs no permission, but can be denied: the action is
 * sts:AssumeRole, with sts:DurationSeconds.
 */
async function authenticateUser(
  service: AdminService,
  request: HttpRequest,
  durationSeconds: string | undefined,
): Promise<string> {
  const claimed = request.headers.get('x-amz-content-sha256');
  if (!request.headers.has('authorization') || (claimed !== undefined && claimed !== bodyHash(request))) {
    throw notEligible();
  }
  const answer = await service.answer({
    credentials: credentialsOf(request),
    accesses: [{ action: 'sts:AssumeRole', resource: '', context: {}, resourceAccount: '' }],
    context: request.context,
    service: 'sts',
    derived: new Map([['sts:DurationSeconds', [durationSeconds ?? String(DEFAULT_DURATION_SECONDS)]]]),
  });
  if (answer.kind === 'refused') throw answer.refusal;
  const { identified, decisions } = answer;
  if (identified.type !== 'Known' || identified.credential.type !== 'User') throw notEligible();
  const outcome = decisions[0]?.outcome;
  if (outcome !== 'Allow' && outcome !== 'ImplicitDeny') throw notEligible();
  return identified.credential.accessKey;
}

function notEligible(): StsRefusal {
  return new StsRefusal('AccessDenied', 'Generating temporary credentials not allowed for this request.');
}

/** The form's parameters, then the query's; undefined when one of the two cannot be read. */
function readParameters(request: HttpRequest): ReadonlyMap<string, string> | undefined {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers.get('content-type') ?? '');
  const form = isForm ? parseForm(request.body.toString('utf8')) : [];
  return form === undefined ? undefined : new Map([...request.query, ...form]);
}

function readDuration(text: string | undefined): number {
  if (text === undefined) return DEFAULT_DURATION_SECONDS;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= MIN_DURATION_SECONDS && seconds <= MAX_DURATION_SECONDS)) {
    throw new StsRefusal(
      'InvalidParameterValue',
      `DurationSeconds must be a whole number from ${MIN_DURATION_SECONDS} to ${MAX_DURATION_SECONDS}.`,
    );
  }
  return seconds;
}

function readPolicy(service: AdminService, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text.length < 1 || text.length > MAX_POLICY_CHARACTERS) {
    throw new StsRefusal('InvalidParameterValue', `Policy must have 1 to ${MAX_POLICY_CHARACTERS} characters.`);
  }
  const problem = service.rules.policyProblem(text, 'session');
  if (problem !== undefined) throw new StsRefusal('MalformedPolicyDocument', problem);
  return text;
}

/** Removes sessions that are over, behind the answer's back: nobody waits for it, and nobody could use them. */
function sweep(service: AdminService, logger: Logger): void {
  const command = expireSessions(service.records, service.nowMs());
  if (command === undefined) return;
  service.run(command).catch((error: unknown) => logger.warn({ err: error }, 'expired sessions could not be removed'));
}

function refusalReply(error: unknown, requestId: string, logger: Logger): AdminReply {
  if (error instanceof StsRefusal) return errorReply(error.code, error.message, STS_ERRORS[error.code], requestId);
  if (error instanceof AuthRefusal) return errorReply(error.code, error.message, authRefusalStatus(error), requestId);
  if (error instanceof AskFault) return errorReply('InvalidParameterValue', error.message, 400, requestId);
  logger.error({ err: error, requestId }, 'an STS call failed');
  const code =
    error instanceof AdminRefusal && error.error === 'NoIdentityStore' ? 'ServiceUnavailable' : 'InternalError';
  return errorReply(code, 'Temporary credentials could not be made. Try again.', STS_ERRORS[code], requestId);
}

function assumeRoleXml(credentials: SessionCredentials, requestId: string): string {
  const { accessKey, secretKey, sessionToken, expiresAtMs } = credentials;
  const expiration = `${new Date(expiresAtMs).toISOString().slice(0, 19)}Z`;
  return document(
    'AssumeRoleResponse',
    element(
      'AssumeRoleResult',
      element('AssumedRoleUser', element('Arn', '') + element('AssumeRoleId', '')) +
        element(
          'Credentials',
          element('AccessKeyId', escapeText(accessKey)) +
            element('SecretAccessKey', escapeText(secretKey)) +
            element('Expiration', expiration) +
            element('SessionToken', escapeText(sessionToken)),
        ),
    ) + element('ResponseMetadata', element('RequestId', escapeText(requestId))),
  );
}

function errorReply(code: string, message: string, status: number, requestId: string): AdminReply {
  const type = status >= 500 ? 'Receiver' : 'Sender';
  const error = element('Type', type) + element('Code', code) + element('Message', escapeText(message));
  return {
    status,
    contentType: 'application/xml',
    body: document('ErrorResponse', element('Error', error) + element('RequestId', escapeText(requestId))),
  };
}

function document(root: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${content}</${root}>`;
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

/** Text for an element; characters that XML does not have are replaced. */
function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}
