// Which page is open: kept in the fragment of the address, so that it can be linked to and gone back to.
import { useEffect, useState } from 'preact/hooks';

/** Pages that show no one thing of many. */
const PLAIN_PAGES = [
  'users',
  'groups',
  'policies',
  'accounts',
  'sessions',
  'server',
  'health',
  'audit',
  'playground',
] as const;

export type Route =
  | { readonly page: 'buckets' }
  | { readonly page: 'files'; readonly bucket: string; readonly prefix: string }
  | { readonly page: 'bucket'; readonly bucket: string }
  | { readonly page: (typeof PLAIN_PAGES)[number] };

const PAGES: ReadonlySet<string> = new Set(PLAIN_PAGES);

export function readRoute(fragment: string): Route {
  const [page = '', ...rest] = (fragment.split('?')[0] ?? '').replace(/^#\/?/, '').split('/').map(decodePart);
  const [bucket = '', ...path] = rest;
  if (page === 'files' && bucket !== '') return { page: 'files', bucket, prefix: path.join('/') };
  if (page === 'bucket' && bucket !== '') return { page: 'bucket', bucket };
  if (PAGES.has(page)) return { page: page as 'users' };
  return { page: 'buckets' };
}

export function linkTo(route: Route): string {
  if (route.page === 'files') {
    return `#/files/${encodeURIComponent(route.bucket)}/${route.prefix.split('/').map(encodeURIComponent).join('/')}`;
  }
  if (route.page === 'bucket') return `#/bucket/${encodeURIComponent(route.bucket)}`;
  return `#/${route.page}`;
}

export function goTo(route: Route): void {
  location.hash = linkTo(route);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const changed = (): void => setRoute(readRoute(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A fragment that somebody typed; shown as it is.
    return text;
  }
}
