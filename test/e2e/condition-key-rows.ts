import { sha256 } from '../harness/sigv4.ts';
/** A request, but for who sends it. */
export interface Call {
  readonly method?: string;
  readonly bucket?: string;
  readonly key?: string | undefined;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly payloadHash?: string;
  /** How it is signed; default 'header'. */
  readonly signed?: 'header' | 'presigned' | 'v2';
  /** Seconds before now at which a URL was signed. */
  readonly age?: number;
  /** The address that it comes from: 127.0.0.1 is a trusted proxy, others are not. */
  readonly from?: string;
}

export type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

export interface Row {
  readonly key: string;
  readonly action: string;
  /** Holds for `match` and not for `differ`. */
  readonly condition: Condition;
  readonly match: Call;
  readonly differ: Call;
  /** Status of an allowed request; default 200. */
  readonly allowed?: number;
}

/** A key whose value is the same whatever is sent: another condition shows the other way. */
export interface FixedRow {
  readonly key: string;
  readonly action: string;
  readonly holds: Condition;
  readonly fails: Condition;
  readonly call: Call;
  readonly allowed?: number;
}

const LIST: Call = { bucket: 'docs', query: { 'list-type': '2' } };
const GET: Call = { bucket: 'docs', key: 'plain' };
export const PUT: Call = { method: 'PUT', bucket: 'docs', key: 'new', body: 'x' };
const COPY: Call = { method: 'PUT', bucket: 'docs', key: 'copy' };
const listing = (query: Readonly<Record<string, string>>): Call => ({ ...LIST, query: { ...LIST.query, ...query } });
const getting = (headers: Readonly<Record<string, string>>): Call => ({ ...GET, headers });
const putting = (headers: Readonly<Record<string, string>>): Call => ({ ...PUT, headers });
const tagging = (...tags: readonly [string, string][]): Call => ({
  method: 'PUT',
  bucket: 'docs',
  key: 'marked',
  query: { tagging: '' },
  body: `<Tagging><TagSet>${tags.map(([k, v]) => `<Tag><Key>${k}</Key><Value>${v}</Value></Tag>`).join('')}</TagSet></Tagging>`,
});
const equals = (key: string, ...values: string[]): Condition => ({ StringEquals: { [key]: values } });
const like = (key: string, ...values: string[]): Condition => ({ StringLike: { [key]: values } });
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

