// Who may ask this service over gRPC, and for what: callers known by a token or by a client certificate, each with its own scope.
// Without any that are named, whoever reaches the service may ask everything, as --trust-callers says.
import type { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import type { Access, Credentials } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { AskFault } from '../identity/ask-fault.ts';
import { constantTimeEqual } from '../identity/signing-key.ts';
import { matchesWildcard } from '../policy/match/wildcard.ts';

/** Shortest token that is accepted as one. */
export const MIN_TOKEN_LENGTH = 16;
/** Callers of one file. */
export const MAX_CALLERS = 1_000;

const Patterns = z.array(z.string().min(1)).min(1);
const CallerEntry = z
  .strictObject({
    /** For the log and for messages. */
    name: z.string().min(1),
    /** Shown as `authorization: Bearer TOKEN`. */
    token: z.string().min(MIN_TOKEN_LENGTH).optional(),
    /** The common name of its client certificate, which an authority of --caller-ca signed. */
    certificate: z.string().min(1).optional(),
    /** What it may ask about; everything without. */
    actions: Patterns.optional(),
    resources: Patterns.optional(),
    /** In whose name, beside those who present credentials: patterns over access keys. Nobody's without. */
    names: Patterns.optional(),
    /** It may say what time it is. */
    setTime: z.boolean().optional(),
    /** It may have decisions explained without an administrator's credentials. */
    explain: z.boolean().optional(),
    /** It is a gateway: it may read the configuration of buckets, and ask for changes of it. */
    configuration: z.boolean().optional(),
  })
  .refine(({ token, certificate }) => token !== undefined || certificate !== undefined, {
    message: 'a caller needs a token or a certificate',
  });
const CallerFile = z.array(CallerEntry).min(1).max(MAX_CALLERS);
export type CallerSettings = z.infer<typeof CallerEntry>;

/** Reads the JSON of --callers. Throws Error with what is wrong. */
export function parseCallers(text: string): readonly CallerSettings[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error('it is not JSON', { cause });
  }
  const parsed = CallerFile.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is not a list of callers'}`);
  }
  const { data } = parsed;
  for (const key of ['name', 'token', 'certificate'] as const) {
    const values = data.flatMap((entry) => entry[key] ?? []);
    if (new Set(values).size !== values.length) throw new Error(`two callers have the same ${key}`);
  }
  return data;
}

/** What a question says that a caller may be held to. */
interface AskedFor {
  readonly credentials?: Credentials | undefined;
  readonly accesses: readonly Access[];
}

/** One who asks. */
export class Caller {
  readonly #settings: CallerSettings;

  constructor(settings: CallerSettings) {
    this.#settings = settings;
  }

  get mayExplain(): boolean {
    return this.#settings.explain === true;
  }

  get mayConfigure(): boolean {
    return this.#settings.configuration === true;
  }

  get maySetTime(): boolean {
    return this.#settings.setTime === true;
  }

  get mayName(): boolean {
    return this.#settings.names !== undefined;
  }

  /** Throws AskFault for a question outside its scope. */
  check({ credentials, accesses }: AskedFor): void {
    const { name, actions, resources, names = [] } = this.#settings;
    const presented = credentials?.presented;
    if (presented?.$case === 'named' && !covers(names, presented.value.accessKey)) {
      throw AskFault.notPermitted(`the caller ${name} may not ask in this name`);
    }
    for (const { action, resource } of accesses) {
      if (actions !== undefined && !covers(actions, action)) {
        throw AskFault.notPermitted(`the caller ${name} may not ask about this action`);
      }
      if (resources !== undefined && !covers(resources, resource)) {
        throw AskFault.notPermitted(`the caller ${name} may not ask about this resource`);
      }
    }
  }
}

function covers(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesWildcard(pattern, text, 'codePoint'));
}

/** What of a call says whose it is. */
export interface CallIdentity {
  readonly metadata: Metadata;
  /** The common name of a client certificate that stood. */
  readonly certificate: string | undefined;
}

/** Everybody who may ask. */
export class Callers {
  readonly #byCertificate = new Map<string, Caller>();
  readonly #byToken: { readonly token: string; readonly caller: Caller | 'everything' }[] = [];

  /** @param token one that may ask everything, as the service's own rule has it */
  constructor(settings: readonly CallerSettings[], token: string | undefined) {
    for (const entry of settings) {
      const caller = new Caller(entry);
      if (entry.certificate !== undefined) this.#byCertificate.set(entry.certificate, caller);
      if (entry.token !== undefined) this.#byToken.push({ token: entry.token, caller });
    }
    if (token !== undefined) this.#byToken.push({ token, caller: 'everything' });
  }

  /** Whose call it is; undefined = nobody's who may ask. 'everything': the caller of the one token. */
  find({ metadata, certificate }: CallIdentity): Caller | 'everything' | undefined {
    for (const shown of metadata.get('authorization')) {
      const token = /^Bearer (.*)$/s.exec(String(shown))?.[1];
      const found = token === undefined ? undefined : this.findByToken(token);
      if (found !== undefined) return found;
    }
    return certificate === undefined ? undefined : this.#byCertificate.get(certificate);
  }

  /** Whose token it is; undefined = nobody's. */
  findByToken(shown: string): Caller | 'everything' | undefined {
    let found: Caller | 'everything' | undefined;
    // all are compared: which one was nearly right is not to be told by the time it takes
    for (const { token, caller } of this.#byToken) if (constantTimeEqual(shown, token)) found = caller;
    return found;
  }
}
