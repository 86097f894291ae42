//! Plays a recording to every subscriber: paced, in order, and without dropping a frame. A client
//! that takes its time slows the replay down; with no client the replay waits.
//!
//! Knows no protocol and no sockets.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc, watch};

use super::{Delivery, Recorded, Recording, RecordingError, Replay, Speed};
use crate::clock::Clock;
use crate::ws::Wire;

/// Frames that may wait for one client.
const QUEUE: usize = 1_024;
/// Frames read ahead of time.
const READ_AHEAD: usize = 4_096;

/// The one replay of a simulator.
#[derive(Debug)]
pub(crate) struct Player {
    replay: Replay,
    wire: Wire,
    seats: Mutex<Seats>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: Vec<(u64, mpsc::Sender<Delivery>)>,
    finished: bool,
    /// Frames played so far, over all rounds.
    played: u64,
    /// When a subscription last came, µs.
    subscribed: i64,
}

/// A subscriber's place; giving it up ends the deliveries.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    player: Arc<Player>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.player.leave(self.number);
    }
}

impl Player {
    /// Opens the recording far enough to know its protocol.
    pub(crate) fn open(replay: Replay) -> Result<Arc<Self>, RecordingError> {
        let wire = Recording::wire(&replay.file)?;
        let seats = Mutex::default();
        Ok(Arc::new(Self {
            replay,
            wire,
            seats,
            arrived: Notify::new(),
        }))
    }

    pub(crate) fn wire(&self) -> Wire {
        self.wire
    }

    /// (frames played, whether the end was reached).
    pub(crate) fn progress(&self) -> (u64, bool) {
        let seats = self.lock();
        (seats.played, seats.finished)
    }

    /// Takes a seat. After the end there is nothing more but the end, unless it repeats.
    pub(crate) fn join(self: &Arc<Self>) -> (Seat, mpsc::Receiver<Delivery>) {
        let (deliveries, receiver) = mpsc::channel(QUEUE);
        let mut seats = self.lock();
        let number = seats.next;
        seats.next += 1;
        if seats.finished && !self.replay.repeat {
            // A new channel has room for one message.
            let _ = deliveries.try_send(self.end());
        }
        seats.taken.push((number, deliveries));
        drop(seats);
        self.arrived.notify_one();
        (
            Seat {
                number,
                player: Arc::clone(self),
            },
            receiver,
        )
    }

    /// A client that has a seat, or is about to take one, subscribed to more.
    pub(crate) fn subscribed(&self, now: i64) {
        self.lock().subscribed = now;
    }

    fn leave(&self, number: u64) {
        self.lock().taken.retain(|(n, _)| *n != number);
    }

    fn end(&self) -> Delivery {
        Delivery::Finished {
            close: self.replay.close_at_end,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// Plays until the server stops.
    pub(crate) async fn play(
        self: Arc<Self>,
        clock: Arc<dyn Clock>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let rounds = async {
            loop {
                self.someone().await;
                self.settled(clock.as_ref()).await;
                self.lock().finished = false;
                self.round(clock.as_ref()).await;
                let last = {
                    let mut seats = self.lock();
                    seats.finished = true;
                    seats
                        .taken
                        .iter()
                        .map(|(_, seat)| seat.clone())
                        .collect::<Vec<_>>()
                };
                for seat in last {
                    // Whoever left needs no end.
                    let _ = seat.send(self.end()).await;
                }
                if !self.replay.repeat {
                    return;
                }
                self.emptied().await;
            }
        };
        tokio::select! {
            () = rounds => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }

    async fn someone(&self) {
        while self.lock().taken.is_empty() {
            self.arrived.notified().await;
        }
    }

    /// Ends when no subscription has come for the start delay.
    async fn settled(&self, clock: &dyn Clock) {
        loop {
            let due = self.lock().subscribed + self.replay.start_delay_ms as i64 * 1_000;
            if due <= clock.now() {
                return;
            }
            clock.until(due).await;
        }
    }

    /// With repeat: those who heard the end must go before the next round begins.
    async fn emptied(&self) {
        let heard = self.lock().next;
        while !self.lock().taken.iter().any(|(number, _)| *number >= heard) {
            self.arrived.notified().await;
        }
    }

    async fn round(&self, clock: &dyn Clock) {
        let mut frames = read(self.replay.file.clone());
        // What the recording's time is ahead of ours, ns; set by its first frame.
        let mut start: Option<(i64, i64)> = None;
        while let Some(recorded) = frames.recv().await {
            let recorded = Arc::new(recorded);
            if self.lock().taken.is_empty() {
                self.someone().await;
                // The pause was ours, not the recording's.
                start = None;
            }
            let (first, began) = *start.get_or_insert_with(|| (recorded.at, clock.now()));
            let after = (recorded.at - first) as f64 / 1_000.0;
            let factor = match self.replay.speed {
                Speed::Max => None,
                Speed::Original => Some(1.0),
                Speed::Scale(factor) => Some(factor),
            };
            if let Some(factor) = factor {
                let due = began + (after / factor) as i64;
                if due > clock.now() {
                    clock.until(due).await;
                }
            }
            let seats: Vec<_> = self.lock().taken.clone();
            for (number, seat) in seats {
                if seat
                    .send(Delivery::Frame(Arc::clone(&recorded)))
                    .await
                    .is_err()
                {
                    self.leave(number);
                }
            }
            self.lock().played += 1;
        }
    }
}

/// Reads the recording on a thread of its own, a bounded number of frames ahead.
fn read(file: PathBuf) -> mpsc::Receiver<Recorded> {
    let (frames, receiver) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        let result = Recording::open(&file).and_then(|mut recording| {
            while let Some(recorded) = recording.next()? {
                if frames.blocking_send(recorded).is_err() {
                    break;
                }
            }
            Ok(())
        });
        if let Err(error) = result {
            tracing::error!(%error, "the replay ends early");
        }
    });
    receiver
}
