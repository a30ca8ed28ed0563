// The settings of a bucket: its policy, who may use it without signing in, and its events.
import { useState } from 'preact/hooks';
import {
  deleteBucketPolicy,
  type EventRule,
  getBucketPolicy,
  getEventRules,
  putBucketPolicy,
  putEventRules,
} from '../api/s3.ts';
import { Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { PolicyEditor } from '../parts/policy-editor.tsx';
import { anonymousPreset } from '../parts/policy-templates.ts';
import { useRights } from '../parts/rights.ts';
import { linkTo } from '../parts/route.ts';
import { Table } from '../parts/table.tsx';
import { ChangePreview } from './change-preview.tsx';
import { RowButton } from './row-buttons.tsx';

export function BucketPage({ bucket }: { readonly bucket: string }) {
  return (
    <section>
      <header class="page">
        <h1>
          <a href={linkTo({ page: 'buckets' })}>{t('Buckets')}</a> /{' '}
          <a href={linkTo({ page: 'files', bucket, prefix: '' })}>{bucket}</a> / {t('Settings')}
        </h1>
      </header>
      <BucketPolicy bucket={bucket} />
      <BucketEvents bucket={bucket} />
    </section>
  );
}

function BucketPolicy({ bucket }: { readonly bucket: string }) {
  const { value, error, isLoading, reload } = useLoaded(() => getBucketPolicy(bucket), [bucket]);
  const [edited, setEdited] = useState<string>();
  const [prefix, setPrefix] = useState('');
  const [issueCount, setIssueCount] = useState(0);
  const saving = useRunning();
  const may = useRights(
    {
      put: { action: 's3:PutBucketPolicy', bucket },
      remove: { action: 's3:DeleteBucketPolicy', bucket },
    },
    [bucket],
  );
  const document = edited ?? (value === undefined ? '' : pretty(value));
  const presets = [
    ['download', t('Everyone may read')],
    ['upload', t('Everyone may write')],
    ['public', t('Everyone may read and write')],
  ] as const;
  const save = (work: () => Promise<void>): void => {
    saving.run(work).then((done) => {
      if (!done) return;
      setEdited(undefined);
      reload();
    });
  };
  return (
    <article class="card" aria-busy={isLoading}>
      <h2>{t('Bucket policy')}</h2>
      <p class="hint">{t('It binds everyone, also those who do not sign in.')}</p>
      {may.put && (
        <div class="tools">
          <label class="inline">
            {t('Below prefix')}
            <input value={prefix} spellcheck={false} onInput={(event) => setPrefix(event.currentTarget.value)} />
          </label>
          {presets.map(([preset, name]) => (
            <button key={preset} type="button" onClick={() => setEdited(anonymousPreset(preset, bucket, prefix))}>
              {name}
            </button>
          ))}
        </div>
      )}
      <PolicyEditor
        value={document}
        kind="bucket"
        bucket={bucket}
        label={t('Policy')}
        before={value}
        readOnly={!may.put}
        onChange={setEdited}
        onIssues={setIssueCount}
      />
      {edited !== undefined && <ChangePreview of={{ bucket }} before={value} after={document} />}
      <Problem text={saving.error ?? error} />
      <footer>
        {may.remove && value !== undefined && (
          <button
            type="button"
            class="danger"
            disabled={saving.isRunning}
            onClick={() => save(() => deleteBucketPolicy(bucket))}
          >
            {t('Remove the policy')}
          </button>
        )}
        {may.put && (
          <button
            type="button"
            class="primary"
            disabled={saving.isRunning || edited === undefined || document.trim() === '' || issueCount > 0}
            onClick={() => save(() => putBucketPolicy(bucket, document))}
          >
            {t('Save')}
          </button>
        )}
      </footer>
    </article>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    // Stored by others and not JSON: shown as it is, so that it can be mended.
    return text;
  }
}

const EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*', 's3:ObjectAccessed:*'] as const;

function BucketEvents({ bucket }: { readonly bucket: string }) {
  const { value, error, isLoading, reload } = useLoaded(() => getEventRules(bucket), [bucket]);
  const saving = useRunning();
  const [rule, setRule] = useState<EventRule>({ queue: '', events: [EVENTS[0]], prefix: '', suffix: '' });
  const may = useRights({ put: { action: 's3:PutBucketNotification', bucket } }, [bucket]);
  const rules = value ?? [];
  const store = (next: readonly EventRule[]): void => {
    saving.run(() => putEventRules(bucket, next)).then((done) => done && reload());
  };
  return (
    <article class="card" aria-busy={isLoading}>
      <h2>{t('Events')}</h2>
      {value !== undefined && (
        <Table
          label={t('Events')}
          rows={rules}
          keyOf={(each) => JSON.stringify(each)}
          empty={t('No events are sent anywhere.')}
          columns={[
            { head: t('Target'), cell: ({ queue }) => queue },
            { head: t('Events'), cell: ({ events }) => events.join(', ') },
            {
              head: t('Filter'),
              cell: ({ prefix, suffix }) =>
                [prefix === '' ? '' : `${prefix}*`, suffix === '' ? '' : `*${suffix}`].join(' '),
            },
          ]}
          actions={(each) =>
            may.put && (
              <RowButton
                name={t('Delete')}
                label={t('Delete {0}', each.queue)}
                onClick={() => store(rules.filter((other) => other !== each))}
              />
            )
          }
        />
      )}
      {may.put && (
        <form
          class="tools"
          onSubmit={(event) => {
            event.preventDefault();
            store([...rules, rule]);
          }}
        >
          <label class="inline">
            {t('Target ARN')}
            <input
              required
              placeholder="arn:minio:sqs::1:webhook"
              value={rule.queue}
              spellcheck={false}
              onInput={(event) => setRule({ ...rule, queue: event.currentTarget.value })}
            />
          </label>
          {EVENTS.map((event) => (
            <label class="check" key={event}>
              <input
                type="checkbox"
                checked={rule.events.includes(event)}
                onChange={() =>
                  setRule({
                    ...rule,
                    events: rule.events.includes(event)
                      ? rule.events.filter((each) => each !== event)
                      : [...rule.events, event],
                  })
                }
              />
              {event}
            </label>
          ))}
          <label class="inline">
            {t('Prefix')}
            <input value={rule.prefix} onInput={(event) => setRule({ ...rule, prefix: event.currentTarget.value })} />
          </label>
          <label class="inline">
            {t('Suffix')}
            <input value={rule.suffix} onInput={(event) => setRule({ ...rule, suffix: event.currentTarget.value })} />
          </label>
          <button type="submit" disabled={saving.isRunning || rule.events.length === 0}>
            {t('Add')}
          </button>
        </form>
      )}
      <Problem text={saving.error ?? error} />
    </article>
  );
}
