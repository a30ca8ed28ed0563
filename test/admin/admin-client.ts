// The admin API and STS as their clients call them: signed for a service and region of one's choice, bodies sealed with the
// caller's secret. The signature is computed here, from AWS's description, with nothing of src.
import { createHmac } from 'node:crypto';
import { openAdminBody, sealAdminBody } from '../../src/authz/store/madmin-crypto.ts';
import { type S3Answer, type S3Client, xmlValue } from '../harness/s3-client.ts';
import { amzTime, encodeQuery, encodeText, type Keys, sha256 } from '../harness/sigv4.ts';

export interface AdminAnswer {
  readonly status: number;
  /** The Code of a JSON error. */
  readonly code: string;
  readonly message: string;
  /** The body, opened if it was sealed, read as JSON; undefined when it is empty. */
  readonly json: unknown;
  readonly answer: S3Answer;
}

export interface AdminCall {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Behind /minio/admin/v3/. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sealed before it is sent. */
  readonly sealed?: unknown;
  /** Sent as it is. */
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of v3. */
  readonly version?: string;
}

interface ToSend {
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly payloadHash: string;
}

/** Headers with which a request is signed. */
export function signFor(
  request: ToSend,
  keys: Keys,
  scope: { region: string; service: string },
): Record<string, string> {
  const time = amzTime(new Date());
  const parts = [time.slice(0, 8), scope.region, scope.service, 'aws4_request'];
  const headers: Record<string, string> = { ...request.headers, 'x-amz-date': time };
  if (keys.sessionToken !== undefined) headers['x-amz-security-token'] = keys.sessionToken;
  const names = Object.keys(headers).sort();
  const canonical = [
    request.method,
    request.path,
    encodeQuery([...request.query].sort(([a], [b]) => (encodeText(a) < encodeText(b) ? -1 : 1))),
    ...names.map((name) => `${name}:${headers[name] ?? ''}`),
    '',
    names.join(';'),
    request.payloadHash,
  ].join('\n');
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const signingKey = parts.reduce<Buffer>(hmac, Buffer.from(`AWS4${keys.secretKey}`));
  const text = `AWS4-HMAC-SHA256\n${time}\n${parts.join('/')}\n${sha256(canonical)}`;
  headers.authorization =
    `AWS4-HMAC-SHA256 Credential=${keys.accessKey}/${parts.join('/')}, SignedHeaders=${names.join(';')}, ` +
    `Signature=${hmac(signingKey, text).toString('hex')}`;
  return headers;
}

/** One who calls the admin API. */
export class AdminClient {
  readonly #http: S3Client;
  readonly #keys: Keys;
  readonly #userAgent: string;

  constructor(
    http: S3Client,
    keys: Keys,
    userAgent = 'MinIO (linux; amd64) madmin-go/0.0.1 mc/RELEASE.2021-04-22T17-40-00Z',
  ) {
    this.#http = http;
    this.#keys = keys;
    this.#userAgent = userAgent;
  }

  async call(asked: AdminCall): Promise<AdminAnswer> {
    return this.read((await this.callRaw(asked)).answer);
  }

