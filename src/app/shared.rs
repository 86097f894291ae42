//! Shared state as configured: on Redis where one is named, else in this process.

use std::sync::Arc;
use std::time::Duration;

use coinsphere_actors::push::PushHub;
use coinsphere_actors::push::relay::{self, RelayChannel};
use coinsphere_actors::supervision::{LoopContext, StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::shared_state::{
    InProcess, InProcessLimits, OnRedis, RedisConfig, SharedState,
};
use tokio::task::JoinHandle;

use super::feeds::configured;
use crate::config::{Config, Role};

/// The name on the statuses.
const NAME: &str = "shared_state";

/// How often it is looked whether Redis answers.
const LOOK: Duration = Duration::from_secs(1);

/// How long that may take.
const PROGRESS: Duration = Duration::from_secs(10);

/// Shared state and the tasks around it, which end when this is dropped.
pub(super) struct Shared {
    pub(super) state: Arc<dyn SharedState>,
    on_redis: bool,
    _look: Option<SupervisedLoop>,
    tasks: Vec<JoinHandle<()>>,
}

impl Shared {
    /// Opens it. Redis may be away: then it is used once it is there.
    ///
    /// # Errors
    /// When the URL is none.
    pub(super) fn open(
        config: &Config,
        clock: &SharedClock,
        statuses: &StatusRegistry,
    ) -> anyhow::Result<Self> {
        let Some(url) = &config.redis.url else {
            return Ok(Self {
                state: InProcess::new(clock.clone(), InProcessLimits::default()),
                on_redis: false,
                _look: None,
                tasks: Vec::new(),
            });
        };
        let state: Arc<dyn SharedState> = Arc::new(OnRedis::start(&RedisConfig {
            url: url.clone(),
            password: config.redis.password.clone(),
            prefix: config.redis.prefix.clone(),
        })?);
        let looked_at = Arc::clone(&state);
        let look = SupervisedLoop::start(statuses, NAME, PROGRESS, move |context| {
            let (state, of) = (Arc::clone(&looked_at), context.clone());
            context.until_quit(async move { look(&*state, &of).await })
        });
        Ok(Self {
            state,
            on_redis: true,
            _look: Some(look),
            tasks: Vec::new(),
        })
    }

    /// Whether streams of this process hear of every instrument.
    pub(super) fn hears_all(&self, config: &Config) -> bool {
        self.on_redis || config.has_role(Role::Candles)
    }

    /// Connects the hub with those of other processes: who builds candles, or forecasts, tells; who
    /// does not hears. Without Redis there is nobody to hear from, and topics are refused rather than
    /// silent.
    pub(super) fn connect(&mut self, config: &Config, hub: &Arc<PushHub>) {
        let builds = config.has_role(Role::Candles);
        if !self.on_redis {
            if !builds {
                hub.list([]);
            }
            return;
        }
        if !builds {
            hub.list(configured(config));
        }
        let makers = [
            (RelayChannel::Market, builds),
            (RelayChannel::Forecasts, config.has_role(Role::Forecasts)),
        ];
        for (channel, is_made_here) in makers {
            let (hub, state) = (Arc::clone(hub), Arc::clone(&self.state));
            self.tasks.push(match is_made_here {
                true => tokio::spawn(relay::tell(hub, state, channel)),
                false => tokio::spawn(relay::hear(hub, state, channel)),
            });
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Shows whether Redis answers.
async fn look(state: &dyn SharedState, context: &LoopContext) {
    let mut every = tokio::time::interval(LOOK);
    loop {
        every.tick().await;
        match state.is_up() {
            true => context.running(),
            false => context.degraded(format!("{} does not answer", state.place())),
        }
    }
}
