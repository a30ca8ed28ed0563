// Policies: reading, writing and removing the documents that say who may do what.
import { useState } from 'preact/hooks';
import { listPolicies, type NamedPolicy, putPolicy, removePolicy } from '../api/admin.ts';
import { Dialog, Problem } from '../parts/dialog.tsx';
import { Confirm, type DoneProps } from '../parts/form-dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { PolicyEditor } from '../parts/policy-editor.tsx';
import { IDENTITY_TEMPLATES } from '../parts/policy-templates.ts';
import { useRights } from '../parts/rights.ts';
import { Table } from '../parts/table.tsx';
import { ChangePreview } from './change-preview.tsx';
import { RowButton } from './row-buttons.tsx';

type Open =
  | { readonly kind: 'edit'; readonly policy: NamedPolicy | undefined }
  | { readonly kind: 'remove'; readonly policy: NamedPolicy };

/** Built into the service: they can be read, not changed. */
const BUILT_IN: ReadonlySet<string> = new Set(['readonly', 'readwrite', 'writeonly', 'diagnostics', 'consoleAdmin']);

export function PoliciesPage() {
  const { value, error, isLoading, reload } = useLoaded(listPolicies, []);
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  const may = useRights({ write: { action: 'admin:CreatePolicy' }, remove: { action: 'admin:DeletePolicy' } }, []);
  return (
    <section aria-busy={isLoading}>
      <header class="page">
        <h1>{t('Policies')}</h1>
        {may.write && (
          <button type="button" class="primary" onClick={() => setOpen({ kind: 'edit', policy: undefined })}>
            {t('Write a policy')}
          </button>
        )}
      </header>
      <Problem text={error} />
      {value !== undefined && (
        <Table
          label={t('Policies')}
          rows={value}
          keyOf={({ name }) => name}
          textOf={({ name }) => name}
          empty={t('There are no policies.')}
          columns={[
            { head: t('Name'), cell: ({ name }) => <PlainName name={name} /> },
            {
              head: t('Kind'),
              isShort: true,
              cell: ({ name }) => (BUILT_IN.has(name) ? t('built in') : t('your own')),
            },
          ]}
          actions={(policy) => (
            <>
              <RowButton
                name={t('Open')}
                label={t('Open {0}', policy.name)}
                onClick={() => setOpen({ kind: 'edit', policy })}
              />
              {may.remove && !BUILT_IN.has(policy.name) && (
                <RowButton
                  name={t('Delete')}
                  label={t('Delete {0}', policy.name)}
                  onClick={() => setOpen({ kind: 'remove', policy })}
                />
              )}
            </>
          )}
        />
      )}
      {open?.kind === 'edit' && (
        <EditPolicy policy={open.policy} mayWrite={may.write} onClose={close} onDone={reload} />
      )}
      {open?.kind === 'remove' && (
        <Confirm
          title={t('Delete {0}', open.policy.name)}
          text={t('The policy must not be attached to anyone.')}
          action={t('Delete')}
          work={() => removePolicy(open.policy.name)}
          onClose={close}
          onDone={reload}
        />
      )}
    </section>
  );
}

interface EditProps extends DoneProps {
  readonly policy: NamedPolicy | undefined;
  readonly mayWrite: boolean;
}

function EditPolicy({ policy, mayWrite, onClose, onDone }: EditProps) {
  const { isRunning, error, run } = useRunning();
  const [name, setName] = useState(policy?.name ?? '');
  const [document, setDocument] = useState(policy?.document ?? IDENTITY_TEMPLATES[0]?.document ?? '');
  const [issueCount, setIssueCount] = useState(0);
  const isFixed = !mayWrite || (policy !== undefined && BUILT_IN.has(policy.name));
  const save = (): void => {
    run(() => putPolicy(name, document)).then((done) => {
      if (!done) return;
      onDone();
      onClose();
    });
  };
  return (
    <Dialog title={policy === undefined ? t('Write a policy') : policy.name} onClose={onClose} wide>
      {policy === undefined && (
        <label>
          {t('Name')}
          <input
            value={name}
            required
            autofocus
            spellcheck={false}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
      )}
      <PolicyEditor
        value={document}
        kind="identity"
        label={t('Policy')}
        templates={IDENTITY_TEMPLATES}
        before={policy?.document}
        readOnly={isFixed}
        onChange={setDocument}
        onIssues={setIssueCount}
      />
      {!isFixed && name !== '' && <ChangePreview of={{ name }} before={policy?.document} after={document} />}
      <Problem text={error} />
      <footer>
        <button type="button" onClick={onClose}>
          {isFixed ? t('Close') : t('Cancel')}
        </button>
        {!isFixed && (
          <button type="button" class="primary" disabled={isRunning || name === '' || issueCount > 0} onClick={save}>
            {t('Save')}
          </button>
        )}
      </footer>
    </Dialog>
  );
}
