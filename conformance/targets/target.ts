// An engine under test: questions in, answers out. It never sees what a vector expects.
import type { Answer } from '../outcome.ts';
import type { Question } from '../vector.ts';

export interface Target {
  /** For the report: what was tested. */
  readonly name: string;
  /** Questions that may be open at once. */
  readonly concurrency: number;
  /** Answers one question as the dialect would. Rejects when there is no answer; that vector fails with the message. */
  evaluate(question: Question, dialect: string): Promise<Answer> | Answer;
  /** Idempotent. */
  close(): Promise<void>;
}

/** The target cannot be had at all: its address is wrong, its program does not start. */
export class TargetError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TargetError';
  }
}
