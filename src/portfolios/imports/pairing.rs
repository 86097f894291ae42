//! Which of several things that left paid for which of several that came, where a venue books them in one
//! second without saying so. Values decide, and only rank and share: no amount is computed from a price but
//! the shares of one sum, which add up to it.

use std::collections::BTreeMap;

use super::booking::sum;
use crate::Decimal;

/// Something that left or came: a row of a file.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub row: u64,
    pub asset: String,
    /// Above zero.
    pub quantity: Decimal,
}

/// Pair of amounts, one paid with the other.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub rows: Vec<u64>,
    pub sent: (String, Decimal),
    pub received: (String, Decimal),
    /// Way in which it was found, where it was not plain.
    pub flag: Option<&'static str>,
}

const BY_VALUE: &str = "paired by value";
const BY_ORDER: &str = "paired by order of the rows";
const SHARED: &str = "shared out by value";

/// Pairs what left with what came. `value` knows about what one of an asset was worth.
pub(super) fn pair(
    sent: &[Side],
    received: &[Side],
    value: impl Fn(&str) -> Option<f64>,
) -> Result<Vec<Pair>, String> {
    let worth = |side: &Side| value(&side.asset).map(|price| price * side.quantity.to_f64());
    let (out, back) = (by_asset(sent)?, by_asset(received)?);
    if let ([out], [back]) = (out.as_slice(), back.as_slice()) {
        return Ok(vec![joined(out, back, None)]);
    }
    if out.len() == back.len()
        && let (Some(out), Some(back)) = (
            ranked(&out, |side| worth(&side.side)),
            ranked(&back, |side| worth(&side.side)),
        )
    {
        let pairs = out.into_iter().zip(back);
        return Ok(pairs
            .map(|(out, back)| joined(out, back, Some(BY_VALUE)))
            .collect());
    }
    if sent.len() == received.len() {
        let (pairs, flag): (Vec<_>, _) = match (ranked(sent, worth), ranked(received, worth)) {
            (Some(out), Some(back)) => (out.into_iter().zip(back).collect(), BY_VALUE),
            _ => (sent.iter().zip(received).collect(), BY_ORDER),
        };
        return Ok(pairs
            .into_iter()
            .map(|(out, back)| single(out, back, flag))
            .collect());
    }
    match (out.as_slice(), back.as_slice()) {
        ([one], many) => Ok(share(one, many, worth)?
            .into_iter()
            .zip(many)
            .map(|(share, other)| Pair {
                rows: rows(one, other),
                sent: (one.side.asset.clone(), share),
                received: (other.side.asset.clone(), other.side.quantity),
                flag: Some(SHARED),
            })
            .collect()),
        (many, [one]) => Ok(share(one, many, worth)?
            .into_iter()
            .zip(many)
            .map(|(share, other)| Pair {
                rows: rows(other, one),
                sent: (other.side.asset.clone(), other.side.quantity),
                received: (one.side.asset.clone(), share),
                flag: Some(SHARED),
            })
            .collect()),
        _ => Err(UNCLEAR.to_owned()),
    }
}

const UNCLEAR: &str =
    "several coins left and came in one second, and nothing says what was paid with what";

/// Rows of one asset as one.
struct Sum {
    side: Side,
    rows: Vec<u64>,
}

fn by_asset(sides: &[Side]) -> Result<Vec<Sum>, String> {
    let mut assets: Vec<(&str, Vec<&Side>)> = Vec::new();
    let mut at = BTreeMap::new();
    for side in sides {
        let index = *at.entry(side.asset.as_str()).or_insert_with(|| {
            assets.push((&side.asset, Vec::new()));
            assets.len() - 1
        });
        assets[index].1.push(side);
    }
    assets
        .into_iter()
        .map(|(asset, sides)| {
            let quantity = sum(sides.iter().map(|side| side.quantity))?;
            let rows: Vec<_> = sides.iter().map(|side| side.row).collect();
            let side = Side {
                row: rows[0],
                asset: asset.to_owned(),
                quantity,
            };
            Ok(Sum { side, rows })
        })
        .collect()
}

fn joined(out: &Sum, back: &Sum, flag: Option<&'static str>) -> Pair {
    Pair {
        rows: rows(out, back),
        sent: (out.side.asset.clone(), out.side.quantity),
        received: (back.side.asset.clone(), back.side.quantity),
        flag,
    }
}

