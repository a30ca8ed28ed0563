// Temporary credentials of everyone: whose they are, how long they last, and ending them at once.
import { useState } from 'preact/hooks';
import { endTemporary, listTemporary, type TemporaryCredential } from '../api/session.ts';
import { Problem } from '../parts/dialog.tsx';
import { Confirm } from '../parts/form-dialog.tsx';
import { useLoaded } from '../parts/hooks.ts';
import { formatDate, t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { useRights } from '../parts/rights.ts';
import { Table } from '../parts/table.tsx';
import { RowButton } from './row-buttons.tsx';

export function SessionsPage() {
  const { value, error, isLoading, reload } = useLoaded(listTemporary, []);
  const may = useRights({ end: { action: 'admin:RemoveServiceAccount' } }, []);
  const [ending, setEnding] = useState<TemporaryCredential>();
  return (
    <section aria-busy={isLoading}>
      <header class="page">
        <h1>{t('Sessions')}</h1>
        <button type="button" onClick={reload}>
          {t('Refresh')}
        </button>
      </header>
      <p class="hint">{t('Temporary credentials, as AssumeRole and its like issue them.')}</p>
      <Problem text={error} />
      {value !== undefined && (
        <Table
          label={t('Sessions')}
          rows={value.credentials}
          keyOf={({ accessKey }) => accessKey}
          textOf={({ accessKey, parent }) => `${parent} ${accessKey}`}
          empty={t('There are no temporary credentials.')}
          columns={[
            { head: t('User'), cell: ({ parent }) => <PlainName name={parent} /> },
            { head: t('Access key'), cell: ({ accessKey }) => accessKey },
            {
              head: t('Expires'),
              isShort: true,
              cell: ({ expiresAtMs }) => (expiresAtMs === undefined ? '' : formatDate(new Date(expiresAtMs))),
            },
          ]}
          actions={(credential) =>
            may.end && (
              <RowButton
                name={t('End')}
                label={t('End {0}', credential.accessKey)}
                onClick={() => setEnding(credential)}
              />
            )
          }
        />
      )}
      {value !== undefined && value.total > value.credentials.length && (
        <p class="hint">{t('{0} are in use; those that end last are shown.', value.total)}</p>
      )}
      {ending !== undefined && (
        <Confirm
          title={t('End {0}', ending.accessKey)}
          text={t('Whoever uses this key is refused at once.')}
          action={t('End')}
          work={() => endTemporary(ending.accessKey)}
          onClose={() => setEnding(undefined)}
          onDone={reload}
        />
      )}
    </section>
  );
}
