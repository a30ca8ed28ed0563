// Which sessions of the console were ended before their time: by signing out. Bounded: when there are more than are kept, all of the same
// bearer's that were opened no later than the oldest of them are over.
import { z } from 'zod';
import { type ConsoleSession, sessionEndMs } from './console-session.ts';

const Document = z.strictObject({
  version: z.literal(1),
  /** Sessions that were opened then or before are over. */
  openedUntilMs: z.number(),
  ended: z.array(z.strictObject({ id: z.string(), openedAtMs: z.number(), untilMs: z.number() })),
});

type Ended = z.infer<typeof Document>['ended'][number];

export class ConsoleEndings {
  static readonly NONE = new ConsoleEndings(0, []);
  readonly #openedUntilMs: number;
  readonly #ended: readonly Ended[];
  readonly #ids: ReadonlySet<string>;

  private constructor(openedUntilMs: number, ended: readonly Ended[]) {
    this.#openedUntilMs = openedUntilMs;
    this.#ended = ended;
    this.#ids = new Set(ended.map(({ id }) => id));
  }

  /** Undefined for what is no such document. */
  static parse(text: string): ConsoleEndings | undefined {
    try {
      const parsed = Document.safeParse(JSON.parse(text)).data;
      return parsed && new ConsoleEndings(parsed.openedUntilMs, parsed.ended);
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  format(): string {
    return JSON.stringify({ version: 1, openedUntilMs: this.#openedUntilMs, ended: this.#ended });
  }

  has({ id, openedAtMs }: ConsoleSession): boolean {
    return openedAtMs <= this.#openedUntilMs || this.#ids.has(id);
  }

  /** With one more, and without those whose time is over. `most` are kept one by one. */
  with(session: ConsoleSession, most: number, nowMs: number): ConsoleEndings {
    const ended = this.#ended.filter(({ id, untilMs }) => id !== session.id && untilMs > nowMs);
    ended.push({ id: session.id, openedAtMs: session.openedAtMs, untilMs: sessionEndMs(session) });
    ended.sort((a, b) => a.openedAtMs - b.openedAtMs);
    const dropped = ended.splice(0, Math.max(0, ended.length - most));
    return new ConsoleEndings(Math.max(this.#openedUntilMs, dropped.at(-1)?.openedAtMs ?? 0), ended);
  }

  /** Without one that is kept elsewhere. */
  without({ id }: ConsoleSession): ConsoleEndings {
    return new ConsoleEndings(
      this.#openedUntilMs,
      this.#ended.filter((each) => each.id !== id),
    );
  }
}
