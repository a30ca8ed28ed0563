// The direction of imports that docs/architecture.md draws, type-only imports included.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** A folder, and the only places outside itself that it may import from (packages aside). */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'src/authz/policy': [],
  'src/authz/audit': ['src/authz/policy', 'proto/gen'],
  'src/authz/policy-diff': ['src/authz/policy'],
  'src/authz/identity': ['src/authz/policy', 'src/authz/store', 'proto/gen'],
  'src/authz/store': ['src/authz/policy', 'src/authz/identity', 'src/juicefs', 'src/etcd'],
  'src/authz/administration': ['src/authz/policy', 'src/authz/store', 'src/authz/identity'],
  'src/authz/grpc': ['src/authz', 'src/wire', 'proto/gen'],
  'src/authz/http': ['src/authz', 'proto/gen'],
  'src/etcd': ['proto/gen/third_party'],
  'src/juicefs': ['src/etcd'],
  'src/client': ['proto/gen', 'src/wire'],
  'src/wire': [],
  'src/gateway/authz-client': ['proto/gen', 'src/client', 'src/gateway/s3'],
  'src/gateway/s3': ['proto/gen', 'src/juicefs', 'src/gateway/authz-client'],
  'src/gateway/operations': ['src/juicefs', 'src/gateway/s3', 'src/gateway/authz-client'],
  'src/gateway': ['src/juicefs', 'src/gateway', 'proto/gen'],
  'src/cli': ['src', 'conformance', 'proto/gen', 'bench'],
  conformance: ['src/authz/policy', 'proto/gen'],
};

/** The only packages of the policy core. */
const POLICY_PACKAGES = new Set(['ipaddr.js']);

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === 'node_modules' ? [] : sources(path);
    return path.endsWith('.ts') && !path.endsWith('.test.ts') ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g);
  return [...found].map((match) => (match[1] ?? match[2]) as string);
}

function within(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

function violations(folder: string): string[] {
  const allowed = ALLOWED[folder] ?? [];
  const inner = Object.keys(ALLOWED).filter((other) => other !== folder && within(other, folder));
  return sources(join(ROOT, folder))
    .filter((file) => !inner.some((other) => within(relative(ROOT, file), other)))
    .flatMap((file) =>
      importsOf(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => relative(ROOT, resolve(dirname(file), specifier)))
        .filter((target) => !within(target, folder) && !allowed.some((place) => within(target, place)))
        .map((target) => `${relative(ROOT, file)} imports ${target}`),
    );
}

describe('direction of imports', () => {
  it.each(Object.keys(ALLOWED))('%s imports only what it may', (folder) => {
    expect(sources(join(ROOT, folder)).length).toBeGreaterThan(0);
    expect(violations(folder)).toEqual([]);
  });

  it('the policy core uses no package but ipaddr.js, and no part of Node', () => {
    const foreign = sources(join(ROOT, 'src/authz/policy')).flatMap((file) =>
      importsOf(file).filter((specifier) => !specifier.startsWith('.') && !POLICY_PACKAGES.has(specifier)),
    );
    expect(foreign).toEqual([]);
  });

  it('the gateway and the sidecar share only what is generated from proto/, and how it becomes bytes', () => {
    const crossing = [
      ...sources(join(ROOT, 'src/gateway')).flatMap((file) =>
        importsOf(file).filter((s) => s.includes('authz/') && !s.includes('authz-client') && !s.includes('proto/gen')),
      ),
      ...sources(join(ROOT, 'src/authz')).flatMap((file) => importsOf(file).filter((s) => s.includes('gateway/'))),
    ];
    expect(crossing).toEqual([]);
  });

  it('only src/cli reads the environment and the command line', () => {
    const readers = ['src/authz', 'src/etcd', 'src/gateway', 'src/juicefs']
      .flatMap((folder) => sources(join(ROOT, folder)))
      .filter((file) => /process\.(env|argv)\b/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(ROOT, file));
    expect(readers).toEqual([]);
  });

  it('casts to Grant stand in dispatch.ts alone', () => {
    const casts = sources(join(ROOT, 'src'))
      .filter((file) => /\bas (unknown as )?Grant\b/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(ROOT, file));
    expect(casts.filter((file) => file !== 'src/gateway/s3/dispatch.ts')).toEqual([]);
  });
});
