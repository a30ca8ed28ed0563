// What keeps a question from being answered. Neither is an answer: whoever asked must not go on as if it were a yes.

/** There is no answer: the sidecar is away, late, or said something that cannot be understood. Asking again may help. */
export class AuthorizationUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AuthorizationUnavailable';
  }
}

/** The sidecar does not answer such a question, or not to this caller: a mistake in the asking service, or in its configuration. */
export class QuestionRefused extends Error {
  /** A gRPC status: 3 INVALID_ARGUMENT, 7 PERMISSION_DENIED, 8 RESOURCE_EXHAUSTED, 16 UNAUTHENTICATED. */
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'QuestionRefused';
    this.code = code;
  }
}
