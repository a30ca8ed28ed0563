// The uploads under way: how far they are, and pausing, going on and giving up.
import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../parts/icons.tsx';
import { formatSize, t } from '../parts/language.ts';
import { PlainName, plainName } from '../parts/plain-name.tsx';
import type { Upload, UploadQueue, UploadState } from '../parts/uploads.ts';
import { VirtualRows } from '../parts/virtual-rows.tsx';

/** Height of a row, pixels. */
const ROW = 60;

export function UploadsPanel({ queue }: { readonly queue: UploadQueue }) {
  const [, setRound] = useState(0);
  const [isOpen, setOpen] = useState(true);
  useEffect(() => {
    const changed = (): void => setRound((before) => before + 1);
    queue.addEventListener('change', changed);
    return () => queue.removeEventListener('change', changed);
  }, [queue]);
  const { total, done, failed, paused, active, bytes, sent } = queue.summary();
  if (total === 0) return null;
  const { uploads } = queue;
  const stateNames: Readonly<Record<UploadState, string>> = {
    waiting: t('waiting'),
    sending: t('sending'),
    paused: t('paused'),
    done: t('done'),
    failed: t('failed'),
  };
  const row = (upload: Upload) => (
    <div class="upload" role="row" key={upload.id} style={{ height: `${ROW}px` }}>
      <div class="upload-name" role="cell">
        <span class="what" title={plainName(upload.key)}>
          <PlainName name={upload.key} />
        </span>
        <span class={`state ${upload.state}`} title={upload.error}>
          {upload.error ?? stateNames[upload.state]}
        </span>
      </div>
      <progress
        aria-label={upload.key}
        max={Math.max(1, upload.file.size)}
        value={upload.state === 'done' ? Math.max(1, upload.file.size) : upload.sent}
      />
      <div class="actions" role="cell">
        {(upload.state === 'sending' || upload.state === 'waiting') && (
          <button
            type="button"
            class="bare"
            aria-label={t('Pause {0}', upload.key)}
            onClick={() => queue.pause(upload)}
          >
            <Icon name="pause" />
          </button>
        )}
        {(upload.state === 'paused' || upload.state === 'failed') && (
          <button
            type="button"
            class="bare"
            aria-label={t('Resume {0}', upload.key)}
            onClick={() => queue.resume(upload)}
          >
            <Icon name="play" />
          </button>
        )}
        {upload.state !== 'done' && (
          <button
            type="button"
            class="bare"
            aria-label={t('Cancel {0}', upload.key)}
            onClick={() => queue.cancel(upload)}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
    </div>
  );
  return (
    <aside class="uploads" aria-label={t('Uploads')}>
      <header>
        <button type="button" class="plain" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {t('Uploads: {0} of {1} done', done, total)}
        </button>
        <span class="hint">
          {formatSize(sent)} / {formatSize(bytes)}
          {failed > 0 ? ` · ${t('{0} failed', failed)}` : ''}
        </span>
        <span class="tools">
          {active > 1 && (
            <button type="button" onClick={() => queue.pauseAll()}>
              {t('Pause all')}
            </button>
          )}
          {paused > 1 && (
            <button type="button" onClick={() => queue.resumeAll(({ state }) => state === 'paused')}>
              {t('Resume all')}
            </button>
          )}
          {failed > 0 && (
            <button type="button" onClick={() => queue.resumeAll(({ state }) => state === 'failed')}>
              {t('Try again')}
            </button>
          )}
          {active === 0 && done > 0 && (
            <button type="button" onClick={() => queue.clearDone()}>
              {t('Clear')}
            </button>
          )}
        </span>
      </header>
      <progress
        aria-label={t('All uploads')}
        max={Math.max(1, bytes)}
        value={active === 0 && failed === 0 ? Math.max(1, sent) : sent}
      />
      {isOpen && (
        <div class="uploads-list" role="table" aria-label={t('Uploads')}>
          <VirtualRows
            count={uploads.length}
            rowHeight={ROW}
            label={t('Uploads')}
            render={(index) => {
              const upload = uploads[index];
              return upload === undefined ? null : row(upload);
            }}
          />
        </div>
      )}
    </aside>
  );
}