export const ROWS: readonly Row[] = [
  // ---- where from
  {
    key: 'aws:SourceIp',
    action: 's3:GetObject',
    condition: { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '2001:db8::/32'] } },
    match: getting({ 'x-forwarded-for': '10.1.2.3' }),
    differ: getting({ 'x-forwarded-for': '11.1.2.3' }),
  },
  {
    key: 'aws:SourceIp',
    action: 's3:GetObject',
    condition: { IpAddress: { 'aws:SourceIp': ['2001:db8::/32'] } },
    match: getting({ 'x-forwarded-for': '2001:db8::7' }),
    differ: getting({ 'x-forwarded-for': '2001:db9::7' }),
  },
  {
    key: 'aws:SourceIp',
    action: 's3:GetObject',
    condition: { NotIpAddress: { 'aws:SourceIp': ['10.0.0.0/8'] } },
    match: getting({ 'x-forwarded-for': '11.1.2.3' }),
    differ: getting({ 'x-forwarded-for': '10.1.2.3' }),
  },
  {
    // a peer that is no trusted proxy speaks for itself alone
    key: 'aws:SourceIp',
    action: 's3:GetObject',
    condition: { IpAddress: { 'aws:SourceIp': ['127.0.0.2/32'] } },
    match: {
      ...getting({ 'x-forwarded-for': '10.1.2.3', 'x-real-ip': '10.1.2.3', forwarded: 'for=10.1.2.3' }),
      from: '127.0.0.2',
    },
    differ: { ...getting({ 'x-forwarded-for': '127.0.0.2' }), from: '127.0.0.3' },
  },
  {
    // of several proxies only those that are trusted are looked behind
    key: 'aws:SourceIp',
    action: 's3:GetObject',
    condition: { IpAddress: { 'aws:SourceIp': ['192.0.2.9/32'] } },
    match: getting({ 'x-forwarded-for': '10.1.2.3, 192.0.2.9' }),
    differ: getting({ 'x-forwarded-for': '192.0.2.9, 10.1.2.3' }),
  },
  {
    key: 'aws:SecureTransport',
    action: 's3:GetObject',
    condition: { Bool: { 'aws:SecureTransport': 'true' } },
    match: getting({ 'x-forwarded-proto': 'https' }),
    differ: GET,
  },
  {
    key: 'aws:SecureTransport',
    action: 's3:GetObject',
    condition: { Bool: { 'aws:SecureTransport': 'false' } },
    match: { ...getting({ 'x-forwarded-proto': 'https' }), from: '127.0.0.2' },
    differ: getting({ 'x-forwarded-proto': 'https' }),
  },
  {
    key: 'aws:UserAgent',
    action: 's3:GetObject',
    condition: like('aws:UserAgent', 'backup/*'),
    match: getting({ 'user-agent': 'backup/1.2' }),
    differ: getting({ 'user-agent': 'browser/backup/1.2' }),
  },
  {
    key: 'aws:Referer',
    action: 's3:GetObject',
    condition: like('aws:Referer', 'https://app.example/*'),
    match: getting({ referer: 'https://app.example/page' }),
    differ: getting({ referer: 'https://evil.example/https://app.example/' }),
  },
  {
    key: 'aws:Referer',
    action: 's3:GetObject',
    condition: { StringNotEquals: { 'aws:Referer': ['https://bad.example/'] } },
    match: GET,
    differ: getting({ referer: 'https://bad.example/' }),
  },
  // ---- how signed
  {
    key: 's3:signatureversion',
    action: 's3:GetObject',
    condition: equals('s3:signatureversion', 'AWS4-HMAC-SHA256'),
    match: GET,
    differ: { ...GET, signed: 'v2' },
  },
  {
    key: 's3:signatureversion',
    action: 's3:GetObject',
    condition: equals('s3:signatureversion', 'AWS'),
    match: { ...GET, signed: 'v2' },
    differ: { ...GET, signed: 'presigned' },
  },
  {
    key: 's3:authType',
    action: 's3:GetObject',
    condition: equals('s3:authType', 'REST-HEADER'),
    match: GET,
    differ: { ...GET, signed: 'presigned' },
  },
  {
    key: 's3:authType',
    action: 's3:GetObject',
    condition: equals('s3:authType', 'REST-QUERY-STRING'),
    match: { ...GET, signed: 'presigned' },
    differ: { ...GET, signed: 'v2' },
  },
  {
    key: 's3:signatureAge',
    action: 's3:GetObject',
    condition: { NumericLessThan: { 's3:signatureAge': '60000' } },
    match: { ...GET, signed: 'presigned' },
    differ: { ...GET, signed: 'presigned', age: 300 },
  },
  {
    key: 's3:x-amz-content-sha256',
    action: 's3:PutObject',
    condition: equals('s3:x-amz-content-sha256', 'UNSIGNED-PAYLOAD'),
    match: { ...PUT, payloadHash: 'UNSIGNED-PAYLOAD' },
    differ: PUT,
  },
  {
    key: 's3:x-amz-content-sha256',
    action: 's3:PutObject',
    condition: equals('s3:x-amz-content-sha256', sha256('x')),
    match: PUT,
    differ: { ...PUT, body: 'y' },
  },
  // ---- listings
  {
    key: 's3:prefix',
    action: 's3:ListBucket',
    condition: equals('s3:prefix', 'home/'),
    match: listing({ prefix: 'home/' }),
    differ: listing({ prefix: 'home' }),
  },
  {
    key: 's3:prefix',
    action: 's3:ListBucket',
    condition: equals('s3:prefix', ''),
    match: LIST,
    differ: { ...listing({ prefix: 'x' }), headers: { prefix: '' } },
  },
  {
    key: 's3:prefix',
    action: 's3:ListBucketVersions',
    condition: like('s3:prefix', 'home/*'),
    match: { bucket: 'docs', query: { versions: '', prefix: 'home/a' } },
    differ: { bucket: 'docs', query: { versions: '', prefix: 'away/a' } },
  },
  {
    key: 's3:delimiter',
    action: 's3:ListBucket',
    condition: equals('s3:delimiter', '/'),
    match: listing({ delimiter: '/' }),
    differ: LIST,
  },
  {
    key: 's3:max-keys',
    action: 's3:ListBucket',
    condition: { NumericLessThanEquals: { 's3:max-keys': '10' } },
    match: listing({ 'max-keys': '10' }),
    differ: { ...listing({ 'max-keys': '11' }), headers: { 'max-keys': '1' } },
  },
  // ---- objects
  {
    key: 's3:versionid',
    action: 's3:GetObject',
    condition: equals('s3:versionid', 'null'),
    match: { ...GET, query: { versionId: 'null' } },
    differ: GET,
  },
  {
    key: 's3:versionid',
    action: 's3:DeleteObject',
    condition: equals('s3:versionid', 'null'),
    match: { method: 'DELETE', bucket: 'docs', key: 'nothing', query: { versionId: 'null' } },
    differ: { method: 'DELETE', bucket: 'docs', key: 'nothing' },
    allowed: 204,
  },
  {
    key: 's3:x-amz-copy-source',
    action: 's3:PutObject',
    condition: equals('s3:x-amz-copy-source', 'docs/plain'),
    match: { ...COPY, headers: { 'x-amz-copy-source': '/docs/plain' } },
    differ: { ...COPY, headers: { 'x-amz-copy-source': 'docs/tagged' } },
  },
  {
    key: 's3:x-amz-copy-source',
    action: 's3:PutObject',
    condition: like('s3:x-amz-copy-source', 'docs/pl*'),
    match: { ...COPY, headers: { 'x-amz-copy-source': 'docs/%70lain' } },
    differ: PUT,
  },
  {
    key: 's3:x-amz-metadata-directive',
    action: 's3:PutObject',
    condition: equals('s3:x-amz-metadata-directive', 'REPLACE'),
    match: { ...COPY, headers: { 'x-amz-copy-source': 'docs/plain', 'x-amz-metadata-directive': 'REPLACE' } },
    differ: { ...COPY, headers: { 'x-amz-copy-source': 'docs/plain', 'x-amz-metadata-directive': 'COPY' } },
  },
  {
    key: 's3:x-amz-storage-class',
    action: 's3:PutObject',
    condition: equals('s3:x-amz-storage-class', 'STANDARD'),
    match: putting({ 'x-amz-storage-class': 'STANDARD' }),
    differ: putting({ 'x-amz-storage-class': 'REDUCED_REDUNDANCY' }),
  },
  {
    key: 's3:x-amz-server-side-encryption',
    action: 's3:PutObject',
    condition: equals('s3:x-amz-server-side-encryption', 'AES256'),
    match: putting({ 'x-amz-server-side-encryption': 'AES256' }),
    differ: putting({ 'x-amz-server-side-encryption': 'aws:kms' }),
    // the volume encrypts as a whole, or not at all; who may is told so
    allowed: 501,
  },
  {
    key: 's3:x-amz-server-side-encryption-aws-kms-key-id',
    action: 's3:PutObject',
    condition: equals('s3:x-amz-server-side-encryption-aws-kms-key-id', 'key-1'),
    match: putting({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
    }),
    differ: putting({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'key-2',
    }),
    allowed: 501,
  },
  {
    key: 's3:x-amz-server-side-encryption-customer-algorithm',
    action: 's3:GetObject',
    condition: { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' } },
    match: getting({ 'x-amz-server-side-encryption-customer-algorithm': 'AES256' }),
    differ: getting({ 'x-amz-server-side-encryption': 'AES256' }),
    // who may is told that it is no whole key
    allowed: 400,
  },
  {
    key: 's3:object-lock-mode',
    action: 's3:PutObject',
    condition: equals('s3:object-lock-mode', 'GOVERNANCE'),
    match: putting({ 'x-amz-object-lock-mode': 'GOVERNANCE', 'x-amz-object-lock-retain-until-date': inDays(1) }),
    differ: putting({ 'x-amz-object-lock-mode': 'COMPLIANCE', 'x-amz-object-lock-retain-until-date': inDays(1) }),
    allowed: 400,
  },
  {
    key: 's3:object-lock-legal-hold',
    action: 's3:PutObject',
    condition: equals('s3:object-lock-legal-hold', 'ON'),
    match: putting({ 'x-amz-object-lock-legal-hold': 'ON' }),
    differ: putting({ 'x-amz-object-lock-legal-hold': 'OFF' }),
    allowed: 400,
  },
  {
    key: 's3:object-lock-remaining-retention-days',
    action: 's3:PutObject',
    condition: { NumericLessThanEquals: { 's3:object-lock-remaining-retention-days': '10' } },
    match: putting({ 'x-amz-object-lock-mode': 'GOVERNANCE', 'x-amz-object-lock-retain-until-date': inDays(5) }),
    differ: putting({ 'x-amz-object-lock-mode': 'GOVERNANCE', 'x-amz-object-lock-retain-until-date': inDays(15) }),
    allowed: 400,
  },
  {
    key: 's3:object-lock-retain-until-date',
    action: 's3:PutObject',
    condition: { DateLessThan: { 's3:object-lock-retain-until-date': inDays(30) } },
    match: putting({ 'x-amz-object-lock-mode': 'GOVERNANCE', 'x-amz-object-lock-retain-until-date': inDays(10) }),
    differ: putting({ 'x-amz-object-lock-mode': 'GOVERNANCE', 'x-amz-object-lock-retain-until-date': inDays(40) }),
    allowed: 400,
  },
  {
    key: 's3:x-amz-acl',
    action: 's3:PutObject',
    condition: equals('s3:x-amz-acl', 'private'),
    match: putting({ 'x-amz-acl': 'private' }),
    differ: putting({ 'x-amz-acl': 'bucket-owner-full-control' }),
  },
  {
    key: 's3:x-amz-acl',
    action: 's3:PutBucketAcl',
    condition: { StringNotLike: { 's3:x-amz-acl': ['public-*'] } },
    match: { method: 'PUT', bucket: 'docs', query: { acl: '' }, headers: { 'x-amz-acl': 'private' }, body: '' },
    differ: { method: 'PUT', bucket: 'docs', query: { acl: '' }, headers: { 'x-amz-acl': 'public-read' }, body: '' },
  },
  ...['read', 'write', 'read-acp', 'write-acp', 'full-control'].map((permission): Row => {
    const everyone = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"';
    const call = (headers: Readonly<Record<string, string>>): Call => ({
      ...{ method: 'PUT', bucket: 'granted', query: { acl: '' }, headers, body: '' },
    });
    return {
      key: `s3:x-amz-grant-${permission}`,
      action: 's3:PutBucketAcl',
      condition: like(`s3:x-amz-grant-${permission}`, '*AllUsers*'),
      match: call({ [`x-amz-grant-${permission}`]: everyone }),
      // another bucket: this one is everyone's by now
      differ: { ...call({ 'x-amz-acl': 'private' }), bucket: 'docs' },
    };
  }),
  // ---- tags
  {
    key: 's3:RequestObjectTag',
    action: 's3:PutObjectTagging',
    condition: equals('s3:RequestObjectTag/team', 'red'),
    match: tagging(['team', 'red'], ['other', 'x']),
    differ: tagging(['team', 'blue']),
  },
  {
    key: 's3:RequestObjectTag',
    action: 's3:PutBucketTagging',
    condition: equals('s3:RequestObjectTag/team', 'red'),
    match: { ...tagging(['team', 'red']), key: undefined },
    differ: { ...tagging(['team', 'blue']), key: undefined },
    allowed: 204,
  },
  {
    key: 's3:RequestObjectTag',
    action: 's3:PutObject',
    condition: equals('s3:RequestObjectTag/team', 'red'),
    match: putting({ 'x-amz-tagging': 'team=red&a=b' }),
    differ: putting({ 'x-amz-tagging': 'team=blue&a=red' }),
  },
  {
    key: 's3:RequestObjectTagKeys',
    action: 's3:PutObjectTagging',
    condition: { 'ForAllValues:StringEquals': { 's3:RequestObjectTagKeys': ['team', 'stage'] } },
    match: tagging(['team', 'red'], ['stage', 'test']),
    differ: tagging(['team', 'red'], ['secret', 'x']),
  },
  {
    key: 's3:ExistingObjectTag',
    action: 's3:GetObject',
    condition: equals('s3:ExistingObjectTag/team', 'red'),
    match: { bucket: 'docs', key: 'tagged' },
    differ: {
      bucket: 'docs',
      key: 'plain',
      headers: { 'existingobjecttag-team': 'red' },
      query: { 'ExistingObjectTag/team': 'red' },
    },
  },
  {
    key: 's3:ExistingObjectTag',
    action: 's3:GetObjectTagging',
    condition: like('s3:ExistingObjectTag/team', 'r*'),
    match: { bucket: 'docs', key: 'tagged', query: { tagging: '' } },
    differ: { bucket: 'docs', key: 'plain', query: { tagging: '' } },
  },
];

