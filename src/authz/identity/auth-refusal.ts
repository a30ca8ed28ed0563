// Why credentials do not stand: S3's error codes, with S3's sentences. The caller shows both to the client.

/** Codes and their usual messages. A refusal may say more precisely what was wrong. */
export const AUTH_ERRORS = {
  AccessDenied: 'Access Denied',
  AuthorizationHeaderMalformed: 'The authorization header that you provided is not valid.',
  AuthorizationQueryParametersError: 'The authorization query parameters that you provided are not valid.',
  CredentialsNotSupported: 'This request does not support credentials.',
  ExpiredToken: 'The provided token has expired.',
  InvalidAccessKeyId: 'The AWS Access Key Id you provided does not exist in our records.',
  InvalidArgument: 'Invalid Argument',
  InvalidPolicyDocument: 'The content of the form does not meet the conditions specified in the policy document.',
  InvalidRequest: 'Invalid Request',
  InvalidTokenId: 'The security token included in the request is invalid',
  MissingSecurityHeader: 'Your request is missing a required header.',
  RequestTimeTooSkewed: 'The difference between the request time and the current time is too large.',
  SignatureDoesNotMatch:
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
} as const satisfies Record<string, string>;

export type AuthErrorCode = keyof typeof AUTH_ERRORS;

/** Thrown where credentials are found not to stand. Holds nothing secret. */
export class AuthRefusal extends Error {
  readonly code: AuthErrorCode;
  constructor(code: AuthErrorCode, message: string = AUTH_ERRORS[code]) {
    super(message);
    this.name = 'AuthRefusal';
    this.code = code;
  }
}

/** No such session of the console is known, or what it was opened with is another one now. */
export class UnknownSession extends AuthRefusal {
  constructor() {
    super('ExpiredToken', 'The session is over. Sign in again.');
  }
}
