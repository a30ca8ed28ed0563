// The gateway's limits, each with its name and its default.

export interface GatewayLimits {
  /** Bytes of a request's line and headers. */
  readonly headerBytes: number;
  /** Time for a request's headers to arrive, milliseconds. */
  readonly headersMs: number;
  /** Longest silence of a client within a body, its own or the answer's, milliseconds. */
  readonly stallMs: number;
  /**
   * Documents and forms are read before anyone is known to be allowed anything: how long each may take, milliseconds, and how many are
   * read at once. They do not count among the concurrent requests, so that they keep nobody else from being served.
   */
  readonly documentMs: number;
  readonly documents: number;
  /** How long an idle connection is kept, milliseconds. */
  readonly keepAliveMs: number;
  /** How long a connection may be silent both ways, whatever it waits for, milliseconds. */
  readonly idleMs: number;
  /** Requests served at once; more are told to slow down. */
  readonly concurrentRequests: number;
  /** Open connections of a process; near it, the silent ones give way to those that come. */
  readonly connections: number;
  /** Whoever has just come has so long to ask for something before giving way to others, milliseconds. */
  readonly silenceMs: number;
  /** Bytes of an unwanted body that are taken so that the connection can be kept; they have `documentMs` to come. */
  readonly keepBytes: number;
  /** Bytes and milliseconds of an unwanted body that are taken so that the client gets to read the answer before the end. */
  readonly lingerBytes: number;
  readonly lingerMs: number;
  /** Bytes that Node buffers of each body in flight. */
  readonly streamBuffer: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  headerBytes: 32 * 1024,
  headersMs: 30_000,
  stallMs: 60_000,
  documentMs: 60_000,
  documents: 1_024,
  keepAliveMs: 75_000,
  idleMs: 15 * 60_000,
  concurrentRequests: 2_048,
  connections: 12_000,
  silenceMs: 2_000,
  keepBytes: 256 * 1024,
  lingerBytes: 64 * 1024 * 1024,
  lingerMs: 5_000,
  streamBuffer: 128 * 1024,
};
