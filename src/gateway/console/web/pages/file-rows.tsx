// The rows of a folder and their heads.
import type { StoredObject } from '../api/s3.ts';
import { objectUrl } from '../api/s3.ts';
import type { Entry, Sort, SortBy } from '../parts/folder-listing.ts';
import { Icon } from '../parts/icons.tsx';
import { formatDate, formatSize, t } from '../parts/language.ts';
import { PlainName, plainName } from '../parts/plain-name.tsx';
import { linkTo } from '../parts/route.ts';

/** Height of a row, pixels. */
export const ROW = 40;

interface HeadsProps {
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
  readonly isAllSelected: boolean;
  readonly onAll: (all: boolean) => void;
}

export function Heads({ sort, onSort, isAllSelected, onAll }: HeadsProps) {
  const head = (by: SortBy, name: string, className?: string) => (
    <div
      role="columnheader"
      class={className}
      aria-sort={sort.by === by ? (sort.down ? 'descending' : 'ascending') : 'none'}
    >
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
      {head('size', t('Size'), 'number')}
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

export function Row({ index, bucket, entry, mayGet, isSelected, onToggle, onShow }: RowProps) {
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
      <div role="cell" class="name" title={plainName(entry.name)}>
        <Icon name={entry.kind === 'folder' ? 'folder' : 'file'} />
        {entry.kind === 'folder' ? (
          <a href={linkTo({ page: 'files', bucket, prefix: entry.key })}>
            <PlainName name={entry.name} />
          </a>
        ) : (
          <button type="button" class="link" onClick={() => onShow(entry.object)}>
            <PlainName name={entry.name} />
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
            class="button bare"
            href={objectUrl(bucket, entry.key)}
            download={entry.name}
            aria-label={t('Download {0}', entry.name)}
          >
            <Icon name="download" />
          </a>
        )}
      </div>
    </div>
  );
}
