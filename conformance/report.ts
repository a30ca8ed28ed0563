// The result of a run, for people: a table by family, each failure with its explanation, the departures by rule, and the sum as the very
// last line.
import type { Outcome } from './outcome.ts';
import type { Failure, RunResult } from './run.ts';

/** The report; its last line is `N passed, N failed`. */
export function reportText(result: RunResult): string {
  return [
    ...familyTable(result),
    '',
    ...result.failures.flatMap(failureLines),
    ...departureLines(result),
    `${result.passed} passed, ${result.failed} failed`,
    '',
  ].join('\n');
}

/** The same as data. */
export function reportJson(result: RunResult): string {
  const { families, departures, ...rest } = result;
  return `${JSON.stringify(
    { ...rest, families: Object.fromEntries(families), departures: Object.fromEntries(departures) },
    undefined,
    2,
  )}\n`;
}

function familyTable({ families }: RunResult): string[] {
  const width = Math.max('family'.length, ...[...families.keys()].map((name) => name.length));
  const row = (name: string, ...figures: readonly (string | number)[]): string =>
    `${name.padEnd(width)}${figures.map((figure) => String(figure).padStart(10)).join('')}`;
  return [
    row('family', 'passed', 'departed', 'failed'),
    ...[...families].map(([name, { passed, departed, failed }]) => row(name, passed, departed, failed)),
  ];
}

/** Characters of an outcome that are shown. */
const SHOWN_LENGTH = 400;

function failureLines({ id, family, kind, dialect, expected, actual, explanation }: Failure): string[] {
  return [
    `FAILED ${id} (${family}, ${kind}, ${dialect}): expected ${shown(expected)}, got ${shown(actual)}`,
    ...explanation.split('\n').map((line) => `    ${line}`),
  ];
}

function shown(outcome: Outcome): string {
  if (outcome === null) return 'nothing';
  const text = typeof outcome === 'string' ? outcome : JSON.stringify(outcome);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

function departureLines({ departed, departures }: RunResult): string[] {
  return [`departed: ${departed}`, ...[...departures].map(([rule, count]) => `  ${rule}: ${count}`)];
}
