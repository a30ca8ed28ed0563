import { describe, expect, it } from 'vitest';
import { S3Error } from './errors.ts';
import { compileMatchTable } from './match-table.ts';
import { defineOperation, type Operation, type RouteMatch } from './operation.ts';
import { unimplementedOperations } from './sub-resource.ts';

const row = (name: string, match: RouteMatch): Operation<unknown> =>
  defineOperation<unknown>({
    name,
    match,
    body: 'none',
    parse: () => undefined,
    questions: () => [{ action: 's3:Nothing' }],
    handle: async () => ({ status: 200 }),
  });

const TABLE: Operation<unknown>[] = [
  row('ListBuckets', { method: 'GET', target: 'service' }),
  row('ListObjects', { method: 'GET', target: 'bucket' }),
  row('ListObjectsV2', { method: 'GET', target: 'bucket', queryValue: { 'list-type': '2' } }),
  row('GetBucketLocation', { method: 'GET', target: 'bucket', query: ['location'] }),
  row('DeleteBucket', { method: 'DELETE', target: 'bucket' }),
  row('GetObject', { method: 'GET', target: 'object' }),
  row('ListParts', { method: 'GET', target: 'object', query: ['uploadId'] }),
  row('PutObject', { method: 'PUT', target: 'object' }),
  row('CopyObject', { method: 'PUT', target: 'object', header: ['x-amz-copy-source'] }),
  row('UploadPart', { method: 'PUT', target: 'object', query: ['partNumber', 'uploadId'] }),
  row('UploadPartCopy', {
    method: 'PUT',
    target: 'object',
    query: ['partNumber', 'uploadId'],
    header: ['x-amz-copy-source'],
  }),
  row('CreateMultipartUpload', { method: 'POST', target: 'object', query: ['uploads'] }),
  row('DeleteObject', { method: 'DELETE', target: 'object' }),
];

function find(method: string, target: RouteMatch['target'], query = '', header: string[] = []): string {
  const table = compileMatchTable(TABLE, unimplementedOperations());
  const parameters = new Map(new URLSearchParams(query));
  try {
    return table.find({ method, target, query: parameters, headers: new Map(header.map((name) => [name, 'x'])) }).name;
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
}

describe('the match table', () => {
  it.each<[string, RouteMatch['target'], string, string[], string]>([
    ['GET', 'service', '', [], 'ListBuckets'],
    ['GET', 'bucket', '', [], 'ListObjects'],
    ['GET', 'bucket', 'prefix=a&x-id=ListObjects', [], 'ListObjects'],
    ['GET', 'bucket', 'list-type=1', [], 'ListObjects'],
    ['GET', 'bucket', 'list-type=2&prefix=a', [], 'ListObjectsV2'],
    ['GET', 'bucket', 'location', [], 'GetBucketLocation'],
    ['GET', 'object', 'versionId=null&partNumber=1', [], 'GetObject'],
    ['GET', 'object', 'uploadId=u', [], 'ListParts'],
    ['PUT', 'object', '', [], 'PutObject'],
    ['PUT', 'object', '', ['x-amz-copy-source'], 'CopyObject'],
    ['PUT', 'object', 'partNumber=1&uploadId=u', [], 'UploadPart'],
    ['PUT', 'object', 'partNumber=1&uploadId=u', ['x-amz-copy-source'], 'UploadPartCopy'],
    ['POST', 'object', 'uploads', [], 'CreateMultipartUpload'],
  ])('%s %s ?%s %j is %s', (method, target, query, header, name) => {
    expect(find(method, target, query, header)).toBe(name);
  });

  it.each<[string, RouteMatch['target'], string, string]>([
    ['GET', 'bucket', 'versioning', 'Unimplemented'],
    ['PUT', 'bucket', 'lifecycle', 'Unimplemented'],
    ['DELETE', 'bucket', 'website', 'Unimplemented'],
    ['GET', 'bucket', 'acl', 'Unimplemented'],
    ['PUT', 'object', 'tagging', 'Unimplemented'],
    ['PUT', 'object', 'retention', 'Unimplemented'],
    ['DELETE', 'object', 'tagging', 'Unimplemented'],
  ])('%s %s ?%s is not taken for another operation', (method, target, query, name) => {
    expect(find(method, target, query)).toBe(name);
  });

  it.each<[string, RouteMatch['target'], string, string]>([
    ['DELETE', 'bucket', 'versioning', 'MethodNotAllowed'],
    ['PUT', 'object', 'uploads', 'MethodNotAllowed'],
    ['PUT', 'object', 'partNumber=1', 'MethodNotAllowed'],
    ['HEAD', 'bucket', 'acl', 'MethodNotAllowed'],
    ['PATCH', 'object', '', 'MethodNotAllowed'],
    ['POST', 'service', '', 'MethodNotAllowed'],
    ['DELETE', 'object', 'tagging&uploadId=u', 'InvalidRequest'],
    ['GET', 'bucket', 'acl&policy', 'InvalidRequest'],
  ])('%s %s ?%s is %s', (method, target, query, code) => {
    expect(find(method, target, query)).toBe(code);
  });

  it('does not take two rows for the same requests', () => {
    const twice = [
      row('A', { method: 'GET', target: 'object', query: ['a', 'b'] }),
      row('B', { method: 'GET', target: 'object', query: ['b', 'a'] }),
    ];
    expect(() => compileMatchTable(twice)).toThrow('B and A match the same requests');
  });

  it('asks for an action of S3 before it says that something is not implemented', () => {
    const rows = unimplementedOperations();
    expect(rows.length).toBe(89);
    for (const operation of rows) {
      const input = operation.parse({} as Parameters<typeof operation.parse>[0]);
      expect(input.action).toMatch(/^s3(?:express)?:[A-Z][A-Za-z]+$/);
    }
  });
});
