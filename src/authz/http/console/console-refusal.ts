// Why a call of the console's own API is refused: one table, with the sentences that people read.

export const CONSOLE_ERRORS = {
  AccessDenied: { status: 403, message: 'Your policies do not allow this.' },
  InvalidRequest: { status: 400, message: 'The request is not valid.' },
  NotSignedIn: { status: 401, message: 'Nobody is signed in.' },
  SignInRefused: { status: 403, message: 'The access key or the secret key is not right.' },
  TooManyAttempts: { status: 429, message: 'Too many failed attempts. Try again in a minute.' },
  SignInNotStarted: {
    status: 400,
    message: 'This sign-in was not started in this browser, or took too long. Start again.',
  },
  SignInElsewhere: { status: 400, message: 'The identity provider sends browsers to another address.' },
  ProviderRefused: { status: 403, message: 'The identity provider refused the sign-in.' },
  ProviderUnavailable: { status: 503, message: 'The identity provider cannot be asked at the moment.' },
  TokenRefused: { status: 403, message: 'What the identity provider said cannot be trusted.' },
  NoPolicies: { status: 403, message: 'No policy of this service belongs to you. Ask an administrator for one.' },
  NotFound: { status: 404, message: 'There is no such call.' },
  MethodNotAllowed: { status: 405, message: 'The call does not have this method.' },
  NoSuchRequest: { status: 404, message: 'No decision of that request is known here any more.' },
  Unavailable: { status: 501, message: 'This service keeps no record of that.' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ConsoleErrorCode = keyof typeof CONSOLE_ERRORS;

export class ConsoleRefusal extends Error {
  readonly code: ConsoleErrorCode;
  constructor(code: ConsoleErrorCode, message: string = CONSOLE_ERRORS[code].message, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConsoleRefusal';
    this.code = code;
  }
}
