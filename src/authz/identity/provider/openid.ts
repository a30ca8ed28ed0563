// OpenID Connect: whether a token was signed by a configured issuer for this service, and what it says of its bearer.
// OpenID Connect Discovery 1.0, RFC 7517 (keys), RFC 8725 (what to refuse).
import { createRemoteJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify, type RemoteJWKSet } from 'jose';
import { z } from 'zod';
import { JWT_CLAIMS } from '../../policy/derive/jwt-claims.ts';
import { type Claims, MAX_CLAIM_CHARACTERS, MAX_CLAIM_VALUES } from '../external-identity.ts';
import { boundedText } from './bounded-text.ts';
import { withUserInfo } from './openid-user-info.ts';
import { ProviderRefusal } from './provider-refusal.ts';

export interface OpenIdSettings {
  /** For messages: '' for the only one, else the suffix of its variables. */
  readonly name: string;
  /** The issuer's `/.well-known/openid-configuration`. */
  readonly configUrl: string;
  readonly clientId: string;
  readonly signIn: SignInSettings;
  /** The claim that names policies. */
  readonly claimName: string;
  /** Put before each name of the claim. */
  readonly claimPrefix: string;
  /** Policies of everybody of this issuer, instead of the claim's. */
  readonly rolePolicies: readonly string[];
  /** What the token does not say is asked of the issuer, with the bearer's access token. */
  readonly claimsFromUserInfo: boolean;
}

/** For people who sign in at the console with their browsers. */
export interface SignInSettings {
  /** '' = a public client. */
  readonly clientSecret: string;
  /** Where the issuer sends them back to; '' = to the console, at the origin that the browser has it from. */
  readonly redirectUri: string;
  /** What they are asked to consent to; empty = what says who they are. */
  readonly scopes: readonly string[];
  /** What the button calls the issuer; '' = by its name. */
  readonly displayName: string;
}

/** Signatures that are accepted; never 'none', and none that a shared secret could make. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Characters of a token. */
export const MAX_TOKEN_CHARACTERS = 16 * 1024;
/** How far the issuer's clock may lie from this one, seconds. */
const CLOCK_TOLERANCE_SECONDS = 5;
const FETCH_TIMEOUT_MS = 5_000;
/** Least time between two loads of keys that unknown key ids cause: strangers must not keep the issuer busy. */
const KEYS_COOLDOWN_MS = 1_000;
/** A key that the issuer took back is refused after this, or as soon as a token with a new one comes. */
const KEYS_MAX_AGE_MS = 5 * 60 * 1000;
/** How long what discovery said stands. */
const DISCOVERY_MAX_AGE_MS = 60 * 60 * 1000;

const WebUrl = z.url({ protocol: /^https?$/ });
const Discovery = z.object({
  issuer: z.string().min(1),
  jwks_uri: WebUrl,
  userinfo_endpoint: WebUrl.optional(),
  authorization_endpoint: WebUrl.optional(),
  token_endpoint: WebUrl.optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  scopes_supported: z.array(z.string()).optional(),
});

interface Issuer {
  readonly issuer: string;
  readonly keys: RemoteJWKSet;
  readonly endpoints: SignInEndpoints;
  readonly userInfo: string | undefined;
  readonly knownAtMs: number;
}

/** What an issuer says of signing in with a browser. OpenID Connect Discovery 1.0, 3. */
export interface SignInEndpoints {
  readonly issuer: string;
  readonly authorization: string | undefined;
  readonly token: string | undefined;
  /** Undefined when it does not say. */
  readonly tokenAuthMethods: readonly string[] | undefined;
  readonly scopes: readonly string[] | undefined;
}

/** What comes with a token. */
export interface TokenContext {
  /** What the token must repeat, where it answers a request of one's own. */
  readonly nonce?: string | undefined;
  /** What its bearer may ask the issuer with; the token itself without. */
  readonly accessToken?: string | undefined;
}

/** A token that stands. */
export interface VouchedToken {
  /** Which of the configured issuers vouched. */
  readonly provider: string;
  readonly claims: Claims;
  readonly issuer: string;
  readonly audience: string;
  /** Names of policies, as the claim or the settings give them; may be empty. */
  readonly policies: readonly string[];
}

