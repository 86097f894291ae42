//! Where faults strike single trades and frames on their way to one connection.
//!
//! Works on anything that has a symbol and an id: trades of the market and recorded frames alike.

use super::{Active, FaultKind, Ledger, Mark};
use crate::market::{Draws, Venue, derive, hash};

/// A held-back item is released after this long at the latest, µs: a quiet instrument must not
/// turn "late" into "never".
const HELD_AT_MOST: i64 = 1_000_000;

/// The faults' memory of one connection.
#[derive(Debug)]
pub(crate) struct Stage<T> {
    passed: u64,
    held: Vec<Held<T>>,
}

#[derive(Debug)]
struct Held<T> {
    after: u64,
    at: i64,
    item: T,
}

/// Who an item is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'a> {
    pub(crate) venue: Venue,
    pub(crate) symbol: &'a str,
    /// The trades in it; the first one decides whether a fault strikes.
    pub(crate) ids: &'a [u64],
}

impl<T: Clone> Stage<T> {
    pub(crate) fn new() -> Self {
        Self {
            passed: 0,
            held: Vec::new(),
        }
    }

    /// Passes one item through the faults into `out`.
    pub(crate) fn pass(
        &mut self,
        item: T,
        tag: Tag<'_>,
        now: i64,
        (faults, ledger): (&Active, &Ledger),
        out: &mut Vec<T>,
    ) {
        let Tag { venue, symbol, ids } = tag;
        let Some(&id) = ids.first() else {
            out.push(item);
            return;
        };
        let note = |mark| {
            ids.iter()
                .for_each(|&id| ledger.note(mark, venue, symbol, id))
        };
        let mut copies = 1;
        let mut hold = None;
        for fault in faults.iter().filter(|f| f.concerns(venue, Some(symbol))) {
            match fault.fault.kind {
                FaultKind::Drop { p } if fault.strikes(p, symbol, id) => {
                    note(Mark::Dropped);
                    copies = 0;
                }
                FaultKind::Duplicate { p } if copies > 0 && fault.strikes(p, symbol, id) => {
                    note(Mark::Duplicated);
                    copies += 1;
                }
                FaultKind::Reorder { p, window } if copies > 0 && fault.strikes(p, symbol, id) => {
                    note(Mark::Reordered);
                    let by = 1 + (fault.chance("window", id) * window as f64) as u64;
                    hold = Some(self.passed + by.min(window));
                }
                _ => {}
            }
        }
        if copies > 0 {
            match hold {
                Some(after) => self.held.push(Held {
                    after,
                    at: now,
                    item,
                }),
                None => {
                    out.extend(std::iter::repeat_n(item, copies));
                    self.passed += 1;
                }
            }
        }
        self.release(now, out);
    }

    /// Lets go of what has been held back long enough.
    pub(crate) fn release(&mut self, now: i64, out: &mut Vec<T>) {
        let mut i = 0;
        while i < self.held.len() {
            let held = &self.held[i];
            if self.passed >= held.after || now - held.at >= HELD_AT_MOST {
                out.push(self.held.remove(i).item);
            } else {
                i += 1;
            }
        }
    }

    /// Lets go of everything: nothing comes after it.
    pub(crate) fn flush(&mut self, out: &mut Vec<T>) {
        out.extend(self.held.drain(..).map(|held| held.item));
    }

    /// When [`Stage::release`] has something to do next, if nothing else comes.
    pub(crate) fn due(&self) -> Option<i64> {
        self.held.iter().map(|held| held.at + HELD_AT_MOST).min()
    }
}

/// Text of a frame with these trades once the faults have struck it, if they do.
pub(crate) fn mangle(
    text: &str,
    venue: Venue,
    symbol: &str,
    ids: &[u64],
    (faults, ledger): (&Active, &Ledger),
) -> Option<String> {
    let &id = ids.first()?;
    for fault in faults.iter().filter(|f| f.concerns(venue, Some(symbol))) {
        let (p, name) = match fault.fault.kind {
            FaultKind::Malform { p } => (p, "malform"),
            FaultKind::Truncate { p } => (p, "truncate"),
            _ => continue,
        };
        if !fault.strikes(p, name, hash(derive(0, symbol), id)) {
            continue;
        }
        for &id in ids {
            ledger.note(Mark::Mangled, venue, symbol, id);
        }
        let mut draws = Draws::new(hash(fault.fault.seed, id));
        return Some(match fault.fault.kind {
            FaultKind::Truncate { .. } => cut(text, &mut draws),
            _ => garble(text, &mut draws),
        });
    }
    None
}

