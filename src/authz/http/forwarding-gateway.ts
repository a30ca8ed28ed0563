// Who speaks at an HTTP door: a client for itself, or a gateway that forwards for its clients and says whose request it is. A private
// socket is the gateway's; at an address a gateway shows the token that it has for gRPC. What nobody vouches for is refused, not ignored:
// a gateway with a wrong token would have everyone decided by the gateway's own address.
import type { IncomingMessage } from 'node:http';
import type { Callers } from '../grpc/callers.ts';

/** What the gateway says about the client it forwards for; believed of a gateway alone. */
export const SOURCE_ADDRESS_HEADER = 'x-portcullis-source-address';
export const SECURE_HEADER = 'x-portcullis-secure-transport';
export const REQUEST_ID_HEADER = 'x-portcullis-request-id';
/** What proves that it is one. */
export const TOKEN_HEADER = 'x-portcullis-token';

const SPEAKS_FOR_OTHERS = [SOURCE_ADDRESS_HEADER, SECURE_HEADER, REQUEST_ID_HEADER, TOKEN_HEADER];

export type Speaker = 'client' | 'gateway' | 'unknown gateway';

/** @param callers who may be a gateway at an address; undefined = the door is a private socket, and whoever reaches it is one */
export function speakerOf({ headers }: Pick<IncomingMessage, 'headers'>, callers: Callers | undefined): Speaker {
  if (callers === undefined) return 'gateway';
  if (!SPEAKS_FOR_OTHERS.some((name) => headers[name] !== undefined)) return 'client';
  const token = headers[TOKEN_HEADER];
  const caller = typeof token === 'string' ? callers.findByToken(token) : undefined;
  return caller === 'everything' || caller?.mayConfigure === true ? 'gateway' : 'unknown gateway';
}
