// Cross-origin resource sharing: the rules of a bucket, the preflight of a browser, and the headers of answers to one.
// AWS: "Using cross-origin resource sharing (CORS)". The rules are tried in their order; the first that fits counts.
import { S3Error } from './errors.ts';
import type { S3Reply } from './operation.ts';
import { readXml, type XmlElement, xmlChildren, xmlText } from './xml.ts';

/** Most bytes of a CORSConfiguration. AWS: 64 KB. */
export const MAX_CORS_DOCUMENT_BYTES = 64 * 1024;
/** AWS: most rules. */
export const MAX_CORS_RULES = 100;
const METHODS: ReadonlySet<string> = new Set(['GET', 'PUT', 'POST', 'DELETE', 'HEAD']);

export interface CorsRule {
  /** With at most one '*' each. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAgeSeconds: number | undefined;
}

/** Reads and judges a CORSConfiguration. Throws MalformedXML, InvalidRequest. */
export function parseCors(document: Uint8Array): readonly CorsRule[] {
  const rules = xmlChildren(readXml(document, 'CORSConfiguration', MAX_CORS_DOCUMENT_BYTES), 'CORSRule').map(parseRule);
  if (rules.length === 0 || rules.length > MAX_CORS_RULES) {
    throw new S3Error('MalformedXML', `A CORS configuration has 1 to ${MAX_CORS_RULES} rules.`);
  }
  return rules;
}

function parseRule(rule: XmlElement): CorsRule {
  const texts = (name: string): string[] => xmlChildren(rule, name).map(({ text }) => text.trim());
  const [origins, methods, headers] = [texts('AllowedOrigin'), texts('AllowedMethod'), texts('AllowedHeader')];
  if (origins.length === 0 || methods.length === 0) throw new S3Error('MalformedXML');
  const unknown = methods.find((method) => !METHODS.has(method));
  if (unknown !== undefined) {
    throw new S3Error(
      'InvalidRequest',
      `Found unsupported HTTP method in CORS config. Unsupported method is ${unknown.slice(0, 20)}`,
    );
  }
  for (const text of [...origins, ...headers]) {
    if (text.split('*').length > 2) {
      throw new S3Error('InvalidRequest', `"${text.slice(0, 100)}" can not have more than one wildcard.`);
    }
  }
  const age = xmlText(rule, 'MaxAgeSeconds')?.trim();
  if (age !== undefined && !/^\d{1,9}$/.test(age)) throw new S3Error('MalformedXML');
  return {
    origins,
    methods,
    headers,
    exposed: texts('ExposeHeader'),
    maxAgeSeconds: age === undefined ? undefined : Number(age),
  };
}

/** What a browser says of the page that asks. */
export interface CrossOrigin {
  readonly origin: string;
  /** The method that is asked for, or that is asked about. */
  readonly method: string;
  /** Lower-case names of the headers that are asked about. */
  readonly headers: readonly string[];
}

/** Reads what a browser says of the page that asks; undefined when no page does. */
export function crossOrigin(headers: ReadonlyMap<string, string>, method: string): CrossOrigin | undefined {
  const origin = headers.get('origin');
  if (origin === undefined) return undefined;
  const named = headers.get('access-control-request-headers') ?? '';
  return {
    origin,
    method: headers.get('access-control-request-method') ?? method,
    headers: named
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== ''),
  };
}

/** The headers that let the page see the answer; undefined when no rule does. */
export function corsHeaders(rules: readonly CorsRule[], asked: CrossOrigin): Record<string, string> | undefined {
  const rule = rules.find((candidate) => fits(candidate, asked));
  if (rule === undefined) return undefined;
  const everyone = rule.origins.includes('*');
  return {
    'access-control-allow-origin': everyone ? '*' : asked.origin,
    'access-control-allow-methods': rule.methods.join(', '),
    ...(everyone ? {} : { 'access-control-allow-credentials': 'true' }),
    ...(asked.headers.length === 0 ? {} : { 'access-control-allow-headers': asked.headers.join(', ') }),
    ...(rule.exposed.length === 0 ? {} : { 'access-control-expose-headers': rule.exposed.join(', ') }),
    ...(rule.maxAgeSeconds === undefined ? {} : { 'access-control-max-age': String(rule.maxAgeSeconds) }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
}

function fits(rule: CorsRule, { origin, method, headers }: CrossOrigin): boolean {
  return (
    rule.methods.includes(method) &&
    rule.origins.some((pattern) => matches(pattern, origin)) &&
    headers.every((name) => rule.headers.some((pattern) => matches(pattern.toLowerCase(), name)))
  );
}

function matches(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === text;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
}

/** The answer to a preflight. Throws InvalidRequest when it does not say what it asks, AccessForbidden when no rule allows it. */
export function answerPreflight(rules: readonly CorsRule[] | undefined, headers: ReadonlyMap<string, string>): S3Reply {
  const asked = crossOrigin(headers, '');
  if (asked === undefined) {
    throw new S3Error('BadRequest', 'Insufficient information. Origin request header needed.');
  }
  if (!METHODS.has(asked.method)) {
    throw new S3Error('BadRequest', 'Invalid Access-Control-Request-Method: it should be a method that S3 has.');
  }
  if (rules === undefined) {
    throw new S3Error('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.');
  }
  const allowed = corsHeaders(rules, asked);
  if (allowed === undefined) {
    throw new S3Error('AccessForbidden', 'CORSResponse: No rule of the bucket allows this origin, method and headers.');
  }
  return { status: 200, headers: allowed };
}
