import { describe, expect, it } from 'vitest';
import { answerPreflight, corsHeaders, crossOrigin, parseCors } from './cors.ts';
import { S3Error } from './errors.ts';

const rule = (content: string): string => `<CORSRule>${content}</CORSRule>`;
const document = (...rules: string[]): Buffer =>
  Buffer.from(`<CORSConfiguration>${rules.map(rule).join('')}</CORSConfiguration>`);
const METHOD = '<AllowedMethod>GET</AllowedMethod>';
const ask = (origin: string, method = 'GET', headers = '') =>
  crossOrigin(
    new Map([
      ['origin', origin],
      ['access-control-request-method', method],
      ...(headers === '' ? [] : [['access-control-request-headers', headers] as const]),
    ]),
    'GET',
  );

describe('the rules of a bucket', () => {
  it.each([
    ['http://a.example', 'http://a.example', true],
    ['http://a.example', 'http://b.example', false],
    ['http://*.example', 'http://a.example', true],
    ['*', 'anything', true],
    ['start*end', 'startend', true],
    ['start*end', 'starend', false],
    ['ab*ba', 'aba', false],
  ])('%s and an origin of %s: %s', (pattern, origin, allowed) => {
    const rules = parseCors(document(`<AllowedOrigin>${pattern}</AllowedOrigin>${METHOD}`));
    const asked = ask(origin);
    expect(asked !== undefined && corsHeaders(rules, asked) !== undefined).toBe(allowed);
  });

  it('allow the headers that they name, whatever the case', () => {
    const rules = parseCors(
      document(
        `<AllowedOrigin>*</AllowedOrigin>${METHOD}<AllowedHeader>X-Amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>`,
      ),
    );
    const answer = answerPreflight(
      rules,
      new Map([
        ['origin', 'o'],
        ['access-control-request-method', 'GET'],
        ['access-control-request-headers', 'x-amz-date'],
      ]),
    );
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'x-amz-date',
      'access-control-expose-headers': 'ETag',
    });
    const asked = ask('o', 'GET', 'content-type');
    expect(asked !== undefined && corsHeaders(rules, asked)).toBe(undefined);
  });

  it.each([
    ['<AllowedOrigin>a**b</AllowedOrigin>', METHOD, 'InvalidRequest'],
    ['<AllowedOrigin>*</AllowedOrigin>', '<AllowedMethod>PATCH</AllowedMethod>', 'InvalidRequest'],
    ['', METHOD, 'MalformedXML'],
    ['<AllowedOrigin>*</AllowedOrigin>', '', 'MalformedXML'],
  ])('refuse %s with %s', (origins, methods, code) => {
    expect(() => parseCors(document(origins + methods))).toThrow(expect.objectContaining({ code }));
  });
});

describe('a preflight', () => {
  const codeOf = (
    headers: [string, string][],
    rules = parseCors(document(`<AllowedOrigin>o</AllowedOrigin>${METHOD}`)),
  ) => {
    try {
      return answerPreflight(rules, new Map(headers)).status;
    } catch (error) {
      return error instanceof S3Error ? error.code : error;
    }
  };
  it('is answered by the rules, or says what it lacks', () => {
    expect(
      codeOf([
        ['origin', 'o'],
        ['access-control-request-method', 'GET'],
      ]),
    ).toBe(200);
    expect(
      codeOf([
        ['origin', 'other'],
        ['access-control-request-method', 'GET'],
      ]),
    ).toBe('AccessForbidden');
    expect(
      codeOf([
        ['origin', 'o'],
        ['access-control-request-method', 'PUT'],
      ]),
    ).toBe('AccessForbidden');
    expect(codeOf([['origin', 'o']])).toBe('BadRequest');
    expect(codeOf([['access-control-request-method', 'GET']])).toBe('BadRequest');
    expect(
      codeOf(
        [
          ['origin', 'o'],
          ['access-control-request-method', 'GET'],
        ],
        undefined,
      ),
    ).toBe(200);
  });
});
