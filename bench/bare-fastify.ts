// The reference of the gateway benchmark: a fastify that answers the same bytes and asks, checks and stores nothing.
import fastify from 'fastify';

const objects = new Map<string, Buffer>();
const app = fastify({ bodyLimit: 64 << 20 });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.put('/*', async (request, reply) => {
  objects.set(request.raw.url ?? '', request.body as Buffer);
  return reply.code(200).send();
});
app.post('/*', async (_request, reply) =>
  reply.type('application/xml').send('<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>'),
);
app.get('/*', { exposeHeadRoute: true }, async (request, reply) => {
  const body = objects.get(request.raw.url ?? '');
  if (body === undefined) return reply.code(404).send();
  return reply.type('application/octet-stream').send(body);
});
await app.listen({ host: '127.0.0.1', port: 0 });
const address = app.server.address();
process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`);
process.stdin.resume().on('end', () => process.exit(0));
