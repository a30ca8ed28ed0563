// A link for people who have no key: signed by the service, for one object and a limited time.
import { useState } from 'preact/hooks';
import { encode } from 'uqr';
import { shareLink } from '../api/session.ts';
import { Problem } from '../parts/dialog.tsx';
import { useRunning } from '../parts/hooks.ts';
import { formatDate, t } from '../parts/language.ts';

const HOUR = 3_600;
const LIFETIMES = [
  { seconds: HOUR, unit: 'hour' },
  { seconds: 24 * HOUR, unit: 'day' },
  { seconds: 7 * 24 * HOUR, unit: 'week' },
] as const;

export function Share({ bucket, objectKey }: { readonly bucket: string; readonly objectKey: string }) {
  const { isRunning, error, run } = useRunning();
  const [seconds, setSeconds] = useState<number>(HOUR);
  const [link, setLink] = useState<{ url: string; expires: Date }>();
  const names = { hour: t('One hour'), day: t('One day'), week: t('One week') };
  const create = (event: Event): void => {
    event.preventDefault();
    run(async () => {
      const { url, expiresAtMs } = await shareLink({ method: 'GET', bucket, key: objectKey, expiresSeconds: seconds });
      setLink({ url, expires: new Date(expiresAtMs) });
    });
  };
  return (
    <form onSubmit={create}>
      <label>
        {t('Works for')}
        <select value={seconds} onChange={(event) => setSeconds(Number(event.currentTarget.value))}>
          {LIFETIMES.map((life) => (
            <option key={life.unit} value={life.seconds}>
              {names[life.unit]}
            </option>
          ))}
        </select>
      </label>
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
          <QrCode text={link.url} label={t('The link as a QR code')} />
        </>
      )}
    </form>
  );
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
