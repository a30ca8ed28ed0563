// One immutable state of all identities and policies. Decisions read one snapshot and never wait; a change makes the next one.
import { LRUCache } from 'lru-cache';
import {
  type BucketRecord,
  bucketDocument,
  type IamRecords,
  isUnreadable,
  type Unreadable,
} from '../store/iam-store.ts';
import { type BucketAccessControl, bucketAccessControl } from './access-control-list.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { comparableDn, type ExternalIdentity } from './external-identity.ts';
import {
  type FormerCredentials,
  groupsByMember,
  type RootUser,
  readCredentials,
  type SnapshotProblem,
} from './known-identities.ts';
import {
  cannedPolicy,
  compileProgram,
  type ParsedDocument,
  type Policy,
  type PolicyProgram,
  type PolicySettings,
  parseDocument,
} from './policy-program.ts';
import type { Identified } from './principal.ts';
import { blocksPublicAccess } from './public-access-block.ts';
import { isPublicPolicy } from './public-policy.ts';
import { type Section, section } from './snapshot-section.ts';

/** Compiled programs kept by a snapshot: one a principal and bucket. */
export const MAX_PROGRAMS = 20_000;

/** The rights of a principal on a bucket: a program to decide with, all rights, or the reason why nothing can be decided. */
export type Rights =
  | { readonly kind: 'root' }
  | { readonly kind: 'program'; readonly program: PolicyProgram }
  | { readonly kind: 'refused'; readonly subject: string; readonly problem: string };

/** What follows from some records alone. */
interface Sections {
  readonly policies: Section<ReadonlyMap<string, ParsedDocument>>;
  readonly groupsOf: Section<ReadonlyMap<string, readonly string[]>>;
  readonly credentials: Section<ReadonlyMap<string, Credential>>;
  readonly attachments: Section<void>;
}

export class IamSnapshot implements CredentialSource {
  readonly revision: string;
  readonly problems: readonly SnapshotProblem[];
  /** What it was built from. */
  readonly records: IamRecords;
  readonly #settings: PolicySettings;
  readonly #sections: Sections;
  readonly #policies: ReadonlyMap<string, ParsedDocument>;
  readonly #groupsOf: ReadonlyMap<string, readonly string[]>;
  readonly #credentials: ReadonlyMap<string, Credential>;
  readonly #root: RootUser;
  /** Filled as they are asked for; what they hold follows from the records alone. */
  readonly #rights = new LRUCache<string, Rights>({ max: MAX_PROGRAMS });
  readonly #bucketPolicies = new Map<string, ParsedDocument>();
  /** What is attached to distinguished names, in the form that they are compared in. */
  readonly #byDn = new Map<string, ReadonlyMap<string, readonly string[] | Unreadable>>();
  readonly #accessControl = new Map<string, BucketAccessControl>();

