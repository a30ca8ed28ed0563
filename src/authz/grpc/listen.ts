// Where the service listens, and who can reach it there: a unix socket private to its user, or TCP, which beyond the loopback
// needs a token.
import { once } from 'node:events';
import { chmodSync, lstatSync, statSync, unlinkSync } from 'node:fs';
import { connect, isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Server, ServerCredentials } from '@grpc/grpc-js';

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** An address that cannot be listened on; the message is for the person who gave it. */
export class ListenError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ListenError';
  }
}

/** Longest path of a unix socket that every system takes. */
const MAX_SOCKET_PATH = 103;

/** Reads `unix:PATH` or `HOST:PORT` (`[IPV6]:PORT`). Throws ListenError. */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = resolve(text.slice('unix:'.length).replace(/^\/\/(?=\/)/, ''));
    if (text === 'unix:' || Buffer.byteLength(path) > MAX_SOCKET_PATH) {
      throw new ListenError(`--listen: a unix socket needs a path of at most ${MAX_SOCKET_PATH} bytes`);
    }
    return { kind: 'unix', path };
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new ListenError(`--listen must be unix:PATH or HOST:PORT, not ${JSON.stringify(text)}`);
  }
  return { kind: 'tcp', host, port };
}

/** True when only this machine can reach the address. */
export function isLocal(address: ListenAddress): boolean {
  if (address.kind === 'unix' || address.host === 'localhost' || address.host === '::1') return true;
  return isIP(address.host) === 4 && address.host.startsWith('127.');
}

/** Binds the server; answers the address with the port that was chosen. Throws ListenError. */
export async function bind(server: Server, address: ListenAddress, by: ServerCredentials): Promise<string> {
  if (address.kind === 'tcp') {
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    const port = await bindTo(server, `${host}:${address.port}`, by);
    return `${host}:${port}`;
  }
  await bindPrivateSocket(address.path, () => bindTo(server, `unix:${address.path}`, by));
  return `unix:${address.path}`;
}

/** Has `bindIt` make a unix socket at the path, in place of one left over, that no other user can ever reach. Throws ListenError. */
export async function bindPrivateSocket(path: string, bindIt: () => Promise<unknown>): Promise<void> {
  requirePrivateDirectory(dirname(path));
  await removeStaleSocket(path);
  // Nobody else may connect in the moment between bind and chmod.
  const umask = process.umask(0o177);
  try {
    await bindIt();
  } finally {
    process.umask(umask);
  }
  chmodSync(path, 0o600);
}

function bindTo(server: Server, target: string, by: ServerCredentials): Promise<number> {
  return new Promise((resolve_, reject) => {
    server.bindAsync(target, by, (error, port) => {
      if (error === null) resolve_(port);
      else reject(new ListenError(`cannot listen on ${target}: ${error.message}`, { cause: error }));
    });
  });
}

/** A directory in which others could replace the socket is refused. */
function requirePrivateDirectory(directory: string): void {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined || !found.isDirectory())
    throw new ListenError(`--listen: there is no directory ${directory}`);
  const user = process.getuid?.();
  const isOwned = user === undefined || found.uid === user || found.uid === 0;
  const isOpen = (found.mode & 0o022) !== 0 && (found.mode & 0o1000) === 0;
  if (!isOwned || isOpen) {
    throw new ListenError(`--listen: others can write to ${directory}; use a directory of this user's alone`);
  }
}

/** A socket nobody listens on any more is left over from a crash. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new ListenError(`--listen: ${path} exists and is not a socket`);
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') {
      unlinkSync(path);
      return;
    }
    throw new ListenError(`--listen: ${path} cannot be taken over`, { cause });
  } finally {
    socket.destroy();
  }
  throw new ListenError(`--listen: another process listens on ${path}`);
}
