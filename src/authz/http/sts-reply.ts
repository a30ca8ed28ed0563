// Answers and errors of the Security Token Service in AWS's XML.
import type { SessionCredentials } from '../administration/sessions.ts';
import type { AdminReply } from './admin-call.ts';

export const API_VERSION = '2011-06-15';
const NAMESPACE = `https://sts.amazonaws.com/doc/${API_VERSION}/`;

/** Codes of AWS STS, with their HTTP status. AWS: "Common errors", and the errors of each operation. */
export const STS_ERRORS = {
  AccessDenied: 403,
  ExpiredTokenException: 400,
  IDPCommunicationError: 400,
  InternalError: 500,
  InvalidAction: 400,
  InvalidIdentityToken: 400,
  InvalidParameterValue: 400,
  MalformedPolicyDocument: 400,
  MissingParameter: 400,
  NotImplemented: 501,
  ServiceUnavailable: 503,
} as const satisfies Record<string, number>;

/** Thrown where a call is refused; the message is shown. */
export class StsRefusal extends Error {
  readonly code: keyof typeof STS_ERRORS;
  constructor(code: keyof typeof STS_ERRORS, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StsRefusal';
    this.code = code;
  }
}

/** An answer: credentials, and what the operation says beside them. */
export interface StsAnswer {
  readonly credentials: SessionCredentials;
  /** Elements of the result by name, in order. */
  readonly about?: Readonly<Record<string, string>>;
}

/** `<ACTIONResponse>` with the credentials. The role is not one of anybody's here, so its names are empty. */
export function answerReply(action: string, { credentials, about = {} }: StsAnswer, requestId: string): AdminReply {
  const { accessKey, secretKey, sessionToken, expiresAtMs } = credentials;
  const expiration = `${new Date(expiresAtMs).toISOString().slice(0, 19)}Z`;
  const result =
    element('AssumedRoleUser', element('Arn', '') + element('AssumeRoleId', '')) +
    element(
      'Credentials',
      element('AccessKeyId', escapeText(accessKey)) +
        element('SecretAccessKey', escapeText(secretKey)) +
        element('Expiration', expiration) +
        element('SessionToken', escapeText(sessionToken)),
    ) +
    Object.entries(about)
      .map(([name, text]) => element(name, escapeText(text)))
      .join('');
  const body = document(
    `${action}Response`,
    element(`${action}Result`, result) + element('ResponseMetadata', element('RequestId', escapeText(requestId))),
  );
  return { status: 200, contentType: 'application/xml', body };
}

export function errorReply(code: string, message: string, status: number, requestId: string): AdminReply {
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
