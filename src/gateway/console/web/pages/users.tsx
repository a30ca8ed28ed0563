// Users: who they are, whether they may sign in, and which policies and groups they have.
import { useState } from 'preact/hooks';
import { addUser, listPolicies, listUsers, removeUser, setPolicies, setUserStatus, type User } from '../api/admin.ts';
import { Dialog, Problem } from '../parts/dialog.tsx';
import { Confirm, type DoneProps, FormDialog } from '../parts/form-dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { useRights } from '../parts/rights.ts';
import { Table } from '../parts/table.tsx';
import { ServiceAccounts } from './accounts.tsx';
import { ChoosePolicies } from './choose-policies.tsx';
import { EnableButton, RowButton } from './row-buttons.tsx';

type Open =
  | { readonly kind: 'add' }
  | { readonly kind: 'policies' | 'remove' | 'keys' | 'secret'; readonly user: User };

export function UsersPage() {
  const { value, error, isLoading, reload } = useLoaded(listUsers, []);
  const [open, setOpen] = useState<Open>();
  const changing = useRunning();
  // Whoever may enable may disable, too, unless that is denied.
  const may = useRights(
    {
      make: { action: 'admin:CreateUser' },
      attach: { action: 'admin:AttachUserOrGroupPolicy' },
      seeKeys: { action: 'admin:ListServiceAccounts' },
      enable: { action: 'admin:EnableUser' },
      disable: { action: 'admin:DisableUser' },
      remove: { action: 'admin:DeleteUser' },
    },
    [],
  );
  const close = (): void => setOpen(undefined);
  return (
    <section aria-busy={isLoading}>
      <header class="page">
        <h1>{t('Users')}</h1>
        {may.make && (
          <button type="button" class="primary" onClick={() => setOpen({ kind: 'add' })}>
            {t('Add a user')}
          </button>
        )}
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
              {may.attach && (
                <RowButton
                  name={t('Policies')}
                  label={t('Policies of {0}', user.name)}
                  onClick={() => setOpen({ kind: 'policies', user })}
                />
              )}
              {may.seeKeys && (
                <RowButton
                  name={t('Access keys')}
                  label={t('Access keys of {0}', user.name)}
                  onClick={() => setOpen({ kind: 'keys', user })}
                />
              )}
              {may.make && (
                <RowButton
                  name={t('Secret key')}
                  label={t('Secret key of {0}', user.name)}
                  onClick={() => setOpen({ kind: 'secret', user })}
                />
              )}
              {(may.enable || (user.enabled && may.disable)) && (
                <EnableButton
                  name={user.name}
                  isEnabled={user.enabled}
                  isRunning={changing.isRunning}
                  onChange={(enabled) => changing.run(() => setUserStatus(user.name, enabled)).then(reload)}
                />
              )}
              {may.remove && (
                <RowButton
                  name={t('Delete')}
                  label={t('Delete {0}', user.name)}
                  onClick={() => setOpen({ kind: 'remove', user })}
                />
              )}
            </>
          )}
        />
      )}
      {open?.kind === 'add' && <AddUser mayAttach={may.attach} onClose={close} onDone={reload} />}
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
      {open?.kind === 'remove' && (
        <Confirm
          title={t('Delete {0}', open.user.name)}
          text={t('The user, its access keys and its sessions end at once.')}
          action={t('Delete')}
          work={() => removeUser(open.user.name)}
          onClose={close}
          onDone={reload}
        />
      )}
    </section>
  );
}

function AddUser({ mayAttach, ...props }: DoneProps & { readonly mayAttach: boolean }) {
  const policies = useLoaded(listPolicies, []);
  return (
    <FormDialog
      title={t('Add a user')}
      action={t('Add a user')}
      work={async (fields) => {
        const accessKey = String(fields.get('accessKey'));
        const policy = String(fields.get('policy') ?? '');
        await addUser(accessKey, String(fields.get('secretKey')));
        if (policy !== '') await setPolicies({ user: accessKey }, [policy]);
      }}
      {...props}
    >
      <label>
        {t('Access key')}
        <input name="accessKey" required autofocus autocomplete="off" spellcheck={false} />
      </label>
      <label>
        {t('Secret key')}
        <input name="secretKey" type="password" required autocomplete="new-password" />
      </label>
      {mayAttach && (
        <label>
          {t('Policy')}
          <select name="policy">
            <option value="">{t('None: no rights yet')}</option>
            {(policies.value ?? []).map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
    </FormDialog>
  );
}

/** A new secret for a user: who knows only the old one is refused at once. */
function ChangeSecret({ user, ...props }: DoneProps & { readonly user: User }) {
  return (
    <FormDialog
      title={t('Secret key of {0}', user.name)}
      action={t('Save')}
      work={(fields) => addUser(user.name, String(fields.get('secretKey')), user.enabled)}
      {...props}
    >
      <label>
        {t('New secret key')}
        <input name="secretKey" type="password" required autofocus autocomplete="new-password" />
      </label>
      <p class="hint">{t('The old one, and all sessions that were opened with it, are refused at once.')}</p>
    </FormDialog>
  );
}
