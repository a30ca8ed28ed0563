// Users: who they are, whether they may sign in, and which policies and groups they have.
import { useState } from 'preact/hooks';
import { addUser, listPolicies, listUsers, removeUser, setPolicies, setUserStatus, type User } from '../api/admin.ts';
import { Confirm, Dialog, Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { ServiceAccounts } from './accounts.tsx';
import { ChoosePolicies } from './choose-policies.tsx';

type Open = { readonly kind: 'add' } | { readonly kind: 'policies' | 'remove' | 'keys'; readonly user: User };

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
      {value?.length === 0 && <p class="empty">{t('There are no users but root.')}</p>}
      {value !== undefined && value.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('Access key')}</th>
              <th scope="col">{t('State')}</th>
              <th scope="col">{t('Policies')}</th>
              <th scope="col">{t('Groups')}</th>
              <th scope="col">
                <span class="only-read">{t('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {value.map((user) => (
              <tr key={user.name}>
                <td>{user.name}</td>
                <td>{user.enabled ? t('enabled') : t('disabled')}</td>
                <td>{user.policies.join(', ')}</td>
                <td>{user.groups.join(', ')}</td>
                <td class="actions">
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
                    aria-label={user.enabled ? t('Disable {0}', user.name) : t('Enable {0}', user.name)}
                    disabled={changing.isRunning}
                    onClick={() => changing.run(() => setUserStatus(user.name, !user.enabled)).then(reload)}
                  >
                    {user.enabled ? t('Disable') : t('Enable')}
                  </button>
                  <button
                    type="button"
                    aria-label={t('Delete {0}', user.name)}
                    onClick={() => setOpen({ kind: 'remove', user })}
                  >
                    {t('Delete')}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
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
          <input name="accessKey" required minLength={3} autofocus autocomplete="off" spellcheck={false} />
        </label>
        <label>
          {t('Secret key')}
          <input name="secretKey" type="password" required minLength={8} maxLength={40} autocomplete="new-password" />
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
