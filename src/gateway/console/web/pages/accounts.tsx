// Access keys (service accounts): one's own, or those of a user that an administrator looks at. A secret is shown once.
import { useState } from 'preact/hooks';
import {
  addServiceAccount,
  listServiceAccounts,
  type NewKeys,
  removeServiceAccount,
  type ServiceAccount,
  setServiceAccountStatus,
} from '../api/admin.ts';
import type { Identity } from '../api/session.ts';
import { Dialog, Problem } from '../parts/dialog.tsx';
import { Confirm, type DoneProps } from '../parts/form-dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { PolicyEditor } from '../parts/policy-editor.tsx';
import { Table } from '../parts/table.tsx';
import { EnableButton, RowButton } from './row-buttons.tsx';

export function AccountsPage({ identity }: { readonly identity: Identity }) {
  return (
    <section>
      <header class="page">
        <h1>{t('Access keys')}</h1>
      </header>
      {identity.type === 'Root' && identity.accessKey === identity.user ? (
        <p class="empty">{t('The root user has no further access keys. Make a user, and keys for it.')}</p>
      ) : (
        <ServiceAccounts user={identity.user} />
      )}
    </section>
  );
}

export function ServiceAccounts({ user }: { readonly user: string }) {
  const { value, error, isLoading, reload } = useLoaded(() => listServiceAccounts(user), [user]);
  const [isAdding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<ServiceAccount>();
  const changing = useRunning();
  return (
    <div aria-busy={isLoading}>
      <p class="hint">{t('An access key has the rights of its user, or fewer.')}</p>
      <button type="button" class="primary" onClick={() => setAdding(true)}>
        {t('Make an access key')}
      </button>
      <Problem text={error ?? changing.error} />
      {value !== undefined && (
        <Table
          label={t('Access keys')}
          rows={value}
          keyOf={({ accessKey }) => accessKey}
          textOf={({ accessKey }) => accessKey}
          empty={t('There are no access keys.')}
          columns={[
            { head: t('Access key'), cell: ({ accessKey }) => accessKey },
            { head: t('State'), isShort: true, cell: ({ enabled }) => (enabled ? t('enabled') : t('disabled')) },
            {
              head: t('Rights'),
              cell: ({ document }) =>
                document === undefined ? t('those of its user') : t('limited by a policy of its own'),
            },
          ]}
          actions={(account) => (
            <>
              <EnableButton
                name={account.accessKey}
                isEnabled={account.enabled}
                isRunning={changing.isRunning}
                onChange={(enabled) =>
                  changing.run(() => setServiceAccountStatus(account.accessKey, enabled)).then(reload)
                }
              />
              <RowButton
                name={t('Delete')}
                label={t('Delete {0}', account.accessKey)}
                onClick={() => setRemoving(account)}
              />
            </>
          )}
        />
      )}
      {isAdding && <AddAccount user={user} onClose={() => setAdding(false)} onDone={reload} />}
      {removing !== undefined && (
        <Confirm
          title={t('Delete {0}', removing.accessKey)}
          text={t('Whoever uses this key is refused at once.')}
          action={t('Delete')}
          work={() => removeServiceAccount(removing.accessKey)}
          onClose={() => setRemoving(undefined)}
          onDone={reload}
        />
      )}
    </div>
  );
}

interface AddProps extends DoneProps {
  readonly user: string;
}

function AddAccount({ user, onClose, onDone }: AddProps) {
  const { isRunning, error, run } = useRunning();
  const [isLimited, setLimited] = useState(false);
  const [policy, setPolicy] = useState('');
  const [keys, setKeys] = useState<NewKeys>();
  const create = (): void => {
    run(async () => {
      setKeys(await addServiceAccount(user, isLimited ? policy : undefined));
      onDone();
    });
  };
  return (
    <Dialog title={t('Make an access key')} onClose={onClose} wide>
      {keys === undefined ? (
        <>
          <label class="check">
            <input type="checkbox" checked={isLimited} onChange={() => setLimited(!isLimited)} />
            {t('Limit it with a policy')}
          </label>
          {isLimited && <PolicyEditor value={policy} kind="session" label={t('Policy')} onChange={setPolicy} />}
          <Problem text={error} />
          <footer>
            <button type="button" onClick={onClose}>
              {t('Cancel')}
            </button>
            <button type="button" class="primary" disabled={isRunning} onClick={create}>
              {t('Make an access key')}
            </button>
          </footer>
        </>
      ) : (
        <>
          <p>{t('Keep the secret key now: it is not shown again.')}</p>
          <label>
            {t('Access key')}
            <input readOnly value={keys.accessKey} onFocus={(event) => event.currentTarget.select()} />
          </label>
          <label>
            {t('Secret key')}
            <input readOnly value={keys.secretKey} onFocus={(event) => event.currentTarget.select()} />
          </label>
          <footer>
            <button type="button" class="primary" onClick={onClose}>
              {t('Close')}
            </button>
          </footer>
        </>
      )}
    </Dialog>
  );
}
