// Lets only callers in that are known, by bearer metadata or client certificate. Health checks need neither.
import {
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import type { Callers } from './callers.ts';

const OPEN_SERVICES = ['/grpc.health.v1.Health/'];

/** Of a call, what tells whose it is. */
export interface AuthenticatedCall {
  getAuthContext(): { readonly sslPeerCertificate?: { readonly subject?: unknown } } | null;
}

/** An interceptor that refuses calls of nobody who is known. */
export function callerGuard(callers: Callers): ServerInterceptor {
  return (method, call) => {
    const isOpen = OPEN_SERVICES.some((prefix) => method.path.startsWith(prefix));
    if (isOpen) return new ServerInterceptingCall(call);
    const responder = new ResponderBuilder().withStart((next) => {
      const listener = new ServerListenerBuilder()
        .withOnReceiveMetadata((metadata, nextMetadata) => {
          const known = callers.find({ metadata, certificate: certificateName(call) });
          if (known !== undefined) nextMetadata(metadata);
          else {
            call.sendStatus({
              code: status.UNAUTHENTICATED,
              details: 'this service wants a token or a client certificate that it knows',
            });
          }
        })
        .build();
      next(listener);
    });
    return new ServerInterceptingCall(call, responder.build());
  };
}

/** The common name of the client's certificate; the TLS layer has checked it when there is one. */
export function certificateName(call: AuthenticatedCall): string | undefined {
  const subject = call.getAuthContext()?.sslPeerCertificate?.subject;
  const name = typeof subject === 'object' && subject !== null && 'CN' in subject ? subject.CN : undefined;
  return typeof name === 'string' ? name : undefined;
}
