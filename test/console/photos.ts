// A bucket of photos, and people with different rights in it: what most tests of the console look at.
import { expect } from 'vitest';
import { type Gateway, ROOT_KEYS } from '../harness/gateway.ts';
import { type ConsoleSetting, consoleSetting } from './setting.ts';

export const READER = { accessKey: 'reader', secretKey: 'reader-secret' };
export const PREFIXED = { accessKey: 'prefixed', secretKey: 'prefixed-secret' };
export const LOOKER = { accessKey: 'looker', secretKey: 'looker-secret' };
export const DISABLED = { accessKey: 'disabled', secretKey: 'disabled-secret' };
export const LEAVING = { accessKey: 'leaving', secretKey: 'leaving-secret' };

export interface PhotosSetting {
  readonly setting: ConsoleSetting;
  put(key: string, body: string | Buffer, headers?: Record<string, string>): Promise<void>;
  /** The object as text; undefined when there is none. */
  stored(key: string): Promise<string | undefined>;
}

/** Sets everything up for the tests of a `describe`: the bucket `photos` with old/first.txt and mine/a.txt. */
export function photosSetting(): PhotosSetting {
  const setting = consoleSetting({
    identities: {
      users: [
        { ...READER, policies: ['look'] },
        { ...PREFIXED, policies: ['own-folder'] },
        { ...LOOKER, policies: ['look-at-users'] },
        { ...DISABLED, policies: ['readwrite'], disabled: true },
        { ...LEAVING, policies: ['readwrite'] },
      ],
      policies: {
        look: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: ['s3:List*', 's3:Get*'], Resource: ['arn:aws:s3:::*'] }],
        },
        'look-at-users': {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: ['admin:ListUsers', 'admin:GetUser'] },
            { Effect: 'Allow', Action: ['s3:ListAllMyBuckets'], Resource: ['arn:aws:s3:::*'] },
          ],
        },
        'own-folder': {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: ['s3:ListAllMyBuckets'], Resource: ['arn:aws:s3:::*'] },
            {
              Effect: 'Allow',
              Action: ['s3:ListBucket'],
              Resource: ['arn:aws:s3:::photos'],
              Condition: { StringLike: { 's3:prefix': ['mine/*'] } },
            },
            { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: ['arn:aws:s3:::photos/mine/*'] },
          ],
        },
      },
    },
    flags: ['--keep-etag', '--object-tag', '--object-meta'],
    async prepare(gateway) {
      await putInto(gateway, '', '');
      await putInto(gateway, 'old/first.txt', 'first');
      await putInto(gateway, 'mine/a.txt', 'mine');
    },
  });
  return {
    setting,
    put: (key, body, headers = {}) => putInto(setting.gateway, key, body, headers),
    async stored(key) {
      const answer = await setting.gateway.client.send({ bucket: 'photos', key, keys: ROOT_KEYS });
      return answer.status === 200 ? answer.body.toString() : undefined;
    },
  };
}

async function putInto(
  gateway: Gateway,
  key: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<void> {
  const call = key === '' ? { bucket: 'photos' } : { bucket: 'photos', key, body, headers };
  expect((await gateway.client.send({ method: 'PUT', keys: ROOT_KEYS, ...call })).status).toBe(200);
}
