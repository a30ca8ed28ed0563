// Turns a user, a group or an access key off, and on again.
import { t } from '../parts/language.ts';

interface EnableProps {
  readonly name: string;
  readonly isEnabled: boolean;
  /** Something is being changed. */
  readonly isRunning: boolean;
  readonly onChange: (enabled: boolean) => void;
}

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
