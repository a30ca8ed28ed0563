// The long-lived stream of a busy gateway: what arrives together is answered together. Each item stands alone; one that cannot be
// answered gets a Fault, and the stream goes on.
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type {
  AuthorizeStreamRequest,
  AuthorizeStreamRequest_Item,
  AuthorizeStreamResponse,
  AuthorizeStreamResponse_Item,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { FrameChains } from '../identity/frames.ts';
import { type Asks, andThen } from './asks.ts';
import type { Caller } from './callers.ts';
import { statusOf } from './status.ts';

/** Items of one stream that wait for the store at once. */
export const MAX_WAITING_ITEMS = 10_000;
/**
 * Items that are answered in one turn of the event loop, to the end of the message that reaches it. Then the answers go out, so that
 * the client works on them while the next are made, and other streams have their turn.
 */
const ITEMS_A_TURN = 64;

type Call = ServerDuplexStream<AuthorizeStreamRequest, AuthorizeStreamResponse>;
type AnswerOf = NonNullable<AuthorizeStreamResponse_Item['answer']>;

/** What streams share. */
export interface StreamOptions {
  readonly asks: Asks;
  /** Whose the stream is; undefined = anybody's who may ask everything. */
  readonly caller: Caller | undefined;
  readonly nowMs: () => number;
  readonly onError: (error: unknown) => void;
  /** How to end each stream that is open: it takes no further questions and ends when those it took are answered. */
  readonly open: Set<() => void>;
}

/** Serves one stream until the client or the server ends it. */
export function serveStream(call: Call, { asks, caller, nowMs, onError, open }: StreamOptions): void {
  const frames = new FrameChains();
  let out: AuthorizeStreamResponse_Item[] = [];
  let scheduled = false;
  let waiting = 0;
  let ended = false;
  /** Items of this turn. */
  let taken = 0;
  /** The client does not take its answers. */
  let full = false;

  const flush = (): void => {
    scheduled = false;
    if (out.length > 0 && !call.cancelled) {
      const items = out;
      out = [];
      if (!call.write({ items }) && !full) {
        full = true;
        call.pause();
        call.once('drain', () => {
          full = false;
          call.resume();
        });
      }
    }
    if (taken >= ITEMS_A_TURN) {
      // What was written leaves at the beginning of the next turn.
      setImmediate(() => {
        if (!full) call.resume();
      });
    }
    taken = 0;
    if (ended && waiting === 0) call.end();
  };
  const push = (id: bigint, answer: AnswerOf): void => {
    out.push({ id, answer });
    schedule();
  };
  // Everything that one read of the socket brought is handled before the next turn of the loop.
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };
  const fault = (id: bigint, error: unknown): void => {
    const { code, details, unexpected } = statusOf(error);
    if (unexpected) onError(error);
    push(id, { $case: 'fault', value: { code, message: details } });
  };

  const handle = ({ id, ask }: AuthorizeStreamRequest_Item): void => {
    try {
      const answer = answerItem(ask, { asks, caller }, frames, nowMs);
      if (!(answer instanceof Promise)) {
        push(id, answer);
        return;
      }
      waiting += 1;
      answer
        .then(
          (value) => push(id, value),
          (error: unknown) => fault(id, error),
        )
        .finally(() => {
          waiting -= 1;
          schedule();
        });
    } catch (error) {
      fault(id, error);
    }
  };

  call.on('data', ({ items }: AuthorizeStreamRequest) => {
    if (ended) return;
    for (const item of items) {
      if (waiting < MAX_WAITING_ITEMS) handle(item);
      else
        push(item.id, {
          $case: 'fault',
          value: { code: status.RESOURCE_EXHAUSTED, message: 'too many questions wait on this stream' },
        });
    }
    taken += items.length;
    if (taken >= ITEMS_A_TURN) {
      call.pause();
      schedule();
    }
  });
  const end = (): void => {
    open.delete(end);
    ended = true;
    schedule();
  };
  open.add(end);
  call.on('end', end);
  // The client went away: what it waited for is forgotten with it.
  call.on('cancelled', () => {
    open.delete(end);
    out = [];
  });
  call.on('error', onError);
}

function answerItem(
  ask: AuthorizeStreamRequest_Item['ask'],
  { asks, caller }: Pick<StreamOptions, 'asks' | 'caller'>,
  frames: FrameChains,
  nowMs: () => number,
): AnswerOf | Promise<AnswerOf> {
  switch (ask?.$case) {
    case 'authorize':
      return andThen(asks.authorize(ask.value, frames, caller), (value) => ({ $case: 'authorize', value }));
    case 'batch':
      return andThen(asks.batch(ask.value, frames, caller), (value) => ({ $case: 'batch', value }));
    case 'frames':
      return { $case: 'frames', value: frames.verify(ask.value, nowMs()) };
    default:
      return { $case: 'fault', value: { code: status.INVALID_ARGUMENT, message: 'the item asks nothing' } };
  }
}