/** One issuer. */
export class OpenIdProvider {
  readonly settings: OpenIdSettings;
  readonly #nowMs: () => number;
  #issuer: Issuer | undefined;
  #discovering: Promise<Issuer> | undefined;

  constructor(settings: OpenIdSettings, nowMs: () => number) {
    this.settings = settings;
    this.#nowMs = nowMs;
  }

  /** The issuer's name for itself. Throws ProviderRefusal 'unavailable'. */
  async issuerName(): Promise<string> {
    return (await this.#discovered()).issuer;
  }

  /** Throws ProviderRefusal 'unavailable'. */
  async signInEndpoints(): Promise<SignInEndpoints> {
    return (await this.#discovered()).endpoints;
  }

  /** Throws ProviderRefusal. */
  async verify(token: string, { nonce, accessToken = token }: TokenContext = {}): Promise<VouchedToken> {
    const { issuer, keys, userInfo } = await this.#discovered();
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, keys, {
        algorithms: ALGORITHMS,
        issuer,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.#nowMs()),
        requiredClaims: ['exp', 'sub'],
      }));
    } catch (cause) {
      throw refusalOf(cause);
    }
    this.#requireAudience(payload);
    if (nonce !== undefined && payload.nonce !== nonce) {
      throw new ProviderRefusal('rejected', 'The token answers another request.');
    }
    const { name, clientId, claimsFromUserInfo } = this.settings;
    const known = claimsFromUserInfo ? await withUserInfo(payload, userInfo, accessToken) : payload;
    return {
      provider: name,
      claims: readClaims(known),
      issuer,
      audience: clientId,
      policies: this.#policies(known),
    };
  }

  /** MinIO: the token is for this service when it was issued for, or to, its client id. */
  #requireAudience({ aud, azp }: JWTPayload): void {
    const { clientId } = this.settings;
    const audiences = typeof aud === 'string' ? [aud] : (aud ?? []);
    if (!audiences.includes(clientId) && azp !== clientId) {
      throw new ProviderRefusal('rejected', 'The token is for another audience.');
    }
  }

  #policies(payload: JWTPayload): readonly string[] {
    const { claimName, claimPrefix, rolePolicies } = this.settings;
    if (rolePolicies.length > 0) return rolePolicies;
    const claim = payload[claimName];
    const texts = typeof claim === 'string' ? [claim] : Array.isArray(claim) ? claim : [];
    const names = texts
      .filter((text): text is string => typeof text === 'string')
      .flatMap((text) => text.split(','))
      .map((name) => name.trim())
      .filter((name) => name !== '');
    return [...new Set(names)].slice(0, MAX_CLAIM_VALUES).map((name) => `${claimPrefix}${name}`);
  }

  async #discovered(): Promise<Issuer> {
    const known = this.#issuer;
    if (known !== undefined && Math.abs(this.#nowMs() - known.knownAtMs) < DISCOVERY_MAX_AGE_MS) return known;
    this.#discovering ??= this.#discover().finally(() => {
      this.#discovering = undefined;
    });
    try {
      this.#issuer = await this.#discovering;
    } catch (error) {
      // what was known of the issuer still stands: its keys are checked on their own
      if (known === undefined) throw error;
    }
    return this.#issuer ?? (known as Issuer);
  }

  async #discover(): Promise<Issuer> {
    const { configUrl } = this.settings;
    let found: z.infer<typeof Discovery>;
    try {
      const response = await fetch(configUrl, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
      if (response.status !== 200) throw new Error(`it answered ${response.status}`);
      found = Discovery.parse(JSON.parse(await boundedText(response)));
    } catch (cause) {
      throw new ProviderRefusal('unavailable', 'The identity provider cannot be asked at the moment.', { cause });
    }
    const keys = createRemoteJWKSet(new URL(found.jwks_uri), {
      timeoutDuration: FETCH_TIMEOUT_MS,
      cooldownDuration: KEYS_COOLDOWN_MS,
      cacheMaxAge: KEYS_MAX_AGE_MS,
    });
    const endpoints: SignInEndpoints = {
      issuer: found.issuer,
      authorization: found.authorization_endpoint,
      token: found.token_endpoint,
      tokenAuthMethods: found.token_endpoint_auth_methods_supported,
      scopes: found.scopes_supported,
    };
    return { issuer: found.issuer, keys, endpoints, userInfo: found.userinfo_endpoint, knownAtMs: this.#nowMs() };
  }
}

