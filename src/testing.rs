//! Stand-ins for the tests of several modules.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coinsphere_pipelines::shared_state::{
    RateDecision, SharedState, SharedStateError, Subscription, Window,
};

/// Shared state that is away.
#[derive(Debug)]
pub(crate) struct Away;

fn away<T>() -> Result<T, SharedStateError> {
    Err(SharedStateError::Away {
        place: "nowhere".to_owned(),
        reason: "it is a test".to_owned(),
    })
}

#[async_trait]
impl SharedState for Away {
    async fn get(&self, _: &str) -> Result<Option<Bytes>, SharedStateError> {
        away()
    }

    async fn put(&self, _: &str, _: Bytes, _: Duration) -> Result<(), SharedStateError> {
        away()
    }

    async fn put_if_absent(
        &self,
        _: &str,
        _: Bytes,
        _: Duration,
    ) -> Result<bool, SharedStateError> {
        away()
    }

    async fn remove(&self, _: &str) -> Result<bool, SharedStateError> {
        away()
    }

    async fn add(&self, _: &str, _: u64, _: Duration) -> Result<u64, SharedStateError> {
        away()
    }

    async fn pass(&self, _: &str, _: Window) -> Result<RateDecision, SharedStateError> {
        away()
    }

    async fn publish(&self, _: &str, _: Bytes) -> Result<(), SharedStateError> {
        away()
    }

    async fn subscribe(&self, _: &str) -> Result<Subscription, SharedStateError> {
        away()
    }

    fn is_up(&self) -> bool {
        false
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}
