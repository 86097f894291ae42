/** Amounts and quantities, which a person can hide everywhere at once. Whatever shows one shows it by these. */

import { format, formatMoney, formatSigned, MISSING, round } from "../lib/decimal";
import { usePreferences } from "../lib/preferences";
import { Change } from "./ui";

/** Stands for an amount that is hidden; as wide for every amount. */
export const HIDDEN = "•••";

/** How amounts are written now: for titles, names and charts. */
export function useAmounts() {
  const isHidden = usePreferences().amounts === "hidden";
  const of = (write: (text: string) => string) => (text: string | null | undefined) => (text == null ? MISSING : isHidden ? HIDDEN : write(text));
  return { isHidden, money: of(formatMoney), exact: of(format), signed: of(formatSigned) };
}

/** Money with two decimals; every digit is in the title. */
export function Money({ value, currency, reason }: { value: string | null | undefined; currency?: string; reason?: string | null | undefined }) {
  const { money, exact } = useAmounts();
  const unit = currency === undefined ? "" : ` ${currency}`;
  if (value == null) return <span title={reason ?? "not known"}>{MISSING}</span>;
  return (
    <span title={`${exact(value)}${unit}`}>
      {money(value)}
      {currency !== undefined && <span className="text-xs text-muted">{unit}</span>}
    </span>
  );
}

/** A gain or loss of money. */
export function Gain({ value }: { value: string | null | undefined }) {
  const { isHidden } = useAmounts();
  if (isHidden && value != null) return <span>{HIDDEN}</span>;
  return <Change value={value == null ? null : round(value, 2)} exact={value} />;
}

/** A quantity with every digit. */
export function Quantity({ value, asset }: { value: string | null | undefined; asset?: string }) {
  const { exact } = useAmounts();
  return (
    <>
      {exact(value)}
      {asset !== undefined && ` ${asset}`}
    </>
  );
}
