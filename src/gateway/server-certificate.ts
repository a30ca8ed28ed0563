// The certificate that the gateway shows: checked before it is used, and exchanged while connections go on.
import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';

/** PEM texts. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Oldest version of TLS that is spoken. */
export const MIN_TLS_VERSION = 'TLSv1.2';

/** Throws an Error that says why a certificate and a key cannot be used together. */
export function checkCertificate({ cert, key }: ServerCertificate, nowMs: number = Date.now()): void {
  createSecureContext({ cert, key, minVersion: MIN_TLS_VERSION });
  const { validTo } = new X509Certificate(cert);
  if (Date.parse(validTo) <= nowMs) throw new Error(`the certificate ended on ${validTo}`);
}

const HTTP_ANSWER =
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nThis port speaks HTTPS: use https:// in the URL.\n';

/** Tells those who speak HTTP to a TLS port so, in HTTP; other failed handshakes end without a word. */
export function answerPlainHttp(server: Server): void {
  const handshaking = new Map<string, Socket>();
  const nameOf = ({ remoteAddress, remotePort }: Socket | TLSSocket): string => `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    handshaking.set(name, socket);
    socket.once('close', () => handshaking.delete(name));
  });
  server.on('secureConnection', (socket) => handshaking.delete(nameOf(socket)));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_SSL_HTTP_REQUEST') handshaking.get(nameOf(socket))?.write(HTTP_ANSWER);
    socket.destroy();
  });
}
