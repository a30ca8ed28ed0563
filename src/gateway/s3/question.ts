// Puts an operation's questions to the sidecar: as one request whose accesses must all be allowed, or as independent ones.
import type {
  Access,
  ConditionValues,
  Credentials,
  Decision,
  Principal,
  RequestContext,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { BucketChange } from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import type { AuthzClient } from '../authz-client/authz-client.ts';
import { asS3ErrorCode, S3Error } from './errors.ts';
import { DecidedObjects, type ReadFacts } from './facts.ts';
import type { FrameChannel } from './frame-verifier.ts';
import type { GrantedConfiguration, GrantedPrincipal, Question } from './operation.ts';
import { grantedPrincipal, readVerdict, refusalOf } from './verdict.ts';

/** Most accesses in one question; DeleteObjects has at most 1000 keys. */
export const BATCH_LIMIT = 1_000;
/** Most characters of names and condition values in one question; a thousand keys may be a thousand bytes each. */
export const BATCH_CHARACTERS = 512 * 1024;

/** The answer to all questions of a request. */
export interface Permission {
  readonly principal: GrantedPrincipal;
  /** One a question, same order. */
  readonly allowed: readonly boolean[];
  /** What the caller is told of each question that is not allowed; undefined for one that is. */
  readonly refusals: readonly (S3Error | undefined)[];
  /** Of each question: whether it is refused by more than that no statement allows it. */
  readonly denied: readonly boolean[];
  readonly frames: FrameChannel | undefined;
  /** The objects whose facts the decision read. */
  readonly decided: DecidedObjects;
}

/** Asks for one request: always with its own credentials and context. */
export class Questioner {
  readonly #authz: AuthzClient;
  readonly #credentials: Credentials;
  readonly #context: RequestContext;
  readonly #readFacts: ReadFacts | undefined;

  /** @param readFacts without it, a decision that hangs on facts is a refusal */
  constructor(authz: AuthzClient, credentials: Credentials, context: RequestContext, readFacts?: ReadFacts) {
    this.#authz = authz;
    this.#credentials = credentials;
    this.#context = context;
    this.#readFacts = readFacts;
  }

  /** Bucket configuration, by these credentials. A change is decided anew, by the condition keys of the questions that allowed it. */
  configurationBy(questions: readonly Question[]): GrantedConfiguration {
    const keys = { ...this.#context.keys };
    for (const { context = {} } of questions) {
      for (const [name, values] of Object.entries(context)) keys[name] = { values: [...values] };
    }
    return grantedConfiguration(this.#authz, this.#credentials, { ...this.#context, keys });
  }

  /** All must be allowed. Throws the S3Error that the client is to see otherwise. */
  async all(questions: readonly Question[], openFrames: boolean): Promise<Permission> {
    const decided = new DecidedObjects();
    let answer = await this.#authorize(questions, openFrames);
    let verdict = readVerdict(answer.decision);
    if (verdict.kind === 'needs-facts' && this.#readFacts !== undefined) {
      const { keys } = verdict;
      const informed = await Promise.all(questions.map((question) => this.#informed(question, keys, decided)));
      answer = await this.#authorize(informed, openFrames);
      verdict = readVerdict(answer.decision);
    }
    if (verdict.kind !== 'allowed') throw refusalOf(verdict);
    const { principal, frames } = answer;
    return {
      principal: grantedPrincipal(principal),
      allowed: questions.map(() => true),
      refusals: questions.map(() => undefined),
      denied: questions.map(() => false),
      frames,
      decided,
    };
  }

  /** Each on its own. Throws only when the credentials do not stand or there is no answer. */
  async each(questions: readonly Question[], openFrames = false): Promise<Permission> {
    const decided = new DecidedObjects();
    const first = await this.#batches(questions, openFrames);
    const verdicts = first.decisions.map(readVerdict);
    const lacking = verdicts.flatMap((verdict, i) =>
      verdict.kind === 'needs-facts' ? [{ i, keys: verdict.keys }] : [],
    );
    if (lacking.length > 0 && this.#readFacts !== undefined) {
      const informed: Question[] = [];
      for (const { i, keys } of lacking) informed.push(await this.#informed(questions[i] as Question, keys, decided));
      const second = await this.#batches(informed, false);
      for (const [at, { i }] of lacking.entries()) verdicts[i] = readVerdict(second.decisions[at] as Decision);
    }
    return {
      principal: grantedPrincipal(first.principal),
      allowed: verdicts.map(({ kind }) => kind === 'allowed'),
      refusals: verdicts.map((verdict) => (verdict.kind === 'allowed' ? undefined : refusalOf(verdict))),
      denied: verdicts.map((verdict) => verdict.kind === 'refused' && verdict.denied),
      frames: first.frames,
      decided,
    };
  }

  #authorize(questions: readonly Question[], openFrames: boolean): ReturnType<AuthzClient['authorize']> {
    return this.#authz.authorize({
      credentials: this.#credentials,
      accesses: questions.map(toAccess),
      context: this.#context,
      openFrames,
    });
  }

  async #batches(questions: readonly Question[], openFrames: boolean) {
    const decisions: Decision[] = [];
    let principal: Principal | undefined;
    let frames: FrameChannel | undefined;
    for (const [turn, batch] of batchesOf(questions).entries()) {
      const answer = await this.#authz.authorizeBatch({
        credentials: this.#credentials,
        accesses: batch.map(toAccess),
        context: this.#context,
        openFrames: openFrames && turn === 0,
      });
      if (answer.refusal !== undefined) throw refusalOfCredentials(answer.refusal);
      decisions.push(...answer.decisions);
      principal = answer.principal;
      frames ??= answer.frames;
    }
    return { decisions, principal, frames };
  }

  /** The question with the facts of its object that a policy reads. */
  async #informed(question: Question, keys: readonly string[], decided: DecidedObjects): Promise<Question> {
    const { bucket, key } = question;
    if (bucket === undefined || key === undefined || this.#readFacts === undefined) return question;
    const { inode, context } = await this.#readFacts(bucket, key, keys);
    decided.set(bucket, key, inode);
    return { ...question, context: { ...question.context, ...context } };
  }
}

