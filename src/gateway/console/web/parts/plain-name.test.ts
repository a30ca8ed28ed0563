// No name looks like another.
import { expect, test } from 'vitest';
import { plainName } from './plain-name.tsx';

test.each([
  ['hello.txt', 'hello.txt'],
  ['\u05e9\u05dc\u05d5\u05dd.txt', '\u05e9\u05dc\u05d5\u05dd.txt'],
  ['evil\u202etxt.exe', 'evil⟨U+202E⟩txt.exe'],
  ['a\u200bb', 'a⟨U+200B⟩b'],
  ['line\nbreak\u0000', 'line⟨U+000A⟩break⟨U+0000⟩'],
])('%j is shown as %j', (name, shown) => {
  expect(plainName(name)).toBe(shown);
});
