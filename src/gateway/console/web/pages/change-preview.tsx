// Before a policy is saved: what the change newly allows and denies, and which requests of the last while it would decide otherwise.
import { useState } from 'preact/hooks';
import {
  type Comparison,
  compare,
  type DecidedOtherwise,
  type DocumentKind,
  replay,
  type Witness,
} from '../api/policy-desk.ts';
import { Problem } from '../parts/dialog.tsx';
import { useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';
import { useRights } from '../parts/rights.ts';

interface ChangePreviewProps {
  /** Whose policy it is: one by its name, or a bucket. */
  readonly of: { readonly name: string } | { readonly bucket: string };
  /** Undefined when there is none yet. */
  readonly before: string | undefined;
  readonly after: string;
}

const NOTHING = '{"Version":"2012-10-17","Statement":[]}';

export function ChangePreview({ of, before = NOTHING, after }: ChangePreviewProps) {
  const [comparison, setComparison] = useState<Comparison>();
  const [replayed, setReplayed] = useState<readonly DecidedOtherwise[]>();
  const asking = useRunning();
  // It shows what everyone did.
  const may = useRights({ replay: { action: 'admin:*' } }, []);
  const [kind, bucket]: [DocumentKind, string] = 'bucket' in of ? ['bucket', of.bucket] : ['identity', ''];
  const look = (): void => {
    asking.run(async () => {
      setComparison(await compare(before, after, kind, bucket));
      setReplayed(may.replay ? await replay(of, after) : undefined);
    });
  };
  return (
    <div class="change">
      <button type="button" disabled={asking.isRunning || after.trim() === ''} onClick={look}>
        {t('What does this change?')}
      </button>
      <Problem text={asking.error} />
      <div role="status">
        {comparison?.kind === 'compared' && <Compared comparison={comparison} />}
        {replayed !== undefined && <Replayed requests={replayed} />}
      </div>
    </div>
  );
}

function Compared({ comparison }: { readonly comparison: Extract<Comparison, { kind: 'compared' }> }) {
  const { newlyAllowed, newlyDenied, same, exhausted } = comparison;
  if (newlyAllowed.length + newlyDenied.length === 0) {
    return (
      <p class="hint">
        {same ? t('Nothing: both documents say the same.') : t('No request was found that is decided otherwise.')}
        {exhausted ? ` ${t('Not everything was tried.')}` : ''}
      </p>
    );
  }
  return (
    <>
      <Witnesses title={t('Newly allowed, for example')} className="allowed" witnesses={newlyAllowed} />
      <Witnesses title={t('Newly denied, for example')} className="denied" witnesses={newlyDenied} />
    </>
  );
}

interface WitnessesProps {
  readonly title: string;
  readonly className: string;
  readonly witnesses: readonly Witness[];
}

function Witnesses({ title, className, witnesses }: WitnessesProps) {
  if (witnesses.length === 0) return null;
  return (
    <>
      <h3 class={className}>{title}</h3>
      <ul>
        {witnesses.map((witness) => {
          const context = Object.entries(witness.context).map(([key, values]) => `${key}=${values.join(',')}`);
          return (
            <li key={JSON.stringify(witness)}>
              <code>{witness.action}</code> {witness.resource} {context.join(' ')}
            </li>
          );
        })}
      </ul>
    </>
  );
}

function Replayed({ requests }: { readonly requests: readonly DecidedOtherwise[] }) {
  if (requests.length === 0) {
    return <p class="hint">{t('No request of the last while would have been decided otherwise.')}</p>;
  }
  return (
    <>
      <h3>{t('{0} requests of the last while would have been decided otherwise', requests.length)}</h3>
      <ul>
        {requests.slice(0, 50).map(({ decision, before, after }) => (
          <li key={decision.sequence}>
            {decision.accessKey || t('anonymous')} <code>{decision.action}</code> {decision.resource}: {before} →{' '}
            {after}
          </li>
        ))}
      </ul>
    </>
  );
}
