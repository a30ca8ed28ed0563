// The two languages of the console. A sentence is written in English where it is used; its Chinese stands here, so that the compiler
// finds what is missing.
import { CHINESE, CHINESE_ERRORS, type Sentence } from './chinese.ts';

export type Language = 'en' | 'zh';

const STORED = 'portcullis-language';

/** What was chosen before, or the browser's first language. */
export function initialLanguage(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === 'en' || stored === 'zh') return stored;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

let current: Language = 'en';

export function setLanguage(language: Language): void {
  current = language;
  localStorage.setItem(STORED, language);
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
}

/** English sentences that count, where the count (`{0}`) is one. Chinese nouns have no number. */
const ONE: Partial<Record<Sentence, string>> = {
  '{0} entries': '{0} entry',
  '{0} entries so far': '{0} entry so far',
  '{0} entries are deleted, folders with all that is in them.':
    '{0} entry is deleted, a folder with all that is in it.',
  '{0} requests of the last while would have been decided otherwise':
    '{0} request of the last while would have been decided otherwise',
};

/** A sentence in the language of the page; `{0}`, `{1}` … stand for the values. */
export function t(sentence: Sentence, ...values: readonly (string | number)[]): string {
  const english = values[0] === 1 ? (ONE[sentence] ?? sentence) : sentence;
  const text = current === 'zh' ? CHINESE[sentence] : english;
  return values.reduce<string>((filled, value, index) => filled.replaceAll(`{${index}}`, String(value)), text);
}

export function formatDate(date: Date): string {
  if (Number.isNaN(date.getTime())) return '';
  return new Intl.DateTimeFormat(current === 'zh' ? 'zh-CN' : undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
  }).format(date);
}

/** A length of time in words: "1 day 3 hours", "12 minutes". */
export function formatDuration(seconds: number): string {
  const parts = [
    { unit: 'day', value: Math.floor(seconds / 86_400) },
    { unit: 'hour', value: Math.floor(seconds / 3_600) % 24 },
    { unit: 'minute', value: Math.floor(seconds / 60) % 60 },
  ] as const;
  const shown = parts.filter(({ value }, index) => value > 0 || (index === 2 && seconds < 60));
  return shown
    .map(({ unit, value }) =>
      new Intl.NumberFormat(current === 'zh' ? 'zh-CN' : 'en', { style: 'unit', unit, unitDisplay: 'long' }).format(
        value,
      ),
    )
    .join(' ');
}

/** The sentence for an error's code in the language of the page; undefined where the message of the API is the best there is. */
export function sentenceOfCode(code: string): string | undefined {
  return current === 'zh' && Object.hasOwn(CHINESE_ERRORS, code) ? CHINESE_ERRORS[code] : undefined;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function formatSize(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[step] ?? ''}`;
}
