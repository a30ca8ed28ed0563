// Administration as `mc admin` does it, through a running gateway: what is answered, what is stored, and that decisions follow at
// once.
import { describe, expect, it } from 'vitest';
import { readJsonFile } from '../harness/iam.ts';
import type { Keys } from '../harness/sigv4.ts';
import { type AdminClient, allow } from './admin-client.ts';
import {
  ALL,
  as,
  gateway,
  keysOf,
  NEW_CLIENT,
  NONE,
  name,
  names,
  READ,
  rightsOf,
  root,
  SECRET,
  useAdministeredGateway,
  volume,
} from './administered-gateway.ts';

useAdministeredGateway();

describe('users', () => {
  it('begin without rights, get those of their policies, and lose everything when disabled or removed', async () => {
    expect(await root.addUser(name, SECRET)).toMatchObject({ status: 200, json: undefined });
    expect(await rightsOf(keysOf(name))).toEqual(NONE);
    expect((await root.setPolicies('readonly', { user: name })).status).toBe(200);
    expect(await rightsOf(keysOf(name))).toEqual(READ);
    expect((await root.userInfo(name)).json).toEqual({ policyName: 'readonly', status: 'enabled' });

    expect((await root.setUserStatus(name, 'disabled')).status).toBe(200);
    expect(await rightsOf(keysOf(name))).toEqual(NONE);
    expect((await root.userInfo(name)).json).toMatchObject({ status: 'disabled' });
    expect((await root.setUserStatus(name, 'enabled')).status).toBe(200);
    expect(await rightsOf(keysOf(name))).toEqual(READ);

    expect((await root.removeUser(name)).status).toBe(200);
    expect(await rightsOf(keysOf(name))).toEqual(NONE);
    expect(await root.userInfo(name)).toMatchObject({ status: 404, code: 'XMinioAdminNoSuchUser' });
  });

  it('are listed with their policies and groups, without their secrets', async () => {
    await root.addUser(name, SECRET);
    await root.setPolicies('readonly,writeonly', { user: name });
    await root.updateGroup(`group-of-${name}`, [name]);
    const { json, answer } = await root.listUsers();
    expect(json).toMatchObject({
      [name]: { policyName: 'readonly,writeonly', status: 'enabled', memberOf: [`group-of-${name}`] },
    });
    expect(JSON.stringify(json)).not.toContain(SECRET);
    // sealed, whatever the label says
    expect(answer.body.toString()).not.toContain('readonly');
  });

  it('start over when a removed one is made again', async () => {
    await root.addUser(name, SECRET);
    await root.setPolicies('readwrite', { user: name });
    await root.updateGroup(`team-${name}`, [name]);
    await root.setPolicies('readwrite', { group: `team-${name}` });
    await root.removeUser(name);
    await root.addUser(name, SECRET);
    expect(await rightsOf(keysOf(name))).toEqual(NONE);
    expect((await root.userInfo(name)).json).toEqual({ status: 'enabled' });
  });

  it('keep rights and groups when their secret changes; the old secret ends', async () => {
    await root.addUser(name, SECRET);
    await root.setPolicies('readonly', { user: name });
    expect((await root.addUser(name, 'another-secret')).status).toBe(200);
    expect(await rightsOf(keysOf(name, 'another-secret'))).toEqual(READ);
    expect(await rightsOf(keysOf(name))).toEqual(NONE);
  });

  it('lie in the volume where juicefs gateway keeps them', async () => {
    await root.addUser(name, SECRET);
    await root.setPolicies('readonly', { user: name });
    const iam = ['.minio.sys', 'config', 'iam'];
    expect(await readJsonFile(volume, [...iam, 'users', name, 'identity.json'])).toEqual({
      version: 1,
      credentials: { accessKey: name, secretKey: SECRET, expiration: '0001-01-01T00:00:00Z', status: 'on' },
    });
    expect(await readJsonFile(volume, [...iam, 'policydb', 'users', `${name}.json`])).toEqual({
      version: 1,
      policy: 'readonly',
    });
    expect(await readJsonFile(volume, [...iam, 'format.json'])).toEqual({ version: 1 });
  });

  it.each([
    ['too short a name', 'ab', SECRET, 400, 'XMinioAdminInvalidAccessKey'],
    ['the name of one whom another system vouches for', 'openid:someone', SECRET, 400, 'XMinioAdminInvalidAccessKey'],
    ['a name that climbs', '../users', SECRET, 400, 'XMinioAdminInvalidAccessKey'],
    ['a name with an equals sign', 'a=b', SECRET, 400, 'XMinioAdminInvalidAccessKey'],
    ['too short a secret', 'someone', 'seven77', 400, 'XMinioAdminInvalidSecretKey'],
    ['too long a secret', 'someone', 's'.repeat(41), 400, 'XMinioAdminInvalidSecretKey'],
  ])('are refused with %s', async (_, accessKey, secretKey, status, code) => {
    expect(await root.addUser(accessKey, secretKey)).toMatchObject({ status, code });
    expect(Object.keys((await root.listUsers()).json as object)).not.toContain(accessKey);
  });

  it('cannot take the name of root, and root cannot be disabled or given policies', async () => {
    const { accessKey } = gateway.root;
    expect(await root.addUser(accessKey, SECRET)).toMatchObject({ status: 403, code: 'XMinioInvalidIAMCredentials' });
    expect(await root.setUserStatus(accessKey, 'disabled')).toMatchObject({ status: 400, code: 'InvalidRequest' });
    expect((await root.setPolicies('readonly', { user: accessKey })).status).toBe(403);
    expect((await root.removeUser(accessKey)).status).toBe(404);
  });

  it('are not found by any call when they do not exist', async () => {
    const missing = { status: 404, code: 'XMinioAdminNoSuchUser' };
    expect(await root.userInfo('nobody-here')).toMatchObject(missing);
    expect(await root.setUserStatus('nobody-here', 'disabled')).toMatchObject(missing);
    expect(await root.removeUser('nobody-here')).toMatchObject(missing);
    expect(await root.setPolicies('readonly', { user: 'nobody-here' })).toMatchObject(missing);
    expect(await root.updateGroup('somegroup', ['nobody-here'])).toMatchObject(missing);
    expect(await root.addServiceAccount({ targetUser: 'nobody-here' })).toMatchObject(missing);
  });
});

