// A notes service that is no S3: it knows who its users are, and leaves to a Portcullis sidecar what they may do.
//
//   GET, PUT, DELETE /OWNER/NAME    one note
//   GET /OWNER/                     the names of the notes that the user may read
//
// A note is the resource arn:aws:s3:::notes/OWNER/NAME; reading, writing and deleting it are s3:GetObject, s3:PutObject and
// s3:DeleteObject, so that the policies that hold for objects hold for notes.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { AuthorizationUnavailable, connect } from 'portcullis/client';

const { NOTES_SIDECAR, NOTES_SIDECAR_CA, NOTES_TOKEN, NOTES_PORT = '8080', NOTES_PASSWORDS = '{}' } = process.env;
const MAX_NOTE_BYTES = 64 * 1024;

/** Users of this service, by name. Where yours come from is yours. */
const passwords = new Map(Object.entries(JSON.parse(NOTES_PASSWORDS)));
/** Notes by `OWNER/NAME`. */
const notes = new Map();
const sidecar = connect({
  address: NOTES_SIDECAR,
  token: NOTES_TOKEN,
  timeoutMs: 1_000,
  ...(NOTES_SIDECAR_CA === undefined ? {} : { tls: { ca: readFileSync(NOTES_SIDECAR_CA) } }),
});

const ACTIONS = { GET: 's3:GetObject', PUT: 's3:PutObject', DELETE: 's3:DeleteObject' };

/** The user whose name and password a request brings; undefined for anybody else. */
function userOf(request) {
  const [, encoded = ''] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? [];
  const [, name = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return name !== '' && passwords.get(name) === password ? name : undefined;
}

function questionOf(request, user, accesses) {
  return {
    who: user === undefined ? 'anonymous' : { user },
    accesses,
    context: {
      sourceAddress: request.socket.remoteAddress ?? '',
      userAgent: request.headers['user-agent'] ?? '',
    },
  };
}

const resource = (path) => `arn:aws:s3:::notes/${path}`;

async function answer(request) {
  const path = decodeURIComponent((request.url ?? '/').split('?')[0]).slice(1);
  const action = ACTIONS[request.method];
  const user = userOf(request);
  if (action === undefined || !/^[\w.-]+\/[\w.-]*$/.test(path)) return { status: 400, body: 'no such note\n' };
  if (path.endsWith('/')) return list(request, user, path);

  const { allowed, message } = await sidecar.authorize(
    questionOf(request, user, [{ action, resource: resource(path) }]),
  );
  if (!allowed) return { status: user === undefined ? 401 : 403, body: `${message}\n` };

  if (request.method === 'PUT') notes.set(path, await bodyOf(request));
  else if (!notes.has(path)) return { status: 404, body: 'no such note\n' };
  if (request.method === 'DELETE') notes.delete(path);
  return request.method === 'GET' ? { status: 200, body: notes.get(path) } : { status: 204, body: '' };
}

/** Only what the user may read is there for the user. */
async function list(request, user, owner) {
  const paths = [...notes.keys()].filter((path) => path.startsWith(owner)).sort();
  if (paths.length === 0) return { status: 200, body: '' };
  const accesses = paths.map((path) => ({ action: 's3:GetObject', resource: resource(path) }));
  const { decisions } = await sidecar.authorizeBatch(questionOf(request, user, accesses));
  const visible = paths.filter((_, i) => decisions[i]?.allowed === true);
  return { status: 200, body: visible.map((path) => `${path}\n`).join('') };
}

async function bodyOf(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > MAX_NOTE_BYTES) throw Object.assign(new Error('the note is too long'), { status: 413 });
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

const server = createServer((request, response) => {
  answer(request)
    .catch((error) => {
      // no answer is no permission
      if (error instanceof AuthorizationUnavailable) return { status: 503, body: 'try again\n' };
      return { status: error.status ?? 500, body: 'the note could not be served\n' };
    })
    .then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(body);
    });
});
server.listen(Number(NOTES_PORT), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`notes: http://127.0.0.1:${address.port}\n`);
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close();
    sidecar.close();
  });
}
