// Any other engine, as a program that speaks JSON lines: one question a line on its standard input, one answer a line on its standard
// output. README.md shows both. What it writes to standard error is kept for the explanation of a failure and shown nowhere else.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { linesOf } from '../json-lines.ts';
import type { Answer } from '../outcome.ts';
import { isObject, type Json, type Question } from '../vector.ts';
import { type Target, TargetError } from './target.ts';

/** Longest wait for one answer. */
export const ANSWER_TIMEOUT_MS = 30_000;
/** Longest wait for the program to end by itself once its standard input is closed. */
const END_TIMEOUT_MS = 5_000;
/** Questions that wait in the program at once. */
const CONCURRENCY = 64;
/** Longest line of an answer. */
const MAX_LINE_LENGTH = 1024 * 1024;
/** What is kept of standard error. */
const MAX_COMPLAINT_LENGTH = 2_000;

interface Waiting {
  readonly id: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class CommandTarget implements Target {
  readonly name: string;
  readonly concurrency = CONCURRENCY;
  readonly #child: ChildProcessWithoutNullStreams;
  /** In the order asked; answers without an id belong to the first. */
  readonly #waiting: Waiting[] = [];
  #ended: string | undefined;
  #complaint = '';
  readonly #exit: Promise<void>;

  private constructor(command: string, child: ChildProcessWithoutNullStreams) {
    this.name = `command:${command}`;
    this.#child = child;
    this.#exit = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#end(`the program ended with ${signal ?? `exit code ${code}`}`);
        resolve();
      });
      child.once('error', (error) => {
        this.#end(`the program cannot be run: ${error.message}`);
        resolve();
      });
    });
    child.stdin.on('error', (error) => this.#end(`the program takes no more questions: ${error.message}`));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-MAX_COMPLAINT_LENGTH);
    });
    this.#listen(child.stdout).catch((error: Error) => this.#end(`its answers cannot be read: ${error.message}`));
  }

  /** Starts the program by the shell. Throws TargetError. */
  static async start(command: string): Promise<CommandTarget> {
    if (command.trim() === '') throw new TargetError('command: needs a program, e.g. command:./adapter.py');
    // A group of its own: what the shell started ends with it.
    const child = spawn(command, { shell: true, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    return new CommandTarget(command, child);
  }

  async #listen(output: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const line of linesOf(output)) this.#receive(line);
  }

  evaluate(question: Question, dialect: string): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(new Error(this.#ended));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#end(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s to ${question.id}`),
        ANSWER_TIMEOUT_MS,
      );
      this.#waiting.push({ id: question.id, resolve, reject, timer });
      this.#child.stdin.write(`${JSON.stringify({ ...question.members, dialect, dialects: [dialect] })}\n`);
    });
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#kill('SIGKILL'), END_TIMEOUT_MS);
    await this.#exit;
    clearTimeout(timer);
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The whole group has ended by itself.
    }
  }

  #receive(line: string): void {
    if (line.trim() === '') return;
    let answer: Json | undefined;
    try {
      answer = line.length > MAX_LINE_LENGTH ? undefined : (JSON.parse(line) as Json);
    } catch {
      answer = undefined;
    }
    if (answer === undefined) {
      this.#end(`the program answered what is not JSON: ${JSON.stringify(line.slice(0, 120))}`);
      return;
    }
    const wrapped = isObject(answer) && answer.outcome !== undefined ? answer : undefined;
    const id = wrapped?.id;
    const index = id === undefined ? 0 : this.#waiting.findIndex((waiting) => waiting.id === id);
    const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiting === undefined) {
      this.#end(`the program answered ${id === undefined ? 'more than it was asked' : JSON.stringify(id)}`);
      return;
    }
    clearTimeout(waiting.timer);
    const explanation = typeof wrapped?.explanation === 'string' ? wrapped.explanation : undefined;
    // `null` is an outcome, too.
    waiting.resolve({ outcome: wrapped?.outcome === undefined ? answer : wrapped.outcome, explanation });
  }

  /** Nothing more can be had from the program. */
  #end(problem: string): void {
    if (this.#ended !== undefined) return;
    const complaint = this.#complaint.trim();
    this.#ended = complaint === '' ? problem : `${problem}; it wrote: ${complaint}`;
    this.#child.stdin.end();
    this.#kill('SIGTERM');
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(new Error(this.#ended));
    }
  }
}
