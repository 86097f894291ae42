//! Where a live feed's words go: the event log, or a recording.

use std::sync::Arc;

use async_trait::async_trait;

use crate::log::{EventLog, LogError};
use crate::market::Timestamp;
use crate::venues::frame_assembler::PartitionRecords;

/// Takes what sessions hear.
#[async_trait]
pub(crate) trait Destination: Send + Sync {
    /// Into how many partitions records are to be sorted.
    fn partitions(&self) -> u32;

    /// A text frame as it came, before it is decoded.
    fn frame(&self, received_at: Timestamp, frame: &str);

    /// Takes records in order, removing from `records` what it took: on an error the rest stays, to
    /// be offered again.
    ///
    /// # Errors
    /// As [`EventLog::append`].
    async fn commit(&self, records: &mut PartitionRecords) -> Result<(), LogError>;
}

/// The event log.
pub(super) struct LogDestination(pub(super) Arc<dyn EventLog>);

#[async_trait]
impl Destination for LogDestination {
    fn partitions(&self) -> u32 {
        self.0.partitions()
    }

    fn frame(&self, _: Timestamp, _: &str) {}

    async fn commit(&self, records: &mut PartitionRecords) -> Result<(), LogError> {
        let mut taken = 0;
        let mut outcome = Ok(());
        for (partition, batch) in records.iter() {
            // Cloning the `Arc`s keeps the batch should the log refuse it.
            if let Err(error) = self.0.append(*partition, batch.clone()).await {
                outcome = Err(error);
                break;
            }
            taken += 1;
        }
        records.drain(..taken);
        outcome
    }
}
