// Groups: who is in them, and which policies they give.
import { useState } from 'preact/hooks';
import { changeMembers, type Group, listGroups, setGroupStatus, setPolicies } from '../api/admin.ts';
import { Problem } from '../parts/dialog.tsx';
import { Confirm, type DoneProps, FormDialog } from '../parts/form-dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { useRights } from '../parts/rights.ts';
import { Table } from '../parts/table.tsx';
import { ChoosePolicies } from './choose-policies.tsx';
import { EnableButton, RowButton } from './row-buttons.tsx';

type Open =
  | { readonly kind: 'members'; readonly group: Group | undefined }
  | { readonly kind: 'policies' | 'remove'; readonly group: Group };

export function GroupsPage() {
  const { value, error, isLoading, reload } = useLoaded(listGroups, []);
  const [open, setOpen] = useState<Open>();
  const changing = useRunning();
  // Whoever may enable may disable, and whoever may put in may take out, unless that is denied.
  const may = useRights(
    {
      add: { action: 'admin:AddUserToGroup' },
      takeOut: { action: 'admin:RemoveUserFromGroup' },
      attach: { action: 'admin:AttachUserOrGroupPolicy' },
      enable: { action: 'admin:EnableGroup' },
      disable: { action: 'admin:DisableGroup' },
    },
    [],
  );
  const close = (): void => setOpen(undefined);
  return (
    <section aria-busy={isLoading}>
      <header class="page">
        <h1>{t('Groups')}</h1>
        {may.add && (
          <button type="button" class="primary" onClick={() => setOpen({ kind: 'members', group: undefined })}>
            {t('Add a group')}
          </button>
        )}
      </header>
      <Problem text={error ?? changing.error} />
      {value !== undefined && (
        <Table
          label={t('Groups')}
          rows={value}
          keyOf={({ name }) => name}
          textOf={({ name, members, policies }) => [name, ...members, ...policies].join(' ')}
          empty={t('There are no groups.')}
          columns={[
            { head: t('Name'), cell: ({ name }) => <PlainName name={name} /> },
            { head: t('State'), isShort: true, cell: ({ enabled }) => (enabled ? t('enabled') : t('disabled')) },
            { head: t('Members'), cell: ({ members }) => members.join(', ') },
            { head: t('Policies'), cell: ({ policies }) => policies.join(', ') },
          ]}
          actions={(group) => (
            <>
              {(may.add || may.takeOut) && (
                <RowButton
                  name={t('Members')}
                  label={t('Members of {0}', group.name)}
                  onClick={() => setOpen({ kind: 'members', group })}
                />
              )}
              {may.attach && (
                <RowButton
                  name={t('Policies')}
                  label={t('Policies of {0}', group.name)}
                  onClick={() => setOpen({ kind: 'policies', group })}
                />
              )}
              {(may.enable || (group.enabled && may.disable)) && (
                <EnableButton
                  name={group.name}
                  isEnabled={group.enabled}
                  isRunning={changing.isRunning}
                  onChange={(enabled) => changing.run(() => setGroupStatus(group.name, enabled)).then(reload)}
                />
              )}
              {(may.add || may.takeOut) && (
                <RowButton
                  name={t('Delete')}
                  label={t('Delete {0}', group.name)}
                  onClick={() => setOpen({ kind: 'remove', group })}
                />
              )}
            </>
          )}
        />
      )}
      {open?.kind === 'members' && <Members group={open.group} onClose={close} onDone={reload} />}
      {open?.kind === 'policies' && (
        <ChoosePolicies
          title={t('Policies of {0}', open.group.name)}
          chosen={open.group.policies}
          onSave={(policies) => setPolicies({ group: open.group.name }, policies)}
          onClose={close}
          onDone={reload}
        />
      )}
      {open?.kind === 'remove' && (
        <Confirm
          title={t('Delete {0}', open.group.name)}
          text={t('Its members lose what the group gave them.')}
          action={t('Delete')}
          work={() => removeGroup(open.group)}
          onClose={close}
          onDone={reload}
        />
      )}
    </section>
  );
}

function names(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((name) => name !== ''))];
}

/** Makes a group, or changes who is in it. */
function Members({ group, ...props }: DoneProps & { readonly group: Group | undefined }) {
  const before = group?.members ?? [];
  return (
    <FormDialog
      title={group === undefined ? t('Add a group') : t('Members of {0}', group.name)}
      action={t('Save')}
      work={async (fields) => {
        const name = group?.name ?? String(fields.get('name'));
        const wanted = names(String(fields.get('members')));
        const added = wanted.filter((member) => !before.includes(member));
        const removed = before.filter((member) => !wanted.includes(member));
        if (added.length > 0 || group === undefined) await changeMembers(name, added, false);
        if (removed.length > 0) await changeMembers(name, removed, true);
      }}
      {...props}
    >
      {group === undefined && (
        <label>
          {t('Name')}
          <input name="name" required autofocus spellcheck={false} />
        </label>
      )}
      <label>
        {t('Members, one a line')}
        <textarea name="members" rows={6} spellcheck={false} defaultValue={before.join('\n')} />
      </label>
    </FormDialog>
  );
}

/** Removes a group with everyone in it. */
async function removeGroup({ name, members }: Group): Promise<void> {
  if (members.length > 0) await changeMembers(name, members, true);
  await changeMembers(name, [], true);
}
