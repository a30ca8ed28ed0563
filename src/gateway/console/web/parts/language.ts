// The two languages of the console. A sentence is written in English where it is used; its Chinese stands here, so that the compiler
// finds what is missing.
import { CHINESE, type Sentence } from './chinese.ts';

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

/** A sentence in the language of the page; `{0}`, `{1}` … stand for the values. */
export function t(sentence: Sentence, ...values: readonly (string | number)[]): string {
  const text = current === 'zh' ? CHINESE[sentence] : sentence;
  return values.reduce<string>((filled, value, index) => filled.replaceAll(`{${index}}`, String(value)), text);
}

export function formatDate(date: Date): string {
  if (Number.isNaN(date.getTime())) return '';
  return new Intl.DateTimeFormat(current === 'zh' ? 'zh-CN' : undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
  }).format(date);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function formatSize(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[step] ?? ''}`;
}
