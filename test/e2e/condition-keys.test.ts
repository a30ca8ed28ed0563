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
import { type Call, type Condition, FIXED, type FixedRow, PUT, ROWS, type Row } from './condition-key-rows.ts';

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
