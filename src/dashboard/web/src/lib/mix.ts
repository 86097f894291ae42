/** A mix of assets: what a portfolio is compared with, or is to become. */

import { compare, isDecimal, percentRatio, sign, sum } from "./decimal";

/** A part of a mix, as a form has it. */
export interface Weight {
  readonly asset: string;
  readonly percent: string;
}

/** The sum of the weights in per cent, as far as they are numbers. */
export function totalOf(weights: readonly Weight[]): string {
  return sum(weights.map(({ percent }) => percent.trim()).filter(isDecimal));
}

/** The mix as the API takes it (`bitcoin:0.6,USD:0.4`); null unless every part has an asset and they add up to 100 %. */
export function mixOf(weights: readonly Weight[]): string | null {
  const parts = weights.map(({ asset, percent }) => ({ asset: asset.trim(), percent: percent.trim() }));
  const isWhole = parts.every(({ asset, percent }) => asset !== "" && !/[:,]/.test(asset) && isDecimal(percent) && sign(percent) > 0);
  if (!isWhole || compare(totalOf(parts), "100") !== 0) return null;
  return parts.map(({ asset, percent }) => `${asset}:${percentRatio(percent)}`).join(",");
}

/** The weights that were kept as JSON; empty if it is of something else. */
export function weightsIn(kept: string | null): Weight[] {
  try {
    const found: unknown = JSON.parse(kept ?? "[]");
    if (!Array.isArray(found)) return [];
    return found.flatMap((one: Partial<Weight> | null) => (typeof one?.asset === "string" && typeof one.percent === "string" ? [{ asset: one.asset, percent: one.percent }] : []));
  } catch {
    return [];
  }
}
