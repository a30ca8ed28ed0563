// Tables of administration: rows with what can be done to each, a filter where there are many, and a sentence where there are none.
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { t } from './language.ts';

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Words and times, which are not broken into lines. */
  readonly isShort?: boolean;
}

export interface TableProps<T> {
  /** What the rows are, for who cannot see the heading. */
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (row: T) => string;
  /** What the filter looks into; no filter without it. */
  readonly textOf?: (row: T) => string;
  readonly actions?: (row: T) => ComponentChildren;
  readonly rowClass?: (row: T) => string | undefined;
  /** The sentence of a table without rows. */
  readonly empty: string;
}

/** Rows at once; beyond them the filter has to narrow it. */
const MAX_ROWS = 200;
/** Rows that are seen at a glance, so that nobody needs a filter. */
const FEW_ROWS = 12;

export function Table<T>(props: TableProps<T>) {
  const { label, rows, columns, keyOf, textOf, actions, rowClass, empty } = props;
  const [filter, setFilter] = useState('');
  const found = useMemo(() => {
    const wanted = filter.toLowerCase();
    return wanted === '' || textOf === undefined
      ? rows
      : rows.filter((row) => textOf(row).toLowerCase().includes(wanted));
  }, [rows, filter]);
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <>
      {textOf !== undefined && (rows.length > FEW_ROWS || filter !== '') && (
        <div class="filter">
          <input
            type="search"
            placeholder={t('Filter')}
            aria-label={t('Filter')}
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
          <span class="hint" role="status">
            {t('{0} entries', found.length)}
            {found.length > MAX_ROWS ? ` · ${t('The first {0} are shown.', MAX_ROWS)}` : ''}
          </span>
        </div>
      )}
      {found.length === 0 ? (
        <p class="empty">{t('Nothing is called like that.')}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it may scroll, so the keyboard must reach it
        <div class="table" role="group" aria-label={label} tabIndex={0}>
          <table>
            <thead>
              <tr>
                {columns.map(({ head }) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
                {actions !== undefined && (
                  <th scope="col">
                    <span class="only-read">{t('Actions')}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {found.slice(0, MAX_ROWS).map((row) => (
                <tr key={keyOf(row)} class={rowClass?.(row)}>
                  {columns.map(({ head, cell, isShort }) => (
                    <td key={head} class={isShort === true ? 'short' : undefined} data-head={head}>
                      {cell(row)}
                    </td>
                  ))}
                  {actions !== undefined && <td class="actions">{actions(row)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
