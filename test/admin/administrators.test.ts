// Who may administer what, through a running gateway; and calls that are not understood.
import { describe, expect, it } from 'vitest';
import { ASSUME_ROLE, allow, postSts, sessionKeys } from './admin-client.ts';
import {
  ALL,
  as,
  gateway,
  keysOf,
  NONE,
  name,
  names,
  READ,
  rightsOf,
  root,
  SECRET,
  useAdministeredGateway,
} from './administered-gateway.ts';

useAdministeredGateway();

describe('who may administer', () => {
  it('is decided by policies, action by action', async () => {
    await root.addUser(name, SECRET);
    await root.addPolicy(`helpdesk${names}`, {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: ['admin:ListUsers', 'admin:EnableUser'] }],
    });
    const client = as(keysOf(name));
    const denied = { status: 403, code: 'AccessDenied' };
    expect(await client.listUsers()).toMatchObject(denied);
    await root.setPolicies(`helpdesk${names}`, { user: name });
    expect((await client.listUsers()).status).toBe(200);
    await root.addUser(`other${names}`, SECRET);
    expect((await client.setUserStatus(`other${names}`, 'disabled')).status).toBe(200);
    expect(await client.addUser('somebody', SECRET)).toMatchObject(denied);
    expect(await client.removeUser(`other${names}`)).toMatchObject(denied);
    expect(await client.setPolicies('consoleAdmin', { user: name })).toMatchObject(denied);
    expect(await client.addPolicy('mine', allow(['s3:*'], ['arn:aws:s3:::*']))).toMatchObject(denied);
    expect(await client.updateGroup('g', [name])).toMatchObject(denied);
    await root.setPolicies('consoleAdmin', { user: name });
    expect((await client.addUser(`third${names}`, SECRET)).status).toBe(200);
  });

  it('tells disabling from enabling, and taking out of a group from putting in', async () => {
    const other = `other${names}`;
    await root.addUser(name, SECRET);
    await root.addUser(other, SECRET);
    const client = as(keysOf(name));
    const group = `crew${names}`;
    const outcomes = async (...Statement: object[]): Promise<number[]> => {
      await root.addPolicy(`narrow${names}`, { Version: '2012-10-17', Statement });
      await root.setPolicies(`narrow${names}`, { user: name });
      await root.updateGroup(group, [other]);
      const set = (status: string) =>
        client.call({ method: 'PUT', path: 'set-group-status', query: { group, status } });
      return [
        (await client.setUserStatus(other, 'disabled')).status,
        (await client.setUserStatus(other, 'enabled')).status,
        (await set('disabled')).status,
        (await set('enabled')).status,
        (await client.updateGroup(group, [other], true)).status,
        (await client.updateGroup(group, [other])).status,
      ];
    };
    const wide = ['admin:EnableUser', 'admin:EnableGroup', 'admin:AddUserToGroup'];
    const narrow = ['admin:DisableUser', 'admin:DisableGroup', 'admin:RemoveUserFromGroup'];
    expect(await outcomes({ Effect: 'Allow', Action: wide })).toEqual([200, 200, 200, 200, 200, 200]);
    expect(await outcomes({ Effect: 'Allow', Action: narrow })).toEqual([200, 403, 200, 403, 200, 403]);
    const but = { Effect: 'Deny', Action: narrow };
    expect(await outcomes({ Effect: 'Allow', Action: wide }, but)).toEqual([403, 200, 403, 200, 403, 200]);
  });

  it('leaves to everyone what is their own: their entry, their secret, their service accounts', async () => {
    await root.addUser(name, SECRET);
    const client = as(keysOf(name));
    expect((await client.userInfo(name)).json).toEqual({ status: 'enabled' });
    const made = await client.addServiceAccount({ accessKey: `own${names}`, secretKey: SECRET });
    expect(made.status).toBe(200);
    const mine = await client.call({ method: 'GET', path: 'list-service-accounts' });
    expect(mine.json).toEqual({ accounts: [`own${names}`] });
    expect((await client.addUser(name, 'my-new-secret')).status).toBe(200);
    expect((await as(keysOf(name, 'my-new-secret')).userInfo(name)).status).toBe(200);
    await root.addUser(`other${names}`, SECRET);
    expect(await as(keysOf(name, 'my-new-secret')).userInfo(`other${names}`)).toMatchObject({ code: 'AccessDenied' });
    const forAnother = { targetUser: `other${names}`, accessKey: `theirs${names}`, secretKey: SECRET };
    expect(await as(keysOf(name, 'my-new-secret')).addServiceAccount(forAnother)).toMatchObject({
      code: 'AccessDenied',
    });
  });

  it('gives nobody more through their own secret, nor through a limited credential', async () => {
    await root.addUser(name, SECRET);
    await root.setPolicies('readwrite', { user: name });
    const client = as(keysOf(name));
    const withPolicy = { secretKey: SECRET, policy: 'consoleAdmin', status: 'enabled' };
    const asked = { method: 'PUT', path: 'add-user', query: { accessKey: name }, sealed: withPolicy } as const;
    expect(await client.call(asked)).toMatchObject({ status: 403, code: 'AccessDenied' });

    const limited = keysOf(`lim${names}`);
    const policy = allow(['s3:GetObject'], ['arn:aws:s3:::photos/*']);
    await client.addServiceAccount({ ...limited, policy });
    const full = { accessKey: `esc${names}`, secretKey: SECRET };
    expect(await as(limited).addServiceAccount(full)).toMatchObject({ status: 403, code: 'AccessDenied' });
    const widen = {
      method: 'POST',
      path: 'update-service-account',
      query: { accessKey: limited.accessKey },
      sealed: { newPolicy: allow(['s3:*'], ['arn:aws:s3:::*']) },
    } as const;
    expect(await as(limited).call(widen)).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await as(limited).addUser(name, 'taken-over-1')).toMatchObject({ status: 403 });
    expect(await rightsOf(limited)).toEqual(READ);
    expect((await client.call(widen)).status).toBe(204);
  });

  it('is told from where: a condition on the address sees the client, and no header of its own', async () => {
    await root.addUser(name, SECRET);
    await root.addPolicy(`elsewhere${names}`, {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['admin:ListUsers'],
          Condition: { IpAddress: { 'aws:SourceIp': ['192.0.2.0/24'] } },
        },
      ],
    });
    await root.addPolicy(`here${names}`, {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['admin:ListUsers'],
          Condition: { IpAddress: { 'aws:SourceIp': ['127.0.0.1/32'] } },
        },
      ],
    });
    const spoof = { 'x-portcullis-source-address': '192.0.2.1', 'x-forwarded-for': '192.0.2.1' };
    const list = () => as(keysOf(name)).call({ method: 'GET', path: 'list-users', headers: spoof });
    await root.setPolicies(`elsewhere${names}`, { user: name });
    expect((await list()).code).toBe('AccessDenied');
    await root.setPolicies(`here${names}`, { user: name });
    expect((await list()).status).toBe(200);
  });
});

