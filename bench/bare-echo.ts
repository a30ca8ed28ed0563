// The reference of the sidecar benchmark: a gRPC server on a unix socket that answers every question at once, with the same messages.
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  AuthorizationService,
  type AuthorizeRequest,
  AuthorizeResponse,
  type AuthorizeStreamRequest,
  AuthorizeStreamResponse,
  Outcome,
} from '../proto/gen/portcullis/authz/v1/authorization.ts';

const answer = AuthorizeResponse.fromPartial({ decision: { outcome: Outcome.OUTCOME_ALLOW, reason: 'Echo' } });
const refuse = (_call: unknown, done: sendUnaryData<never>): void => done({ code: 12, details: 'not here' });
const server = new Server();
server.addService(AuthorizationService, {
  authorize: (_call: ServerUnaryCall<AuthorizeRequest, AuthorizeResponse>, done: sendUnaryData<AuthorizeResponse>) =>
    done(null, answer),
  authorizeBatch: refuse,
  explain: refuse,
  authorizeStream: (call: ServerDuplexStream<AuthorizeStreamRequest, AuthorizeStreamResponse>) => {
    call.on('data', (message: AuthorizeStreamRequest) =>
      call.write(
        AuthorizeStreamResponse.fromPartial({
          items: message.items.map((item) => ({ id: item.id, answer: { $case: 'authorize', value: answer } })),
        }),
      ),
    );
    call.on('end', () => call.end());
  },
});
server.bindAsync(process.argv[2] as string, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write('{"event":"ready"}\n');
});
process.stdin.resume().on('end', () => process.exit(0));
