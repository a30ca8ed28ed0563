// Room for who comes: of the connections that a server may have open, those that say nothing give way, the one that has been silent for
// longest first. Whoever opens thousands of connections and asks for nothing keeps nobody from being served.
import type { IncomingMessage, Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { GatewayLimits } from './limits.ts';

/** Connections that are kept free for bursts: those that are closed for their sake take a moment to be gone. */
const SPARE = 256;
/** Idle connections are looked for no more often than this, milliseconds. */
const CLEARING_MS = 1_000;

/** The open connections of one server. */
export class ConnectionRoom {
  readonly #server: Server | TlsServer;
  readonly #fillable: number;
  readonly #silenceMs: number;
  /** Those that have not sent a whole request yet, the oldest first, and since when (performance.now). */
  readonly #silent = new Map<Socket, number>();
  #open = 0;
  #nextClearing = 0;

  constructor(server: Server | TlsServer, { connections: most, silenceMs }: GatewayLimits) {
    this.#server = server;
    this.#silenceMs = silenceMs;
    this.#fillable = Math.max(most - SPARE, Math.floor(most / 2));
    server.maxConnections = most;
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => this.#add(socket));
    server.on('drop', () => this.#closeIdle(performance.now()));
  }

  /** A connection sent a request: it is not silent any more. */
  heard({ socket }: IncomingMessage): void {
    this.#silent.delete(socket);
  }

  #add(socket: Socket): void {
    const now = performance.now();
    this.#open++;
    this.#silent.set(socket, now);
    socket.once('close', () => {
      this.#open--;
      this.#silent.delete(socket);
    });
    if (this.#open <= this.#fillable) return;
    const [oldest] = this.#silent;
    if (oldest === undefined || now - oldest[1] < this.#silenceMs) {
      this.#closeIdle(now);
      return;
    }
    this.#silent.delete(oldest[0]);
    oldest[0].destroy();
  }

  /** Those that only keep a connection; whoever is being served goes on. */
  #closeIdle(now: number): void {
    if (now < this.#nextClearing) return;
    this.#nextClearing = now + CLEARING_MS;
    this.#server.closeIdleConnections();
  }
}
