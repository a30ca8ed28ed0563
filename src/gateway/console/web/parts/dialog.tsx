// A dialog on the browser's own <dialog>: it keeps the focus inside and closes with Escape.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { t } from './language.ts';

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly wide?: boolean;
}

export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    if (dialog !== null && !dialog.open) dialog.showModal();
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? 'wide' : undefined}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" class="plain" aria-label={t('Close')} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

export interface ConfirmProps {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly error?: string | undefined;
  readonly isRunning: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, text, action, error, isRunning, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <Problem text={error} />
      <footer>
        <button type="button" onClick={onClose}>
          {t('Cancel')}
        </button>
        <button type="button" class="danger" disabled={isRunning} onClick={onConfirm}>
          {action}
        </button>
      </footer>
    </Dialog>
  );
}

/** What went wrong, read out by screen readers when it appears. */
export function Problem({ text }: { readonly text: string | undefined }) {
  return (
    <div role="alert" class={text === undefined ? 'problem empty' : 'problem'}>
      {text}
    </div>
  );
}
