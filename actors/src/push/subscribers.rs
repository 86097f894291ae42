//! The hub's memory of each instrument: who is subscribed to what, and the newest of each topic.

use std::sync::Arc;

use coinsphere_pipelines::market::{Interval, Timestamp, Trade};

use super::hub::LiveCandle;
use super::mailbox::{Frame, Mailbox};
use super::topic::Channel;
use super::traded::LastTrade;

#[derive(Debug, Default)]
pub(super) struct Subscribers(pub(super) Vec<Arc<Mailbox>>);

#[derive(Debug, Default)]
pub(super) struct CandleTopic {
    pub(super) subscribers: Subscribers,
    pub(super) newest: Option<LiveCandle>,
}

#[derive(Debug, Default)]
pub(super) struct ForecastTopic {
    pub(super) subscribers: Subscribers,
    pub(super) newest: Option<(Timestamp, Frame)>,
}

#[derive(Debug, Default)]
pub(super) struct InstrumentTopics {
    pub(super) trades: Subscribers,
    /// By the interval's place in [`Interval::ALL`].
    pub(super) candles: [CandleTopic; Interval::ALL.len()],
    /// By the interval's place in [`Interval::ALL`].
    pub(super) forecasts: [ForecastTopic; Interval::ALL.len()],
    pub(super) last_trade: Option<LastTrade>,
}

impl InstrumentTopics {
    pub(super) fn subscribers(&mut self, channel: Channel) -> &mut Subscribers {
        match channel {
            Channel::Trades => &mut self.trades,
            Channel::Candles(interval) => &mut self.candles[place(interval)].subscribers,
            Channel::Forecasts(interval) => &mut self.forecasts[place(interval)].subscribers,
        }
    }

    /// The newest of these trades, if it is not older than the one that is known.
    pub(super) fn newer(&mut self, trades: &[Trade]) -> Option<LastTrade> {
        let newest = trades.iter().max_by_key(|trade| trade.time)?;
        let newest = LastTrade {
            price: newest.price,
            time: newest.time,
        };
        if self
            .last_trade
            .is_some_and(|known| known.time > newest.time)
        {
            return None;
        }
        self.last_trade = Some(newest);
        Some(newest)
    }

    /// Nobody listens and nothing is remembered.
    pub(super) fn is_idle(&self) -> bool {
        let idle = |topic: &CandleTopic| topic.subscribers.0.is_empty() && topic.newest.is_none();
        let silent =
            |topic: &ForecastTopic| topic.subscribers.0.is_empty() && topic.newest.is_none();
        self.trades.0.is_empty()
            && self.last_trade.is_none()
            && self.candles.iter().all(idle)
            && self.forecasts.iter().all(silent)
    }
}

/// An interval's place in [`Interval::ALL`], which is in the order of the variants.
pub(super) const fn place(interval: Interval) -> usize {
    interval as usize
}
