// Where a bucket is, from the URL that `--bucket` takes, as the Go client reads it: BUCKET.ENDPOINT or ENDPOINT/BUCKET, Amazon's
// own hosts by their names, a bare bucket name for Amazon. JuiceFS: pkg/object/s3.go, minio.go.
import { VolumeOpenError } from '../../volume-error.ts';

/** How requests reach a bucket. */
export interface S3Endpoint {
  /** Scheme, host and port; without the bucket. */
  readonly origin: string;
  readonly bucket: string;
  readonly region: string;
  /** The bucket stands in the path, not in the host name. */
  readonly pathStyle: boolean;
  /** The region was guessed: the service may name the right one. */
  readonly regionGuessed: boolean;
  /** Leave out the checksum kept in an object's metadata. */
  readonly disableChecksum: boolean;
  readonly insecureSkipVerify: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_REGION = 'us-east-1';
const AMAZON = /\.amazonaws\.com(\.cn)?$/;
/** Services whose host names hold the region. */
const REGION_IN_HOST = [/\.compat\.objectstorage\.(.*)\.oraclecloud\.com$/, /^s3\.(\w*)(?:\.\w*)?\.cloud\.ovh\.net$/];

/** The endpoint of a format's Bucket. InvalidFormat says what is wrong with it. */
export function parseS3Bucket(storage: 's3' | 'minio', text: string, environment: Environment): S3Endpoint {
  const url = parseUrl(storage, text);
  const { searchParams } = url;
  const isTrue = (name: string): boolean => /^true$/i.test(searchParams.get(name) ?? '');
  const common = {
    disableChecksum: isTrue('disable-checksum'),
    insecureSkipVerify: /^(1|t|true)$/i.test(searchParams.get('tls-insecure-skip-verify') ?? ''),
  };
  const place = storage === 'minio' ? minioPlace(url, environment) : s3Place(url, environment);
  if (place.bucket === '') throw invalid(text, 'it names no bucket');
  return { ...common, ...place };
}

type Place = Omit<S3Endpoint, 'disableChecksum' | 'insecureSkipVerify'>;

function parseUrl(storage: string, text: string): URL {
  let full = text.trim().replace(/^\/+|\/+$/g, '');
  if (!full.includes('://')) {
    const host = full.split('/')[0] ?? '';
    const secure = storage === 's3' && (!host.includes('.') || AMAZON.test(host));
    full = `${secure ? 'https' : 'http'}://${full}`;
  }
  let url: URL;
  try {
    url = new URL(full);
  } catch (cause) {
    throw invalid(text, 'it is no URL', cause);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalid(text, 'its scheme is neither http nor https');
  if (url.username !== '' || url.password !== '') {
    throw invalid('(with credentials in it)', 'credentials belong into --access-key and --secret-key');
  }
  return url;
}

function invalid(text: string, why: string, cause?: unknown): VolumeOpenError {
  return new VolumeOpenError(
    'InvalidFormat',
    `the bucket ${JSON.stringify(text)} cannot be used: ${why}; write https://BUCKET.ENDPOINT or https://ENDPOINT/BUCKET`,
    { cause },
  );
}

function minioPlace(url: URL, environment: Environment): Place {
  const path = url.pathname.replace(/^\//, '').replace(/^minio\/(?=.)/, '');
  return {
    origin: url.origin,
    bucket: decodeURIComponent(path.split('/')[0] ?? ''),
    region: url.searchParams.get('region') ?? environment.MINIO_REGION ?? DEFAULT_REGION,
    pathStyle: wantsPathStyle(environment),
    regionGuessed: false,
  };
}

function s3Place(url: URL, environment: Environment): Place {
  const { host, hostname } = url;
  const [, inPath = ''] = url.pathname.split('/');
  const amazon = AMAZON.test(hostname);
  if (inPath !== '') {
    const bucket = decodeURIComponent(inPath);
    if (amazon) return amazonPlace(bucket, regionOfHost(hostname), environment);
    return compatible(url, host, bucket, environment);
  }
  const dot = host.indexOf('.');
  // A name alone is a bucket of Amazon's, wherever it is.
  if (dot < 0) return amazonPlace(host, undefined, environment);
  const bucket = host.slice(0, dot);
  const rest = host.slice(dot + 1);
  const privateLink = /\.([^.]*)\.vpce\.amazonaws\.com$/.exec(hostname)?.[1];
  if (privateLink !== undefined) return { ...compatible(url, rest, bucket, environment), region: privateLink };
  if (!amazon) return compatible(url, rest, bucket, environment);
  const [name = '', afterS3] = splitOnce(hostname, '.s3');
  return afterS3 === undefined
    ? amazonPlace('', undefined, environment)
    : amazonPlace(name, regionOfHost(`s3${afterS3}`), environment);
}

function compatible(url: URL, host: string, bucket: string, environment: Environment): Place {
  const known = REGION_IN_HOST.map((pattern) => pattern.exec(host.replace(/:\d+$/, ''))?.[1]).find(
    (one) => one !== undefined,
  );
  return {
    origin: `${url.protocol}//${host}`,
    bucket,
    region: known ?? environmentRegion(environment) ?? DEFAULT_REGION,
    pathStyle: wantsPathStyle(environment),
    regionGuessed: false,
  };
}

/** Amazon's own endpoint of a region. */
export function amazonOrigin(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

function amazonPlace(bucket: string, named: string | undefined, environment: Environment): Place {
  const region = named ?? environmentRegion(environment) ?? DEFAULT_REGION;
  // A certificate for *.s3.REGION.amazonaws.com covers no bucket name with a dot in it.
  return {
    origin: amazonOrigin(region),
    bucket,
    region,
    pathStyle: bucket.includes('.'),
    regionGuessed: named === undefined,
  };
}

/** s3.REGION.amazonaws.com, s3-REGION.amazonaws.com, with `dualstack.`, or without a region. */
function regionOfHost(hostname: string): string | undefined {
  const rest = hostname.replace(/^s3[.-]/, '').replace(/^dualstack\./, '');
  if (/^amazonaws\.com(\.cn)?$/.test(rest)) return undefined;
  const region = rest.split('.')[0];
  return region === 'external-1' ? DEFAULT_REGION : region;
}

function environmentRegion(environment: Environment): string | undefined {
  return [environment.AWS_REGION, environment.AWS_DEFAULT_REGION].find(
    (region) => region !== undefined && region !== '',
  );
}

function wantsPathStyle(environment: Environment): boolean {
  return ['', '0', 'false'].includes(environment.JFS_S3_VHOST_STYLE ?? '');
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
