//! Candles made of the trades of a file, in their order. A candle is whole when no trade of it can be missing:
//! numbers show those between others, and the end of a file that may have been cut off is left out. Pure.

use super::rows::{Absence, Rows};
use crate::candles::CandleBuilder;
use crate::market::{Timestamp, Trade};
use crate::store::HistoryBatch;
use crate::time_ranges::TimeRange;

/// The first trade of a numbered file, with which the file before it should go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstTrade {
    id: u64,
    /// The opening time of its candle.
    open: Timestamp,
}

/// The end of a file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FileEnd {
    /// All of it was read, as its archive or checksum shows.
    pub(super) whole: bool,
    /// The end of the time that its name states.
    pub(super) period: Option<Timestamp>,
    /// The file after it begins with this trade.
    pub(super) next: Option<FirstTrade>,
}

/// A candle in the making.
struct Forming {
    open: Timestamp,
    end: Timestamp,
    builder: CandleBuilder,
    /// Trades are missing right before it.
    after_gap: bool,
    /// Trades of it are missing.
    damaged: bool,
}

/// The trades of a file on their way into candles.
pub(super) struct TradeRows {
    rows: Rows,
    window: TimeRange,
    numbered: bool,
    /// The file may begin in the middle of its first candle, which ends then, once that is known.
    begins_within: bool,
    first_end: Option<Timestamp>,
    first: Option<FirstTrade>,
    last: Option<u64>,
    forming: Option<Forming>,
}

impl TradeRows {
    pub(super) const fn new(rows: Rows, window: TimeRange, numbered: bool) -> Self {
        Self {
            rows,
            window,
            numbered,
            begins_within: false,
            first_end: None,
            first: None,
            last: None,
            forming: None,
        }
    }

    /// The first candle is left out: nobody says that the file begins with its first trade.
    pub(super) const fn beginning_within_a_candle(mut self) -> Self {
        self.begins_within = true;
        self
    }

    /// The first trade, if the file is numbered.
    pub(super) const fn first(&self) -> Option<FirstTrade> {
        self.first
    }

    /// Returns whether what follows lies behind the window.
    pub(super) fn is_past(&self, trade: &Trade) -> bool {
        trade.time >= self.window.1
    }

    /// Adds a trade. Answers a batch when there are enough candles before it.
    pub(super) fn add(&mut self, trade: &Trade) -> Result<Option<HistoryBatch>, String> {
        let gap = self.number(trade)?;
        if let Some(forming) = &mut self.forming {
            if trade.time < forming.open {
                return Err(format!(
                    "the trade at {} belongs before the candle at {}",
                    trade.time, forming.open
                ));
            }
            forming.damaged |= gap;
            if trade.time < forming.end {
                forming.builder.add(trade);
                return Ok(None);
            }
        }
        let full = self.close()?;
        if trade.time < self.window.0 {
            self.begins_within = false;
        } else if !self.is_past(trade) {
            self.begin(trade, gap);
        }
        Ok(full)
    }

    /// Begins a candle with a trade.
    fn begin(&mut self, trade: &Trade, after_gap: bool) {
        let interval = self.rows.interval();
        let open = interval.open_of(trade.time);
        let end = interval.end_of(open);
        if self.begins_within && trade.time < *self.first_end.get_or_insert(end) {
            return;
        }
        self.begins_within = false;
        self.forming = Some(Forming {
            open,
            end,
            builder: CandleBuilder::new(trade),
            after_gap,
            damaged: after_gap,
        });
    }

    /// Checks a trade's number; answers whether some are missing before it.
    fn number(&mut self, trade: &Trade) -> Result<bool, String> {
        if !self.numbered {
            return Ok(false);
        }
        let id = trade.id.0;
        let open = self.rows.interval().open_of(trade.time);
        self.first.get_or_insert(FirstTrade { id, open });
        match self.last.replace(id) {
            Some(last) if id <= last => Err(format!("trade {id} does not come after trade {last}")),
            Some(last) => Ok(id - last > 1),
            None => Ok(false),
        }
    }

    /// Closes the candle in the making.
    fn close(&mut self) -> Result<Option<HistoryBatch>, String> {
        let Some(forming) = self.forming.take() else {
            return Ok(None);
        };
        let candle = forming.builder.candle(forming.open, true);
        if forming.damaged || !candle.complete {
            return self.rows.add_damaged(forming.open, forming.after_gap);
        }
        self.rows.add(candle)
    }

    /// Ends the file. Answers what is left, in at most two batches.
    pub(super) fn finish(mut self, end: FileEnd) -> Result<[Option<HistoryBatch>; 2], String> {
        let mut full = None;
        if let Some(forming) = &mut self.forming {
            let next = end
                .next
                .filter(|next| self.numbered && next.open >= forming.end);
            let follows = next.zip(self.last).map(|(next, last)| last + 1 == next.id);
            if follows == Some(false) {
                forming.damaged = true;
            }
            let whole = end.whole || follows.is_some() || end.period == Some(forming.end);
            if whole {
                full = self.close()?;
                if let Some(next) = next {
                    let absence = match follows {
                        Some(true) => Absence::Quiet,
                        _ => Absence::Hole,
                    };
                    self.rows.extend(next.open.min(self.window.1), absence);
                }
            }
        }
        Ok([full, self.rows.take()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Interval, Price, Quantity, TakerSide, TradeId};

    const MINUTE: Interval = Interval::Minute1;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second).unwrap()
    }

