// A link for people who have no key: signed by the service, for one object and a limited time.
import { useState } from 'preact/hooks';
import { encode } from 'uqr';
import { shareLink } from '../api/session.ts';
import { Problem } from '../parts/dialog.tsx';
import { useRunning } from '../parts/hooks.ts';
import { formatDate, t } from '../parts/language.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** What Signature V4 allows. */
const MOST = 7 * DAY;
const MINUTE_MS = 60_000;

type Lifetime = 'hour' | 'day' | 'week' | 'until';
const SECONDS = { hour: HOUR, day: DAY, week: MOST } as const;

interface Link {
  readonly url: string;
  readonly expires: Date;
  /** It ends before what was asked for, with the credentials that sign it. */
  readonly isShortened: boolean;
}

export function Share({ bucket, objectKey }: { readonly bucket: string; readonly objectKey: string }) {
  const { isRunning, error, run } = useRunning();
  const [lifetime, setLifetime] = useState<Lifetime>('hour');
  const [until, setUntil] = useState(() => localTime(Date.now() + DAY * 1000));
  const [link, setLink] = useState<Link>();
  const names = { hour: t('One hour'), day: t('One day'), week: t('One week'), until: t('Until a time') };
  const create = (event: Event): void => {
    event.preventDefault();
    const expiresSeconds =
      lifetime === 'until' ? Math.floor((new Date(until).getTime() - Date.now()) / 1000) : SECONDS[lifetime];
    const wantedMs = Date.now() + expiresSeconds * 1000;
    run(async () => {
      const { url, expiresAtMs } = await shareLink({ method: 'GET', bucket, key: objectKey, expiresSeconds });
      setLink({ url, expires: new Date(expiresAtMs), isShortened: expiresAtMs < wantedMs - MINUTE_MS });
    });
  };
  return (
    <form onSubmit={create}>
      <label>
        {t('Works for')}
        <select value={lifetime} onChange={(event) => setLifetime(event.currentTarget.value as Lifetime)}>
          {Object.entries(names).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {lifetime === 'until' && (
        <label>
          {t('Until, at most a week from now')}
          <input
            type="datetime-local"
            required
            min={localTime(Date.now() + MINUTE_MS)}
            max={localTime(Date.now() + MOST * 1000)}
            value={until}
            onInput={(event) => setUntil(event.currentTarget.value)}
          />
        </label>
      )}
      <p class="hint">{t('Whoever has the link can read the object, as long as you may read it.')}</p>
      <Problem text={error} />
      <footer>
        <button type="submit" class="primary" disabled={isRunning}>
          {t('Make a link')}
        </button>
      </footer>
      {link !== undefined && (
        <>
          <label>
            {t('Link, until {0}', formatDate(link.expires))}
            <textarea readOnly rows={4} value={link.url} onFocus={(event) => event.currentTarget.select()} />
          </label>
          {link.isShortened && (
            <p class="hint">{t('It ends sooner than asked for, with your temporary credentials.')}</p>
          )}
          <QrCode text={link.url} label={t('The link as a QR code')} />
        </>
      )}
    </form>
  );
}

/** A moment as a field for dates and times has it: by the browser's clock, to the minute. */
function localTime(ms: number): string {
  const shifted = new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE_MS);
  return shifted.toISOString().slice(0, 16);
}

function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const { data, size } = encode(text, { border: 2 });
  const path = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
