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

use super::feeds::configured;
use crate::config::{Config, Role};

/// The name on the statuses.
const NAME: &str = "shared_state";

/// The time for which Redis may go without being asked for a sign of life: it is every 5 s.
const PROGRESS: Duration = Duration::from_secs(20);

/// Shared state and the tasks around it, which end when this is dropped.
pub(super) struct Shared {
    pub(super) state: Arc<dyn SharedState>,
    on_redis: bool,
    _run: Option<SupervisedLoop>,
    relays: Vec<SupervisedLoop>,
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
                _run: None,
                relays: Vec::new(),
            });
        };
        let redis = Arc::new(OnRedis::new(&RedisConfig {
            url: url.clone(),
            password: config.redis.password.clone(),
            prefix: config.redis.prefix.clone(),
        })?);
        let state: Arc<dyn SharedState> = redis.clone();
        let run = SupervisedLoop::start(statuses, NAME, PROGRESS, move |context| {
            let (redis, of) = (Arc::clone(&redis), context.clone());
            context.until_quit(async move { redis.run(|up| show(up, &redis.place(), &of)).await })
        });
        Ok(Self {
            state,
            on_redis: true,
            _run: Some(run),
            relays: Vec::new(),
        })
    }

    /// Returns whether streams of this process hear of every instrument.
    pub(super) fn hears_all(&self, config: &Config) -> bool {
        self.on_redis || config.has_role(Role::Candles)
    }

    /// Connects the hub with those of other processes: who builds candles, or forecasts, sends; who
    /// does not hears. Without Redis there is nobody to hear from, and topics are refused rather than
    /// silent.
    pub(super) fn connect(
        &mut self,
        config: &Config,
        hub: &Arc<PushHub>,
        statuses: &StatusRegistry,
    ) {
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
            let state = Arc::clone(&self.state);
            self.relays.push(match is_made_here {
                true => relay::tell(statuses, hub, state, channel),
                false => relay::hear(statuses, Arc::clone(hub), state, channel),
            });
        }
    }
}

/// Shows whether Redis answers.
fn show(up: bool, place: &str, context: &LoopContext) {
    match up {
        true => context.running(),
        false => context.degraded(format!("{place} does not answer")),
    }
}
