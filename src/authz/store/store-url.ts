// What `--store` names: a volume, a database of its own, or nothing.

/** A store that cannot be opened as it was asked for; the message is for the person who asked, and holds no secret. */
export class StoreError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreError';
  }
}

export type StoreLocation =
  | { readonly kind: 'none' }
  | { readonly kind: 'volume'; readonly metaUrl: string }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'etcd'; readonly url: string };

/** Metadata URLs that can be nothing but a volume's; those of PostgreSQL and etcd need `volume:` before them. */
const VOLUME_SCHEMES = /^(?:sqlite3|redis|rediss|unix|mysql|tikv|badger|memkv|fdb):\/\//;

/**
 * Reads a store's URL: `volume:META-URL` (or the metadata URL alone where it cannot be mistaken), `sqlite:PATH`,
 * `postgres://USER:PASSWORD@HOST/DATABASE`, `etcd://HOST:PORT[,HOST:PORT]/PREFIX`, `none:`. Throws StoreError.
 */
export function parseStoreUrl(url: string): StoreLocation {
  if (url === 'none:') return { kind: 'none' };
  if (url.startsWith('volume:')) {
    const metaUrl = url.slice('volume:'.length);
    if (/^[a-z][a-z0-9+]*:\/\//.test(metaUrl)) return { kind: 'volume', metaUrl };
  }
  if (VOLUME_SCHEMES.test(url)) return { kind: 'volume', metaUrl: url };
  if (url.startsWith('sqlite:')) {
    const path = url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
    if (path !== '') return { kind: 'sqlite', path };
  }
  if (/^postgres(?:ql)?:\/\//.test(url)) return { kind: 'postgres', url };
  if (url.startsWith('etcd://')) return { kind: 'etcd', url };
  const scheme = /^[a-z][a-z0-9+]*:/.exec(url)?.[0];
  throw new StoreError(
    `--store must be volume:META-URL, sqlite:PATH, postgres://HOST/DATABASE, etcd://HOST/PREFIX or none:${scheme === undefined ? '' : `, not ${scheme}…`}`,
  );
}
