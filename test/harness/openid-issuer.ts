// An OpenID issuer of one's own: discovery, keys that can be rotated, and tokens as right or wrong as a test wants them.
import { createServer, type Server } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export class OpenIdIssuer {
  /** How often the keys were asked for. */
  keyRequests = 0;
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
        send({ issuer: issuer.url, jwks_uri: `${issuer.url}/keys`, response_types_supported: ['id_token'] });
      } else if (request.url === '/keys') {
        issuer.keyRequests += 1;
        send({ keys: issuer.#keys.map(({ publicJwk }) => publicJwk) });
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

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
