// The playground: a request as somebody imagines it, or one that was made, the decision, and every statement that was looked at.
import { useEffect, useState } from 'preact/hooks';
import { decisionsOf, type ExplainedLine } from '../api/audit.ts';
import { type Explained, explain, type StatementTrace } from '../api/policy-desk.ts';
import { Problem } from '../parts/dialog.tsx';
import { useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { Table } from '../parts/table.tsx';

interface Fields {
  readonly accessKey: string;
  readonly action: string;
  readonly bucket: string;
  readonly key: string;
  readonly context: string;
}

const EMPTY: Fields = { accessKey: '', action: 's3:GetObject', bucket: '', key: '', context: '' };

/** Condition keys that the service itself finds out, so that nobody may set them. */
const OF_SERVICE =
  /^(?:aws:(?:username|userid|groups|principal|epochtime|tokenissuetime|federated|multifactor)|s3:(?:signature|authtype|x-amz-content-sha256)|x-amz-content-sha256|jwt:|ldap:|sts:|svc:)/i;

function requestIdInAddress(): string {
  return new URLSearchParams(location.hash.split('?')[1] ?? '').get('request') ?? '';
}

/** `key=value` lines; a key that is repeated has several values. */
function readContext(text: string): Record<string, string[]> {
  const context: Record<string, string[]> = {};
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals <= 0) continue;
    const key = line.slice(0, equals).trim();
    context[key] = [...(context[key] ?? []), line.slice(equals + 1).trim()];
  }
  return context;
}

export function PlaygroundPage() {
  const [fields, setFields] = useState<Fields>(EMPTY);
  const [requestId, setRequestId] = useState(requestIdInAddress);
  const [found, setFound] = useState<readonly ExplainedLine[]>([]);
  const [taken, setTaken] = useState<ExplainedLine>();
  const [result, setResult] = useState<Explained>();
  const asking = useRunning();
  const looking = useRunning();
  const set = (name: keyof Fields) => (event: { currentTarget: { value: string } }) =>
    setFields({ ...fields, [name]: event.currentTarget.value });
  const lookUp = (id: string): void => {
    looking.run(async () => {
      const lines = await decisionsOf(id);
      setFound(lines);
      const [line] = lines;
      if (line !== undefined) take(line);
    });
  };
  /** Shows how it was decided, and has it in the form, to try what would be decided otherwise. */
  const take = (line: ExplainedLine): void => {
    const [bucket = '', ...key] = line.resource.replace('arn:aws:s3:::', '').split('/');
    const facts = Object.entries(line.context).filter(([name]) => !OF_SERVICE.test(name));
    setFields({
      accessKey: line.accessKey,
      action: line.action,
      bucket,
      key: key.join('/'),
      context: facts.flatMap(([name, values]) => values.map((value) => `${name}=${value}`)).join('\n'),
    });
    setResult(undefined);
    setTaken(line);
  };
  useEffect(() => {
    if (requestId !== '') lookUp(requestId);
  }, []);
  return (
    <section>
      <header class="page">
        <h1>{t('Playground')}</h1>
      </header>
      <form
        class="card tools"
        onSubmit={(event) => {
          event.preventDefault();
          lookUp(requestId);
        }}
      >
        <label class="inline">
          {t('Request id of a refusal')}
          <input
            value={requestId}
            spellcheck={false}
            onInput={(event) => setRequestId(event.currentTarget.value.trim())}
          />
        </label>
        <button type="submit" disabled={looking.isRunning || requestId === ''}>
          {t('Look it up')}
        </button>
        <Problem text={looking.error} />
        {found.map((line) => (
          <div key={line.sequence} class="found">
            <button type="button" class="link" onClick={() => take(line)}>
              {line.action} {line.resource}
            </button>{' '}
            <span class={line.outcome === 'Allow' ? 'allowed' : 'denied'}>{line.outcome}</span>{' '}
            {line.accessKey || t('anonymous')} {line.time}
          </div>
        ))}
      </form>
      {taken !== undefined && <Recorded line={taken} />}
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          asking.run(async () => setResult(await explain({ ...fields, context: readContext(fields.context) })));
        }}
      >
        <div class="columns">
          <label>
            {t('Access key, empty for anonymous')}
            <input value={fields.accessKey} spellcheck={false} onInput={set('accessKey')} />
          </label>
          <label>
            {t('Action')}
            <input value={fields.action} required spellcheck={false} onInput={set('action')} />
          </label>
          <label>
            {t('Bucket')}
            <input value={fields.bucket} spellcheck={false} onInput={set('bucket')} />
          </label>
          <label>
            {t('Key')}
            <input value={fields.key} spellcheck={false} onInput={set('key')} />
          </label>
        </div>
        <label>
          {t('Condition keys, one key=value a line')}
          <textarea
            rows={4}
            value={fields.context}
            spellcheck={false}
            placeholder={'aws:SourceIp=192.0.2.7\naws:SecureTransport=true'}
            onInput={set('context')}
          />
        </label>
        <Problem text={asking.error} />
        <footer>
          <button type="submit" class="primary" disabled={asking.isRunning}>
            {t('Decide')}
          </button>
        </footer>
      </form>
      {result !== undefined && <Result result={result} />}
    </section>
  );
}

