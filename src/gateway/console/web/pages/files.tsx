// The files and folders of a bucket: looking, uploading, downloading, renaming, moving, deleting, sharing.
import { useMemo, useState } from 'preact/hooks';
import { messageOf } from '../api/request.ts';
import { type StoredObject, saveArchive } from '../api/s3.ts';
import { Problem } from '../parts/dialog.tsx';
import { type Entry, type Sort, sorted, useListing } from '../parts/folder-listing.ts';
import { t } from '../parts/language.ts';
import { useRights } from '../parts/rights.ts';
import type { UploadQueue } from '../parts/uploads.ts';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { type FilesToUpload, NewFolder, takeDrop, UploadButtons, useRefreshAfterUploads } from './add-files.tsx';
import { DeleteSelection, MoveSelection, type Selected } from './change-selection.tsx';
import { Crumbs } from './crumbs.tsx';
import { Heads, ROW, Row } from './file-rows.tsx';
import { ObjectDetails } from './object-details.tsx';

interface FilesProps {
  readonly bucket: string;
  readonly prefix: string;
  readonly uploads: UploadQueue;
}

export function FilesPage({ bucket, prefix, uploads }: FilesProps) {
  const { entries, isComplete, isLoading, error, reload } = useListing(bucket, prefix);
  const key = `${prefix}new-object`;
  const rights = useRights(
    {
      put: { action: 's3:PutObject', bucket, key },
      delete: { action: 's3:DeleteObject', bucket, key },
      get: { action: 's3:GetObject', bucket, key },
    },
    [bucket, prefix],
  );
  const [filter, setFilter] = useState('');
  const [sort, setSort] = useState<Sort>({ by: 'name', down: false });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [dialog, setDialog] = useState<'folder' | 'delete' | 'move'>();
  const [shown, setShown] = useState<StoredObject>();
  const [isOver, setOver] = useState(false);
  const [dropError, setDropError] = useState<string>();
  const shownEntries = useMemo(() => sorted(entries, filter, sort), [entries, filter, sort]);
  useRefreshAfterUploads(uploads, bucket, prefix, isLoading, reload);
  const selection = useMemo(() => selectionOf(entries, selected), [entries, selected]);
  const upload = (files: FilesToUpload): void =>
    uploads.add(
      bucket,
      [...files].map(({ path, file }) => ({ key: `${prefix}${path}`, file })),
    );
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    if (!rights.put || event.dataTransfer === null) return;
    takeDrop(event.dataTransfer.items, upload).catch((thrown: unknown) => setDropError(messageOf(thrown)));
  };
  const toggle = (key: string): void => {
    const next = new Set(selected);
    if (!next.delete(key)) next.add(key);
    setSelected(next);
  };
  const closeDialog = (): void => setDialog(undefined);
  const changed = (): void => {
    setSelected(new Set());
    reload();
  };
  return (
    <section
      class={isOver ? 'files over' : 'files'}
      aria-busy={isLoading}
      onDragOver={(event) => {
        event.preventDefault();
        if (rights.put) setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <header class="page">
        <h1>
          <Crumbs bucket={bucket} prefix={prefix} />
        </h1>
        <div class="tools">
          {rights.put && <UploadButtons onFiles={upload} />}
          {rights.put && (
            <button type="button" onClick={() => setDialog('folder')}>
              {t('New folder')}
            </button>
          )}
          <button type="button" onClick={reload}>
            {t('Refresh')}
          </button>
        </div>
      </header>
      <div class="filter">
        <input
          type="search"
          placeholder={t('Filter by name')}
          aria-label={t('Filter by name')}
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="hint" role="status">
          {isComplete ? t('{0} entries', shownEntries.length) : t('{0} entries so far', shownEntries.length)}
        </span>
      </div>
      {selected.size > 0 && (
        <div class="selection" role="toolbar" aria-label={t('Selection')}>
          <span>{t('{0} selected', selected.size)}</span>
          {rights.get && (
            <button type="button" onClick={() => saveArchive({ bucket, base: prefix, ...selection })}>
              {t('Download as zip')}
            </button>
          )}
          {rights.put && (
            <button type="button" onClick={() => setDialog('move')}>
              {t('Copy, move or rename')}
            </button>
          )}
          {rights.delete && (
            <button type="button" class="danger" onClick={() => setDialog('delete')}>
              {t('Delete')}
            </button>
          )}
          <button type="button" class="plain" onClick={() => setSelected(new Set())}>
            {t('Clear the selection')}
          </button>
        </div>
      )}
      <Problem text={error ?? dropError} />
      <div class="grid" role="table" aria-label={t('Files')} aria-rowcount={shownEntries.length + 1}>
        <Heads
          sort={sort}
          onSort={setSort}
          isAllSelected={shownEntries.length > 0 && selected.size >= shownEntries.length}
          onAll={(all) => setSelected(all ? new Set(shownEntries.map(({ key }) => key)) : new Set())}
        />
        {shownEntries.length > 0 && (
          <VirtualRows
            count={shownEntries.length}
            rowHeight={ROW}
            label={t('Files')}
            render={(index) => {
              const entry = shownEntries[index];
              return entry === undefined ? null : (
                <Row
                  key={entry.key}
                  index={index}
                  bucket={bucket}
                  entry={entry}
                  mayGet={rights.get}
                  isSelected={selected.has(entry.key)}
                  onToggle={toggle}
                  onShow={setShown}
                />
              );
            }}
          />
        )}
        {entries.length > 0 && shownEntries.length === 0 && <p class="empty">{t('Nothing is called like that.')}</p>}
        {isComplete && entries.length === 0 && (
          <p class="empty">{rights.put ? t('This folder is empty. Drop files here.') : t('This folder is empty.')}</p>
        )}
      </div>
      {dialog === 'folder' && <NewFolder bucket={bucket} prefix={prefix} onClose={closeDialog} onDone={reload} />}
      {dialog === 'delete' && (
        <DeleteSelection bucket={bucket} selected={selection} onClose={closeDialog} onDone={changed} />
      )}
      {dialog === 'move' && (
        <MoveSelection
          bucket={bucket}
          prefix={prefix}
          selected={selection}
          mayDelete={rights.delete}
          onClose={closeDialog}
          onDone={changed}
        />
      )}
      {shown !== undefined && (
        <ObjectDetails bucket={bucket} object={shown} onClose={() => setShown(undefined)} onChanged={reload} />
      )}
    </section>
  );
}

function selectionOf(entries: readonly Entry[], selected: ReadonlySet<string>): Selected {
  const chosen = entries.filter(({ key }) => selected.has(key));
  return {
    keys: chosen.filter(({ kind }) => kind === 'object').map(({ key }) => key),
    prefixes: chosen.filter(({ kind }) => kind === 'folder').map(({ key }) => key),
  };
}
