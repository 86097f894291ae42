//! Which instruments a connection listens to, and what became of each request.

use std::collections::{BTreeMap, HashMap};

use crate::market::{InstrumentKey, Symbol, Timestamp, Venue};
use crate::venues::protocol::{Outgoing, Scope};

/// State of the request to listen to an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Requested,
    Subscribed,
    Refused,
}

#[derive(Debug)]
struct Instrument {
    partition: u32,
    standing: Standing,
    /// When an answer is overdue; only while requested.
    deadline: Timestamp,
    /// The venue's words; only when refused.
    refusal: String,
    /// When it was subscribed; only while it is.
    subscribed_at: Timestamp,
    /// The venue has named it: in an acknowledgement, a heartbeat or a trade.
    named: bool,
}

/// The instruments of one connection.
#[derive(Debug)]
pub(super) struct Listening {
    venue: Venue,
    partitions: u32,
    instruments: HashMap<Symbol, Instrument>,
    requests: HashMap<u64, Vec<Symbol>>,
    /// Subscribed instruments in each partition that has any.
    by_partition: BTreeMap<u32, usize>,
    requested: usize,
    subscribed: usize,
    /// Subscribed instruments that the venue has not named yet.
    unnamed: usize,
    /// The instrument found last: most trades are of the same one as the trade before.
    found: Option<(Symbol, u32, Standing)>,
}

impl Listening {
    pub(super) fn new(venue: Venue, partitions: u32) -> Self {
        Self {
            venue,
            partitions,
            instruments: HashMap::new(),
            requests: HashMap::new(),
            by_partition: BTreeMap::new(),
            requested: 0,
            subscribed: 0,
            unnamed: 0,
            found: None,
        }
    }

    pub(super) fn known(&self) -> usize {
        self.instruments.len()
    }

    pub(super) const fn requested(&self) -> usize {
        self.requested
    }

    pub(super) const fn subscribed(&self) -> usize {
        self.subscribed
    }

    pub(super) fn partition(&self, symbol: &Symbol) -> u32 {
        InstrumentKey::new(self.venue, symbol.clone()).partition(self.partitions)
    }

    pub(super) fn find(&self, symbol: &Symbol) -> Option<(u32, Standing)> {
        let instrument = self.instruments.get(symbol)?;
        Some((instrument.partition, instrument.standing))
    }

    /// The same for the instrument of a trade, which is looked up millions of times.
    pub(super) fn find_traded(&mut self, symbol: &Symbol) -> Option<(u32, Standing)> {
        if let Some((found, partition, standing)) = &self.found
            && found == symbol
        {
            return Some((*partition, *standing));
        }
        let (partition, standing) = self.find(symbol)?;
        self.found = Some((symbol.clone(), partition, standing));
        Some((partition, standing))
    }

    /// The partitions with subscribed instruments.
    pub(super) fn partitions(&self) -> Vec<u32> {
        self.by_partition.keys().copied().collect()
    }

    /// Asked the venue for these.
    pub(super) fn request(&mut self, message: &Outgoing, deadline: Timestamp) {
        if let Some(request) = message.request {
            self.requests.insert(request, message.symbols.clone());
        }
        for symbol in &message.symbols {
            if self.find(symbol).is_none() {
                self.insert(symbol.clone(), Standing::Requested, deadline);
                self.requested += 1;
            }
        }
    }

    /// The instruments an answer is about.
    pub(super) fn resolve(&self, scope: Scope) -> Vec<Symbol> {
        match scope {
            Scope::Symbols(symbols) => symbols,
            Scope::Request(request) => self.requests.get(&request).cloned().unwrap_or_default(),
        }
    }

    /// The venue accepted these. Returns those not subscribed before, by partition.
    pub(super) fn accept(
        &mut self,
        symbols: Vec<Symbol>,
        at: Timestamp,
    ) -> BTreeMap<u32, Vec<Symbol>> {
        let mut new = BTreeMap::<u32, Vec<Symbol>>::new();
        for symbol in symbols {
            let standing = self.find(&symbol).map(|(_, standing)| standing);
            match standing {
                Some(Standing::Subscribed) => continue,
                Some(Standing::Requested) => self.requested -= 1,
                Some(Standing::Refused) | None => {}
            }
            let partition = self.insert(symbol.clone(), Standing::Subscribed, Timestamp::MAX);
            if let Some(instrument) = self.instruments.get_mut(&symbol) {
                instrument.subscribed_at = at;
            }
            self.subscribed += 1;
            self.unnamed += 1;
            *self.by_partition.entry(partition).or_default() += 1;
            new.entry(partition).or_default().push(symbol);
        }
        new
    }