function Result({ result: { decision, statements } }: { readonly result: Explained }) {
  return (
    <article class="card" aria-live="polite">
      <h2>
        <span class={decision.outcome === 'Allow' ? 'allowed' : 'denied'}>{decision.outcome}</span> {decision.message}
      </h2>
      <p class="hint">
        {decision.reason}
        {decision.by === undefined
          ? ''
          : ` · ${t('decided by statement {0} of {1}', decision.by.sid || decision.by.index + 1, decision.by.policy)}`}
        {decision.neededFacts.length === 0 ? '' : ` · ${t('depends on {0}', decision.neededFacts.join(', '))}`}
      </p>
      <Statements of={statements} />
    </article>
  );
}

/** How a request was decided, whatever has become of the policies since. */
function Recorded({ line: { outcome, reason, principal, policy, sid, statement, explanation } }: RecordedProps) {
  return (
    <article class="card" aria-live="polite">
      <h2>
        <span class={outcome === 'Allow' ? 'allowed' : 'denied'}>{outcome}</span> {t('as it was decided')}
      </h2>
      <p class="hint">
        {reason}
        {policy === undefined ? '' : ` · ${t('decided by statement {0} of {1}', sid || (statement ?? 0) + 1, policy)}`}
        {principal === '' ? '' : ` · ${principal}`}
      </p>
      {explanation.map((access, index) => (
        <div key={index}>
          <h3>
            {access.action} <PlainName name={access.resource} />
            {': '}
            <span class={access.outcome === 'Allow' ? 'allowed' : 'denied'}>{access.outcome}</span>
          </h3>
          <Statements of={access.statements} />
        </div>
      ))}
    </article>
  );
}

interface RecordedProps {
  readonly line: ExplainedLine;
}

function Statements({ of }: { readonly of: readonly StatementTrace[] }) {
  return (
    <Table
      label={t('Statement')}
      rows={of}
      keyOf={({ statement }) => `${statement.policy}/${statement.index}`}
      empty={t('No policy says anything of it.')}
      rowClass={({ matched }) => (matched ? 'matched' : undefined)}
      columns={[
        {
          head: t('Statement'),
          cell: ({ statement }) => `${statement.policy} · ${statement.sid || statement.index + 1}`,
        },
        { head: t('Effect'), isShort: true, cell: ({ effect }) => effect },
        { head: t('Matched'), cell: (trace) => (trace.matched ? t('yes') : reasonOf(trace)) },
      ]}
    />
  );
}

function reasonOf({ failedElement = '', operator, key, wanted = [], seen = [] }: StatementTrace): string {
  const place = [failedElement, operator, key].filter((part) => part !== undefined && part !== '').join(' ');
  return t('no: {0} wants {1}, and saw {2}', place, wanted.join(', ') || '—', seen.join(', ') || '—');
}
