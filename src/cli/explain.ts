// `portcullis explain REQUEST-ID`: why a request was decided as it was. Asks a gateway or sidecar, as an administrator, or reads the audit log.
import { createHash, createHmac } from 'node:crypto';
import { Command, CommanderError } from 'commander';
import { z } from 'zod';
import type { AuditEntry } from '../authz/audit/audit-log.ts';
import { encodePart } from '../authz/identity/canonical-request.ts';
import { readAuditLines } from './audit-file.ts';
import { traceText } from './policy-output.ts';
import { EXIT_ERROR } from './policy-question.ts';
import { UsageError } from './root-credentials.ts';

interface ExplainFlags {
  readonly url?: string;
  readonly audit?: readonly string[];
  readonly json?: boolean;
}

const DEFAULT_URL = 'http://127.0.0.1:9000';
/** Longest wait for the answer. */
const TIMEOUT_MS = 10_000;
const EXIT_NOT_FOUND = 1;

/** The subcommand. */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'say why a request was refused or allowed (exit 0: said, 1: no such request, 2: it could not be asked)',
    )
    .argument('<REQUEST-ID>', 'the x-amz-request-id of its answer')
    .option(
      '--url <URL>',
      `a gateway, or the HTTP address of a sidecar (also $PORTCULLIS_URL; default: ${DEFAULT_URL})`,
    )
    .option('--audit <FILE>', 'read audit logs instead; may be repeated', (file, all: string[] = []) => [...all, file])
    .option('--json', 'answer as JSON')
    .addHelpText(
      'after',
      `
The credentials are those of an administrator (who is allowed admin:*): $MINIO_ROOT_USER and $MINIO_ROOT_PASSWORD, else
$AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY. The last 5,000 refusals and the last 500
other decisions are remembered; the audit log has them all.

Examples:
  portcullis explain 18F2A6C0D3B4E5F6
  portcullis explain 18F2A6C0D3B4E5F6 --url https://s3.example.com
  portcullis explain 18F2A6C0D3B4E5F6 --audit /var/log/portcullis/audit.jsonl
`,
    )
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : new CommanderError(EXIT_ERROR, error.code, error.message);
    })
    .action(async (requestId: string, flags: ExplainFlags) => {
      const found = flags.audit === undefined ? await ask(requestId, flags.url) : await look(requestId, flags.audit);
      if (found.length === 0) {
        throw new UsageError(
          `request ${requestId} is not remembered; the audit log may have it (--audit)`,
          EXIT_NOT_FOUND,
        );
      }
      process.stdout.write(flags.json === true ? `${JSON.stringify(found, undefined, 2)}\n` : text(found));
    });
}

const Statement = z.object({
  statement: z.object({ policy: z.string(), sid: z.string().optional(), index: z.number() }),
  effect: z.enum(['Allow', 'Deny']),
  matched: z.boolean(),
  failedElement: z.enum(['Action', 'Resource', 'Principal', 'Condition']).optional(),
  operator: z.string().optional(),
  key: z.string().optional(),
  wanted: z.array(z.string()).optional(),
  seen: z.array(z.string()).optional(),
});
const Access = z.object({
  action: z.string(),
  resource: z.string(),
  outcome: z.string(),
  statements: z.array(Statement),
});
const Answered = z.object({
  decisions: z.array(
    z.object({ line: z.custom<AuditEntry>((line) => typeof line === 'object'), explanation: z.array(Access) }),
  ),
});

interface Explained {
  readonly line: AuditEntry;
  readonly explanation: readonly z.infer<typeof Access>[];
}

async function look(requestId: string, files: readonly string[]): Promise<Explained[]> {
  const found: Explained[] = [];
  for await (const line of readAuditLines(files, EXIT_ERROR)) {
    if (line.requestId === requestId) found.push({ line, explanation: [] });
  }
  return found;
}

