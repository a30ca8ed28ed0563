// An OpenID issuer of one's own: discovery, keys that can be rotated, tokens as right or wrong as a test wants them, and signing in with a
// browser (authorization code flow with PKCE).
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** How the next browser is answered. */
export interface BrowserAnswer {
  /** Claims of the token, beside those of every token. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Parameters of the way back, in place of the right ones; undefined leaves one out. */
  readonly back?: Readonly<Record<string, string | undefined>>;
  /** What the client may ask for more with. */
  readonly accessToken?: string;
}

export class OpenIdIssuer {
  /** How often the keys were asked for. */
  keyRequests = 0;
  browserAnswer: BrowserAnswer = {};
  /** What is told of whom, by the authorization that is shown for it. */
  readonly userInfo = new Map<string, Readonly<Record<string, unknown>>>();
  /** What the last client showed for itself when it brought a code. */
  lastExchange: { readonly authorization: string | undefined; readonly form: URLSearchParams } | undefined;
  /** What browsers were sent with, by the code that they got. */
  readonly #codes = new Map<string, URLSearchParams>();
  #server: Server | undefined;
  #keys: SigningKey[] = [];
  #made = 0;
  url = '';

  static async start(): Promise<OpenIdIssuer> {
    const issuer = new OpenIdIssuer();
    await issuer.rotate();
    const server = createServer((request, response) => {
      const send = (value: unknown): void => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      };
      if (request.url === '/.well-known/openid-configuration') {
        send({
          issuer: issuer.url,
          jwks_uri: `${issuer.url}/keys`,
          userinfo_endpoint: `${issuer.url}/userinfo`,
          // Another site to the browser than the gateway at 127.0.0.1.
          authorization_endpoint: `${issuer.url.replace('127.0.0.1', 'localhost')}/authorize`,
          token_endpoint: `${issuer.url}/token`,
          response_types_supported: ['code', 'id_token'],
        });
      } else if (request.url === '/keys') {
        issuer.keyRequests += 1;
        send({ keys: issuer.#keys.map(({ publicJwk }) => publicJwk) });
      } else if (request.url === '/userinfo') {
        const told = issuer.userInfo.get(request.headers.authorization ?? '');
        if (told === undefined) response.writeHead(401).end();
        else send(told);
      } else if (request.url?.startsWith('/authorize?') === true) {
        issuer.#authorize(new URL(request.url, issuer.url).searchParams, response);
      } else if (request.url === '/token') {
        issuer.#exchange(request, response).catch((error: unknown) => response.destroy(error as Error));
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    issuer.url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    issuer.#server = server;
    return issuer;
  }

  get configUrl(): string {
    return `${this.url}/.well-known/openid-configuration`;
  }

  /** Takes a new key; the old ones are no longer published. Answers the old one, to sign with. */
  async rotate(): Promise<SigningKey | undefined> {
    const [old] = this.#keys;
    this.#keys = [await this.newKey()];
    return old;
  }

  /** A key that is not published. */
  async newKey(): Promise<SigningKey> {
    const kid = `key-${++this.#made}`;
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
  }

  /** A token of this issuer for an hour; claims may be replaced, and left out by undefined. */
  async token(claims: Readonly<Record<string, unknown>>, key = this.#keys[0]): Promise<string> {
    if (key === undefined) throw new Error('the issuer has no key');
    return new SignJWT(this.claims(claims)).setProtectedHeader({ alg: 'ES256', kid: key.kid }).sign(key.privateKey);
  }

  claims(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.url, sub: 'someone', aud: 'portcullis', iat: now, exp: now + 3600, ...claims };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  /** Everybody who comes is let in at once, and sent back. */
  #authorize(asked: URLSearchParams, response: ServerResponse): void {
    const code = randomUUID();
    this.#codes.set(code, asked);
    const back = new URL(asked.get('redirect_uri') ?? '');
    const answer = { code, state: asked.get('state') ?? '', iss: this.url, ...this.browserAnswer.back };
    for (const [name, value] of Object.entries(answer)) if (value !== undefined) back.searchParams.set(name, value);
    response.writeHead(302, { location: back.href }).end();
  }

  /** A token for a code: once, and for whoever asked for it. */
  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    this.lastExchange = { authorization: request.headers.authorization, form };
    const code = form.get('code') ?? '';
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight =
      asked?.get('code_challenge') === challenge &&
      asked.get('code_challenge_method') === 'S256' &&
      asked.get('redirect_uri') === form.get('redirect_uri');
    const body = isRight
      ? {
          token_type: 'Bearer',
          access_token: this.browserAnswer.accessToken ?? 'unused',
          id_token: await this.token({ nonce: asked.get('nonce'), ...this.browserAnswer.claims }),
        }
      : { error: 'invalid_grant', error_description: 'the code is not right' };
    response.writeHead(isRight ? 200 : 400, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