  /** As `call`, the answer unread. */
  async callRaw({
    method,
    path,
    query = {},
    sealed,
    body,
    headers = {},
    version = 'v3',
  }: AdminCall): Promise<{ status: number; answer: S3Answer }> {
    const bytes =
      sealed === undefined
        ? Buffer.from(body ?? '')
        : await sealAdminBody(this.#keys.secretKey, Buffer.from(JSON.stringify(sealed)));
    const pairs = Object.entries(query);
    const target = `/minio/admin/${version}/${path}`;
    const signed = signFor(
      {
        method,
        path: target,
        query: pairs,
        headers: { host: this.#http.host, 'x-amz-content-sha256': sha256(bytes) },
        payloadHash: sha256(bytes),
      },
      this.#keys,
      // as madmin does
      { region: '', service: 's3' },
    );
    const answer = await this.#http.raw(
      method,
      pairs.length === 0 ? target : `${target}?${encodeQuery(pairs)}`,
      { 'content-length': String(bytes.length), 'user-agent': this.#userAgent, ...signed, ...headers },
      bytes,
    );
    return { status: answer.status, answer };
  }

  async read(answer: S3Answer): Promise<AdminAnswer> {
    const { status, body } = answer;
    const isSealed = status === 200 && body.length > 0 && answer.headers['content-type'] === 'application/json';
    const text = isSealed ? (await openAdminBody(this.#keys.secretKey, body)).toString() : body.toString();
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    const { Code = '', Message = '' } = (status >= 300 ? json : {}) as { Code?: string; Message?: string };
    return { status, code: Code, message: Message, json, answer };
  }

  addUser(accessKey: string, secretKey: string): Promise<AdminAnswer> {
    return this.call({
      method: 'PUT',
      path: 'add-user',
      query: { accessKey },
      sealed: { secretKey, status: 'enabled' },
    });
  }

  setUserStatus(accessKey: string, status: 'enabled' | 'disabled'): Promise<AdminAnswer> {
    return this.call({ method: 'PUT', path: 'set-user-status', query: { accessKey, status } });
  }

  removeUser(accessKey: string): Promise<AdminAnswer> {
    return this.call({ method: 'DELETE', path: 'remove-user', query: { accessKey } });
  }

  listUsers(): Promise<AdminAnswer> {
    return this.call({ method: 'GET', path: 'list-users' });
  }

  userInfo(accessKey: string): Promise<AdminAnswer> {
    return this.call({ method: 'GET', path: 'user-info', query: { accessKey } });
  }

  addPolicy(name: string, document: unknown): Promise<AdminAnswer> {
    return this.call({ method: 'PUT', path: 'add-canned-policy', query: { name }, body: JSON.stringify(document) });
  }

  setPolicies(policyName: string, holder: { readonly user?: string; readonly group?: string }): Promise<AdminAnswer> {
    const isGroup = String(holder.group !== undefined);
    const userOrGroup = holder.group ?? holder.user ?? '';
    return this.call({ method: 'PUT', path: 'set-user-or-group-policy', query: { policyName, userOrGroup, isGroup } });
  }

  updateGroup(group: string, members: readonly string[], isRemove = false): Promise<AdminAnswer> {
    return this.call({
      method: 'PUT',
      path: 'update-group-members',
      body: JSON.stringify({ group, members, isRemove }),
    });
  }

  addServiceAccount(body: Readonly<Record<string, unknown>>): Promise<AdminAnswer> {
    return this.call({ method: 'PUT', path: 'add-service-account', sealed: body });
  }
}

/** A policy of one Allow statement. */
export function allow(actions: readonly string[], resources: readonly string[], condition?: unknown): object {
  const statement = { Effect: 'Allow', Action: actions, Resource: resources };
  return {
    Version: '2012-10-17',
    Statement: [condition === undefined ? statement : { ...statement, Condition: condition }],
  };
}

/** Calls STS as the AWS SDKs do; a form, signed for sts. */
export async function postSts(
  http: S3Client,
  keys: Keys | undefined,
  parameters: Readonly<Record<string, string>>,
  scope = { region: 'us-east-1', service: 'sts' },
): Promise<S3Answer> {
  const body = Buffer.from(encodeQuery(Object.entries(parameters)));
  const headers = { host: http.host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const signed =
    keys === undefined
      ? headers
      : signFor({ method: 'POST', path: '/', query: [], headers, payloadHash: sha256(body) }, keys, scope);
  return http.raw('POST', '/', { 'content-length': String(body.length), ...signed }, body);
}

export const ASSUME_ROLE = {
  Action: 'AssumeRole',
  Version: '2011-06-15',
  RoleArn: 'arn:xxx:xxx:xxx:xxxx',
  RoleSessionName: 'anything',
};

/** The credentials in an answer of AssumeRole. */
export function sessionKeys({ body }: S3Answer): Keys {
  const value = (name: string): string => xmlValue(body, name) ?? '';
  return { accessKey: value('AccessKeyId'), secretKey: value('SecretAccessKey'), sessionToken: value('SessionToken') };
}