/** All issuers that are configured. */
export class OpenIdProviders {
  readonly #providers: readonly OpenIdProvider[];

  constructor(settings: readonly OpenIdSettings[], nowMs: () => number) {
    this.#providers = settings.map((each) => new OpenIdProvider(each, nowMs));
  }

  get all(): readonly OpenIdProvider[] {
    return this.#providers;
  }

  /**
   * Has the issuer that the token names verify it: the one of the role, or where several are configured under one name of theirs, the
   * one that the token is for. Throws ProviderRefusal.
   * @param roleArn `arn:…:role/NAME` of a configured issuer; any other text names none
   */
  async verify(token: string, roleArn = '', context: TokenContext = {}): Promise<VouchedToken> {
    if (this.#providers.length === 0) {
      throw new ProviderRefusal('not-configured', 'No OpenID provider is configured.');
    }
    if (token.length > MAX_TOKEN_CHARACTERS) throw new ProviderRefusal('rejected', 'The token is too long.');
    const claimed = claimedIssuer(token);
    let unavailable: ProviderRefusal | undefined;
    let refused: ProviderRefusal | undefined;
    for (const provider of this.#ofRole(roleArn)) {
      try {
        if ((await provider.issuerName()) === claimed) return await provider.verify(token, context);
      } catch (error) {
        if (!(error instanceof ProviderRefusal)) throw error;
        if (error.kind === 'unavailable') unavailable = error;
        else refused = error;
      }
    }
    throw (
      refused ?? unavailable ?? new ProviderRefusal('rejected', 'The token is from an issuer that is not trusted here.')
    );
  }

  #ofRole(roleArn: string): readonly OpenIdProvider[] {
    const role = /^arn:[^:]*:iam:[^:]*:[^:]*:role\/(.+)$/.exec(roleArn)?.[1]?.toLowerCase();
    const named = this.#providers.filter(({ settings: { name } }) => name !== '' && name.toLowerCase() === role);
    return named.length > 0 ? named : this.#providers;
  }
}

/** Whom the token says it is from; believed once its signature stood. */
function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch (cause) {
    throw new ProviderRefusal('rejected', 'The token is not a JSON Web Token.', { cause });
  }
}

/** What jose found wrong, without any of the token. */
function refusalOf(cause: unknown): ProviderRefusal {
  if (cause instanceof errors.JWTExpired) return new ProviderRefusal('expired', 'The token has expired.', { cause });
  if (cause instanceof errors.JWKSTimeout || !(cause instanceof errors.JOSEError)) {
    return new ProviderRefusal('unavailable', 'The identity provider cannot be asked at the moment.', { cause });
  }
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return new ProviderRefusal('rejected', `The token's claim ${cause.claim} does not hold.`, { cause });
  }
  // jose reports an answer that is no key set with its plainest error
  if (cause.code === 'ERR_JOSE_GENERIC' || cause.code === 'ERR_JWKS_INVALID') {
    return new ProviderRefusal('unavailable', 'The keys of the identity provider cannot be read.', { cause });
  }
  return new ProviderRefusal('rejected', 'The token is not signed by a key of its issuer.', { cause });
}

/** The claims that policies can ask for. Throws ProviderRefusal for such as no one should have to keep. */
function readClaims(payload: JWTPayload): Claims {
  const claims: Record<string, string | readonly string[]> = {};
  for (const name of JWT_CLAIMS) {
    const value = payload[name];
    if (typeof value === 'string') claims[name] = value;
    else if (Array.isArray(value)) claims[name] = value.filter((item): item is string => typeof item === 'string');
  }
  for (const value of Object.values(claims)) {
    const values = typeof value === 'string' ? [value] : value;
    if (values.length > MAX_CLAIM_VALUES || values.some((text) => text.length > MAX_CLAIM_CHARACTERS)) {
      throw new ProviderRefusal('rejected', 'A claim of the token is too long.');
    }
  }
  return claims;
}
