// Requests of one connection are served one after another: a client that sends the next one without waiting for an answer means it to
// happen after the one before. RFC 9112, 9.3.2: only requests that change nothing may be served beside each other.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Requests of one connection that wait for their turn; who sends more is not waited for. */
export const MAX_PIPELINED = 256;

/** The last request that came over a connection. */
interface Turn {
  /** Requests before it that were not answered when it came. */
  readonly waiting: number;
  ended: boolean;
  next: (() => void) | undefined;
}

export class RequestOrder {
  readonly #turns = new WeakMap<Duplex, Turn>();

  /** Calls `serve` when all that came before over the same connection has been answered; never when the connection is gone by then. */
  enter({ socket }: IncomingMessage, response: ServerResponse, serve: () => void): void {
    const before = this.#turns.get(socket);
    const turn: Turn = {
      waiting: before === undefined || before.ended ? 0 : before.waiting + 1,
      ended: false,
      next: undefined,
    };
    this.#turns.set(socket, turn);
    response.once('close', () => {
      turn.ended = true;
      turn.next?.();
    });
    if (before === undefined || before.ended) serve();
    else if (turn.waiting > MAX_PIPELINED) socket.destroy();
    else {
      before.next = () => {
        if (!socket.destroyed) serve();
      };
    }
  }
}
