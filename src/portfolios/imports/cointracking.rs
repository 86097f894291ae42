//! CoinTracking's list of trades, without values and with them. Its numbers and dates are in the user's style,
//! and three or four columns share one name: they are distinguished by what stands before them.

use super::booking::Booking;
use super::numbers::short;
use super::reading::{Cells, Line, Read, Reader, Reading, Unknown, users_clock, users_numbers};
use super::table::{Header, Table};
use super::times::users_zone;
use super::{Format, Source};
use crate::{Decimal, Kind};

pub(super) static TRADES: Format = Format {
    name: "cointracking.trades",
    venue: "cointracking",
    source: Source::Table {
        recognizes: |header| has(header) && header.column("fee").is_some(),
        read,
    },
};

pub(super) static VALUES: Format = Format {
    name: "cointracking.trades.values",
    venue: "cointracking",
    source: Source::Table {
        recognizes: |header| has(header) && header.beginning("value in ").is_some(),
        read,
    },
};

fn has(header: &Header) -> bool {
    let columns = Columns::new(header);
    let sides = columns.buy.iter().chain(&columns.sell);
    header.has(&["type", "exchange"])
        && columns.date.is_some()
        && sides.into_iter().all(Option::is_some)
}

struct Columns {
    buy: [Option<usize>; 2],
    sell: [Option<usize>; 2],
    fee: [Option<usize>; 2],
    account: Option<usize>,
    comment: Option<usize>,
    date: Option<usize>,
    id: Option<usize>,
}

impl Columns {
    fn new(header: &Header) -> Self {
        let pair = |name: &str| {
            let amount = header.any(&[name, &format!("{name} amount")]);
            let own = header.any(&[&format!("{name} currency"), &format!("{name} cur.")]);
            let currency = own
                .or_else(|| header.behind(amount, "cur."))
                .or_else(|| header.behind(amount, "currency"));
            [amount, currency]
        };
        Self {
            buy: pair("buy"),
            sell: pair("sell"),
            fee: pair("fee"),
            account: header.column("exchange"),
            comment: header.column("comment"),
            date: header.any(&["date", "trade date"]),
            id: header.any(&["tx-id", "tx id", "txid", "trade id"]),
        }
    }
}

fn read(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let columns = Columns::new(header);
    let amounts = [columns.buy[0], columns.sell[0], columns.fee[0]];
    let zone = users_zone(reading.options.timezone);
    let reader = Reader {
        header,
        numbers: users_numbers(table, &amounts, reading.options),
        clock: users_clock(table, columns.date, reading.options, &zone),
    };
    reader.rows(table, reading, |cells, reading| {
        row(cells, &columns, reading)
    });
}

fn side<'c>(
    cells: &Cells<'c>,
    [amount, name]: [Option<usize>; 2],
) -> Read<Option<(&'c str, Decimal)>> {
    let Some(quantity) = cells.amount(amount)?.filter(|quantity| !quantity.is_zero()) else {
        return Ok(None);
    };
    match cells.text(name) {
        "" => Err(cells.problem(name, "no currency")),
        asset => Ok(Some((asset, quantity))),
    }
}

