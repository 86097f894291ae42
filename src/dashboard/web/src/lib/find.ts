/** Finding places and actions by a few letters of their names. */

export interface Place {
  readonly name: string;
  /** A second word by which it is found, such as a token's symbol. */
  readonly kind: string;
  readonly to?: string;
  /** What is done instead of going somewhere. */
  readonly run?: () => void;
}

/** How well letters fit: 0 begins with them, 1 a word does, 2 has them, 3 has them in order with others between; else none. */
function rank(text: string, letters: string): number | null {
  if (text.startsWith(letters)) return 0;
  if (text.split(/[\s-]+/).some((word) => word.startsWith(letters))) return 1;
  if (text.includes(letters)) return 2;
  let at = 0;
  for (const letter of letters) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return null;
  }
  return 3;
}

/** What fits, the best first; otherwise in the given order. */
export function find(places: readonly Place[], text: string): Place[] {
  const letters = text.trim().toLowerCase();
  const ranked = places.flatMap((place) => {
    const ranks = [place.name, place.kind].map((name) => rank(name.toLowerCase(), letters)).filter((one) => one !== null);
    return ranks.length === 0 ? [] : [{ place, rank: Math.min(...ranks) }];
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ place }) => place);
}
