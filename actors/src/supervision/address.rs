//! Where an actor is found that may be started again under another address.

use std::sync::{Arc, PoisonError, RwLock};

use actix::{Actor, Addr};

/// The current address of a part. Clones share it.
pub struct ActorAddress<A: Actor>(Arc<RwLock<Option<Addr<A>>>>);

impl<A: Actor> ActorAddress<A> {
    /// Notes the address of the actor that runs now.
    pub fn set(&self, address: Addr<A>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// The address, once the actor has been started for the first time.
    #[must_use]
    pub fn get(&self) -> Option<Addr<A>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl<A: Actor> Clone for ActorAddress<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Actor> Default for ActorAddress<A> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
