// The buttons of a row in the tables of administration. Each says to a screen reader what row it is of.
import { t } from '../parts/language.ts';

interface RowButtonProps {
  /** What it says. */
  readonly name: string;
  /** The same, with the row: "Delete carol". */
  readonly label: string;
  readonly onClick: () => void;
}

export function RowButton({ name, label, onClick }: RowButtonProps) {
  return (
    <button type="button" aria-label={label} onClick={onClick}>
      {name}
    </button>
  );
}

interface EnableProps {
  readonly name: string;
  readonly isEnabled: boolean;
  /** Something is being changed. */
  readonly isRunning: boolean;
  readonly onChange: (enabled: boolean) => void;
}

/** Turns a user, a group or an access key off, and on again. */
export function EnableButton({ name, isEnabled, isRunning, onChange }: EnableProps) {
  return (
    <button
      type="button"
      aria-label={isEnabled ? t('Disable {0}', name) : t('Enable {0}', name)}
      disabled={isRunning}
      onClick={() => onChange(!isEnabled)}
    >
      {isEnabled ? t('Disable') : t('Enable')}
    </button>
  );
}
