// Flags in the forms that Go's programs take, made into those of the library that parses them here.
import type { Command } from 'commander';

/** A flag: its long name without dashes, and a word for its value; a switch has none, or may be told true or false. */
export interface GoFlag {
  readonly flag: string;
  readonly value?: string | undefined;
  /** A switch whose `false` says something other than its absence. */
  readonly eitherWay?: boolean;
}

/** The flags of a command, as they were declared. */
export function flagsOf(command: Command): GoFlag[] {
  return command.options.map(({ long, required, optional }) => ({
    flag: (long ?? '').slice(2),
    value: required ? 'VALUE' : undefined,
    eitherWay: optional,
  }));
}

/**
 * Go's flag forms, made into commander's: `--switch=true` and `--switch=false` (last one wins, false is no switch), and long names
 * with one dash (`-multi-buckets`).
 */
export function normalizeGoFlags(argv: readonly string[], flags: readonly GoFlag[]): string[] {
  const byName = new Map(flags.map((spec) => [spec.flag, spec]));
  const out: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    const match = /^--?([a-z][a-z-]+)(?:=(.*))?$/s.exec(argument);
    const spec = match === null ? undefined : byName.get(match[1] as string);
    if (match === null || spec === undefined) {
      out.push(argument);
      continue;
    }
    const given = match[2];
    if (spec.eitherWay === true) {
      // Never the next argument, which may be the META-URL.
      out.push(`--${spec.flag}=${given ?? 'true'}`);
    } else if (spec.value === undefined) {
      if (given === undefined || /^(1|t|true)$/i.test(given)) out.push(`--${spec.flag}`);
      else if (!/^(0|f|false)$/i.test(given)) out.push(argument);
    } else if (given === undefined) {
      out.push(`--${spec.flag}`);
      const value = argv[++i];
      if (value !== undefined) out.push(value);
    } else {
      out.push(`--${spec.flag}=${given}`);
    }
  }
  return out;
}
