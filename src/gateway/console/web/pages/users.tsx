// Users: who they are, whether they may sign in, and which policies and groups they have.
import { useState } from 'preact/hooks';
import { addUser, listPolicies, listUsers, removeUser, setPolicies, setUserStatus, type User } from '../api/admin.ts';
import { Confirm, Dialog, Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { Table } from '../parts/table.tsx';
import { ServiceAccounts } from './accounts.tsx';
import { ChoosePolicies } from './choose-policies.tsx';
import { EnableButton } from './enable-button.tsx';

type Open =
  | { readonly kind: 'add' }
  | { readonly kind: 'policies' | 'remove' | 'keys' | 'secret'; readonly user: User };

export function UsersPage() {
  const { value, error, isLoading, reload } = useLoaded(listUsers, []);
  const [open, setOpen] = useState<Open>();
  const changing = useRunning();
  const close = (): void => setOpen(undefined);
  return (
    <section aria-busy={isLoading}>
      <header class="page">
        <h1>{t('Users')}</h1>
        <button type="button" class="primary" onClick={() => setOpen({ kind: 'add' })}>
          {t('Add a user')}
        </button>
      </header>
      <Problem text={error ?? changing.error} />
      {value !== undefined && (
        <Table
          label={t('Users')}
          rows={value}
          keyOf={({ name }) => name}
          textOf={({ name, policies, groups }) => [name, ...policies, ...groups].join(' ')}
          empty={t('There are no users but root.')}
          columns={[
            { head: t('Access key'), cell: ({ name }) => <PlainName name={name} /> },
            { head: t('State'), isShort: true, cell: ({ enabled }) => (enabled ? t('enabled') : t('disabled')) },
            { head: t('Policies'), cell: ({ policies }) => policies.join(', ') },
            { head: t('Groups'), cell: ({ groups }) => groups.join(', ') },
          ]}
          actions={(user) => (
            <>
              <button
                type="button"
                aria-label={t('Policies of {0}', user.name)}
                onClick={() => setOpen({ kind: 'policies', user })}
              >
                {t('Policies')}
              </button>
              <button
                type="button"
                aria-label={t('Access keys of {0}', user.name)}
                onClick={() => setOpen({ kind: 'keys', user })}
              >
                {t('Access keys')}
              </button>
              <button
                type="button"
                aria-label={t('Secret key of {0}', user.name)}
                onClick={() => setOpen({ kind: 'secret', user })}
              >
                {t('Secret key')}
              </button>
              <EnableButton
                name={user.name}
                isEnabled={user.enabled}
                isRunning={changing.isRunning}
                onChange={(enabled) => changing.run(() => setUserStatus(user.name, enabled)).then(reload)}
              />
              <button
                type="button"
                aria-label={t('Delete {0}', user.name)}
                onClick={() => setOpen({ kind: 'remove', user })}
              >
                {t('Delete')}
              </button>
            </>
          )}
        />
      )}
      {open?.kind === 'add' && <AddUser onClose={close} onDone={reload} />}
      {open?.kind === 'policies' && (
        <ChoosePolicies
          title={t('Policies of {0}', open.user.name)}
          chosen={open.user.policies}
          onSave={(policies) => setPolicies({ user: open.user.name }, policies)}
          onClose={close}
          onDone={reload}
        />
      )}
      {open?.kind === 'keys' && (
        <Dialog title={t('Access keys of {0}', open.user.name)} onClose={close} wide>
          <ServiceAccounts user={open.user.name} />
        </Dialog>
      )}
      {open?.kind === 'secret' && <ChangeSecret user={open.user} onClose={close} onDone={reload} />}
      {open?.kind === 'remove' && <RemoveUser user={open.user} onClose={close} onDone={reload} />}
    </section>
  );
}

interface DoneProps {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function AddUser({ onClose, onDone }: DoneProps) {
  const { isRunning, error, run } = useRunning();
  const policies = useLoaded(listPolicies, []);
  const [policy, setPolicy] = useState('');
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const accessKey = String(fields.get('accessKey'));
    const done = await run(async () => {
      await addUser(accessKey, String(fields.get('secretKey')));
      if (policy !== '') await setPolicies({ user: accessKey }, [policy]);
    });
    if (!done) return;
    onDone();
    onClose();
  };
  return (
    <Dialog title={t('Add a user')} onClose={onClose}>
      <form onSubmit={submit}>
        <label>
          {t('Access key')}
          <input name="accessKey" required autofocus autocomplete="off" spellcheck={false} />
        </label>
        <label>
          {t('Secret key')}
          <input name="secretKey" type="password" required autocomplete="new-password" />
        </label>
        <label>
          {t('Policy')}
          <select value={policy} onChange={(event) => setPolicy(event.currentTarget.value)}>
            <option value="">{t('None: no rights yet')}</option>
            {(policies.value ?? []).map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Problem text={error} />
        <footer>
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button type="submit" class="primary" disabled={isRunning}>
            {t('Add a user')}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** A new secret for a user: who knows only the old one is refused at once. */
function ChangeSecret({ user, onClose, onDone }: DoneProps & { readonly user: User }) {
  const { isRunning, error, run } = useRunning();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    if (!(await run(() => addUser(user.name, String(fields.get('secretKey')), user.enabled)))) return;
    onDone();
    onClose();
  };
  return (
    <Dialog title={t('Secret key of {0}', user.name)} onClose={onClose}>
      <form onSubmit={submit}>
        <label>
          {t('New secret key')}
          <input name="secretKey" type="password" required autofocus autocomplete="new-password" />
        </label>
        <p class="hint">{t('The old one, and all sessions that were opened with it, are refused at once.')}</p>
        <Problem text={error} />
        <footer>
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button type="submit" class="primary" disabled={isRunning}>
            {t('Save')}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function RemoveUser({ user, onClose, onDone }: DoneProps & { readonly user: User }) {
  const { isRunning, error, run } = useRunning();
  return (
    <Confirm
      title={t('Delete {0}', user.name)}
      text={t('The user, its access keys and its sessions end at once.')}
      action={t('Delete')}
      error={error}
      isRunning={isRunning}
      onClose={onClose}
      onConfirm={() => {
        run(() => removeUser(user.name)).then((done) => {
          if (!done) return;
          onDone();
          onClose();
        });
      }}
    />
  );
}
