// The flags of `policy check` and `policy explain`, read into a question for the policy engine: which documents, who asks, what for, and
// what is true of the request.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { askDocuments, DIALECT_NAMES, type DialectName, type DocumentQuestion } from '../authz/policy/index.ts';
import { UsageError } from './root-credentials.ts';

/** What ends a command that could not answer; 0 and 1 are answers. */
export const EXIT_ERROR = 2;

export type DocumentKind = 'identity' | 'session' | 'bucket';

/** Adds the flag that says what documents are. */
export function addKindFlag(command: Command): Command {
  return command.addOption(
    new Option(
      '--kind <KIND>',
      'what FILE is (default: a bucket policy if it names a Principal, else an identity policy)',
    ).choices(['identity', 'session', 'bucket']),
  );
}

/** What a document is, unless it was said: those that say whom they speak of belong to a resource. */
export function kindOf(text: string): 'identity' | 'bucket' {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return 'identity';
  }
  const written = isObject(root) ? root.Statement : undefined;
  const statements: unknown[] = Array.isArray(written) ? written : [written];
  const named = statements.some((one) => isObject(one) && ('Principal' in one || 'NotPrincipal' in one));
  return named ? 'bucket' : 'identity';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface QuestionFlags {
  readonly dialect: DialectName;
  readonly kind?: DocumentKind;
  readonly policy: readonly string[];
  readonly session?: string;
  readonly boundary?: string;
  readonly bucketPolicy?: string;
  readonly action: string;
  readonly resource: string;
  readonly principal?: string;
  readonly group: readonly string[];
  readonly account?: string;
  readonly tenant?: string;
  readonly context: ReadonlyMap<string, readonly string[]>;
  readonly at?: string;
  readonly json?: boolean;
}

/** Adds the flags that every policy command has. */
export function addDialectFlag(command: Command): Command {
  return command.addOption(
    new Option('--dialect <NAME>', 'rules to read documents by').choices(DIALECT_NAMES).default('portcullis'),
  );
}

export function addQuestionFlags(command: Command): Command {
  return addKindFlag(addDialectFlag(command))
    .argument('[FILE...]', 'policy documents; - is standard input')
    .requiredOption('--action <ACTION>', 'what is to be done, e.g. s3:GetObject')
    .option('--resource <ARN>', 'with what, e.g. arn:aws:s3:::bucket/key; nothing is the service itself', '')
    .option('--principal <NAME>', 'who asks: a user, an ARN, root, or anonymous')
    .option('--group <NAME>', 'a group of theirs; may be repeated', collect, [])
    .option(
      '--context <KEY=VALUE>',
      'a fact of the request, e.g. aws:SourceIp=10.0.0.1; may be repeated',
      addFact,
      new Map(),
    )
    .option('--at <TIME>', 'when, as RFC 3339 (default: now)')
    .option('--policy <FILE>', 'another policy of the principal; may be repeated', collect, [])
    .option('--session <FILE>', 'the inline policy of a session or service account')
    .option('--boundary <FILE>', 'a permissions boundary')
    .option('--bucket-policy <FILE>', 'the policy of the bucket')
    .option('--account <ID>', 'the account that owns the bucket (default: that of the principal)')
    .option('--tenant <NAME>', 'the tenant that owns the documents (ceph)')
    .option('--json', 'answer as JSON');
}

const collect = (value: string, all: readonly string[]): string[] => [...all, value];

