/** The status of a part: a shape and a word, besides the colour. */

const LOOKS: Record<string, [shape: string, colour: string]> = {
  ok: ["●", "text-good"],
  degraded: ["▲", "text-warn"],
  starting: ["◌", "text-muted"],
  down: ["■", "text-bad"],
  off: ["○", "text-muted"],
};

export function PartStatus({ status }: { status: string }) {
  const [shape, colour] = LOOKS[status] ?? ["?", "text-warn"];
  return (
    <span className={`whitespace-nowrap ${colour}`}>
      <span aria-hidden="true">{shape}</span> {status}
    </span>
  );
}