async function ask(requestId: string, flag: string | undefined): Promise<readonly Explained[]> {
  const base = flag ?? process.env.PORTCULLIS_URL ?? DEFAULT_URL;
  if (!URL.canParse(base)) throw new UsageError(`--url: ${JSON.stringify(base)} is no URL`, EXIT_ERROR);
  const url = new URL('/minio/admin/v3/explain-request', base);
  url.searchParams.set('request', requestId);
  let response: Response;
  let body: string;
  try {
    response = await fetch(url, { headers: signedHeaders(url), signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = await response.text();
  } catch (cause) {
    const why = cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause);
    throw new UsageError(`${url.origin} cannot be asked: ${why}`, EXIT_ERROR);
  }
  if (response.status === 404 && body.includes('NoSuchRequest')) return [];
  if (!response.ok) throw new UsageError(`${url.origin} answered ${response.status}: ${messageOf(body)}`, EXIT_ERROR);
  const answered = Answered.safeParse(JSON.parse(body));
  if (!answered.success) throw new UsageError(`${url.origin} gave an answer that cannot be understood`, EXIT_ERROR);
  return answered.data.decisions as readonly Explained[];
}

function messageOf(body: string): string {
  try {
    return String((JSON.parse(body) as { Message?: unknown }).Message ?? body);
  } catch {
    return body.slice(0, 200);
  }
}

/** AWS Signature Version 4 of a GET without a body. */
function signedHeaders(url: URL): Record<string, string> {
  const { MINIO_ROOT_USER, MINIO_ROOT_PASSWORD, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
  const accessKey = MINIO_ROOT_USER ?? AWS_ACCESS_KEY_ID;
  const secretKey = MINIO_ROOT_USER === undefined ? AWS_SECRET_ACCESS_KEY : MINIO_ROOT_PASSWORD;
  if (accessKey === undefined || secretKey === undefined) {
    throw new UsageError(
      'set $MINIO_ROOT_USER and $MINIO_ROOT_PASSWORD, or the keys of another administrator',
      EXIT_ERROR,
    );
  }
  const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex');
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const payload = sha256('');
  const names = 'host;x-amz-content-sha256;x-amz-date';
  const headers = `host:${url.host}\nx-amz-content-sha256:${payload}\nx-amz-date:${time}\n`;
  const query = [...url.searchParams].map(([name, value]) => `${name}=${encodePart(value)}`).join('&');
  const canonical = `GET\n${url.pathname}\n${query}\n${headers}\n${names}\n${payload}`;
  const scope = [time.slice(0, 8), 'us-east-1', 's3', 'aws4_request'];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretKey}`);
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope.join('/')}\n${sha256(canonical)}`).toString('hex');
  return {
    'x-amz-date': time,
    'x-amz-content-sha256': payload,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function text(found: readonly Explained[]): string {
  return found
    .map(({ line, explanation }) => {
      const who =
        line.principalType === 'Anonymous' ? 'the anonymous' : `${line.principal || line.accessKey || 'unknown'}`;
      const by =
        line.policy === undefined
          ? ''
          : `, by ${line.policy} statement ${line.statement ?? 0}${line.sid ? ` ${JSON.stringify(line.sid)}` : ''}`;
      const facts = Object.entries(line.context).map(
        ([key, values]) => `  ${key} = ${values.map((v) => JSON.stringify(v)).join(', ')}`,
      );
      return [
        `${line.time} request ${line.requestId} from ${line.sourceAddress || '-'} by ${who}`,
        `${line.action} on ${line.resource || 'the service'}: ${line.outcome} (${line.reason}${by})`,
        ...facts,
        ...explanation.flatMap(({ action, resource, outcome, statements }) => [
          ...(explanation.length > 1 ? [`${action} on ${resource}: ${outcome}`] : []),
          ...(statements.length === 0 ? ['  no statement of any document was consulted'] : statements.map(traceText)),
        ]),
        '',
      ].join('\n');
    })
    .join('\n');
}
