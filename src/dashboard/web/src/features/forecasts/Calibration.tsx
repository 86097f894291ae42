/** How often the outcome was inside the intervals, against how often it should have been. */

const LEVELS = ["50", "80", "95"] as const;

export interface Shares {
  readonly "50": number;
  readonly "80": number;
  readonly "95": number;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function Calibration({ shares, forecasts }: { shares: Shares; forecasts: number }) {
  const x = (share: number) => 20 + share * 170;
  const y = (share: number) => 185 - share * 170;
  return (
    <div className="grid grid-cols-1 items-center gap-4 sm:grid-cols-[13rem_1fr]">
      <svg viewBox="0 0 200 200" className="w-full max-w-52" role="img" aria-label={`Calibration: ${LEVELS.map((level) => `${percent(shares[level])} inside the ${level} % interval`).join(", ")}`}>
        <rect x={x(0)} y={y(1)} width="170" height="170" className="fill-none stroke-line" />
        <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} className="stroke-muted" strokeDasharray="4 4" />
        <polyline points={[[0, 0], ...LEVELS.map((level) => [Number(level) / 100, shares[level]]), [1, 1]].map(([a = 0, b = 0]) => `${x(a)},${y(b)}`).join(" ")} className="fill-none stroke-accent" />
        {LEVELS.map((level) => (
          <circle key={level} cx={x(Number(level) / 100)} cy={y(shares[level])} r="4" className="fill-accent" />
        ))}
        <text x="105" y="199" textAnchor="middle" className="fill-muted text-[10px]">
          promised
        </text>
        <text x="12" y="100" textAnchor="middle" transform="rotate(-90 12 100)" className="fill-muted text-[10px]">
          happened
        </text>
      </svg>
      <table>
        <caption className="text-left text-xs text-muted">Outcomes inside the intervals, of {forecasts === 1 ? "one forecast" : `${forecasts.toLocaleString("en")} forecasts`}; on the dashed line is exactly right</caption>
        <thead className="text-xs text-muted">
          <tr>
            <th scope="col" className="px-0 text-left font-normal">
              Promised
            </th>
            <th scope="col" className="figures font-normal">
              Happened
            </th>
          </tr>
        </thead>
        <tbody>
          {LEVELS.map((level) => (
            <tr key={level} className="border-t border-line">
              <th scope="row" className="px-0 text-left font-normal">
                {level} %
              </th>
              <td className="figures">{percent(shares[level])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
