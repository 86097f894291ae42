//! Collects what is to be appended to each partition of the log: trades gathered into batches,
//! control records between them, all in the order they happened. Knows no venue and no log.

use std::collections::HashMap;
use std::sync::Arc;

use crate::events::{Body, ConnectionId, InstrumentTrades, Record};
use crate::market::{Symbol, Timestamp, Trade, Venue};

/// Records ready to be appended, by partition.
pub type PartitionRecords = Vec<(u32, Vec<Arc<Record>>)>;

/// Trades in one record at most.
pub(super) const TRADES_PER_RECORD: usize = 1_000;

/// Trades that wait to be appended.
#[derive(Debug)]
pub(super) struct Batches {
    venue: Venue,
    partitions: Vec<Pending>,
    trades: usize,
}

/// Trades that wait for one partition.
#[derive(Debug, Default)]
struct Pending {
    records: Vec<Arc<Record>>,
    open: Option<Open>,
}

/// The batch that the next trade joins.
#[derive(Debug)]
struct Open {
    connection: ConnectionId,
    received_at: Timestamp,
    batches: Vec<InstrumentTrades>,
    positions: HashMap<Symbol, usize>,
    trades: usize,
}

impl Batches {
    pub(super) fn new(venue: Venue, partitions: u32) -> Self {
        Self {
            venue,
            partitions: (0..partitions.max(1)).map(|_| Pending::default()).collect(),
            trades: 0,
        }
    }

    /// Number of trades that wait.
    pub(super) const fn trades(&self) -> usize {
        self.trades
    }

    /// Adds a trade. `partition` is below the number of partitions.
    pub(super) fn trade(
        &mut self,
        partition: u32,
        connection: ConnectionId,
        received_at: Timestamp,
        symbol: &Symbol,
        trade: Trade,
    ) {
        let venue = self.venue;
        let pending = &mut self.partitions[partition as usize];
        if pending
            .open
            .as_ref()
            .is_some_and(|open| open.trades >= TRADES_PER_RECORD || open.connection != connection)
        {
            pending.seal(venue);
        }
        let open = pending.open.get_or_insert_with(|| Open {
            connection,
            received_at,
            batches: Vec::new(),
            positions: HashMap::new(),
            trades: 0,
        });
        open.received_at = received_at;
        open.trades += 1;
        self.trades += 1;
        if let Some(last) = open.batches.last_mut()
            && last.symbol == *symbol
        {
            last.trades.push(trade);
        } else if let Some(&position) = open.positions.get(symbol) {
            open.batches[position].trades.push(trade);
        } else {
            open.positions.insert(symbol.clone(), open.batches.len());
            open.batches.push(InstrumentTrades {
                symbol: symbol.clone(),
                trades: vec![trade],
            });
        }
    }

    /// Adds a control record after the trades that came before it.
    pub(super) fn control(
        &mut self,
        partition: u32,
        connection: ConnectionId,
        received_at: Timestamp,
        body: Body,
    ) {
        let pending = &mut self.partitions[partition as usize];
        pending.seal(self.venue);
        pending.records.push(Arc::new(Record {
            venue: self.venue,
            connection,
            received_at,
            body,
        }));
    }

    /// Takes all that waits.
    pub(super) fn take(&mut self) -> PartitionRecords {
        self.trades = 0;
        let venue = self.venue;
        (0_u32..)
            .zip(&mut self.partitions)
            .filter_map(|(partition, pending)| {
                pending.seal(venue);
                let records = std::mem::take(&mut pending.records);
                (!records.is_empty()).then_some((partition, records))
            })
            .collect()
    }
}

impl Pending {
    /// Turns the open batch into a record.
    fn seal(&mut self, venue: Venue) {
        if let Some(open) = self.open.take() {
            self.records.push(Arc::new(Record {
                venue,
                connection: open.connection,
                received_at: open.received_at,
                body: Body::Trades(open.batches),
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Price, Quantity, TakerSide, TradeId};

    fn trade(id: u64) -> Trade {
        Trade {
            id: TradeId(id),
            time: Timestamp::from_nanos(0),
            price: Price::parse("1").unwrap(),
            quantity: Quantity::parse("1").unwrap(),
            taker: TakerSide::Buy,
        }
    }

    #[test]
    fn order_is_kept_and_records_are_bounded() {
        let mut batches = Batches::new(Venue::new("binance"), 2);
        let (a, b) = (Symbol::new("A").unwrap(), Symbol::new("B").unwrap());
        let at = |nanos| Timestamp::from_nanos(nanos);
        let connection = ConnectionId(1);
        batches.trade(1, connection, at(1), &a, trade(1));
        batches.trade(1, connection, at(2), &b, trade(1));
        batches.trade(1, connection, at(3), &a, trade(2));
        batches.control(1, connection, at(4), Body::Tick);
        for id in 0..=1_000 {
            batches.trade(1, connection, at(5), &a, trade(10 + id));
        }
        assert_eq!(batches.trades(), 1_004);
        let taken = batches.take();
        assert_eq!(taken.len(), 1, "nothing waited for partition 0");
        let (partition, records) = &taken[0];
        assert_eq!(*partition, 1);
        let counts: Vec<usize> = records.iter().map(|record| record.trade_count()).collect();
        assert_eq!(counts, [3, 0, 1_000, 1]);
        assert_eq!(records[0].received_at, at(3));
        let Body::Trades(instruments) = &records[0].body else {
            panic!("{:?}", records[0]);
        };
        assert_eq!(instruments.len(), 2);
        assert_eq!(instruments[0].trades.len(), 2);
        assert!(batches.take().is_empty());
        assert_eq!(batches.trades(), 0);
    }
}