    fn trade(id: u64, second: i64, price: &str) -> Trade {
        Trade {
            id: TradeId(id),
            time: at(second),
            price: Price::parse(price).unwrap(),
            quantity: Quantity::parse("2").unwrap(),
            taker: TakerSide::Buy,
        }
    }

    fn rows(numbered: bool, to: i64) -> TradeRows {
        let rows = Rows::new("test", MINUTE, Absence::Quiet);
        TradeRows::new(rows, (at(0), at(to)), numbered)
    }

    type Minutes = Vec<(i64, i64)>;

    /// The minutes of the candles, of what is proven and of the holes.
    fn minutes(batch: &HistoryBatch) -> (Vec<i64>, Minutes, Minutes) {
        let minute = |time: Timestamp| time.millis() / 60_000;
        let ranges = |ranges: &[TimeRange]| {
            let of = |range: &TimeRange| (minute(range.0), minute(range.1));
            ranges.iter().map(of).collect()
        };
        let candles = batch.candles.iter().map(|c| minute(c.open_time)).collect();
        (candles, ranges(&batch.proven), ranges(&batch.holes))
    }

    fn finished(rows: TradeRows, end: FileEnd) -> HistoryBatch {
        let [full, rest] = rows.finish(end).unwrap();
        assert_eq!(full, None);
        rest.unwrap()
    }

    const WHOLE: FileEnd = FileEnd {
        whole: true,
        period: None,
        next: None,
    };

    #[test]
    fn trades_become_candles_and_minutes_between_them_are_proven() {
        let mut rows = rows(true, 6_000);
        for (id, second, price) in [(7, 1, "3"), (8, 59, "5"), (9, 59, "4"), (10, 185, "1")] {
            assert_eq!(rows.add(&trade(id, second, price)).unwrap(), None);
        }
        let batch = finished(rows, WHOLE);
        assert_eq!(minutes(&batch), (vec![0, 3], vec![(0, 4)], vec![]));
        let first = &batch.candles[0];
        let prices = [first.open, first.high, first.low, first.close].map(|p| p.to_string());
        assert_eq!(prices, ["3", "5", "3", "4"]);
        assert_eq!(
            (first.trades, first.quote_volume.to_string()),
            (3, "24".to_owned())
        );
        assert_eq!(first.taker_buy_volume, first.volume);
    }

    #[test]
    fn missing_numbers_are_holes_of_every_candle_that_they_may_belong_to() {
        let mut rows = rows(true, 6_000);
        for (id, second) in [(1, 10), (2, 70), (5, 250), (6, 310), (8, 320), (9, 370)] {
            rows.add(&trade(id, second, "1")).unwrap();
        }
        let batch = finished(rows, WHOLE);
        let holes = vec![(1, 6)];
        assert_eq!(minutes(&batch), (vec![0, 6], vec![(0, 1), (6, 7)], holes));
        let mut again = self::rows(true, 6_000);
        again.add(&trade(5, 10, "1")).unwrap();
        assert!(again.add(&trade(5, 11, "1")).is_err(), "twice");
        let mut back = self::rows(false, 6_000);
        back.add(&trade(1, 100, "1")).unwrap();
        assert!(back.add(&trade(2, 50, "1")).is_err(), "out of order");
    }

    #[test]
    fn the_end_of_a_file_that_may_be_cut_off_is_left_out() {
        let of = |end: FileEnd| {
            let mut rows = rows(true, 600);
            for (id, second) in [(1, 10), (2, 70)] {
                rows.add(&trade(id, second, "1")).unwrap();
            }
            minutes(&finished(rows, end))
        };
        assert_eq!(of(FileEnd::default()), (vec![0], vec![(0, 1)], vec![]));
        assert_eq!(of(WHOLE), (vec![0, 1], vec![(0, 2)], vec![]));
        let period = FileEnd {
            period: Some(at(120)),
            ..FileEnd::default()
        };
        assert_eq!(of(period), (vec![0, 1], vec![(0, 2)], vec![]));
        // The next file says that there was nothing in between, or that something is missing.
        let next = |id| FileEnd {
            next: Some(FirstTrade { id, open: at(300) }),
            ..FileEnd::default()
        };
        assert_eq!(of(next(3)), (vec![0, 1], vec![(0, 5)], vec![]));
        assert_eq!(of(next(4)), (vec![0], vec![(0, 1)], vec![(1, 5)]));
    }

    #[test]
    fn only_the_window_is_made_candles_of() {
        let rows = Rows::new("test", MINUTE, Absence::Quiet);
        let mut rows = TradeRows::new(rows, (at(60), at(180)), true);
        let trades = [(1, 10), (2, 70), (3, 130), (4, 190)].map(|(id, s)| trade(id, s, "1"));
        for trade in &trades {
            rows.add(trade).unwrap();
        }
        assert!(rows.is_past(&trades[3]) && !rows.is_past(&trades[2]));
        let batch = finished(rows, FileEnd::default());
        assert_eq!(minutes(&batch), (vec![1, 2], vec![(1, 3)], vec![]));
    }

    #[test]
    fn the_first_candle_of_a_file_that_begins_anywhere_is_left_out() {
        let mut rows = rows(false, 6_000).beginning_within_a_candle();
        for second in [10, 20, 70, 130] {
            rows.add(&trade(1, second, "1")).unwrap();
        }
        let batch = finished(rows, FileEnd::default());
        assert_eq!(minutes(&batch), (vec![1], vec![(1, 2)], vec![]));
    }
}