export const FIXED: readonly FixedRow[] = [
  {
    key: 'aws:CurrentTime',
    action: 's3:GetObject',
    holds: { DateGreaterThan: { 'aws:CurrentTime': inDays(-1) }, DateLessThan: { 'aws:CurrentTime': inDays(1) } },
    fails: { DateGreaterThan: { 'aws:CurrentTime': inDays(1) } },
    call: { ...GET, query: { CurrentTime: '2000-01-01T00:00:00Z' } },
  },
  {
    key: 'aws:EpochTime',
    action: 's3:GetObject',
    holds: { NumericGreaterThan: { 'aws:EpochTime': '1700000000' } },
    fails: { NumericLessThan: { 'aws:EpochTime': '1700000000' } },
    call: getting({ epochtime: '1' }),
  },
  {
    key: 'aws:username',
    action: 's3:GetObject',
    // what a client calls itself is not its name
    holds: like('aws:username', 'user-*'),
    fails: equals('aws:username', 'bob'),
    call: { ...GET, headers: { username: 'bob' }, query: { username: 'bob' } },
  },
  {
    key: 'aws:userid',
    action: 's3:GetObject',
    holds: like('aws:userid', 'user-*'),
    fails: equals('aws:userid', 'bob'),
    call: getting({ userid: 'bob' }),
  },
  {
    key: 'aws:principaltype',
    action: 's3:GetObject',
    holds: equals('aws:principaltype', 'User'),
    fails: equals('aws:principaltype', 'AssumedRole', 'Anonymous', 'Account'),
    call: getting({ principaltype: 'Account' }),
  },
  {
    key: 'aws:groups',
    action: 's3:GetObject',
    holds: { 'ForAnyValue:StringEquals': { 'aws:groups': ['everybody'] } },
    fails: { 'ForAnyValue:StringEquals': { 'aws:groups': ['admins'] } },
    call: getting({ groups: 'admins' }),
  },
  {
    key: 's3:LocationConstraint',
    action: 's3:CreateBucket',
    holds: equals('s3:LocationConstraint', 'eu-west-1'),
    fails: equals('s3:LocationConstraint', 'us-east-1'),
    call: {
      method: 'PUT',
      bucket: 'docs',
      body: '<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>',
    },
    allowed: 409,
  },
];