describe('sessions', () => {
  it('act for their user until it is disabled, and are shown to newer clients', async () => {
    await root.addUser(name, SECRET);
    await root.setPolicies('readwrite', { user: name });
    const session = sessionKeys(await postSts(gateway.client, keysOf(name), ASSUME_ROLE));
    expect(await rightsOf(session)).toEqual(ALL);
    await root.setPolicies('readonly', { user: name });
    expect(await rightsOf(session)).toEqual(READ);
    const listed = await root.call({
      method: 'GET',
      path: 'list-access-keys-bulk',
      query: { users: name, listType: 'all' },
    });
    expect(listed.json).toMatchObject({ [name]: { serviceAccounts: [], stsKeys: [{ accessKey: session.accessKey }] } });
    const info = await root.call({ method: 'GET', path: 'info-access-key', query: { accessKey: session.accessKey } });
    expect(info.json).toMatchObject({ parentUser: name, userType: 'STS', impliedPolicy: true });
    expect(await root.removeUser(session.accessKey)).toMatchObject({ status: 403, code: 'XMinioIAMActionNotAllowed' });
    await root.setUserStatus(name, 'disabled');
    expect(await rightsOf(session)).toEqual(NONE);
    await root.setUserStatus(name, 'enabled');
    expect(await rightsOf(session)).toEqual(READ);
    await root.removeUser(name);
    expect(await rightsOf(session)).toEqual(NONE);
  });
});

describe('the caller’s account', () => {
  it('tells the buckets it may use and its policies', async () => {
    await root.addUser(name, SECRET);
    await root.setPolicies('readonly', { user: name });
    const { json, answer } = await as(keysOf(name)).call({ method: 'GET', path: 'accountinfo' });
    expect(json).toMatchObject({ AccountName: name, Policy: { Statement: [{ Effect: 'Allow' }] }, Buckets: [] });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
  });
});

