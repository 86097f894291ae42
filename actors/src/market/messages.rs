//! Every message between the market's actors; commands of the supervisor stand in
//! [`crate::supervision`]. Notices may be dropped when a mailbox is full: the next one says
//! more. Commands are few and awaited.

use std::collections::BTreeSet;

use actix::Message;
use coinsphere_pipelines::candles::{CandleWrite, Commit, LiveUpdates};
use coinsphere_pipelines::log::Progress;
use coinsphere_pipelines::market::InstrumentKey;

/// Log → candle actor, notice: the partition has got this far.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Advanced(pub Progress);

/// Store actor → candle actor, command: hand over what has happened since the last time. Pulling
/// is the back-pressure: what is not pulled is merged in the candle actor, within its bound.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Option<Commit>")]
pub struct TakeCommit;

/// Store actor → candle actor, command: apply all that the log holds by now, as far as the bound on
/// what waits for the store allows. Used when stopping.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct CatchUp;

/// Store actor → candle actor, notice: everything below this offset is in the store.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Committed(pub coinsphere_pipelines::log::Offset);

/// Store actor → candle actor, command: a commit was lost with its actor; load the stored state and
/// go on from there.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Reload;

/// Candle actor → push actor, notice: what to show. When the mailbox is full it is dropped and
/// counted; the candles in it are shown again with their next change.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Show(pub LiveUpdates);

/// Store actor → push actor, notice: a commit with closed minutes is stored.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Stored {
    /// The instruments whose minutes closed or were corrected.
    pub instruments: BTreeSet<InstrumentKey>,
    /// The corrected minutes, with their revisions.
    pub corrected: Vec<(CandleWrite, u32)>,
}
