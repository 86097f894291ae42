//! The life of every long-lived loop: started, watched, started again with backoff, stopped in order.

mod address;
mod loop_actor;
mod status;
mod supervisor;

pub use address::ActorAddress;
pub use loop_actor::LoopActor;
pub use status::{PartState, PartStatus, StatusRegistry};
pub use supervisor::{
    Backoff, ExitNotice, ExitReason, Factory, Quit, Started, StopAll, Supervise, Supervisor,
};
