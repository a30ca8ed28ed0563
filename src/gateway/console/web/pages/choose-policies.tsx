// Which policies a user or group has.
import { useState } from 'preact/hooks';
import { listPolicies } from '../api/admin.ts';
import { Dialog, Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';

interface ChooseProps {
  readonly title: string;
  readonly chosen: readonly string[];
  readonly onSave: (policies: readonly string[]) => Promise<void>;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function ChoosePolicies({ title, chosen, onSave, onClose, onDone }: ChooseProps) {
  const { value, error } = useLoaded(listPolicies, []);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set(chosen));
  const saving = useRunning();
  const toggle = (name: string): void => {
    const next = new Set(selected);
    if (!next.delete(name)) next.add(name);
    setSelected(next);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <fieldset>
        <legend>{t('Policies')}</legend>
        {(value ?? []).map(({ name }) => (
          <label class="check" key={name}>
            <input type="checkbox" checked={selected.has(name)} onChange={() => toggle(name)} />
            {name}
          </label>
        ))}
      </fieldset>
      <Problem text={saving.error ?? error} />
      <footer>
        <button type="button" onClick={onClose}>
          {t('Cancel')}
        </button>
        <button
          type="button"
          class="primary"
          disabled={saving.isRunning || value === undefined}
          onClick={() => {
            saving
              .run(() => onSave([...selected]))
              .then((done) => {
                if (!done) return;
                onDone();
                onClose();
              });
          }}
        >
          {t('Save')}
        </button>
      </footer>
    </Dialog>
  );
}