describe('policies', () => {
  const document = allow(['s3:GetObject', 's3:ListBucket'], ['arn:aws:s3:::photos', 'arn:aws:s3:::photos/*']);

  it('are stored, shown, bind at once when they change, and stay while they are attached', async () => {
    await root.addUser(name, SECRET);
    const policy = `policy-${name}`;
    expect((await root.addPolicy(policy, document)).status).toBe(200);
    await root.setPolicies(policy, { user: name });
    expect(await rightsOf(keysOf(name))).toEqual({ read: 200, list: 200, write: 403 });
    await root.addPolicy(policy, allow(['s3:PutObject'], ['arn:aws:s3:::photos/*']));
    expect(await rightsOf(keysOf(name))).toEqual({ read: 403, list: 403, write: 200 });

    const remove = () => root.call({ method: 'DELETE', path: 'remove-canned-policy', query: { name: policy } });
    expect(await remove()).toMatchObject({ status: 400, code: 'XMinioIAMPolicyInUse' });
    await root.setPolicies('', { user: name });
    expect((await root.userInfo(name)).json).toEqual({ status: 'enabled' });
    expect((await remove()).status).toBe(200);
    expect((await remove()).status).toBe(200);
    expect(await root.setPolicies(policy, { user: name })).toMatchObject({
      status: 404,
      code: 'XMinioAdminNoSuchPolicy',
    });
  });

  it('are listed with the built-in ones, and told one by one', async () => {
    await root.addPolicy(`listed-${name}`, document);
    const { json, answer } = await root.call({ method: 'GET', path: 'list-canned-policies' });
    expect(Object.keys(json as object)).toEqual(
      expect.arrayContaining(['consoleAdmin', 'readonly', 'readwrite', 'writeonly', `listed-${name}`]),
    );
    expect((json as Record<string, unknown>)[`listed-${name}`]).toEqual(document);
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    const info = (query: Record<string, string>) => root.call({ method: 'GET', path: 'info-canned-policy', query });
    const told = await info({ name: `listed-${name}` });
    expect(told.json).toEqual(document);
    expect(String(told.answer.body)).toBe(JSON.stringify(document, null, 1));
    expect((await info({ name: 'readonly', v: '2' })).json).toMatchObject({
      PolicyName: 'readonly',
      Policy: { Version: '2012-10-17' },
    });
    expect(await info({ name: 'no-such' })).toMatchObject({ status: 404, code: 'XMinioAdminNoSuchPolicy' });
  });

  it.each([
    ['no JSON', 'nonsense', 400],
    ['an unknown effect', { Version: '2012-10-17', Statement: [{ Effect: 'Perhaps', Action: ['s3:*'] }] }, 400],
    ['an unknown action', allow(['s3:Fly'], ['arn:aws:s3:::*']), 400],
    ['no version', { Statement: [] }, 400],
    ['more than 20 KiB', allow(['s3:GetObject'], ['arn:aws:s3:::*', 'x'.repeat(20_480)]), 400],
  ])('are refused with %s', async (_, body, status) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await root.call({ method: 'PUT', path: 'add-canned-policy', query: { name: 'bad' }, body: text });
    expect(answer.status).toBe(status);
    expect(answer.message).not.toBe('');
    const { json } = await root.call({ method: 'GET', path: 'list-canned-policies' });
    expect(json).not.toHaveProperty('bad');
  });

  it('are attached and detached one by one by newer clients', async () => {
    await root.addUser(name, SECRET);
    const associate = (what: 'attach' | 'detach', policies: string[]) =>
      root.call({ method: 'POST', path: `idp/builtin/policy/${what}`, sealed: { policies, user: name } });
    expect((await associate('attach', ['readonly', 'writeonly'])).json).toMatchObject({
      policiesAttached: ['readonly', 'writeonly'],
    });
    expect((await root.userInfo(name)).json).toMatchObject({ policyName: 'readonly,writeonly' });
    expect(await associate('attach', ['readonly'])).toMatchObject({ status: 400 });
    expect((await associate('detach', ['readonly'])).json).toMatchObject({ policiesDetached: ['readonly'] });
    expect((await root.userInfo(name)).json).toMatchObject({ policyName: 'writeonly' });
    expect(await associate('attach', ['no-such'])).toMatchObject({ status: 404, code: 'XMinioAdminNoSuchPolicy' });
    const entities = await root.call({ method: 'GET', path: 'idp/builtin/policy-entities', query: { user: name } });
    expect(entities.json).toMatchObject({ userMappings: [{ user: name, policies: ['writeonly'] }] });
  });
});

