// `portcullis policy replay`: past requests, out of the audit log, decided again by a proposed policy.
import { Command } from 'commander';
import type { AuditEntry } from '../authz/audit/audit-log.ts';
import { authorize, compilePolicySet, type Decision, type PolicyProgram, parsePolicy } from '../authz/policy/index.ts';
import { readAuditLines } from './audit-file.ts';
import { outcomeText } from './policy-output.ts';
import {
  addDialectFlag,
  addKindFlag,
  type DocumentKind,
  EXIT_ERROR,
  kindOf,
  type QuestionFlags,
  readDocument,
  resourceOf,
} from './policy-question.ts';
import { UsageError } from './root-credentials.ts';

interface ReplayFlags {
  readonly audit: readonly string[];
  readonly policy: readonly string[];
  readonly dialect: QuestionFlags['dialect'];
  readonly kind?: DocumentKind;
  readonly bucket?: string;
  readonly principal?: string;
  readonly json?: boolean;
}

const collect = (value: string, all: readonly string[] | undefined): string[] => [...(all ?? []), value];

export function replayCommand(): Command {
  return addKindFlag(addDialectFlag(new Command('replay')))
    .description('say which requests of an audit log a policy would decide otherwise (exit 0: none, 1: some)')
    .requiredOption('--audit <FILE>', 'audit log; may be repeated, e.g. for rotated files', collect)
    .requiredOption('--policy <FILE>', 'the proposed policy; several are one user’s together', collect)
    .option('--principal <NAME>', 'only requests of this user')
    .option('--bucket <NAME>', 'only requests to this bucket; for a bucket policy, the bucket that it is for')
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `\nExamples:\n  portcullis policy replay --audit audit.jsonl --policy readers-new.json --principal alice\n  portcullis policy replay --audit audit.jsonl.1 --audit audit.jsonl --policy photos.json --bucket photos\n`,
    );
}

interface Replayed {
  readonly line: AuditEntry;
  readonly now: Decision;
}

/** Answers the exit code. Throws UsageError. */
export async function replay(flags: ReplayFlags, print: (text: string) => void): Promise<number> {
  const { program, kind } = proposed(flags);
  const changed: Replayed[] = [];
  let replayed = 0;
  let skipped = 0;
  for await (const line of readAuditLines(flags.audit, EXIT_ERROR)) {
    // Nobody did anything: a page of the console asked what it may show.
    if (line.asksOnly === true || !isChosen(line, flags)) continue;
    if (!isReplayable(line, kind)) {
      skipped += 1;
      continue;
    }
    replayed += 1;
    const now = decideAgain(program, line);
    if ((now.outcome === 'Allow') !== (line.outcome === 'Allow')) changed.push({ line, now });
  }
  const denied = changed.filter(({ now }) => now.outcome !== 'Allow');
  if (flags.json === true) {
    const shown = changed.map(({ line, now }) => ({ change: changeOf(now), line, now }));
    print(JSON.stringify({ replayed, skipped, changed: shown }, undefined, 2));
  } else {
    for (const one of changed) for (const text of changeLines(one)) print(text);
    print(
      `${replayed} requests were decided again: ${changed.length - denied.length} newly allowed, ${denied.length} newly denied (${skipped} are not bound by it)`,
    );
  }
  return changed.length === 0 ? 0 : 1;
}

function proposed({ policy: files, dialect, kind: asked, bucket }: ReplayFlags): {
  program: PolicyProgram;
  kind: DocumentKind;
} {
  const texts = files.map(readDocument);
  const kind = asked ?? kindOf(texts[0] ?? '');
  if (kind === 'bucket' && (texts.length > 1 || bucket === undefined)) {
    throw new UsageError('a bucket policy is one document, and needs --bucket', EXIT_ERROR);
  }
  const policies = texts.map((text, index) => {
    const name = files[index] as string;
    const parsed = parsePolicy(text, { kind, dialect, name, ...(bucket === undefined ? {} : { bucket }) });
    if (parsed.ok) return parsed.policy;
    const issues = parsed.issues.map(({ path, code, message }) => `  ${path} ${code}: ${message}`);
    throw new UsageError([`${name} cannot be read:`, ...issues].join('\n'), EXIT_ERROR);
  });
  const program =
    kind === 'bucket'
      ? compilePolicySet({ identity: [], bucket: policies[0] }, dialect, {
          bucketPolicies: 'everyone',
          bucketAlone: true,
        })
      : compilePolicySet({ identity: policies }, dialect);
  return { program, kind };
}

/** The user whose rights a request had. */
const userOf = ({ parent, accessKey }: AuditEntry): string => (parent === '' ? accessKey : parent);

function isChosen(line: AuditEntry, { principal, bucket }: ReplayFlags): boolean {
  if (principal !== undefined && userOf(line) !== principal && line.principal !== principal) return false;
  return bucket === undefined || resourceOf(line.resource).bucket === bucket;
}

/** No policy binds the root user, nothing decides for who was not authenticated, and a user's policy is nothing to the anonymous. */
function isReplayable({ outcome, principalType, principal }: AuditEntry, kind: DocumentKind): boolean {
  if (!['Allow', 'ExplicitDeny', 'ImplicitDeny'].includes(outcome)) return false;
  if (principalType === 'Root' || principal.endsWith(':root')) return false;
  return kind === 'bucket' || principalType !== 'Anonymous';
}

function decideAgain(program: PolicyProgram, line: AuditEntry): Decision {
  const { bucket, object, arn } = resourceOf(line.resource);
  const account = /^arn:[^:]*:[^:]*::([^:]*):/.exec(line.principal)?.[1] ?? '';
  return authorize(program, {
    principal: {
      type: line.principalType === 'Anonymous' ? 'Anonymous' : 'User',
      user: line.principalType === 'Anonymous' ? '' : userOf(line),
      account,
      arn: line.principal,
    },
    action: line.action,
    bucket,
    object,
    resourceArn: arn,
    resourceAccount: account,
    keys: new Map(Object.entries(line.context)),
  });
}

const changeOf = (now: Decision): string => (now.outcome === 'Allow' ? 'newly allowed' : 'newly denied');

function changeLines({ line, now }: Replayed): string[] {
  const who = line.principalType === 'Anonymous' ? 'the anonymous' : line.principal || userOf(line);
  const by = line.policy === undefined ? line.reason : `${line.policy} statement ${line.statement ?? 0}`;
  return [
    `${changeOf(now)}: ${line.action} on ${line.resource} by ${who}`,
    `    request ${line.requestId || '-'} of ${line.time} from ${line.sourceAddress || '-'}: ${line.outcome} (${by})`,
    `    now: ${outcomeText(now)}`,
  ];
}
