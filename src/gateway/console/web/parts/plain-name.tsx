// Names that strangers chose, as text: characters that nobody sees, and those that turn the direction of what follows, are shown by their
// numbers, so that no name looks like another; and a name in another direction leaves what stands beside it in its place.

/** Unicode: control characters, and the formatting characters of the bidirectional algorithm (UAX #9). */
const UNSEEN = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** The name with nothing unseen in it. */
export function plainName(name: string): string {
  return name.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

export function PlainName({ name }: { readonly name: string }) {
  return name === '' ? null : <bdi>{plainName(name)}</bdi>;
}
