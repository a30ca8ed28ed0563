// Elements of a JSON object by name, and what they may hold.
import { fold } from '../condition/string-operators.ts';
import type { JsonMember, JsonNode, JsonObject } from './json-reader.ts';
import type { PolicyIssue } from './policy-issue.ts';

const NONE: readonly JsonNode[] = [];

/** The members of an object whose names are known, each with all its occurrences, in order. */
export class Elements {
  readonly #members: readonly JsonMember[];

  /** Names match without regard to case, as Unicode folds it (ſ is s). */
  constructor(members: readonly JsonMember[]) {
    this.#members = members;
  }

  /** All occurrences of an element. */
  all(name: string): readonly JsonNode[] {
    let found: JsonNode[] | undefined;
    for (const member of this.#members) {
      if (member.name !== name && fold(member.name, 'simpleFold') !== name.toLowerCase()) continue;
      found ??= [];
      found.push(member.value);
    }
    return found ?? NONE;
  }

  /** The last occurrence; null counts as absent. */
  last(name: string): JsonNode | undefined {
    const node = this.all(name).at(-1);
    return node === undefined || node.type === 'null' ? undefined : node;
  }

  has(name: string): boolean {
    return this.all(name).length > 0;
  }

  /** An element that is text: the last that is no null. Others are issues. */
  text(name: string, path: string, issues: PolicyIssue[]): string | undefined {
    let text: string | undefined;
    for (const node of this.all(name)) {
      if (node.type === 'string') text = node.value;
      else if (node.type !== 'null') {
        issues.push({ code: 'WrongType', path: `${path}.${name}`, message: `${name} must be a string` });
      }
    }
    return text;
  }
}

export const membersOf = (node: JsonNode): readonly JsonMember[] => (node.type === 'object' ? node.members : []);

export function isObject(node: JsonNode): node is JsonObject {
  return node.type === 'object';
}

/** A string, or a list of at least one string; undefined otherwise. Duplicates are one. */
export function stringsOf(node: JsonNode): string[] | undefined {
  const items = node.type === 'array' ? node.items : [node];
  const strings: string[] = [];
  for (const item of items) {
    if (item.type !== 'string') return undefined;
    strings.push(item.value);
  }
  return strings.length === 0 ? undefined : [...new Set(strings)];
}