describe('groups', () => {
  it('give their members their policies while they are enabled', async () => {
    const group = `group${names}`;
    await root.addUser(name, SECRET);
    expect((await root.updateGroup(group, [name])).status).toBe(200);
    await root.setPolicies('readwrite', { group });
    expect(await rightsOf(keysOf(name))).toEqual(ALL);
    const info = () => root.call({ method: 'GET', path: 'group', query: { group } });
    expect((await info()).json).toEqual({ name: group, status: 'enabled', members: [name], policy: 'readwrite' });

    const setStatus = (status: string) =>
      root.call({ method: 'PUT', path: 'set-group-status', query: { group, status } });
    await setStatus('disabled');
    expect(await rightsOf(keysOf(name))).toEqual(NONE);
    expect((await info()).json).toMatchObject({ status: 'disabled' });
    await setStatus('enabled');
    expect(await rightsOf(keysOf(name))).toEqual(ALL);

    expect(await root.updateGroup(group, [], true)).toMatchObject({ status: 400, code: 'XMinioAdminGroupNotEmpty' });
    expect((await root.updateGroup(group, [name], true)).status).toBe(200);
    expect(await rightsOf(keysOf(name))).toEqual(NONE);
    expect((await root.call({ method: 'GET', path: 'groups' })).json).toContain(group);
    expect((await root.updateGroup(group, [], true)).status).toBe(200);
    expect(await info()).toMatchObject({ status: 404, code: 'XMinioAdminNoSuchGroup' });
    expect((await root.call({ method: 'GET', path: 'groups' })).json).not.toContain(group);
  });

  it('lose a user that is removed', async () => {
    const group = `leaving${names}`;
    await root.addUser(name, SECRET);
    await root.updateGroup(group, [name]);
    await root.removeUser(name);
    expect((await root.call({ method: 'GET', path: 'group', query: { group } })).json).toMatchObject({ members: [] });
  });
});

