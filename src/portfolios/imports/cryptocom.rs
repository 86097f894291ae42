//! The Crypto.com app's export. The kind decides what a row is, never its description.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::booking::Booking;
use super::numbers::{Numbers, short};
use super::pairing::shares;
use super::reading::{Cells, Line, Read, Reader, Reading, Unknown, users_clock};
use super::table::{Header, Table};
use super::times::utc;
use super::{Format, Source};
use crate::{Decimal, Kind};

pub(super) static FORMAT: Format = Format {
    name: "cryptocom.app",
    venue: "crypto.com",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "timestamp (utc)",
                "currency",
                "amount",
                "native currency",
                "native amount",
                "transaction kind",
            ])
        },
        read,
    },
};

/// A row of several that belong together.
struct Part {
    row: u64,
    asset: String,
    change: Decimal,
    value: Option<Decimal>,
}

fn read(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let reader = Reader {
        header,
        numbers: Numbers::POINT,
        clock: users_clock(
            table,
            header.column("timestamp (utc)"),
            reading.options,
            &utc,
        ),
    };
    let mut groups: BTreeMap<(DateTime<Utc>, &'static str), Vec<Part>> = BTreeMap::new();
    reader.rows(table, reading, |cells, reading| {
        let row = Row::new(cells, header, reading)?;
        if let Some(word) = group(&row.kind) {
            let Row {
                asset,
                change,
                value,
                time,
                ..
            } = row;
            let part = Part {
                row: cells.line(),
                asset: asset.to_owned(),
                change,
                value,
            };
            groups.entry((time, word)).or_default().push(part);
            return Ok(Line::Internal(GROUPED));
        }
        row.line(&reading.account)
    });
    reading.internal.remove(GROUPED);
    let overall: BTreeSet<DateTime<Utc>> = groups
        .keys()
        .filter(|(_, word)| *word == OVERALL)
        .map(|(time, _)| *time)
        .collect();
    for ((time, word), parts) in groups {
        if PARTS_OF_OVERALL.contains(&word) && overall.contains(&time) {
            let rows: Vec<u64> = parts.iter().map(|part| part.row).collect();
            reading.internal(&rows, "part of the overall swap of that second");
        } else {
            convert(time, word, parts, reading);
        }
    }
}

/// The swap of everything, and the words that tell its parts again.
const OVERALL: &str = "dynamic_coin_swap";
const PARTS_OF_OVERALL: [&str; 2] = ["crypto_wallet_swap", "lockup_swap"];
const GROUPED: &str = "with other rows of its second";

/// Kinds that come as rows for what was given and what was got.
fn group(kind: &str) -> Option<&'static str> {
    let (word, side) = kind.rsplit_once('_')?;
    let known = ["dust_conversion", OVERALL, "interest_swap"];
    let mut known = known.into_iter().chain(PARTS_OF_OVERALL);
    let word = known.find(|known| *known == word)?;
    matches!(side, "debited" | "credited").then_some(word)
}

/// One thing that was got for several that were given, shared out by their values.
fn convert(time: DateTime<Utc>, word: &str, parts: Vec<Part>, reading: &mut Reading<'_>) {
    let (given, got): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| part.change.is_negative());
    let tag = if word == "dust_conversion" {
        "dust"
    } else {
        ""
    };
    let weights: Option<Vec<f64>> = given
        .iter()
        .map(|part| part.value.map(|value| value.abs().to_f64()))
        .collect();
    let quantities = match (given.as_slice(), got.as_slice()) {
        ([_], [one]) => Some(vec![one.change]),
        ([_, ..], [one]) => weights.and_then(|weights| shares(one.change, &weights)),
        _ => None,
    };
    let Some(quantities) = quantities else {
        for part in &parts {
            let reason = format!(
                "{word}: what was given and what was got in this second do not fit together"
            );
            let unknown = Unknown {
                reason,
                word: word.to_owned(),
                time,
                account: reading.account.clone(),
                asset: part.asset.clone(),
                change: part.change,
                fee: None,
            };
            reading.unknown(part.row, unknown);
        }
        return;
    };
    let several = given.len() > 1;
    for (part, quantity) in given.into_iter().zip(quantities) {
        let rows = vec![got[0].row, part.row];
        let (sent, received) = (
            (part.asset.as_str(), -part.change),
            (got[0].asset.as_str(), quantity),
        );
        let mut booking = Booking::trade(time, &reading.account, rows, sent, received)
            .tag(tag)
            .value(part.value);
        if PARTS_OF_OVERALL.contains(&word) {
            booking.imported.transaction.kind = Kind::Migration;
            booking.imported.transaction.value = None;
        }
        reading.book(if several {
            booking.flag("shared out by value")
        } else {
            booking
        });
    }
}

