// Temporary credentials of everyone: whose they are, how long they last, and ending them at once.
import { useMemo, useState } from 'preact/hooks';
import { endTemporary, listTemporary, type TemporaryCredential } from '../api/session.ts';
import { Confirm, Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { formatDate, t } from '../parts/language.ts';

/** Rows at once; beyond them the filter has to narrow it. */
const MAX_ROWS = 200;

export function SessionsPage() {
  const { value, error, isLoading, reload } = useLoaded(listTemporary, []);
  const [filter, setFilter] = useState('');
  const [ending, setEnding] = useState<TemporaryCredential>();
  const removing = useRunning();
  const found = useMemo(() => {
    const wanted = filter.toLowerCase();
    return (value?.credentials ?? []).filter(({ accessKey, parent }) =>
      `${parent} ${accessKey}`.toLowerCase().includes(wanted),
    );
  }, [value, filter]);
  const close = (): void => {
    removing.clear();
    setEnding(undefined);
  };
  return (
    <section aria-busy={isLoading}>
      <header class="page">
        <h1>{t('Sessions')}</h1>
        <button type="button" onClick={reload}>
          {t('Refresh')}
        </button>
      </header>
      <p class="hint">{t('Temporary credentials, as AssumeRole and its like issue them.')}</p>
      <div class="filter">
        <input
          type="search"
          placeholder={t('Filter by name')}
          aria-label={t('Filter by name')}
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="hint" role="status">
          {t('{0} entries', filter === '' ? (value?.total ?? 0) : found.length)}
        </span>
      </div>
      <Problem text={error} />
      {value?.total === 0 && <p class="empty">{t('There are no temporary credentials.')}</p>}
      {found.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('User')}</th>
              <th scope="col">{t('Access key')}</th>
              <th scope="col">{t('Expires')}</th>
              <th scope="col">
                <span class="only-read">{t('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, MAX_ROWS).map((credential) => (
              <tr key={credential.accessKey}>
                <td>{credential.parent}</td>
                <td>{credential.accessKey}</td>
                <td>{credential.expiresAtMs === undefined ? '' : formatDate(new Date(credential.expiresAtMs))}</td>
                <td class="actions">
                  <button
                    type="button"
                    aria-label={t('End {0}', credential.accessKey)}
                    onClick={() => setEnding(credential)}
                  >
                    {t('End')}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {ending !== undefined && (
        <Confirm
          title={t('End {0}', ending.accessKey)}
          text={t('Whoever uses this key is refused at once.')}
          action={t('End')}
          error={removing.error}
          isRunning={removing.isRunning}
          onClose={close}
          onConfirm={() => {
            removing
              .run(() => endTemporary(ending.accessKey))
              .then((done) => {
                if (!done) return;
                reload();
                close();
              });
          }}
        />
      )}
    </section>
  );
}
