//! The life of every long-lived loop: started, watched, started again with backoff, stopped in order.

mod address;
mod faults;
mod loop_actor;
mod restart_delay;
mod status;
mod supervised_loop;
mod supervisor;

pub use address::ActorAddress;
pub use faults::Faults;
pub use loop_actor::LoopActor;
pub use status::{PartState, PartStatus, StatusRegistry};
pub use supervised_loop::{LoopContext, SupervisedLoop};
pub use supervisor::{
    ExitNotice, ExitReason, Factory, Quit, Started, StopAll, Supervise, Supervisor,
};
