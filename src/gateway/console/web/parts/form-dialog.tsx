// Dialogs that do one thing and close when it is done: a form to fill in, and a question before something that cannot be undone. What goes
// wrong is told in them, and they stay open.
import type { ComponentChildren } from 'preact';
import { Dialog, Problem } from './dialog.tsx';
import { useRunning } from './hooks.ts';
import { t } from './language.ts';

/** What a dialog tells whoever opened it. */
export interface DoneProps {
  readonly onClose: () => void;
  /** It was done; the dialog closes as well. */
  readonly onDone: () => void;
}

interface FormDialogProps extends DoneProps {
  readonly title: string;
  /** What the button that does it says. */
  readonly action: string;
  readonly work: (fields: FormData) => Promise<unknown>;
  readonly isReady?: boolean;
  readonly children: ComponentChildren;
}

export function FormDialog({ title, action, work, isReady = true, onClose, onDone, children }: FormDialogProps) {
  const { isRunning, error, run } = useRunning();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    if (!(await run(() => work(fields)))) return;
    onDone();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        <Problem text={error} />
        <footer>
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button type="submit" class="primary" disabled={isRunning || !isReady}>
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

interface ConfirmProps extends DoneProps {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly work: () => Promise<unknown>;
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, text, action, work, onClose, onDone }: ConfirmProps) {
  const { isRunning, error, run } = useRunning();
  const confirm = async (): Promise<void> => {
    if (!(await run(work))) return;
    onDone();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <Problem text={error} />
      <footer>
        <button type="button" onClick={onClose}>
          {t('Cancel')}
        </button>
        <button type="button" class="danger" disabled={isRunning} onClick={confirm}>
          {action}
        </button>
      </footer>
    </Dialog>
  );
}
