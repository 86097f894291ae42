import { Choice } from "../../components/Choice";
import { RANGES, type Range } from "../../lib/portfolios";

export function RangeChoice({ range, choose }: { range: Range; choose: (range: Range) => void }) {
  return <Choice label="Range" choices={RANGES.map((one) => [one, one])} chosen={range} choose={choose} />;
}