    /// The venue refused this. Returns its partition.
    pub(super) fn refuse(&mut self, symbol: &Symbol, reason: &str) -> u32 {
        match self.find(symbol) {
            Some((_, Standing::Requested)) => self.requested -= 1,
            Some((partition, Standing::Subscribed)) => {
                self.subscribed -= 1;
                let named = self.instruments.get(symbol).is_some_and(|i| i.named);
                self.unnamed -= usize::from(!named);
                if let Some(count) = self.by_partition.get_mut(&partition) {
                    *count -= 1;
                    if *count == 0 {
                        self.by_partition.remove(&partition);
                    }
                }
            }
            Some((_, Standing::Refused)) | None => {}
        }
        let partition = self.insert(symbol.clone(), Standing::Refused, Timestamp::MAX);
        if let Some(instrument) = self.instruments.get_mut(symbol) {
            reason.clone_into(&mut instrument.refusal);
        }
        partition
    }

    /// The subscribed instruments, by partition.
    pub(super) fn by_partition(&self) -> BTreeMap<u32, Vec<Symbol>> {
        let mut listed = BTreeMap::<u32, Vec<Symbol>>::new();
        for (symbol, instrument) in &self.instruments {
            if instrument.standing == Standing::Subscribed {
                let symbols = listed.entry(instrument.partition).or_default();
                symbols.push(symbol.clone());
            }
        }
        for symbols in listed.values_mut() {
            symbols.sort_unstable();
        }
        listed
    }

    /// The venue named a subscribed instrument. Returns whether it had not before.
    pub(super) fn name(&mut self, symbol: &Symbol) -> bool {
        if self.unnamed == 0 {
            return false;
        }
        let subscribed = |i: &&mut Instrument| i.standing == Standing::Subscribed && !i.named;
        let Some(instrument) = self.instruments.get_mut(symbol).filter(subscribed) else {
            return false;
        };
        instrument.named = true;
        self.unnamed -= 1;
        true
    }

    /// Instruments subscribed at or before `by` that the venue has not named.
    pub(super) fn unnamed(&self, by: Timestamp) -> Vec<Symbol> {
        if self.unnamed == 0 {
            return Vec::new();
        }
        self.instruments
            .iter()
            .filter(|(_, i)| {
                i.standing == Standing::Subscribed && !i.named && i.subscribed_at <= by
            })
            .map(|(symbol, _)| symbol.clone())
            .collect()
    }

    /// Requested instruments whose answer is overdue.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<Symbol> {
        if self.requested == 0 {
            return Vec::new();
        }
        let overdue = self
            .instruments
            .iter()
            .filter(|(_, i)| i.standing == Standing::Requested && i.deadline < now);
        let mut overdue: Vec<Symbol> = overdue.map(|(symbol, _)| symbol.clone()).collect();
        // What is written about them has one order.
        overdue.sort_unstable();
        overdue
    }

    pub(super) fn refused(&self) -> impl Iterator<Item = (&Symbol, &str)> {
        self.instruments
            .iter()
            .filter(|(_, instrument)| instrument.standing == Standing::Refused)
            .map(|(symbol, instrument)| (symbol, instrument.refusal.as_str()))
    }

    /// Returns whether instruments were asked for and none of them is listened to.
    pub(super) fn is_refused(&self) -> bool {
        !self.instruments.is_empty() && self.subscribed == 0
    }

    /// Nothing is listened to any more.
    pub(super) fn clear(&mut self) {
        self.found = None;
        self.instruments.clear();
        self.requests.clear();
        self.by_partition.clear();
        self.requested = 0;
        self.subscribed = 0;
        self.unnamed = 0;
    }

    fn insert(&mut self, symbol: Symbol, standing: Standing, deadline: Timestamp) -> u32 {
        self.found = None;
        let partition = self.partition(&symbol);
        let instrument = Instrument {
            partition,
            standing,
            deadline,
            refusal: String::new(),
            subscribed_at: Timestamp::MAX,
            named: false,
        };
        self.instruments.insert(symbol, instrument);
        partition
    }
}
