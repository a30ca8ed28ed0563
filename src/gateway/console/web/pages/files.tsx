// The files and folders of a bucket: looking, uploading, downloading, renaming, moving, deleting, sharing.
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, messageOf } from '../api/request.ts';
import { createFolder, listPage, objectUrl, type StoredObject, saveArchive } from '../api/s3.ts';
import { mayI } from '../api/session.ts';
import { Dialog, Problem } from '../parts/dialog.tsx';
import { useRunning } from '../parts/hooks.ts';
import { formatDate, formatSize, t } from '../parts/language.ts';
import { linkTo } from '../parts/route.ts';
import { droppedFiles, type Upload, type UploadQueue } from '../parts/uploads.ts';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { DeleteSelection, MoveSelection, type Selected } from './change-selection.tsx';
import { ObjectDetails } from './object-details.tsx';

const ROW = 40;
/** Entries kept of one folder; beyond them the filter has to narrow it. */
const MAX_ENTRIES = 500_000;
/** A folder that was uploaded into is read again at most this often, milliseconds. */
const REFRESH_MS = 1_000;
/** Names of more entries than this stay in the order of the store, which costs nothing: 10 before 9. */
const MAX_COLLATED = 20_000;

type Entry =
  | { readonly kind: 'folder'; readonly key: string; readonly name: string }
  | { readonly kind: 'object'; readonly key: string; readonly name: string; readonly object: StoredObject };

interface Listing {
  readonly entries: readonly Entry[];
  readonly isComplete: boolean;
  readonly isLoading: boolean;
  readonly error: string | undefined;
}

/**
 * Reads a folder page by page, on and on, so that what is seen first is there first. What has come is shown whenever it has doubled, so that
 * the work of showing stays in proportion; a folder that is read again stays as it was until all of it is there.
 */
function useListing(bucket: string, prefix: string): Listing & { readonly reload: () => void } {
  const [listing, setListing] = useState<Listing>({
    entries: [],
    isComplete: false,
    isLoading: true,
    error: undefined,
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      setListing((before) => ({ ...before, isLoading: true }));
      const entries: Entry[] = [];
      let shown = 0;
      let after: string | undefined;
      do {
        const page = await listPage(bucket, { prefix, after, signal: abort.signal });
        for (const key of page.folders) entries.push({ kind: 'folder', key, name: key.slice(prefix.length) });
        for (const object of page.objects) {
          if (object.key !== prefix) {
            entries.push({ kind: 'object', key: object.key, name: object.key.slice(prefix.length), object });
          }
        }
        after = page.next;
        const isComplete = after === undefined || entries.length >= MAX_ENTRIES;
        if (!isComplete && (round > 0 || entries.length < 2 * shown)) continue;
        shown = entries.length;
        setListing({ entries: [...entries], isComplete, isLoading: !isComplete, error: undefined });
        if (isComplete) return;
      } while (after !== undefined);
    };
    read().catch((error: unknown) => {
      if (abort.signal.aborted) return;
      // What is not there any more is not shown any more.
      const isGone = error instanceof ApiError && error.status === 404;
      setListing((before) => ({
        entries: isGone ? [] : before.entries,
        isComplete: false,
        isLoading: false,
        error: messageOf(error),
      }));
    });
    return () => abort.abort();
  }, [bucket, prefix, round]);
  return { ...listing, reload: useCallback(() => setRound((before) => before + 1), []) };
}

type SortBy = 'name' | 'size' | 'modified';
interface Sort {
  readonly by: SortBy;
  readonly down: boolean;
}