  /** `previous`: what was made of records that are the same is taken over. */
  constructor(records: IamRecords, root: RootUser, settings: PolicySettings, previous?: IamSnapshot) {
    const { users, serviceAccounts, sessions, groups, policies, userPolicies, groupPolicies } = records;
    this.revision = records.revision;
    this.records = records;
    this.#root = root;
    this.#settings = settings;
    const former = previous === undefined ? undefined : previous.#sections;
    const parsed = section([policies, settings], former?.policies, (found) =>
      parsePolicies(policies, settings, previous, found),
    );
    const groupsOf = section([groups], former?.groupsOf, (found) => groupsByMember(groups, found));
    const credentials = section([users, serviceAccounts, sessions, root], former?.credentials, (found) =>
      readCredentials(records, root, found, previous?.formerCredentials()),
    );
    this.#policies = parsed.value;
    this.#groupsOf = groupsOf.value;
    this.#credentials = credentials.value;
    const attachments = section([userPolicies, groupPolicies, parsed.value], former?.attachments, (found) => {
      for (const [name, mapping] of userPolicies) this.#checkMapping(`user ${name}`, mapping, found);
      for (const [name, mapping] of groupPolicies) this.#checkMapping(`group ${name}`, mapping, found);
    });
    this.#sections = { policies: parsed, groupsOf, credentials, attachments };
    const problems = Object.values(this.#sections).flatMap((each) => each.problems);
    this.problems = problems;
    for (const [bucket, record] of records.buckets) {
      if (isUnreadable(record)) {
        problems.push({ subject: `configuration of bucket ${bucket}`, problem: record.unreadable });
      } else if (record.documents.has('policy')) {
        const parsed = this.#bucketPolicy(bucket, record);
        if (!parsed.ok) problems.push({ subject: `policy of bucket ${bucket}`, problem: parsed.problem });
      }
    }
  }

  /** For the next snapshot. */
  formerCredentials(): FormerCredentials {
    return { records: this.records, root: this.#root, credentials: this.#credentials };
  }

  find(accessKey: string): Credential | undefined {
    return this.#credentials.get(accessKey);
  }

  /** Enabled groups of a principal's owner. */
  groupsOf(identified: Identified): readonly string[] {
    return identified.type === 'Anonymous' ? [] : (this.#groupsOf.get(identified.owner.accessKey) ?? []);
  }

  /** Configuration of a bucket as stored; undefined when there is none. */
  bucket(name: string): BucketRecord | Unreadable | undefined {
    return this.records.buckets.get(name);
  }

  /** The access control lists that hold for a bucket; undefined when there are none. */
  accessControl(bucket: string): BucketAccessControl | undefined {
    const known = this.#accessControl.get(bucket);
    if (known !== undefined) return known;
    const record = bucket === '' ? undefined : this.records.buckets.get(bucket);
    if (record === undefined || isUnreadable(record)) return undefined;
    const control = bucketAccessControl((name) => bucketDocument(record, name));
    if (control !== undefined) this.#accessControl.set(bucket, control);
    return control;
  }

  /** The rights of a principal on a bucket ('' = the service itself). */
  rights(identified: Identified, bucket: string): Rights {
    const record = bucket === '' ? undefined : this.records.buckets.get(bucket);
    const binds = identified.type === 'Anonymous' || this.#settings.bucketPolicies === 'everyone';
    const applies = binds && record !== undefined && (isUnreadable(record) || record.documents.has('policy'));
    const id = `${rightsHolder(identified)}\0${applies ? bucket : ''}`;
    let rights = this.#rights.get(id);
    if (rights === undefined) {
      rights = this.#compile(identified, applies ? bucket : '', applies ? record : undefined);
      this.#rights.set(id, rights);
    }
    return rights;
  }

  #compile(identified: Identified, bucket: string, record: BucketRecord | Unreadable | undefined): Rights {
    let bucketPolicy: Policy | undefined;
    if (record !== undefined) {
      if (isUnreadable(record)) {
        return { kind: 'refused', subject: `configuration of bucket ${bucket}`, problem: record.unreadable };
      }
      const parsed = this.#bucketPolicy(bucket, record);
      if (!parsed.ok) return { kind: 'refused', subject: `policy of bucket ${bucket}`, problem: parsed.problem };
      bucketPolicy = parsed.policy;
    }
    if (identified.type === 'Anonymous') {
      // AWS: then a public policy is for the account's own users only
      const policy = bucketDocument(record, 'policy');
      const isRestricted =
        blocksPublicAccess(bucketDocument(record, 'publicAccessBlock'), 'RestrictPublicBuckets') &&
        isPublicPolicy(policy);
      return this.#program([], undefined, isRestricted ? undefined : bucketPolicy);
    }
    const { credential, owner } = identified;
    const limit = 'limit' in credential ? credential.limit : undefined;
    let session: Policy | undefined;
    if (limit?.kind === 'broken') {
      return { kind: 'refused', subject: `token of ${credential.accessKey}`, problem: limit.why };
    }
    if (limit?.kind === 'policy') {
      const parsed = parseDocument(limit.document, { kind: 'session', name: 'session' }, this.#settings);
      if (!parsed.ok) {
        return { kind: 'refused', subject: `inline policy of ${credential.accessKey}`, problem: parsed.problem };
      }
      session = parsed.policy;
    }
    if (owner.type === 'Root') {
      // A limited credential of root's is bound by its inline policy alone.
      return session === undefined ? { kind: 'root' } : this.#program([], session, undefined);
    }
    const attached = this.#attached(owner);
    if (!attached.ok) return { kind: 'refused', subject: attached.subject, problem: attached.problem };
    return this.#program(attached.policies, session, bucketPolicy);
  }

  #program(identity: readonly Policy[], session: Policy | undefined, bucket: Policy | undefined): Rights {
    return { kind: 'program', program: compileProgram({ identity, session, bucket }, this.#settings) };
  }

  /** The policies of somebody and of their enabled groups. A name that no policy has grants nothing. */
  #attached(
    owner: Credential | ExternalIdentity,
  ): { ok: true; policies: Policy[] } | { ok: false; subject: string; problem: string } {
    const mappings = owner.type === 'External' ? this.#externalMappings(owner) : this.#mappings(owner.accessKey);
    const found = new Map<string, Policy>();
    for (const { subject, mapping } of mappings) {
      if (mapping === undefined) continue;
      if (isUnreadable(mapping)) return { ok: false, subject, problem: mapping.unreadable };
      for (const name of mapping) {
        const parsed = this.#policy(name);
        if (parsed === undefined || found.has(name)) continue;
        if (!parsed.ok) return { ok: false, subject: `policy ${name}`, problem: parsed.problem };
        found.set(name, parsed.policy);
      }
    }
    return { ok: true, policies: [...found.values()] };
  }

  #mappings(user: string): Mapping[] {
    return [
      { subject: `policies of user ${user}`, mapping: this.records.userPolicies.get(user) },
      ...(this.#groupsOf.get(user) ?? []).map((group) => ({
        subject: `policies of group ${group}`,
        mapping: this.records.groupPolicies.get(group),
      })),
    ];
  }