/** A key that is given twice has two values; `KEY=` is there and empty. */
function addFact(text: string, known: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> {
  const equals = text.indexOf('=');
  const key = text.slice(0, equals);
  if (equals < 0 || !/^([A-Za-z0-9]+:.|x-amz-)/.test(key)) {
    throw new InvalidArgumentError('Write KEY=VALUE, e.g. aws:SourceIp=10.0.0.1.');
  }
  return new Map(known).set(key, [...(known.get(key) ?? []), text.slice(equals + 1)]);
}

/** Documents by the names that decisions give them. */
export interface AskedQuestion {
  readonly question: DocumentQuestion;
  /** `identity[0]` → `readers.json`. */
  readonly names: ReadonlyMap<string, string>;
}

/** Throws UsageError. */
export function questionOf(files: readonly string[], flags: QuestionFlags): AskedQuestion {
  const given = files.map((file): GivenDocument => ({ file, text: readDocument(file) }));
  const ofKind = (kind: DocumentKind): readonly GivenDocument[] =>
    given.filter(({ text }) => (flags.kind ?? kindOf(text)) === kind);
  const named = (file: string): GivenDocument => ({ file, text: readDocument(file) });
  const identity = [...ofKind('identity'), ...flags.policy.map(named)];
  const session = single('session', [...ofKind('session'), ...list(flags.session).map(named)]);
  const bucketPolicy = single('bucket policy', [...ofKind('bucket'), ...list(flags.bucketPolicy).map(named)]);
  const boundary = list(flags.boundary).map(named)[0];
  if (identity.length === 0 && session === undefined && bucketPolicy === undefined) {
    throw new UsageError('name a policy document: FILE, --policy, --session or --bucket-policy', EXIT_ERROR);
  }
  const principal = principalOf(flags.principal, flags.group, identity.length > 0 || session !== undefined);
  const account = flags.account ?? principal.account;
  const resource = resourceOf(flags.resource, flags.dialect === 'ceph');
  const question: DocumentQuestion = {
    dialect: flags.dialect,
    scope: scopeOf(identity.length > 0 || session !== undefined, bucketPolicy !== undefined, principal.type),
    requestRules: true,
    documents: {
      identity: identity.map(({ text }) => text),
      session: session?.text ?? null,
      boundary: boundary?.text ?? null,
      bucket: bucketPolicy?.text ?? null,
    },
    principal,
    action: actionOf(flags.action),
    resource: { ...resource, ...(account === '' ? {} : { account }) },
    conditions: { ...derivedFacts(principal, flags), ...Object.fromEntries(flags.context) },
    ...(flags.tenant === undefined ? {} : { tenant: flags.tenant }),
  };
  const names = new Map(identity.map(({ file }, index) => [`identity[${index}]`, file]));
  for (const [name, document] of [
    ['session', session],
    ['boundary', boundary],
    ['bucket', bucketPolicy],
  ] as const) {
    if (document !== undefined) names.set(name, document.file);
  }
  return { question, names };
}

function list(file: string | undefined): string[] {
  return file === undefined ? [] : [file];
}

interface GivenDocument {
  readonly file: string;
  readonly text: string;
}

function single(what: string, documents: readonly GivenDocument[]): GivenDocument | undefined {
  if (documents.length > 1) throw new UsageError(`there can be one ${what} only`, EXIT_ERROR);
  return documents[0];
}

/** A bucket's document alone is asked for whoever comes; everything else is a whole request. */
function scopeOf(ofPrincipal: boolean, ofBucket: boolean, type: string): DocumentQuestion['scope'] {
  if (ofBucket && !ofPrincipal) return 'bucket';
  return type === 'Anonymous' ? 'anonymous' : 'combined';
}

function actionOf(text: string): string {
  if (!/^[A-Za-z0-9-]+:\S+$/.test(text) || /[*?]/.test(text)) {
    throw new UsageError(`--action: ${JSON.stringify(text)} is not one action; write e.g. s3:GetObject`, EXIT_ERROR);
  }
  return text;
}

/**
 * Reads `arn:aws:s3:::bucket/key` (with a region, account or tenant, too), and `bucket/key` for short; `tenants`: `tenant:bucket/key`, too,
 * as requests to Ceph name the bucket of another tenant.
 */
export function resourceOf(text: string, tenants = false): { bucket: string; object: string; arn: string } {
  const sections = text.split(':');
  const isArn = sections[0] === 'arn';
  if (isArn && sections.length < 6) {
    throw new UsageError(
      `--resource: ${JSON.stringify(text)} is not an ARN; write e.g. arn:aws:s3:::bucket/key`,
      EXIT_ERROR,
    );
  }
  const [, tenant, ofTenant = ''] = (tenants && !isArn && /^([^:/]*):([^:/]+(?:\/.*)?)$/s.exec(text)) || [];
  const path = isArn ? sections.slice(5).join(':') : tenant === undefined ? text : ofTenant;
  const slash = path.indexOf('/');
  return {
    bucket: slash < 0 ? path : path.slice(0, slash),
    object: slash < 0 ? '' : path.slice(slash + 1),
    arn: isArn ? text : `arn:aws:s3::${tenant ?? ''}:${path}`,
  };
}

type QuestionPrincipal = DocumentQuestion['principal'] & { readonly account: string; readonly user: string };

function principalOf(text: string | undefined, groups: readonly string[], hasOwnPolicies: boolean): QuestionPrincipal {
  const named = groups.length === 0 ? {} : { groups };
  if (text === undefined) {
    return hasOwnPolicies
      ? { type: 'User', account: '', user: '', ...named }
      : { type: 'Anonymous', account: '', user: '' };
  }
  if (text === 'anonymous' || text === '*' || text === '') return { type: 'Anonymous', account: '', user: '' };
  if (text === 'root') return { type: 'Root', account: '', user: 'root' };
  const arn = /^arn:[^:]+:(?:iam|sts)::([^:]*):(.+)$/.exec(text);
  if (arn === null) {
    if (text.startsWith('arn:')) throw new UsageError(`--principal: ${text} is no ARN of a principal`, EXIT_ERROR);
    return { type: 'User', account: '', user: text, ...named };
  }
  const [, account = '', path = ''] = arn;
  const name = path.slice(path.indexOf('/') + 1);
  if (path === 'root') return { type: 'Root', account, user: 'root', arn: text };
  if (path.startsWith('assumed-role/')) return { type: 'AssumedRole', account, user: name, arn: text };
  if (path.startsWith('federated-user/')) return { type: 'FederatedUser', account, user: name, arn: text };
  return { type: 'User', account, user: name, arn: text, ...named };
}

/** What a service would find out about every request. */
function derivedFacts(principal: QuestionPrincipal, flags: QuestionFlags): Record<string, readonly string[]> {
  const now = flags.at === undefined ? Date.now() : Date.parse(flags.at);
  if (Number.isNaN(now)) {
    throw new UsageError(`--at: ${JSON.stringify(flags.at)} is no time; write e.g. 2026-03-01T12:00:00Z`, EXIT_ERROR);
  }
  const { type, user, arn, account } = principal;
  const facts: Record<string, readonly string[]> = {
    'aws:CurrentTime': [new Date(now).toISOString()],
    'aws:EpochTime': [String(Math.floor(now / 1000))],
  };
  if (type === 'Anonymous') return facts;
  if (user !== '') {
    facts['aws:username'] = [user];
    facts['aws:userid'] = [user];
  }
  if (flags.dialect === 'aws') {
    if (arn !== undefined) facts['aws:PrincipalArn'] = [arn];
    if (account !== '') facts['aws:PrincipalAccount'] = [account];
  }
  return facts;
}

/** Most that is read of a document. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** The text of a document; `-` is standard input. Throws UsageError. */
export function readDocument(path: string): string {
  try {
    const bytes = readFileSync(path === '-' ? 0 : path);
    if (bytes.length > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    return bytes.toString('utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`cannot read ${path === '-' ? 'standard input' : path}: ${why}`, EXIT_ERROR);
  }
}

/** Decides; a document that cannot be read is an error that names its issues. Throws UsageError. */
export function decideQuestion({
  question,
  names,
}: AskedQuestion): Extract<ReturnType<typeof askDocuments>, { kind: 'decided' }> {
  const answer = askDocuments(question);
  if (answer.kind === 'decided') return answer;
  const candidates = [...names].filter(([name]) => name.startsWith(answer.document)).map(([, file]) => file);
  const file = candidates.length === 0 ? answer.document : candidates.join(' or ');
  const issues = answer.issues.map(({ path, code, message }) => `  ${path} ${code}: ${message}`);
  throw new UsageError([`${file} cannot be read:`, ...issues].join('\n'), EXIT_ERROR);
}
