// Every condition key over real, signed HTTP, both ways: where its condition holds and where it does not, in an Allow and in a Deny. Each
// row of the table makes four cases; what a key is fed from is the request itself, never what a client says of it.
import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { collect, type S3Answer } from '../harness/s3-client.ts';
import { EMPTY_SHA256, encodeQuery, type Keys, objectPath, presign, sha256, signHeaders } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';

/** A request, but for who sends it. */
interface Call {
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

type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

interface Row {
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
interface FixedRow {
  readonly key: string;
  readonly action: string;
  readonly holds: Condition;
  readonly fails: Condition;
  readonly call: Call;
  readonly allowed?: number;
}

const LIST: Call = { bucket: 'docs', query: { 'list-type': '2' } };
const GET: Call = { bucket: 'docs', key: 'plain' };
const PUT: Call = { method: 'PUT', bucket: 'docs', key: 'new', body: 'x' };
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

const ROWS: readonly Row[] = [
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

const FIXED: readonly FixedRow[] = [
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

/** One request of one user with one policy, and what it is answered. */
interface Case {
  readonly title: string;
  readonly policy: object;
  readonly call: Call;
  readonly expected: number;
}

const EVERYTHING = { Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] };

/** The access in question by condition; the source of a copy, which is another access, without. */
function policyOf(effect: 'Allow' | 'Deny', action: string, condition: Condition): object {
  const statement = { Effect: effect, Action: [action], Resource: ['arn:aws:s3:::*'], Condition: condition };
  const others = action === 's3:GetObject' ? ['s3:ListBucket'] : ['s3:GetObject'];
  const beside = {
    Effect: 'Allow',
    Action: action === 's3:PutObject' ? [...others, 's3:PutObjectTagging'] : others,
    Resource: ['arn:aws:s3:::docs', 'arn:aws:s3:::docs/*'],
  };
  // who may list may list versions, so listing is not allowed beside those
  const quiet = action.startsWith('s3:List') ? { ...beside, Action: ['s3:GetObject'] } : beside;
  return { Version: '2012-10-17', Statement: effect === 'Deny' ? [EVERYTHING, statement] : [quiet, statement] };
}

function casesOf(): Case[] {
  const cases: Case[] = [];
  const add = (
    effect: 'Allow' | 'Deny',
    row: Row | FixedRow,
    condition: Condition,
    call: Call,
    holds: boolean,
  ): void => {
    const goesThrough = (effect === 'Allow') === holds;
    cases.push({
      title: `${row.key}, ${effect} ${row.action} ${JSON.stringify(condition)}, ${holds ? 'holds' : 'does not'}: ${goesThrough ? (row.allowed ?? 200) : 403}`,
      policy: policyOf(effect, row.action, condition),
      call,
      expected: goesThrough ? (row.allowed ?? 200) : 403,
    });
  };
  for (const effect of ['Allow', 'Deny'] as const) {
    for (const row of ROWS) {
      add(effect, row, row.condition, row.match, true);
      add(effect, row, row.condition, row.differ, false);
    }
    for (const row of FIXED) {
      add(effect, row, row.holds, row.call, true);
      add(effect, row, row.fails, row.call, false);
    }
  }
  return cases;
}

const CASES = casesOf();
const userOf = (index: number): Keys => ({ accessKey: `user-${index}`, secretKey: `secret-of-${index}` });

let folder: string;
let gateway: Gateway;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  await writeIdentities(volume, {
    users: CASES.map((_, index) => ({ ...userOf(index), policies: [`policy-${index}`] })),
    policies: Object.fromEntries(CASES.map(({ policy }, index) => [`policy-${index}`, policy])),
    groups: { everybody: { members: CASES.map((_, index) => userOf(index).accessKey) } },
  });
  const flags = ['--multi-buckets', '--object-tag', '--keep-etag', '--workers', '1', '--trusted-proxy', '127.0.0.1/32'];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  const root = gateway.root;
  await send({ method: 'PUT', bucket: 'docs' }, root);
  await send({ method: 'PUT', bucket: 'granted', headers: { 'x-amz-object-ownership': 'ObjectWriter' } }, root);
  await send({ ...PUT, key: 'plain' }, root);
  await send({ ...PUT, key: 'marked' }, root);
  await send({ ...PUT, key: 'tagged', headers: { 'x-amz-tagging': 'team=red' } }, root);
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

function send(call: Call, keys: Keys): Promise<S3Answer> {
  const { target, headers } = prepared(call, keys);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      ...{ host: '127.0.0.1', port: gateway.port, method: call.method ?? 'GET', path: target, headers },
      ...(call.from === undefined ? {} : { localAddress: call.from }),
    });
    outgoing.on('response', (response) => resolve(collect(response)));
    outgoing.on('error', reject);
    outgoing.end(call.body);
  });
}

function prepared(call: Call, keys: Keys): { target: string; headers: Record<string, string> } {
  const { method = 'GET', bucket = '', key, query = {}, body, signed = 'header' } = call;
  const path = objectPath(bucket, key);
  const host = gateway.client.host;
  const given = {
    host,
    ...call.headers,
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  const pairs = Object.entries(query);
  if (signed === 'presigned') {
    const at = new Date(Date.now() - (call.age ?? 0) * 1000);
    return { target: presign({ method, path, host, query: pairs }, keys, at, 3600), headers: given };
  }
  const target = pairs.length === 0 ? path : `${path}?${encodeQuery(pairs)}`;
  if (signed === 'v2') {
    const date = new Date().toUTCString();
    const signature = createHmac('sha1', keys.secretKey).update(`${method}\n\n\n${date}\n${path}`).digest('base64');
    return { target, headers: { ...given, date, authorization: `AWS ${keys.accessKey}:${signature}` } };
  }
  const payloadHash = call.payloadHash ?? (body === undefined ? EMPTY_SHA256 : sha256(body));
  return {
    target,
    headers: signHeaders({ method, path, query: pairs, headers: given, payloadHash }, keys, new Date()).headers,
  };
}

describe('condition keys over signed HTTP', () => {
  it('are at least 150 cases', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(150);
  });

  it.each(CASES.map((each, index) => ({ ...each, index })))('$title', async ({ call, expected, index }) => {
    const answer = await send(call, userOf(index));
    expect(`${answer.status} ${answer.status === 403 ? answer.code : ''}`.trim()).toBe(
      expected === 403 ? '403 AccessDenied' : String(expected),
    );
  });
});