describe('service accounts', () => {
  const info = async (accessKey: string) =>
    (await root.call({ method: 'GET', path: 'info-service-account', query: { accessKey } })).json;

  it('have the rights of their parent, follow them, and end with it', async () => {
    const accessKey = `svc${names}`;
    await root.addUser(name, SECRET);
    const made = await root.addServiceAccount({ targetUser: name, accessKey, secretKey: '123456abc' });
    expect(made.json).toEqual({
      credentials: { accessKey, secretKey: '123456abc', expiration: '0001-01-01T00:00:00Z' },
    });
    const keys = keysOf(accessKey, '123456abc');
    expect(await rightsOf(keys)).toEqual(NONE);
    await root.setPolicies('readonly', { user: name });
    expect(await rightsOf(keys)).toEqual(READ);
    await root.setUserStatus(name, 'disabled');
    expect(await rightsOf(keys)).toEqual(NONE);
    await root.setUserStatus(name, 'enabled');
    expect(await rightsOf(keys)).toEqual(READ);
    await root.removeUser(name);
    expect(await rightsOf(keys)).toEqual(NONE);
    // nor do they come back with a user of the same name
    await root.addUser(name, SECRET);
    await root.setPolicies('readonly', { user: name });
    expect(await rightsOf(keys)).toEqual(NONE);
  });

  it('are changed, disabled, listed and removed', async () => {
    const accessKey = `svc${names}`;
    await root.addUser(name, SECRET);
    await root.setPolicies('readwrite', { user: name });
    await root.addServiceAccount({ targetUser: name, accessKey, secretKey: '123456abc' });
    const update = (body: object) =>
      root.call({ method: 'POST', path: 'update-service-account', query: { accessKey }, sealed: body });
    expect(await info(accessKey)).toMatchObject({ parentUser: name, accountStatus: 'on', impliedPolicy: true });
    const policy = allow(['s3:GetObject'], ['arn:aws:s3:::photos/*']);
    expect((await update({ newSecretKey: 'another-secret', newPolicy: policy, newStatus: '' })).status).toBe(204);
    expect(await rightsOf(keysOf(accessKey, '123456abc'))).toEqual(NONE);
    expect(await rightsOf(keysOf(accessKey, 'another-secret'))).toEqual(READ);
    const told = (await info(accessKey)) as { policy: string };
    expect(told).toMatchObject({ impliedPolicy: false });
    expect(JSON.parse(told.policy)).toEqual(policy);
    expect((await update({ newStatus: 'off' })).status).toBe(204);
    expect(await rightsOf(keysOf(accessKey, 'another-secret'))).toEqual(NONE);
    expect(await info(accessKey)).toMatchObject({ accountStatus: 'off' });

    const list = (client: AdminClient) =>
      client.call({ method: 'GET', path: 'list-service-accounts', query: { user: name } });
    expect((await list(root)).json).toEqual({ accounts: [accessKey] });
    expect((await list(as(gateway.root, NEW_CLIENT))).json).toMatchObject({
      accounts: [{ accessKey, parentUser: name, accountStatus: 'off', impliedPolicy: false }],
    });
    const remove = () => root.call({ method: 'DELETE', path: 'delete-service-account', query: { accessKey } });
    expect((await remove()).status).toBe(204);
    expect(await remove()).toMatchObject({ status: 404, code: 'XMinioInvalidIAMCredentials' });
    expect((await list(root)).json).toEqual({ accounts: null });
  });

  it('get random keys when none are given, and are limited by their inline policy', async () => {
    await root.addUser(name, SECRET);
    await root.setPolicies('readwrite', { user: name });
    // larger than the policy of a session may be
    const folders = Array.from({ length: 200 }, (_, i) => `arn:aws:s3:::photos/${i}/*`);
    const made = await root.addServiceAccount({
      targetUser: name,
      names,
      policy: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::photos/*', ...folders] },
          { Effect: 'Allow', Action: ['admin:*'] },
        ],
      },
    });
    const { credentials } = made.json as { credentials: Keys };
    expect(credentials.accessKey).toMatch(/^[A-Z0-9]{20}$/);
    expect(credentials.secretKey).toMatch(/^[A-Za-z0-9+=]{40}$/);
    expect(await rightsOf(credentials)).toEqual(READ);
    // more than the parent has is not given by asking for it
    expect((await as(credentials).listUsers()).code).toBe('AccessDenied');
  });

  it.each([
    ['for root', { targetUser: 'test-root-user' }, 403, 'XMinioInvalidIAMCredentials'],
    ['with too short a key', { accessKey: 'ab', secretKey: SECRET }, 400, 'XMinioAdminInvalidAccessKey'],
    ['with too long a key', { accessKey: 'k'.repeat(21), secretKey: SECRET }, 400, 'XMinioAdminInvalidAccessKey'],
    ['with too short a secret', { accessKey: 'fine', secretKey: 'short' }, 400, 'XMinioAdminInvalidSecretKey'],
    ['with a broken policy', { policy: { Version: '2012-10-17', Statement: 7 } }, 400, 'XMinioMalformedIAMPolicy'],
  ])('are refused %s', async (_, body, status, code) => {
    await root.addUser(name, SECRET);
    expect(await root.addServiceAccount({ targetUser: name, ...body })).toMatchObject({ status, code });
  });

  it('cannot take the key of anybody', async () => {
    await root.addUser(name, SECRET);
    const taken = { targetUser: name, accessKey: name, secretKey: SECRET };
    expect(await root.addServiceAccount(taken)).toMatchObject({ status: 400, code: 'XMinioAdminInvalidAccessKey' });
    const accessKey = `svc${names}`;
    await root.addServiceAccount({ targetUser: name, accessKey, secretKey: SECRET });
    expect(await root.addUser(accessKey, SECRET)).toMatchObject({ status: 403, code: 'XMinioIAMActionNotAllowed' });
  });
});