describe('the service itself', () => {
  it('is described to those who may know, in the form that mc reads', async () => {
    const { status, json } = await root.call({ method: 'GET', path: 'info' });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      mode: 'online',
      usage: { size: expect.any(Number) },
      backend: { backendType: 'FS' },
      servers: [{ state: 'online', endpoint: gateway.client.host, uptime: expect.any(Number), drives: [] }],
    });
    await root.addUser(name, SECRET);
    expect(await as(keysOf(name)).call({ method: 'GET', path: 'info' })).toMatchObject({ status: 403 });
    await root.setPolicies('diagnostics', { user: name });
    expect((await as(keysOf(name)).call({ method: 'GET', path: 'info' })).status).toBe(200);
  });
});

describe('calls that are not understood', () => {
  it.each([
    ['POST', 'service', { action: 'restart' }, 'admin:ServiceRestart'],
    ['POST', 'service', { action: 'stop' }, 'admin:ServiceStop'],
    ['POST', 'update', {}, 'admin:ServerUpdate'],
    ['POST', 'heal/bucket', {}, 'admin:Heal'],
    ['GET', 'top/locks', {}, 'admin:TopLocksInfo'],
    ['GET', 'get-bucket-quota', { bucket: 'bucket' }, 'admin:GetBucketQuota'],
    ['DELETE', 'cancel-job', { id: '1' }, 'admin:CancelBatchJob'],
  ] as const)(
    '%s %s %o is there for nobody, and whether there is none is told to who may %s',
    async (method, path, query, action) => {
      const unsigned = await gateway.client.raw(method, `/minio/admin/v3/${path}`, { host: gateway.client.host });
      expect(unsigned.status).toBe(403);
      await root.addUser(name, SECRET);
      const call = { method, path, query };
      expect(await as(keysOf(name)).call(call)).toMatchObject({ status: 403, code: 'AccessDenied' });
      await root.addPolicy(`only-${name}`, {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: [action] }],
      });
      await root.setPolicies(`only-${name}`, { user: name });
      expect(await as(keysOf(name)).call(call)).toMatchObject({ status: 501, code: 'NotImplemented' });
    },
  );

  it.each([
    ['a newer version', { path: 'list-users', version: 'v4' }, /found 'v4', expected 'v3'/],
    ['an unknown call', { path: 'top/hats' }, /not supported/],
  ])('%s asks the client to step back', async (_, call, message) => {
    const answer = await root.call({ method: 'GET', ...call });
    expect(answer).toMatchObject({ status: 426, code: 'XMinioAdminVersionMismatch' });
    expect(answer.message).toMatch(message);
  });

  it('a known call by another method is refused', async () => {
    expect(await root.call({ method: 'POST', path: 'list-users' })).toMatchObject({
      status: 405,
      code: 'MethodNotAllowed',
    });
  });

  it('what is not signed, or signed by nobody, or with a wrong secret, is refused', async () => {
    const unsigned = await gateway.client.raw('GET', '/minio/admin/v3/list-users', { host: gateway.client.host });
    expect({ status: unsigned.status, type: unsigned.headers['content-type'] }).toEqual({
      status: 403,
      type: 'application/json',
    });
    expect(await as(keysOf('nobody-here')).listUsers()).toMatchObject({ status: 403, code: 'InvalidAccessKeyId' });
    const wrong = as({ accessKey: gateway.root.accessKey, secretKey: 'not-the-secret' });
    expect(await wrong.listUsers()).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
  });

  it('a body that is not the signed one, not sealed, or sealed for another is refused', async () => {
    const put = { method: 'PUT', path: 'add-user', query: { accessKey: 'victim' } } as const;
    const unsealed = await root.call({ ...put, body: JSON.stringify({ secretKey: SECRET, status: 'enabled' }) });
    expect(unsealed).toMatchObject({ status: 400, code: 'XMinioAdminConfigBadJSON' });
    const claimed = await root.call({
      ...put,
      sealed: { secretKey: SECRET },
      headers: { 'x-amz-content-sha256': 'a'.repeat(64) },
    });
    expect(claimed.status).toBe(403);
    const sealedJunk = await root.call({ ...put, sealed: 'junk' });
    expect(sealedJunk).toMatchObject({ status: 400, code: 'XMinioAdminConfigBadJSON' });
    const huge = await root.call({ ...put, body: Buffer.alloc(300_000) });
    expect(huge).toMatchObject({ status: 400, code: 'XMinioAdminConfigTooLarge' });
    expect((await root.userInfo('victim')).status).toBe(404);
  });
});
