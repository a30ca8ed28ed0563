// Groups: who is in them, and which policies they give.
import { useState } from 'preact/hooks';
import { changeMembers, type Group, listGroups, setGroupStatus, setPolicies } from '../api/admin.ts';
import { Confirm, Dialog, Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { Table } from '../parts/table.tsx';
import { ChoosePolicies } from './choose-policies.tsx';
import { EnableButton } from './enable-button.tsx';

type Open =
  | { readonly kind: 'members'; readonly group: Group | undefined }
  | { readonly kind: 'policies' | 'remove'; readonly group: Group };

export function GroupsPage() {
  const { value, error, isLoading, reload } = useLoaded(listGroups, []);
  const [open, setOpen] = useState<Open>();
  const changing = useRunning();
  const close = (): void => setOpen(undefined);
  return (
    <section aria-busy={isLoading}>
      <header class="page">
        <h1>{t('Groups')}</h1>
        <button type="button" class="primary" onClick={() => setOpen({ kind: 'members', group: undefined })}>
          {t('Add a group')}
        </button>
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
              <button
                type="button"
                aria-label={t('Members of {0}', group.name)}
                onClick={() => setOpen({ kind: 'members', group })}
              >
                {t('Members')}
              </button>
              <button
                type="button"
                aria-label={t('Policies of {0}', group.name)}
                onClick={() => setOpen({ kind: 'policies', group })}
              >
                {t('Policies')}
              </button>
              <EnableButton
                name={group.name}
                isEnabled={group.enabled}
                isRunning={changing.isRunning}
                onChange={(enabled) => changing.run(() => setGroupStatus(group.name, enabled)).then(reload)}
              />
              <button
                type="button"
                aria-label={t('Delete {0}', group.name)}
                onClick={() => setOpen({ kind: 'remove', group })}
              >
                {t('Delete')}
              </button>
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
      {open?.kind === 'remove' && <RemoveGroup group={open.group} onClose={close} onDone={reload} />}
    </section>
  );
}

interface DoneProps {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function names(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((name) => name !== ''))];
}

/** Makes a group, or changes who is in it. */
function Members({ group, onClose, onDone }: DoneProps & { readonly group: Group | undefined }) {
  const { isRunning, error, run } = useRunning();
  const [name, setName] = useState(group?.name ?? '');
  const [members, setMembers] = useState((group?.members ?? []).join('\n'));
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const wanted = names(members);
    const before = group?.members ?? [];
    const added = wanted.filter((member) => !before.includes(member));
    const removed = before.filter((member) => !wanted.includes(member));
    const done = await run(async () => {
      if (added.length > 0 || group === undefined) await changeMembers(name, added, false);
      if (removed.length > 0) await changeMembers(name, removed, true);
    });
    if (!done) return;
    onDone();
    onClose();
  };
  return (
    <Dialog title={group === undefined ? t('Add a group') : t('Members of {0}', group.name)} onClose={onClose}>
      <form onSubmit={submit}>
        {group === undefined && (
          <label>
            {t('Name')}
            <input value={name} required autofocus onInput={(event) => setName(event.currentTarget.value)} />
          </label>
        )}
        <label>
          {t('Members, one a line')}
          <textarea
            rows={6}
            value={members}
            spellcheck={false}
            onInput={(event) => setMembers(event.currentTarget.value)}
          />
        </label>
        <Problem text={error} />
        <footer>
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button type="submit" class="primary" disabled={isRunning || name === ''}>
            {t('Save')}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function RemoveGroup({ group, onClose, onDone }: DoneProps & { readonly group: Group }) {
  const { isRunning, error, run } = useRunning();
  return (
    <Confirm
      title={t('Delete {0}', group.name)}
      text={t('Its members lose what the group gave them.')}
      action={t('Delete')}
      error={error}
      isRunning={isRunning}
      onClose={onClose}
      onConfirm={() => {
        run(async () => {
          if (group.members.length > 0) await changeMembers(group.name, group.members, true);
          await changeMembers(group.name, [], true);
        }).then((done) => {
          if (!done) return;
          onDone();
          onClose();
        });
      }}
    />
  );
}