struct Row<'a> {
    line: u64,
    time: DateTime<Utc>,
    kind: String,
    asset: &'a str,
    change: Decimal,
    other: Option<(&'a str, Decimal)>,
    native: (&'a str, Option<Decimal>),
    value: Option<Decimal>,
    note: &'a str,
    id: &'a str,
}

impl<'a> Row<'a> {
    fn new(cells: &Cells<'a>, header: &Header, reading: &mut Reading<'_>) -> Read<Self> {
        let column = |name: &str| header.column(name);
        let other = cells
            .amount(column("to amount"))?
            .filter(|amount| !amount.is_zero());
        let native = cells.amount(column("native amount"))?;
        let currency = cells.text(column("native currency"));
        Ok(Self {
            line: cells.line(),
            time: cells.time(column("timestamp (utc)"))?,
            kind: cells.text(column("transaction kind")).to_lowercase(),
            asset: cells.text(column("currency")),
            change: cells.needed(column("amount"))?,
            other: other.map(|amount| (cells.text(column("to currency")), amount.abs())),
            native: (currency, native.map(Decimal::abs)),
            value: reading.valued(native, currency),
            note: cells.text(column("transaction description")),
            id: cells.text(column("transaction hash")),
        })
    }

    fn line(&self, account: &str) -> Read<Line> {
        let rows = vec![self.line];
        let change = |kinds, tag: &str| {
            Booking::change(
                kinds,
                self.time,
                account,
                rows.clone(),
                self.asset,
                self.change,
            )
            .tag(tag)
        };
        let income = |kind, tag| change((kind, Kind::Loss), tag);
        let booking = match self.kind.as_str() {
            word if is_exchange(word) || (word == "van_purchase" && self.other.is_some()) => {
                let other = self
                    .other
                    .ok_or("an exchange that does not say what was got")?;
                Booking::trade(
                    self.time,
                    account,
                    rows.clone(),
                    (self.asset, self.change.abs()),
                    other,
                )
            }
            word if word == "van_purchase" || is_purchase(word) => {
                let paid = self
                    .native
                    .1
                    .ok_or("a purchase that does not say what was paid")?;
                let (sent, received) = ((self.native.0, paid), (self.asset, self.change.abs()));
                Booking::trade(self.time, account, rows.clone(), sent, received)
            }
            "card_top_up" => {
                let got = self
                    .native
                    .1
                    .ok_or("a sale that does not say what was got")?;
                let (sent, received) = ((self.asset, self.change.abs()), (self.native.0, got));
                Booking::trade(self.time, account, rows.clone(), sent, received).tag("card")
            }
            "crypto_withdrawal"
            | "crypto_deposit"
            | "viban_deposit"
            | "viban_withdrawal"
            | "exchange_to_crypto_transfer"
            | "crypto_to_exchange_transfer"
            | "invest_deposit"
            | "invest_withdrawal"
            | "viban_card_top_up" => change((Kind::Deposit, Kind::Withdrawal), ""),
            // Money that the app moves has no kind in older exports.
            "" if self.note.to_lowercase().contains("deposit")
                || self.note.to_lowercase().contains("withdraw") =>
            {
                change((Kind::Deposit, Kind::Withdrawal), "")
            }
            "crypto_transfer" => change((Kind::GiftIn, Kind::GiftOut), ""),
            "crypto_payment"
            | "crypto_payment_refund"
            | "reimbursement_reverted"
            | "card_cashback_reverted" => change((Kind::Reward, Kind::Spend), "card"),
            "referral_card_cashback" | "transfer_cashback" | "card_cashback" => {
                income(Kind::Reward, "cashback")
            }
            "referral_gift" | "referral_bonus" | "referral_commission" => {
                income(Kind::Reward, "referral")
            }
            "reimbursement"
            | "pay_checkout_reward"
            | "rewards_platform_deposit_credited"
            | "gift_card_reward"
            | "admin_wallet_credited"
            | "campaign_reward" => income(Kind::Reward, "reward"),
            "reward.loyalty_program.trading_rebate.crypto_wallet" => {
                income(Kind::Reward, "fee rebate")
            }
            "mco_stake_reward"
            | "staking_reward"
            | "supercharger_reward_to_app_credited"
            | "finance.lockup.dpos_compound_interest.crypto_wallet"
            | "finance.dpos.compound_interest.crypto_wallet"
            | "finance.dpos.non_compound_interest.crypto_wallet" => income(Kind::Staking, ""),
            "airdrop_to_exchange_transfer" | "airdrop" => income(Kind::Airdrop, ""),
            "crypto_earn_interest_paid"
            | "crypto_earn_extra_interest_paid"
            | "finance.crypto_earn.loyalty_program_extra_interest_paid.crypto_wallet" => {
                income(Kind::Interest, "")
            }
            "crypto_earn_program_created"
            | "crypto_earn_program_withdrawn"
            | "lockup_lock"
            | "lockup_unlock"
            | "lockup_upgrade"
            | "supercharger_deposit"
            | "supercharger_withdrawal"
            | "council_node_deposit_created"
            | "lockup_swap_rebate"
            | "finance.lockup.dpos_lock.crypto_wallet"
            | "finance.dpos.staking.crypto_wallet"
            | "finance.dpos.unstaking.crypto_wallet"
            | "viban_deposit_precredit"
            | "viban_deposit_precredit_repayment"
            | "dynamic_coin_swap_bonus_exchange_deposit" => return Ok(Line::Internal(SAVINGS)),
            word if is_reservation(word) => return Ok(Line::Internal(RESERVED)),
            "airdrop_locked" => return Ok(Line::Ignore("promised, not yet yours".to_owned())),
            word => {
                return Ok(Line::Unknown(Unknown {
                    reason: format!(
                        "unknown transaction kind \"{}\": say what it is, or skip it",
                        short(word)
                    ),
                    word: word.to_owned(),
                    time: self.time,
                    account: account.to_owned(),
                    asset: self.asset.to_owned(),
                    change: self.change,
                    fee: None,
                }));
            }
        };
        Ok(Line::Book(
            booking.value(self.value).note(self.note).id(self.id),
        ))
    }
}

const SAVINGS: &str = "savings of the same account";
const RESERVED: &str = "set aside for an order, or given free again";

/// True where the row has both sides of a trade.
fn is_exchange(kind: &str) -> bool {
    let plain = [
        "crypto_exchange",
        "viban_purchase",
        "crypto_viban_exchange",
        "recurring_buy_order",
        "crypto_to_viban_exchange",
        "viban_to_crypto_exchange",
        "crypto_to_van_sell_order",
        "trading.limit_order.crypto_wallet.exchange",
    ];
    let filled = ["purchase_commit", "sell_commit"];
    plain.contains(&kind) || of_limit_order(kind).is_some_and(|end| filled.contains(&end))
}

/// True where only what was bought has columns of its own.
fn is_purchase(kind: &str) -> bool {
    kind == "crypto_purchase" || kind.starts_with("trading.crypto_purchase.")
}

/// True where an order took its amount aside, or gave it back.
fn is_reservation(kind: &str) -> bool {
    of_limit_order(kind).is_some_and(|end| end.ends_with("_lock") || end.ends_with("_unlock"))
}

/// The last word of the kind of a limit order: `trading.limit_order.cash_account.purchase_lock`.
fn of_limit_order(kind: &str) -> Option<&str> {
    let (_, end) = kind.strip_prefix("trading.limit_order.")?.split_once('.')?;
    Some(end)
}
