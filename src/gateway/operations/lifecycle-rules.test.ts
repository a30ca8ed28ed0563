import { describe, expect, it } from 'vitest';
import { dueMs, hasExpired, parseLifecycle, uploadHasExpired, withRuleIds } from './lifecycle-rules.ts';

const document = (...rules: string[]): Buffer =>
  Buffer.from(
    `<LifecycleConfiguration>${rules.map((rule) => `<Rule>${rule}</Rule>`).join('')}</LifecycleConfiguration>`,
  );
const ENABLED = '<Status>Enabled</Status>';
const rule = (text: string) => {
  const [first] = parseLifecycle(document(text));
  if (first === undefined) throw new Error('no rule');
  return first;
};
const DAY = 86_400_000;
const object = { key: 'logs/a', size: 10, modifiedMs: 5 * DAY + 1, tags: [{ key: 'keep', value: 'no' }] };

describe('a lifecycle rule', () => {
  it('ends objects at the midnight after so many days', () => {
    expect(dueMs(5 * DAY + 1, 2)).toBe(8 * DAY);
    const ends = rule(`${ENABLED}<Filter><Prefix>logs/</Prefix></Filter><Expiration><Days>2</Days></Expiration>`);
    expect(hasExpired(ends, object, 8 * DAY - 1)).toBe(false);
    expect(hasExpired(ends, object, 8 * DAY)).toBe(true);
    expect(hasExpired(ends, { ...object, key: 'other' }, 100 * DAY)).toBe(false);
  });

  it('looks at tags and sizes together', () => {
    const and =
      '<And><Prefix>logs/</Prefix><Tag><Key>keep</Key><Value>no</Value></Tag><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan></And>';
    const ends = rule(`${ENABLED}<Filter>${and}</Filter><Expiration><Date>1970-01-02T00:00:00Z</Date></Expiration>`);
    expect(hasExpired(ends, object, DAY)).toBe(true);
    expect(hasExpired(ends, object, DAY - 1)).toBe(false);
    expect(hasExpired(ends, { ...object, tags: [] }, DAY)).toBe(false);
    expect(hasExpired(ends, { ...object, size: 9 }, DAY)).toBe(false);
  });

  it('does nothing while it is disabled', () => {
    const off = rule('<Status>Disabled</Status><Prefix/><Expiration><Days>1</Days></Expiration>');
    expect(hasExpired(off, object, 100 * DAY)).toBe(false);
  });

  it('ends uploads that nobody finishes', () => {
    const abort =
      '<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>';
    const ends = rule(`${ENABLED}<Prefix>logs/</Prefix>${abort}`);
    expect(uploadHasExpired(ends, 'logs/a', DAY, 2 * DAY)).toBe(true);
    expect(uploadHasExpired(ends, 'logs/a', DAY, 2 * DAY - 1)).toBe(false);
    expect(hasExpired(ends, object, 100 * DAY)).toBe(false);
  });

  it.each([
    ['no status', '<Prefix/><Expiration><Days>1</Days></Expiration>', 'MalformedXML'],
    ['nothing to do', `${ENABLED}<Prefix/>`, 'MalformedXML'],
    ['no days', `${ENABLED}<Prefix/><Expiration><Days>0</Days></Expiration>`, 'InvalidArgument'],
    [
      'days and a date',
      `${ENABLED}<Prefix/><Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>`,
      'MalformedXML',
    ],
    [
      'a date at noon',
      `${ENABLED}<Prefix/><Expiration><Date>2030-01-01T12:00:00Z</Date></Expiration>`,
      'InvalidArgument',
    ],
    ['a date that is none', `${ENABLED}<Prefix/><Expiration><Date>20300101</Date></Expiration>`, 'MalformedXML'],
    [
      'a transition',
      `${ENABLED}<Prefix/><Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>`,
      'NotImplemented',
    ],
    [
      'a prefix twice',
      `${ENABLED}<Prefix/><Filter><Prefix/></Filter><Expiration><Days>1</Days></Expiration>`,
      'MalformedXML',
    ],
    [
      'too long an id',
      `<ID>${'i'.repeat(256)}</ID>${ENABLED}<Prefix/><Expiration><Days>1</Days></Expiration>`,
      'InvalidArgument',
    ],
  ])('refuses %s', (_, text, code) => {
    expect(() => parseLifecycle(document(text))).toThrow(expect.objectContaining({ code }));
  });

  it('gets an id when it has none, and keeps its own', () => {
    const body = `${ENABLED}<Prefix/><Expiration><Days>1</Days></Expiration>`;
    const kept = withRuleIds(document(body, `<ID>mine</ID>${body}`), () => 'made');
    expect(parseLifecycle(kept).map(({ id }) => id)).toEqual(['made', 'mine']);
    expect(() => parseLifecycle(document(`<ID>a</ID>${body}`, `<ID>a</ID>${body}`))).toThrow();
  });
});
