// A question that cannot be answered because of how it was asked. The caller's mistake, or a limit; never a decision.

export type AskFaultKind = 'malformed' | 'not-permitted' | 'exhausted' | 'unavailable';

export class AskFault extends Error {
  readonly kind: AskFaultKind;
  constructor(kind: AskFaultKind, message: string) {
    super(message);
    this.name = 'AskFault';
    this.kind = kind;
  }

  static malformed(message: string): AskFault {
    return new AskFault('malformed', message);
  }

  static notPermitted(message: string): AskFault {
    return new AskFault('not-permitted', message);
  }
}
