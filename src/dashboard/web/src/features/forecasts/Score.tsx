/** The score of forecasts, with how sure it is. */

import { Figure } from "../../components/Card";
import type { Schemas } from "../../lib/api/client";

type Estimate = Schemas["Estimate"];

/** A figure and its confidence interval. */
function estimate({ value, low, high }: Estimate, show: (one: number) => string): string {
  return `${show(value)} (${show(low)} to ${show(high)})`;
}

export function Score({ score }: { score: Schemas["ForecastScore"] }) {
  const error = (one: number) => one.toFixed(3);
  const share = (one: number) => `${(one * 100).toFixed(1)} %`;
  return (
    <dl className="grid grid-cols-1 gap-3 sm:grid-cols-3">
      <Figure name="Error against repeating the last price (below 1 is better)" title="MASE, with its 95 % confidence interval">
        {estimate(score.mase, error)}
      </Figure>
      <Figure name="Right direction (half is chance)" title="With its 95 % confidence interval">
        {estimate(score.directional_accuracy, share)}
      </Figure>
      <Figure name="Forecasts">{score.forecasts.toLocaleString("en")}</Figure>
    </dl>
  );
}

/** Skill in a word, never by colour alone. */
export function Skill({ skill }: { skill: Schemas["ForecastSkill"] }) {
  return (
    <span className={`whitespace-nowrap ${skill.has_skill ? "text-good" : "text-muted"}`} title={skill.statement}>
      {skill.has_skill ? "● skill" : "○ no skill"}
    </span>
  );
}
