// `portcullis policy`: validate, check, explain and diff policy documents, with the engine that the sidecar decides with.
import { Command, CommanderError } from 'commander';
import { explain, inspectPolicy, type PolicyIssue } from '../authz/policy/index.ts';
import { DEFAULT_BUDGET, diffPolicies } from '../authz/policy-diff/diff-policies.ts';
import { decisionJson, decisionText, diffJson, diffText, explanationJson, explanationText } from './policy-output.ts';
import {
  addDialectFlag,
  addKindFlag,
  addQuestionFlags,
  type DocumentKind,
  decideQuestion,
  EXIT_ERROR,
  kindOf,
  type QuestionFlags,
  questionOf,
  readDocument,
} from './policy-question.ts';
import { replay, replayCommand } from './policy-replay.ts';
import { UsageError } from './root-credentials.ts';

/** The subcommand. */
export function policyCommand(): Command {
  return new Command('policy')
    .description('validate, check, explain and compare policy documents')
    .addCommand(strict(validateCommand()))
    .addCommand(strict(checkCommand()))
    .addCommand(strict(explainCommand()))
    .addCommand(strict(diffCommand()))
    .addCommand(strict(replayCommand().action((flags) => answering(() => replay(flags, print)))));
}

/** Wrong flags are an error, and no answer: exit code 2. */
function strict(command: Command): Command {
  return command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : new CommanderError(EXIT_ERROR, error.code, error.message);
  });
}

/** Whatever goes wrong is an error, and no answer. */
async function answering(answer: () => number | Promise<number>): Promise<void> {
  try {
    process.exitCode = await answer();
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(error.message, EXIT_ERROR);
    process.stderr.write(`portcullis: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = EXIT_ERROR;
  }
}

const print = (text: string): void => {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
};

interface ValidateFlags {
  readonly dialect: QuestionFlags['dialect'];
  readonly kind?: DocumentKind;
  readonly bucket?: string;
  readonly tenant?: string;
  readonly json?: boolean;
}

function validateCommand(): Command {
  return addKindFlag(addDialectFlag(new Command('validate')))
    .description(
      'say whether documents may be stored, and everything that is wrong with them (exit 0: nothing, 1: something)',
    )
    .argument('<FILE...>', 'policy documents; - is standard input')
    .option('--bucket <NAME>', 'the bucket that a bucket policy is for')
    .option('--tenant <NAME>', 'the tenant that owns them (ceph)')
    .option('--json', 'answer as JSON')
    .addHelpText('after', examples('validate readers.json', 'validate --kind bucket --bucket photos photos.json'))
    .action((files: string[], flags: ValidateFlags) => answering(() => validate(files, flags)));
}

function validate(files: readonly string[], { dialect, kind, bucket, tenant, json }: ValidateFlags): number {
  const results = files.map((file) => {
    const text = readDocument(file);
    const { storable, strictlyValid, issues, warnings } = inspectPolicy(text, {
      dialect,
      kind: kind ?? kindOf(text),
      ...(bucket === undefined ? {} : { bucket }),
      ...(tenant === undefined ? {} : { tenant }),
    });
    return { file, valid: storable && strictlyValid, issues, warnings };
  });
  if (json === true) print(JSON.stringify(results, undefined, 2));
  else {
    for (const { file, valid, issues, warnings } of results) {
      print(valid ? `${file}: valid` : issuesText(file, issues));
      if (warnings.length > 0) print(issuesText(file, warnings));
    }
  }
  return results.every(({ valid }) => valid) ? 0 : 1;
}

function issuesText(file: string, issues: readonly PolicyIssue[]): string {
  return issues
    .map(({ path, code, message, suggestion }) => {
      const meant =
        suggestion === undefined || message.includes(suggestion) ? '' : `; did you mean ${JSON.stringify(suggestion)}?`;
      return `${file}: ${path}: ${code}: ${message}${meant}`;
    })
    .join('\n');
}

function checkCommand(): Command {
  return addQuestionFlags(new Command('check'))
    .description('decide one request (exit 0: allowed, 1: denied, 2: it could not be decided)')
    .addHelpText(
      'after',
      examples(
        'check readers.json --action s3:GetObject --resource arn:aws:s3:::photos/cat.jpg --principal alice',
        'check --kind bucket photos.json --action s3:GetObject --resource arn:aws:s3:::photos/cat.jpg',
        'check readers.json --session narrow.json --action s3:PutObject --resource photos/x --context aws:SourceIp=10.0.0.7',
      ),
    )
    .action((files: string[], flags: QuestionFlags) =>
      answering(() => {
        const asked = questionOf(files, flags);
        const { decision } = decideQuestion(asked);
        print(flags.json === true ? decisionJson(decision, asked) : decisionText(decision, asked));
        if (decision.outcome === 'Allow') return 0;
        return decision.outcome === 'EvaluationError' || decision.outcome === 'NeedsFacts' ? EXIT_ERROR : 1;
      }),
    );
}

function explainCommand(): Command {
  return addQuestionFlags(new Command('explain'))
    .description('decide one request, and say of each statement whether it matched or what kept it from matching')
    .addHelpText(
      'after',
      examples('explain readers.json --action s3:PutObject --resource arn:aws:s3:::photos/cat.jpg --principal alice'),
    )
    .action((files: string[], flags: QuestionFlags) =>
      answering(() => {
        const asked = questionOf(files, flags);
        const { program, request } = decideQuestion(asked);
        const explanation = explain(program, request);
        print(flags.json === true ? explanationJson(explanation, asked) : explanationText(explanation, asked));
        return 0;
      }),
    );
}

interface DiffFlags extends ValidateFlags {
  readonly budget: string;
}

function diffCommand(): Command {
  return addKindFlag(addDialectFlag(new Command('diff')))
    .description(
      'say what a change newly allows and newly denies, with a request each that shows it (exit 0: no difference was found, 1: some were)',
    )
    .argument('<OLD>', 'the document before')
    .argument('<NEW>', 'the document after')
    .option('--bucket <NAME>', 'the bucket that bucket policies are for')
    .option('--tenant <NAME>', 'the tenant that owns them (ceph)')
    .option('--budget <N>', 'decisions to make in the search', String(DEFAULT_BUDGET))
    .option('--json', 'answer as JSON')
    .addHelpText('after', examples('diff readers.json readers-new.json', 'diff --kind bucket --json old.json new.json'))
    .action((before: string, after: string, flags: DiffFlags) => answering(() => diff(before, after, flags)));
}

function diff(before: string, after: string, flags: DiffFlags): number {
  const { dialect, bucket, tenant } = flags;
  const budget = Number(flags.budget);
  if (!Number.isSafeInteger(budget) || budget < 1) throw new UsageError('--budget must be a number of requests');
  const [oldText, newText] = [readDocument(before), readDocument(after)];
  const kind = flags.kind ?? kindOf(oldText);
  const found = diffPolicies(oldText, newText, { dialect, kind, bucket, tenant, budget });
  if (found.kind === 'invalid') {
    const file = found.document === 'old' ? before : after;
    throw new UsageError(`${file} cannot be read:\n${issuesText(file, found.issues)}`);
  }
  print(flags.json === true ? diffJson(found) : diffText(found));
  return found.newlyAllowed.length + found.newlyDenied.length === 0 ? 0 : 1;
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  portcullis policy ${line}`).join('\n')}\n`;
}
