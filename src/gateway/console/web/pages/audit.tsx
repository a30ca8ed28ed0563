// What was decided lately, as it happens.
import { useEffect, useState } from 'preact/hooks';
import { type AuditLine, recentDecisions } from '../api/audit.ts';
import { messageOf } from '../api/request.ts';
import { Problem } from '../parts/dialog.tsx';
import { t } from '../parts/language.ts';
import { linkTo } from '../parts/route.ts';

const EVERY_MS = 2_000;
/** Lines kept in the page. */
const KEPT = 500;

export function AuditPage() {
  const [lines, setLines] = useState<readonly AuditLine[]>([]);
  const [problem, setProblem] = useState<string>();
  const [filter, setFilter] = useState('');
  useEffect(() => {
    let after = 0;
    let timer: ReturnType<typeof setTimeout>;
    let isOpen = true;
    const read = async (): Promise<void> => {
      try {
        const page = await recentDecisions(after);
        after = page.next;
        if (isOpen && page.lines.length > 0) {
          setLines((before) => [...page.lines].reverse().concat(before).slice(0, KEPT));
        }
        setProblem(undefined);
      } catch (error) {
        setProblem(messageOf(error));
      }
      if (isOpen) timer = setTimeout(read, EVERY_MS);
    };
    read();
    return () => {
      isOpen = false;
      clearTimeout(timer);
    };
  }, []);
  const wanted = filter.toLowerCase();
  const shown = lines.filter(
    ({ accessKey, action, resource, outcome, requestId }) =>
      wanted === '' || `${accessKey} ${action} ${resource} ${outcome} ${requestId}`.toLowerCase().includes(wanted),
  );
  return (
    <section>
      <header class="page">
        <h1>{t('Audit')}</h1>
        <input
          type="search"
          aria-label={t('Filter')}
          placeholder={t('Filter')}
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </header>
      <Problem text={problem} />
      <table>
        <thead>
          <tr>
            <th scope="col">{t('Time')}</th>
            <th scope="col">{t('Who')}</th>
            <th scope="col">{t('From')}</th>
            <th scope="col">{t('Action')}</th>
            <th scope="col">{t('Resource')}</th>
            <th scope="col">{t('Decision')}</th>
            <th scope="col">{t('Request')}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((line) => (
            <tr key={line.sequence}>
              <td>{line.time.slice(11, 19)}</td>
              <td>{line.accessKey || t('anonymous')}</td>
              <td>{line.sourceAddress}</td>
              <td>{line.action}</td>
              <td>{line.resource.replace('arn:aws:s3:::', '')}</td>
              <td class={line.outcome === 'Allow' ? 'allowed' : 'denied'}>
                {line.outcome}
                {line.policy === undefined ? '' : ` · ${line.policy}`}
              </td>
              <td>
                <a href={`${linkTo({ page: 'playground' })}?request=${encodeURIComponent(line.requestId)}`}>
                  {line.requestId}
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length === 0 && <p class="empty">{t('Nothing was decided since the service started.')}</p>}
    </section>
  );
}
