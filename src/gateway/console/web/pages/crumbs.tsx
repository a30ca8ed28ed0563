// Where in the buckets one is: each folder above is a link.
import { t } from '../parts/language.ts';
import { PlainName } from '../parts/plain-name.tsx';
import { linkTo } from '../parts/route.ts';

export function Crumbs({ bucket, prefix }: { readonly bucket: string; readonly prefix: string }) {
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
            <a href={linkTo({ page: 'files', bucket, prefix: path })}>
              <PlainName name={part} />
            </a>
          </span>
        );
      })}
    </>
  );
}