/// At least the closing brace is missing, so what is left is never valid JSON. Frames are ASCII.
fn cut(text: &str, draws: &mut Draws) -> String {
    let at = 1 + draws.below(text.len().saturating_sub(1).max(1) as u64) as usize;
    text.get(..at.min(text.len().saturating_sub(1)))
        .unwrap_or_default()
        .to_owned()
}

/// One of the ways in which frames have been seen to be wrong. None of them carries the trade.
fn garble(text: &str, draws: &mut Draws) -> String {
    match draws.below(6) {
        0 => "<html><head><title>502 Bad Gateway</title></head></html>".to_owned(),
        1 => "null".to_owned(),
        2 => format!("{{{text}"),
        3 => {
            let at = draws.below(text.len().max(1) as u64) as usize;
            let (head, tail) = text.split_at_checked(at).unwrap_or((text, ""));
            format!("{head}\u{1}{tail}")
        }
        n => {
            // An impossible price, in whichever spelling the venue has for it.
            let value = if n == 4 { "-" } else { "NaN" };
            for key in ["\"p\":\"", "\"price\":\"", "\"price\":"] {
                if text.contains(key) {
                    return text.replace(key, &format!("{key}{value}"));
                }
            }
            cut(text, draws)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, FaultBoard};
    use super::*;

    fn run(faults: &[&str], ids: std::ops::RangeInclusive<u64>) -> (Vec<u64>, Ledger) {
        let faults: Vec<Fault> = faults.iter().map(|f| f.parse().expect("a fault")).collect();
        let board = FaultBoard::new(faults);
        let (active, ledger) = (board.active(), Ledger::default());
        let (mut stage, mut out) = (Stage::new(), Vec::new());
        for id in ids {
            let ids = [id];
            let tag = Tag {
                venue: Venue::Binance,
                symbol: "BTCUSDT",
                ids: &ids,
            };
            stage.pass(id, tag, 0, (&active, &ledger), &mut out);
        }
        stage.release(HELD_AT_MOST, &mut out);
        (out, ledger)
    }

    fn noted(ledger: &Ledger, mark: Mark) -> Vec<u64> {
        let (ids, _) = ledger.read();
        ids.get(&(mark, Venue::Binance, "BTCUSDT".to_owned()))
            .map(|ids| ids.iter().copied().collect())
            .unwrap_or_default()
    }

    #[test]
    fn what_is_dropped_is_noted_and_the_same_every_time() {
        let (sent, ledger) = run(&["drop:p=0.1,seed=3"], 1..=1_000);
        let dropped = noted(&ledger, Mark::Dropped);
        assert!((60..150).contains(&dropped.len()), "{}", dropped.len());
        let mut all = [sent.clone(), dropped].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(1..=1_000));
        assert_eq!(run(&["drop:p=0.1,seed=3"], 1..=1_000).0, sent);
        assert_ne!(run(&["drop:p=0.1,seed=4"], 1..=1_000).0, sent);
        assert_eq!(run(&["drop:p=1,times=2"], 1..=10).0.len(), 8);
        assert_eq!(run(&["drop:p=1,symbol=ETHUSDT"], 1..=10).0.len(), 10);
    }

    #[test]
    fn duplicates_and_late_trades_lose_nothing() {
        let (sent, ledger) = run(
            &["duplicate:p=0.1,seed=1", "reorder:p=0.2,window=4,seed=2"],
            1..=500,
        );
        assert!(!noted(&ledger, Mark::Duplicated).is_empty());
        let late = noted(&ledger, Mark::Reordered);
        assert!(!late.is_empty() && !sent.is_sorted());
        let mut unique = sent.clone();
        unique.sort_unstable();
        unique.dedup();
        assert!(unique.into_iter().eq(1..=500));
        for (place, id) in sent.iter().enumerate() {
            let earlier_but_larger = sent[..place].iter().filter(|other| *other > id).count();
            assert!(
                earlier_but_larger <= 40,
                "{id} came {earlier_but_larger} too late"
            );
        }
    }

    #[test]
    fn mangled_frames_are_not_the_trade() {
        let board = FaultBoard::new(vec![
            "malform:p=0.5,seed=1".parse().expect("a fault"),
            "truncate:p=1".parse().expect("a fault"),
        ]);
        let text = r#"{"e":"trade","p":"61837.63000000","q":"0.02000000"}"#;
        for id in 1..200 {
            let faults = (&board.active(), &Ledger::default());
            let mangled = mangle(text, Venue::Binance, "BTCUSDT", &[id], faults).expect("struck");
            let price = serde_json::from_str::<serde_json::Value>(&mangled)
                .ok()
                .and_then(|v| v.get("p")?.as_str()?.parse::<f64>().ok());
            assert!(price.is_none_or(|p| p < 0.0 || p.is_nan()), "{mangled}");
        }
    }
}
