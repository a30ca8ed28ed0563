import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addFlags, flagsWithoutEffect, GATEWAY_FLAGS, GLOBAL_FLAGS, PORTCULLIS_FLAGS } from './gateway-flags.ts';
import { normalizeGoFlags } from './go-flags.ts';

const ALL = [...GATEWAY_FLAGS, ...PORTCULLIS_FLAGS, ...GLOBAL_FLAGS];

function parse(...argv: string[]): { options: Record<string, unknown>; args: string[] } {
  const command = new Command()
    .argument('<META-URL>')
    .argument('<ADDRESS>')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  addFlags(command, ALL);
  command.parse(normalizeGoFlags(argv, ALL), { from: 'user' });
  return { options: command.opts(), args: command.args };
}

describe('the flags of juicefs gateway', () => {
  it('are all there, each once', () => {
    // The number of rows of JUICEFS-FORMAT §7.1: a dropped row fails here.
    expect(GATEWAY_FLAGS.length).toBe(70);
    expect(new Set(ALL.map((spec) => spec.flag)).size).toBe(ALL.length);
  });

  it.each([
    [['--multi-buckets', 'M', 'A:1']],
    [['M', 'A:1', '--multi-buckets']],
    [['M', '--multi-buckets=true', 'A:1']],
    [['-multi-buckets', 'M', 'A:1']],
    [['--multi-buckets=false', '--multi-buckets', 'M', 'A:1']],
  ])('stand before or after the arguments: %j', (argv) => {
    const { options, args } = parse(...argv);
    expect(args).toEqual(['M', 'A:1']);
    expect(options.multiBuckets).toBe(true);
  });

  it('take their value after a blank or an equals sign, a negative one too', () => {
    expect(parse('--umask', '027', 'M', 'A:1').options.umask).toBe('027');
    expect(parse('--umask=027', 'M', 'A:1').options.umask).toBe('027');
    expect(parse('M', 'A:1', '--refresh-iam-interval', '-1.5h').options.refreshIamInterval).toBe('-1.5h');
  });

  it('have -d for --background', () => {
    expect(parse('M', 'A:1', '-d', '--log=/x').options).toMatchObject({ background: true, log: '/x' });
  });

  it('are refused when unknown', () => {
    expect(() => parse('--no-such-flag', 'M', 'A:1')).toThrow('unknown option');
  });

  it('names those without effect, once each', () => {
    expect(flagsWithoutEffect(['--cache-items', '1', '--cache-items=2', '--keep-etag'])).toEqual(['cache-items']);
  });
});
