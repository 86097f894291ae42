//! Answers of the venue to subscriptions, its names for instruments, and the control records that
//! follow.

use super::clock::SteadyClock;
use super::listening::Standing;
use super::{FrameAssembler, Source};
use crate::events::Body;
use crate::market::{Symbol, Timestamp, TradeId};
use crate::venues::protocol::Scope;

impl FrameAssembler {
    /// The name under which an instrument is listened to: the venue's, or an alias of it.
    pub(super) fn asked_for(&self, symbol: Symbol) -> Symbol {
        if self.source == Source::File || self.listening.find(&symbol).is_some() {
            return symbol;
        }
        let alias = (self.alias)(&symbol);
        alias
            .filter(|alias| self.listening.find(alias).is_some())
            .unwrap_or(symbol)
    }

    /// Returns whether an instrument that the venue did not answer is one that it answers under the name of
    /// another, which is listened to: a subscription to both has one answer.
    pub(super) fn is_answered_as_another(&self, symbol: &Symbol) -> bool {
        let subscribed = self.listening.by_partition();
        let mut subscribed = subscribed.values().flatten();
        subscribed.any(|other| (self.alias)(other).as_ref() == Some(symbol))
    }

    /// Listens to an instrument by the trades of the one that the venue answers it as.
    pub(super) fn mirror(&mut self, symbol: Symbol, at: Timestamp) {
        self.subscribe(vec![symbol.clone()], at);
        self.note_named(&symbol);
        self.mirrored.insert(symbol);
    }

    /// The instrument, and its partition, whose trades are those of this one too. It is none any more
    /// once the venue has named it by its own name.
    pub(super) fn mirror_of(&mut self, symbol: &Symbol) -> Option<(u32, Symbol)> {
        if self.mirrored.is_empty() {
            return None;
        }
        self.mirrored.remove(symbol);
        let alias = (self.alias)(symbol)?;
        let alias = self.mirrored.get(&alias)?.clone();
        Some((self.listening.partition(&alias), alias))
    }

    pub(super) fn note_named(&mut self, symbol: &Symbol) {
        if self.listening.name(symbol) {
            self.newly_named.push(symbol.clone());
        }
    }

    /// Writes that listening to these began: now, or for a file when the file did.
    pub(super) fn subscribe(&mut self, symbols: Vec<Symbol>, at: Timestamp) {
        let at = match self.source {
            Source::Live => at,
            Source::File => self.since.unwrap_or(at),
        };
        for (partition, symbols) in self.listening.accept(symbols, at) {
            let body = Body::Subscribed(symbols);
            self.batches.control(partition, self.connection, at, body);
        }
    }

    pub(super) fn acknowledge(&mut self, scope: Scope, at: Timestamp) {
        // A number names no instrument: some venues accept any.
        let names = matches!(scope, Scope::Symbols(_));
        let symbols = self.listening.resolve(scope).into_iter();
        let mut symbols: Vec<Symbol> = symbols.map(|symbol| self.asked_for(symbol)).collect();
        match self.source {
            // Acknowledgements repeat what other messages asked for; nothing else is ours.
            Source::Live => symbols.retain(|symbol| self.listening.find(symbol).is_some()),
            Source::File => {
                let mut known = self.listening.known();
                symbols.retain(|symbol| {
                    let new = self.listening.find(symbol).is_none();
                    let wanted = !new || self.admission.new_instrument(known).is_ok();
                    known += usize::from(new && wanted);
                    wanted
                });
            }
        }
        self.subscribe(symbols.clone(), at);
        for symbol in symbols.iter().filter(|_| names) {
            self.note_named(symbol);
        }
    }

    pub(super) fn refused_by_venue(&mut self, scope: Option<Scope>, reason: String, at: Timestamp) {
        match scope {
            Some(scope) => {
                for symbol in self.listening.resolve(scope) {
                    let symbol = self.asked_for(symbol);
                    if self.listening.find(&symbol).is_some() {
                        self.refuse(symbol, reason.clone(), at);
                    }
                }
            }
            None => {
                self.counts.complaints += 1;
                self.complaint = Some(reason);
            }
        }
    }

    pub(super) fn refuse(&mut self, symbol: Symbol, reason: String, at: Timestamp) {
        let at = self.clock.as_ref().map_or(at, SteadyClock::now);
        let partition = self.listening.refuse(&symbol, &reason);
        let body = Body::Refused { symbol, reason };
        self.batches.control(partition, self.connection, at, body);
    }

    pub(super) fn heartbeat(&mut self, symbol: Symbol, last_trade: TradeId, at: Timestamp) {
        if let Some((partition, Standing::Subscribed)) = self.listening.find(&symbol) {
            let body = Body::Heartbeat { symbol, last_trade };
            self.batches.control(partition, self.connection, at, body);
        }
    }
}
