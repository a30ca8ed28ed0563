// What was decided lately, as it happens.
import { useEffect, useState } from 'preact/hooks';
import { type AuditLine, recentDecisions } from '../api/audit.ts';
import { messageOf } from '../api/request.ts';
import { Problem } from '../parts/dialog.tsx';
import { t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { linkTo } from '../parts/route.ts';
import { Table } from '../parts/table.tsx';

const EVERY_MS = 2_000;
/** Lines kept in the page. */
const KEPT = 500;

export function AuditPage() {
  const [lines, setLines] = useState<readonly AuditLine[]>([]);
  const [problem, setProblem] = useState<string>();
  const [filter, setFilter] = useState('');
  const [questions, setQuestions] = useState(false);
  useEffect(() => {
    setLines([]);
    let after = 0;
    let timer: ReturnType<typeof setTimeout>;
    let isOpen = true;
    const read = async (): Promise<void> => {
      try {
        const page = await recentDecisions(after, questions);
        after = page.next;
        if (isOpen && page.lines.length > 0) {
          setLines((before) => [...page.lines].reverse().concat(before).slice(0, KEPT));
        }
        setProblem(undefined);
      } catch (error) {
        setProblem(messageOf(error));
      }
      if (isOpen) timer = setTimeout(readInSight, EVERY_MS);
    };
    // Looking is decided and recorded like everything else: nobody looks while the page is hidden.
    const readInSight = (): void => {
      if (document.hidden) timer = setTimeout(readInSight, EVERY_MS);
      else read();
    };
    readInSight();
    return () => {
      isOpen = false;
      clearTimeout(timer);
    };
  }, [questions]);
  const wanted = filter.toLowerCase();
  const shown = lines.filter(
    ({ accessKey, action, resource, outcome, requestId }) =>
      wanted === '' || `${accessKey} ${action} ${resource} ${outcome} ${requestId}`.toLowerCase().includes(wanted),
  );
  return (
    <section>
      <header class="page">
        <h1>{t('Audit')}</h1>
        <div class="tools">
          <label class="inline">
            <input
              type="checkbox"
              checked={questions}
              onChange={(event) => setQuestions(event.currentTarget.checked)}
            />
            {t("Also the console's own questions")}
          </label>
          <input
            type="search"
            aria-label={t('Filter')}
            placeholder={t('Filter')}
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </div>
      </header>
      <Problem text={problem} />
      <Table
        label={t('Audit')}
        rows={shown}
        keyOf={({ sequence }) => String(sequence)}
        empty={
          lines.length === 0 ? t('Nothing was decided since the service started.') : t('Nothing is called like that.')
        }
        columns={[
          { head: t('Time'), isShort: true, cell: ({ time }) => time.slice(11, 19) },
          {
            head: t('Who'),
            cell: ({ accessKey }) => (accessKey === '' ? t('anonymous') : <PlainName name={accessKey} />),
          },
          { head: t('From'), isShort: true, cell: ({ sourceAddress }) => sourceAddress },
          { head: t('Action'), isShort: true, cell: ({ action }) => action },
          { head: t('Resource'), cell: ({ resource }) => <PlainName name={resource.replace('arn:aws:s3:::', '')} /> },
          {
            head: t('Decision'),
            cell: ({ outcome, policy, asksOnly }) => (
              <span class={outcome === 'Allow' ? 'allowed' : 'denied'}>
                {outcome}
                {policy === undefined ? '' : ` · ${policy}`}
                {asksOnly === true ? ` · ${t('only asked')}` : ''}
              </span>
            ),
          },
          {
            head: t('Request'),
            isShort: true,
            cell: ({ requestId }) => (
              <a href={`${linkTo({ page: 'playground' })}?request=${encodeURIComponent(requestId)}`}>{requestId}</a>
            ),
          },
        ]}
      />
    </section>
  );
}
