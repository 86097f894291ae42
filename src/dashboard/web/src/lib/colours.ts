/** The colours of the page for what is drawn on a canvas, which no style reaches. */

const NAMES = ["page", "line", "text", "muted", "accent", "up", "down", "warn"] as const;

export type Colours = Readonly<Record<(typeof NAMES)[number], string>>;

/** The colours as they are now. */
export function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Colours;
}

/** Calls back when they have changed; returns how to end that. */
export function onColours(call: () => void): () => void {
  const watcher = new MutationObserver(call);
  watcher.observe(document.documentElement, { attributeFilter: ["data-theme", "data-palette"] });
  return () => watcher.disconnect();
}
