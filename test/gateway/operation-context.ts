// What a test of the operations stands on: a fresh volume with a bucket, served through the real dispatch.
import { afterEach, beforeEach, expect } from 'vitest';
import { Principal_Type } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { Volume } from '../../src/juicefs/volume.ts';
import { type Decider, listed, Served } from './operation-harness.ts';

/** A fresh, empty volume to be served. */
export interface Subject {
  readonly volume: Volume;
  /** Readers that were opened and not closed; writers that were neither committed nor aborted. 0 where they are not counted. */
  openReaders(): number;
  openWriters(): number;
  dispose(): Promise<void>;
}

type Reply = ReturnType<Served['send']>;
type Headers = Record<string, string>;

/** What is there during a test: another volume for each, with the bucket `bkt`. */
export interface OperationContext {
  readonly subject: Subject;
  readonly volume: Volume;
  readonly s3: Served;
  put(key: string, body?: string, headers?: Headers): Reply;
  get(key: string, headers?: Headers): Reply;
  head(key: string, headers?: Headers): Reply;
  /** The keys and prefixes of a page of ListObjectsV2. */
  list(query: string): Promise<ReturnType<typeof listed>>;
}

/** Makes a volume before each of the tests that are defined next, and disposes of it after. */
export function operationContext(make: () => Promise<Subject>): OperationContext {
  let subject: Subject;
  let s3: Served;

  beforeEach(async () => {
    subject = await make();
    s3 = new Served(subject.volume);
    expect((await s3.send('PUT', '/bkt')).status).toBe(200);
  });

  afterEach(() => subject.dispose());

  return {
    get subject() {
      return subject;
    },
    get volume() {
      return subject.volume;
    },
    get s3() {
      return s3;
    },
    put: (key, body = 'x', headers = {}) => s3.send('PUT', `/bkt/${key}`, { body, headers }),
    get: (key, headers = {}) => s3.send('GET', `/bkt/${key}`, { headers }),
    head: (key, headers = {}) => s3.send('HEAD', `/bkt/${key}`, { headers }),
    list: async (query) => listed((await s3.send('GET', `/bkt?list-type=2&${query}`)).text),
  };
}

/** Allows what the list names: 's3:GetObject arn:aws:s3:::bkt/a'; '*' at the end is anything. */
export function only(...allowed: string[]): Decider {
  return {
    principal: Principal_Type.TYPE_USER,
    allows: (action, resource) =>
      allowed.some((rule) =>
        rule.endsWith('*') ? `${action} ${resource}`.startsWith(rule.slice(0, -1)) : `${action} ${resource}` === rule,
      ),
  };
}

/** Every path with what stands there: files with their text; directories with '/', and 'object' for those put as objects. */
export async function snapshot(volume: Volume): Promise<Record<string, string>> {
  const lines: Record<string, string> = {};
  const visit = async (path: readonly string[]): Promise<void> => {
    for await (const { name, attributes } of volume.list(path)) {
      const child = [...path, name];
      if (attributes.type === 'directory') {
        lines[`/${child.join('/')}/`] = attributes.atimeNs === 0n ? 'object' : '';
        await visit(child);
      } else lines[`/${child.join('/')}`] = await textOf(volume, child);
    }
  };
  await visit([]);
  return lines;
}

async function textOf(volume: Volume, path: readonly string[]): Promise<string> {
  const reader = await volume.open(path);
  const parts: Buffer[] = [];
  for await (const part of reader.read(0, reader.attributes.size)) parts.push(Buffer.from(part));
  await reader.close();
  return Buffer.concat(parts).toString('latin1');
}