/** The questions in their order, in as many turns as their number and their length want. */
function batchesOf(questions: readonly Question[]): Question[][] {
  const batches: Question[][] = [];
  let batch: Question[] = [];
  let characters = 0;
  for (const question of questions) {
    const length = lengthOf(question);
    if (batch.length >= BATCH_LIMIT || (batch.length > 0 && characters + length > BATCH_CHARACTERS)) {
      batches.push(batch);
      batch = [];
      characters = 0;
    }
    batch.push(question);
    characters += length;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function lengthOf({ bucket, key, context = {} }: Question): number {
  let characters = (bucket?.length ?? 0) + (key?.length ?? 0);
  for (const values of Object.values(context)) for (const value of values) characters += value.length;
  return characters;
}

/** Bucket configuration by the credentials of one request. */
export function grantedConfiguration(
  { buckets }: Pick<AuthzClient, 'buckets'>,
  credentials: Credentials,
  context: RequestContext,
): GrantedConfiguration {
  return {
    read: (bucket) => buckets.read(bucket),
    set: async (bucket, name, document, object) =>
      requireMade(
        await buckets.putDocument({
          bucket,
          name,
          document,
          credentials,
          context,
          key: object?.key ?? '',
          newObject: object?.isNew ?? false,
        }),
      ),
    remove: async (bucket, name) => requireMade(await buckets.deleteDocument({ bucket, name, credentials, context })),
    create: async (bucket, options) => requireMade(await buckets.create({ bucket, ...options, credentials, context })),
    forget: async (bucket) => requireMade(await buckets.forget({ bucket, credentials, context })),
  };
}

function requireMade({ made, refusal, error, message }: BucketChange): void {
  if (made) return;
  if (refusal !== undefined) throw refusalOfCredentials(refusal);
  const code = asS3ErrorCode(error);
  if (code === undefined) throw new S3Error('ServiceUnavailable', undefined, { cause: new Error(`unknown: ${error}`) });
  throw new S3Error(code, message);
}

/** A refusal is one whatever it says: an "allow" there refuses as well. */
function refusalOfCredentials(decision: Decision): Error {
  const verdict = readVerdict(decision);
  return refusalOf(verdict.kind === 'allowed' ? { kind: 'needs-facts', keys: [] } : verdict);
}

/** The resource names the very bucket and key that the handler will use. */
function toAccess({ action, bucket, key, context = {} }: Question): Access {
  const keys: Record<string, ConditionValues> = {};
  for (const [name, values] of Object.entries(context)) keys[name] = { values: [...values] };
  return { action, resource: resourceName(bucket, key), context: keys, resourceAccount: '' };
}

function resourceName(bucket: string | undefined, key: string | undefined): string {
  if (bucket === undefined) return 'arn:aws:s3:::';
  return key === undefined ? `arn:aws:s3:::${bucket}` : `arn:aws:s3:::${bucket}/${key}`;
}