fn row(cells: &Cells<'_>, columns: &Columns, reading: &Reading<'_>) -> Read<Line> {
    let time = cells.time(columns.date)?;
    let (bought, sold) = (side(cells, columns.buy)?, side(cells, columns.sell)?);
    let fee = side(cells, columns.fee)?;
    let account = match cells.text(columns.account) {
        "" => reading.account.as_str(),
        account => account,
    };
    let rows = vec![cells.line()];
    let word = cells.text(cells.header().column("type"));
    let booking = match (kind(word), bought, sold) {
        (_, None, None) => return Err("nothing bought, nothing sold".into()),
        (Some(Word::Trade), Some(bought), Some(sold)) => {
            Booking::trade(time, account, rows, sold, bought)
        }
        (Some(Word::Trade), ..) => return Err("a trade with one side".into()),
        (Some(Word::One(kind, tag)), bought, sold) => {
            let out = kind.legs() == crate::transaction::Legs::Sent;
            let (leg, other) = if out { (sold, bought) } else { (bought, sold) };
            let (Some((asset, quantity)), None) = (leg, other) else {
                let (this, that) = if out {
                    ("sold", "bought")
                } else {
                    ("bought", "sold")
                };
                return Err(
                    format!("a {} needs what was {this} and nothing {that}", short(word)).into(),
                );
            };
            let booking = Booking::new(kind, time, account, rows).tag(tag);
            match fee {
                // What was sold has the fee inside.
                Some((coin, fee)) if kind == Kind::Withdrawal && coin == asset => {
                    let arrived = quantity
                        .checked_sub(fee)
                        .filter(|arrived| arrived.is_positive());
                    let arrived = arrived.ok_or("a withdrawal that is not more than its fee")?;
                    booking.sent(asset, arrived)
                }
                _ if out => booking.sent(asset, quantity),
                _ => booking.received(asset, quantity),
            }
        }
        (None, bought, sold) => {
            let (asset, change) = bought
                .or(sold.map(|(asset, sold)| (asset, -sold)))
                .unwrap_or_default();
            return Ok(Line::Unknown(Unknown {
                reason: format!(
                    "unknown type \"{}\": say what it is, or skip it",
                    short(word)
                ),
                word: word.to_owned(),
                time,
                account: account.to_owned(),
                asset: asset.to_owned(),
                change,
                fee: fee.map(|(asset, fee)| (asset.to_owned(), fee)),
            }));
        }
    };
    let booking = match fee {
        Some((asset, fee)) => booking.fee(asset, fee),
        None => booking,
    };
    Ok(Line::Book(
        booking
            .note(cells.text(columns.comment))
            .id(cells.text(columns.id)),
    ))
}

enum Word {
    Trade,
    One(Kind, &'static str),
}

/// Meaning of a type. `None`: nobody has said yet.
fn kind(word: &str) -> Option<Word> {
    use Word::One;
    let word = word.to_lowercase();
    Some(match word.trim_end_matches(" (non taxable)") {
        "trade" | "swap" => Word::Trade,
        "deposit" => One(Kind::Deposit, ""),
        "withdrawal" => One(Kind::Withdrawal, ""),
        "income" | "other income" => One(Kind::Reward, "income"),
        "lp rewards" => One(Kind::Reward, "liquidity"),
        "gift/tip" | "gift / tip" | "gift/tip(in)" | "gift/tip (in)" => One(Kind::GiftIn, ""),
        "reward/bonus" | "reward / bonus" => One(Kind::Reward, ""),
        "mining" | "mining (commercial)" => One(Kind::Mining, ""),
        "airdrop" => One(Kind::Airdrop, ""),
        "staking" => One(Kind::Staking, ""),
        "masternode" => One(Kind::Staking, "masternode"),
        "minting" => One(Kind::Mining, "minting"),
        "interest income" | "lending income" => One(Kind::Interest, ""),
        "dividends income" => One(Kind::Reward, "dividend"),
        "hard fork" => One(Kind::Fork, ""),
        "spend" => One(Kind::Spend, ""),
        "donation" => One(Kind::GiftOut, "donation"),
        "gift" => One(Kind::GiftOut, ""),
        "stolen" | "lost" => One(Kind::Loss, ""),
        "margin profit" | "margin gain" | "derivatives / futures profit" => {
            One(Kind::Reward, "margin gain")
        }
        "margin loss" | "derivatives / futures loss" => One(Kind::Loss, "margin loss"),
        "margin fee" => One(Kind::Fee, "margin fee"),
        "other fee" | "fee" | "borrowing fee" | "settlement fee" => One(Kind::Fee, ""),
        "other expense" | "expense" => One(Kind::Spend, ""),
        _ => return None,
    })
}
