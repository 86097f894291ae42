/** The course of a price in a line as high as text. Pixels come from floats; what is read stands beside it. */

const [WIDTH, HEIGHT] = [100, 24];

/** The points of a line through the values, evenly spaced, from the lowest at the bottom to the highest at the top. */
export function pointsOf(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (at: number) => (at * WIDTH) / (values.length - 1);
  const y = (value: number) => (high === low ? HEIGHT / 2 : HEIGHT - 2 - ((value - low) * (HEIGHT - 4)) / (high - low));
  return values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
}

export function Sparkline({ values }: { values: readonly string[] }) {
  if (values.length < 2) return null;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" className="h-6 w-24">
      <polyline points={pointsOf(values.map(Number))} className="fill-none stroke-accent" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