  /** What the system that vouches gave, and what is attached to distinguished names here. */
  #externalMappings({ accessKey, policies, attachedTo }: ExternalIdentity): Mapping[] {
    const given = { subject: `policies of ${accessKey}`, mapping: policies };
    if (attachedTo === undefined) return [given];
    const { user, groups } = attachedTo;
    return [
      given,
      { subject: `policies of user ${user}`, mapping: this.#ofDn('userPolicies', user) },
      ...groups.map((group) => ({
        subject: `policies of group ${group}`,
        mapping: this.#ofDn('groupPolicies', group),
      })),
    ];
  }

  #ofDn(table: 'userPolicies' | 'groupPolicies', dn: string): readonly string[] | Unreadable | undefined {
    const exact = this.records[table].get(dn);
    if (exact !== undefined) return exact;
    let byDn = this.#byDn.get(table);
    if (byDn === undefined) {
      byDn = new Map(
        [...this.records[table]].filter(([name]) => name.includes('=')).map(([n, m]) => [comparableDn(n), m]),
      );
      this.#byDn.set(table, byDn);
    }
    return byDn.get(comparableDn(dn));
  }

  /** Names of those policies that there are, of somebody whom another system vouches for. */
  policiesOf(external: ExternalIdentity): string[] {
    const names = this.#externalMappings(external).flatMap(({ mapping }) =>
      mapping === undefined || isUnreadable(mapping) ? [] : mapping,
    );
    return [...new Set(names)].filter((name) => this.#policy(name) !== undefined);
  }

  /** A custom policy, else the built-in one of the name. */
  #policy(name: string): ParsedDocument | undefined {
    return this.#policies.get(name) ?? cannedPolicy(name, this.#settings);
  }

  #bucketPolicy(bucket: string, record: BucketRecord): ParsedDocument {
    let parsed = this.#bucketPolicies.get(bucket);
    if (parsed === undefined) {
      const text = bucketDocument(record, 'policy');
      parsed = parseDocument(text, { kind: 'bucket', name: `bucket:${bucket}`, bucket }, this.#settings);
      this.#bucketPolicies.set(bucket, parsed);
    }
    return parsed;
  }

  #checkMapping(subject: string, mapping: readonly string[] | Unreadable, problems: SnapshotProblem[]): void {
    if (isUnreadable(mapping)) {
      problems.push({
        subject: `policies of ${subject}`,
        problem: `${mapping.unreadable}; whoever has them is refused`,
      });
      return;
    }
    for (const name of mapping) {
      if (this.#policy(name) === undefined) problems.push({ subject, problem: `no policy is named ${name}` });
    }
  }

  /** The parse of a policy, if its text is still this. */
  parsedAs(name: string, text: string): ParsedDocument | undefined {
    return this.records.policies.get(name) === text ? this.#policies.get(name) : undefined;
  }
}

/** Policies that somebody has, and whence. */
interface Mapping {
  readonly subject: string;
  readonly mapping: readonly string[] | Unreadable | undefined;
}

/** Whose rights decide: those that inherit everything share their parent's. */
function rightsHolder(identified: Identified): string {
  if (identified.type === 'Anonymous') return '';
  const { credential, owner } = identified;
  // what another system says of one name may change from session to session
  const inherits = 'limit' in credential && credential.limit.kind === 'inherit' && owner.type !== 'External';
  return inherits ? owner.accessKey : credential.accessKey;
}

function parsePolicies(
  texts: ReadonlyMap<string, string | Unreadable>,
  settings: PolicySettings,
  previous: IamSnapshot | undefined,
  problems: SnapshotProblem[],
): ReadonlyMap<string, ParsedDocument> {
  const parsed = new Map<string, ParsedDocument>();
  for (const [name, text] of texts) {
    const result: ParsedDocument =
      typeof text === 'string'
        ? (previous?.parsedAs(name, text) ?? parseDocument(text, { kind: 'identity', name }, settings))
        : { ok: false, problem: text.unreadable };
    parsed.set(name, result);
    if (!result.ok) {
      problems.push({ subject: `policy ${name}`, problem: `${result.problem}; whoever has it is refused` });
    }
  }
  return parsed;
}
