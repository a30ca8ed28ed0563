// Lets only callers in that show the token of --token-file, as bearer metadata. Health checks need none.
import {
  type Metadata,
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { constantTimeEqual } from '../identity/signing-key.ts';

const OPEN_SERVICES = ['/grpc.health.v1.Health/'];

/** Shortest token that is accepted as one. */
export const MIN_TOKEN_LENGTH = 16;

/** An interceptor that refuses calls without `authorization: Bearer TOKEN`. */
export function tokenGuard(token: string): ServerInterceptor {
  return (method, call) => {
    const isOpen = OPEN_SERVICES.some((prefix) => method.path.startsWith(prefix));
    if (isOpen) return new ServerInterceptingCall(call);
    const responder = new ResponderBuilder().withStart((next) => {
      const listener = new ServerListenerBuilder()
        .withOnReceiveMetadata((metadata, nextMetadata) => {
          if (shows(metadata, token)) nextMetadata(metadata);
          else call.sendStatus({ code: status.UNAUTHENTICATED, details: 'this service wants a token' });
        })
        .build();
      next(listener);
    });
    return new ServerInterceptingCall(call, responder.build());
  };
}

function shows(metadata: Metadata, token: string): boolean {
  return metadata.get('authorization').some((value) => constantTimeEqual(String(value), `Bearer ${token}`));
}