fn single(out: &Side, back: &Side, flag: &'static str) -> Pair {
    Pair {
        rows: vec![out.row, back.row],
        sent: (out.asset.clone(), out.quantity),
        received: (back.asset.clone(), back.quantity),
        flag: Some(flag),
    }
}

fn rows(one: &Sum, other: &Sum) -> Vec<u64> {
    one.rows.iter().chain(&other.rows).copied().collect()
}

/// By value, the dearest first. `None` where a value is not known.
fn ranked<T>(sides: &[T], worth: impl Fn(&T) -> Option<f64>) -> Option<Vec<&T>> {
    let mut valued: Vec<(f64, &T)> = sides
        .iter()
        .map(|side| Some((worth(side)?, side)))
        .collect::<Option<_>>()?;
    valued.sort_by(|one, other| other.0.total_cmp(&one.0));
    Some(valued.into_iter().map(|(_, side)| side).collect())
}

fn share(
    one: &Sum,
    many: &[Sum],
    worth: impl Fn(&Side) -> Option<f64>,
) -> Result<Vec<Decimal>, String> {
    let weights: Option<Vec<f64>> = many.iter().map(|other| worth(&other.side)).collect();
    weights
        .and_then(|weights| shares(one.side.quantity, &weights))
        .ok_or_else(|| UNCLEAR.to_owned())
}

/// Shares of a sum by weight, with eight decimals or those of the sum; the last takes the rest, so that they add
/// up exactly. `None` where a share would be nothing.
pub(super) fn shares(whole: Decimal, weights: &[f64]) -> Option<Vec<Decimal>> {
    const PARTS: f64 = 1e9;
    let total: f64 = weights.iter().sum();
    let (last, first) = weights.split_last()?;
    if !(total.is_finite() && total > 0.0 && *last > 0.0) {
        return None;
    }
    let mut rest = whole;
    let mut shares = Vec::with_capacity(weights.len());
    for weight in first {
        #[allow(clippy::cast_possible_truncation, reason = "at most 1e9")]
        let parts = (weight / total * PARTS) as i128;
        let atoms = (ethnum::I256::from(whole.atoms()) * ethnum::I256::from(parts))
            / ethnum::I256::from(PARTS as i128);
        let share = Decimal::from_atoms(i128::try_from(atoms).ok()?)?;
        rest = rest.checked_sub(share)?;
        shares.push(share);
    }
    shares.push(rest);
    shares
        .iter()
        .all(|share| share.is_positive())
        .then_some(shares)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn side(row: u64, asset: &str, quantity: &str) -> Side {
        Side {
            row,
            asset: asset.to_owned(),
            quantity: quantity.parse().unwrap(),
        }
    }

    fn shown(pairs: &[Pair]) -> Vec<String> {
        let show = |pair: &Pair| {
            format!(
                "{} {} for {} {}",
                pair.sent.1, pair.sent.0, pair.received.1, pair.received.0
            )
        };
        pairs.iter().map(show).collect()
    }

    #[test]
    fn value_decides_what_was_paid_with_what_whatever_the_order() {
        let sent = [side(1, "ETH", "0.5"), side(2, "BTC", "0.001")];
        let received = [side(3, "BNB", "0.2"), side(4, "BNB", "5")];
        let value = |asset: &str| match asset {
            "ETH" => Some(2500.0),
            "BTC" => Some(40_000.0),
            "BNB" => Some(250.0),
            _ => None,
        };
        let pairs = pair(&sent, &received, value).unwrap();
        assert_eq!(
            shown(&pairs),
            ["0.5 ETH for 5 BNB", "0.001 BTC for 0.2 BNB"]
        );
        let pairs = pair(&sent, &received, |_| None).unwrap();
        assert_eq!(pairs[0].flag, Some(BY_ORDER));
    }

    #[test]
    fn one_sum_is_shared_out_and_adds_up() {
        let sent = [
            side(1, "ETH", "0.5"),
            side(2, "BTC", "0.001"),
            side(3, "DOT", "1"),
        ];
        let received = [side(4, "BNB", "1")];
        let pairs = pair(&sent, &received, |_| Some(1.0)).unwrap();
        let total = sum(pairs.iter().map(|pair| pair.received.1)).unwrap();
        assert_eq!((pairs.len(), total), (3, "1".parse().unwrap()));
        assert!(pair(&sent, &received, |_| None).is_err());
    }
}