function sorted(entries: readonly Entry[], filter: string, { by, down }: Sort): readonly Entry[] {
  const wanted = filter.toLowerCase();
  const seen = wanted === '' ? entries : entries.filter(({ name }) => name.toLowerCase().includes(wanted));
  const value = (entry: Entry): number =>
    entry.kind === 'folder' ? -1 : by === 'size' ? entry.object.size : entry.object.modified.getTime();
  const direction = down ? -1 : 1;
  const collator = new Intl.Collator(undefined, { numeric: true });
  const compareNames =
    seen.length <= MAX_COLLATED ? collator.compare : (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  return [...seen].sort((a, b) => {
    if (a.kind !== b.kind) return a.kind === 'folder' ? -1 : 1;
    const difference = by === 'name' ? compareNames(a.name, b.name) : value(a) - value(b);
    return difference * direction;
  });
}

/** What may be done in this folder, asked about beforehand. */
function useRights(bucket: string, prefix: string): { put: boolean; delete: boolean; get: boolean } {
  const [rights, setRights] = useState({ put: false, delete: false, get: false });
  useEffect(() => {
    const key = `${prefix}new-object`;
    mayI([
      { action: 's3:PutObject', bucket, key },
      { action: 's3:DeleteObject', bucket, key },
      { action: 's3:GetObject', bucket, key },
    ]).then(
      ([put = false, remove = false, get = false]) => setRights({ put, delete: remove, get }),
      // Without an answer nothing is offered; the listing shows what is wrong.
      () => setRights({ put: false, delete: false, get: false }),
    );
  }, [bucket, prefix]);
  return rights;
}

interface FilesProps {
  readonly bucket: string;
  readonly prefix: string;
  readonly uploads: UploadQueue;
}

export function FilesPage({ bucket, prefix, uploads }: FilesProps) {
  const { entries, isComplete, isLoading, error, reload } = useListing(bucket, prefix);
  const rights = useRights(bucket, prefix);
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
  const upload = (files: Iterable<{ path: string; file: File }>): void =>
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

async function takeDrop(
  items: DataTransferItemList,
  upload: (files: Iterable<{ path: string; file: File }>) => void,
): Promise<void> {
  let some: { path: string; file: File }[] = [];
  for await (const dropped of droppedFiles(items)) {
    some.push(dropped);
    if (some.length === 500) {
      upload(some);
      some = [];
    }
  }
  if (some.length > 0) upload(some);
}

/** Reads the folder again when something was uploaded into it: not for every file of many, and not while it is being read. */
function useRefreshAfterUploads(
  uploads: UploadQueue,
  bucket: string,
  prefix: string,
  isLoading: boolean,
  reload: () => void,
): void {
  const [isDue, setDue] = useState(false);
  useEffect(() => {
    const uploaded = (event: Event): void => {
      const { detail } = event as CustomEvent<Upload>;
      if (detail.bucket === bucket && detail.key.startsWith(prefix)) setDue(true);
    };
    uploads.addEventListener('uploaded', uploaded);
    return () => uploads.removeEventListener('uploaded', uploaded);
  }, [uploads, bucket, prefix]);
  useEffect(() => {
    if (!isDue || isLoading) return undefined;
    const timer = setTimeout(() => {
      setDue(false);
      reload();
    }, REFRESH_MS);
    return () => clearTimeout(timer);
  }, [isDue, isLoading, reload]);
}

function Crumbs({ bucket, prefix }: { readonly bucket: string; readonly prefix: string }) {
  const parts = prefix.split('/').filter((part) => part !== '');
  return (
    <>
      <a href={linkTo({ page: 'buckets' })}>{t('Buckets')}</a>
      {' / '}
      <a href={linkTo({ page: 'files', bucket, prefix: '' })}>{bucket}</a>
      {parts.map((part, index) => {
        const path = `${parts.slice(0, index + 1).join('/')}/`;
        return (
          <span key={path}>
            {' / '}
            <a href={linkTo({ page: 'files', bucket, prefix: path })}>{part}</a>
          </span>
        );
      })}
    </>
  );
}

interface HeadsProps {
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
  readonly isAllSelected: boolean;
  readonly onAll: (all: boolean) => void;
}

function Heads({ sort, onSort, isAllSelected, onAll }: HeadsProps) {
  const head = (by: SortBy, name: string) => (
    <div role="columnheader" aria-sort={sort.by === by ? (sort.down ? 'descending' : 'ascending') : 'none'}>
      <button type="button" class="plain" onClick={() => onSort({ by, down: sort.by === by && !sort.down })}>
        {name}
        {sort.by === by ? (sort.down ? ' ↓' : ' ↑') : ''}
      </button>
    </div>
  );
  return (
    <div class="row heads" role="row">
      <div role="columnheader">
        <input
          type="checkbox"
          aria-label={t('Select all')}
          checked={isAllSelected}
          onChange={(event) => onAll(event.currentTarget.checked)}
        />
      </div>
      {head('name', t('Name'))}
      {head('size', t('Size'))}
      {head('modified', t('Modified'))}
      <div role="columnheader">
        <span class="only-read">{t('Actions')}</span>
      </div>
    </div>
  );
}

interface RowProps {
  readonly index: number;
  readonly bucket: string;
  readonly entry: Entry;
  readonly mayGet: boolean;
  readonly isSelected: boolean;
  readonly onToggle: (key: string) => void;
  readonly onShow: (object: StoredObject) => void;
}

function Row({ index, bucket, entry, mayGet, isSelected, onToggle, onShow }: RowProps) {
  return (
    <div class="row" role="row" aria-rowindex={index + 2} style={{ height: `${ROW}px` }}>
      <div role="cell">
        <input
          type="checkbox"
          aria-label={t('Select {0}', entry.name)}
          checked={isSelected}
          onChange={() => onToggle(entry.key)}
        />
      </div>
      <div role="cell" class="name" title={entry.name}>
        {entry.kind === 'folder' ? (
          <a href={linkTo({ page: 'files', bucket, prefix: entry.key })}>
            <span aria-hidden="true">📁 </span>
            {entry.name}
          </a>
        ) : (
          <button type="button" class="link" onClick={() => onShow(entry.object)}>
            {entry.name}
          </button>
        )}
      </div>
      <div role="cell" class="number">
        {entry.kind === 'object' ? formatSize(entry.object.size) : ''}
      </div>
      <div role="cell">{entry.kind === 'object' ? formatDate(entry.object.modified) : ''}</div>
      <div role="cell" class="actions">
        {entry.kind === 'object' && mayGet && (
          <a
            class="button"
            href={objectUrl(bucket, entry.key)}
            download={entry.name}
            aria-label={t('Download {0}', entry.name)}
          >
            ↓
          </a>
        )}
      </div>
    </div>
  );
}

function UploadButtons({ onFiles }: { readonly onFiles: (files: Iterable<{ path: string; file: File }>) => void }) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const chosen = (event: Event): void => {
    const input = event.currentTarget as HTMLInputElement;
    onFiles([...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
    input.value = '';
  };
  return (
    <>
      <input
        ref={files}
        class="hidden"
        type="file"
        multiple
        aria-label={t('Files to upload')}
        tabIndex={-1}
        onChange={chosen}
      />
      <input
        ref={(element) => {
          folder.current = element;
          element?.setAttribute('webkitdirectory', '');
        }}
        class="hidden"
        type="file"
        aria-label={t('Folder to upload')}
        tabIndex={-1}
        onChange={chosen}
      />
      <button type="button" class="primary" onClick={() => files.current?.click()}>
        {t('Upload files')}
      </button>
      <button type="button" onClick={() => folder.current?.click()}>
        {t('Upload a folder')}
      </button>
    </>
  );
}

interface NewFolderProps {
  readonly bucket: string;
  readonly prefix: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function NewFolder({ bucket, prefix, onClose, onDone }: NewFolderProps) {
  const { isRunning, error, run } = useRunning();
  const [name, setName] = useState('');
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await run(() => createFolder(bucket, `${prefix}${name.replace(/\/+$/, '')}/`))) {
      onDone();
      onClose();
    }
  };
  return (
    <Dialog title={t('New folder')} onClose={onClose}>
      <form onSubmit={submit}>
        <label>
          {t('Name')}
          <input value={name} required autofocus onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <Problem text={error} />
        <footer>
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button type="submit" class="primary" disabled={isRunning || name === ''}>
            {t('Create folder')}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
