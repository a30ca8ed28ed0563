// A look into an object. What strangers stored is never markup of this page: text is shown as text, pictures as pictures, and whatever
// could hold a script is offered for download.
import { useEffect, useState } from 'preact/hooks';
import { type Details, objectUrl, readBlob, readText } from '../api/s3.ts';
import { Problem } from '../parts/dialog.tsx';
import { useLoaded } from '../parts/hooks.ts';
import { formatSize, t } from '../parts/language.ts';

/** Bytes of a text that are shown. */
const TEXT_BYTES = 256 * 1024;
/** Largest PDF that is shown, bytes. */
const PDF_BYTES = 64 * 1024 * 1024;

const TEXT_TYPE = /^(?:text\/(?!html)|application\/(?:json|xml|yaml|x-yaml|toml|javascript|x-sh|sql)\b)/;
const TEXT_NAME =
  /\.(?:txt|md|log|csv|tsv|json|jsonl|ya?ml|toml|ini|conf|sh|py|js|ts|go|rs|c|h|cpp|java|sql|xml|env)$/i;
const BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/\.(?:png|jpe?g|gif|webp|avif|bmp|ico)$/i, 'image'],
  [/\.svg$/i, 'image'],
  [/\.(?:mp4|webm|mov|m4v|ogv)$/i, 'video'],
  [/\.(?:mp3|wav|ogg|oga|flac|m4a|aac)$/i, 'audio'],
  [/\.pdf$/i, 'pdf'],
];

type Kind = 'image' | 'video' | 'audio' | 'pdf' | 'text' | 'none';

function kindOf(name: string, { contentType, size }: Details): Kind {
  const [family = ''] = contentType.split('/');
  if (family === 'image' || family === 'video' || family === 'audio') return family;
  if (contentType.startsWith('application/pdf')) return size <= PDF_BYTES ? 'pdf' : 'none';
  if (TEXT_TYPE.test(contentType)) return 'text';
  const isUnknown = contentType === '' || /^(?:application|binary)\/octet-stream$/.test(contentType);
  if (!isUnknown) return 'none';
  const found = BY_NAME.find(([pattern]) => pattern.test(name))?.[1];
  if (found === 'pdf' && size > PDF_BYTES) return 'none';
  return (found as Kind | undefined) ?? (TEXT_NAME.test(name) ? 'text' : 'none');
}

interface PreviewProps {
  readonly bucket: string;
  readonly objectKey: string;
  readonly name: string;
  readonly details: Details;
}

export function Preview({ bucket, objectKey, name, details }: PreviewProps) {
  const url = objectUrl(bucket, objectKey);
  switch (kindOf(name, details)) {
    case 'image':
      // An SVG in an <img> runs no script.
      return <img class="preview" src={url} alt={name} />;
    case 'video':
      return (
        // biome-ignore lint/a11y/useMediaCaption: whoever stored it may have no captions
        <video class="preview" src={url} controls preload="metadata" />
      );
    case 'audio':
      return (
        // biome-ignore lint/a11y/useMediaCaption: whoever stored it may have no captions
        <audio class="preview" src={url} controls preload="metadata" />
      );
    case 'pdf':
      return <Pdf bucket={bucket} objectKey={objectKey} name={name} />;
    case 'text':
      return <Text bucket={bucket} objectKey={objectKey} size={details.size} />;
    case 'none':
      return <p class="empty">{t('There is no preview of this type. Download it to look at it.')}</p>;
  }
}

function Text({
  bucket,
  objectKey,
  size,
}: {
  readonly bucket: string;
  readonly objectKey: string;
  readonly size: number;
}) {
  const { value, error } = useLoaded(
    () => (size === 0 ? Promise.resolve('') : readText(bucket, objectKey, TEXT_BYTES)),
    [bucket, objectKey],
  );
  return (
    <>
      <Problem text={error} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <pre class="preview text" tabIndex={0}>
        {value}
      </pre>
      {size > TEXT_BYTES && <p class="hint">{t('The first {0} are shown.', formatSize(TEXT_BYTES))}</p>}
    </>
  );
}

function Pdf({
  bucket,
  objectKey,
  name,
}: {
  readonly bucket: string;
  readonly objectKey: string;
  readonly name: string;
}) {
  const { value, error } = useLoaded(() => readBlob(bucket, objectKey, 'application/pdf'), [bucket, objectKey]);
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (value === undefined) return undefined;
    const made = URL.createObjectURL(value);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [value]);
  return (
    <>
      <Problem text={error} />
      {url !== undefined && <iframe class="preview" src={url} title={name} />}
    </>
  );
}
