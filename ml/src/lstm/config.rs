//! Training of a network.

use serde::{Deserialize, Serialize};

/// Loss that training minimises, as a mean over the forecasts that have a target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// The squared error.
    Mse,
    /// Half the squared error up to `delta`, linear beyond it: outliers pull less.
    Huber {
        /// Where it turns linear, in the targets' scale.
        delta: f32,
    },
}

/// Which steps of a window are compared with their targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Supervise {
    /// The last: each forecast has the whole window before it.
    LastStep,
    /// Every one but the first `warm_up`, which have little before them. A pass over the rows costs a
    /// fraction of [`Self::LastStep`]'s, for windows may then stand apart.
    EveryStep {
        /// Steps at the window's start that are not compared.
        warm_up: usize,
    },
}

/// Settings for training a network. The default is the reference configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Steps of a window.
    pub window: usize,
    /// Rows from one window's start to the next's.
    pub stride: usize,
    /// Windows per change of the weights.
    pub batch: usize,
    /// Passes over the windows at most.
    pub epochs: usize,
    /// Adam's step.
    pub learning_rate: f32,
    /// Adam's guard against division by zero.
    pub adam_epsilon: f32,
    /// The loss that is minimised.
    pub loss: Loss,
    /// Which steps count.
    pub supervise: Supervise,
    /// Epochs without a better validation loss after which training ends; `None` never ends early.
    pub patience: Option<usize>,
    /// The gradient's largest length over all weights; longer ones are scaled down to it.
    pub clip: Option<f32>,
    /// Decoupled decay of the weights (AdamW's), per unit of learning rate.
    pub weight_decay: f32,
    /// Decides the order of windows and what dropout drops.
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            window: 60,
            stride: 1,
            batch: 32,
            epochs: 50,
            learning_rate: 1e-3,
            adam_epsilon: 1e-8,
            loss: Loss::Mse,
            supervise: Supervise::LastStep,
            patience: Some(10),
            clip: None,
            weight_decay: 0.0,
            seed: 0,
        }
    }
}

/// A setting that training cannot work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {found}: it must be {wanted}")]
pub struct ConfigError {
    /// Which setting.
    pub setting: &'static str,
    /// The value found.
    pub found: String,
    /// The values allowed.
    pub wanted: &'static str,
}

impl TrainConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first that is out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let count = |setting, found: usize, most: usize, wanted| {
            demand((1..=most).contains(&found), setting, found, wanted)
        };
        count("window", self.window, 4_096, "from 1 to 4096 steps")?;
        count("stride", self.stride, usize::MAX, "at least 1 row")?;
        count("batch", self.batch, 1_024, "from 1 to 1024 windows")?;
        count("epochs", self.epochs, 100_000, "from 1 to 100000")?;
        let positive = |setting, found: f32| {
            demand(
                found.is_finite() && found > 0.0,
                setting,
                found,
                "a finite number above 0",
            )
        };
        positive("learning_rate", self.learning_rate)?;
        positive("adam_epsilon", self.adam_epsilon)?;
        if let Loss::Huber { delta } = self.loss {
            positive("loss.huber.delta", delta)?;
        }
        if let Some(clip) = self.clip {
            positive("clip", clip)?;
        }
        demand(
            self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            "weight_decay",
            self.weight_decay,
            "a finite number, 0 or above",
        )?;
        if let Supervise::EveryStep { warm_up } = self.supervise {
            demand(
                warm_up < self.window,
                "supervise.every_step.warm_up",
                warm_up,
                "below the window's length",
            )?;
        }
        demand(
            self.patience != Some(0),
            "patience",
            0,
            "at least 1 epoch, or none",
        )
    }

    /// Steps at a window's start that are not compared with targets.
    pub(crate) fn unsupervised(&self) -> usize {
        match self.supervise {
            Supervise::LastStep => self.window - 1,
            Supervise::EveryStep { warm_up } => warm_up,
        }
    }
}

fn demand(
    is_met: bool,
    setting: &'static str,
    found: impl ToString,
    wanted: &'static str,
) -> Result<(), ConfigError> {
    if is_met {
        return Ok(());
    }
    Err(ConfigError {
        setting,
        found: found.to_string(),
        wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_reference_and_bad_settings_are_named() {
        let reference = TrainConfig::default();
        assert_eq!(reference.check(), Ok(()));
        assert_eq!(
            (reference.window, reference.batch, reference.epochs),
            (60, 32, 50)
        );
        assert_eq!(
            serde_json::from_str::<TrainConfig>("{}").expect("all default"),
            reference
        );

        let named = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig::default();
            change(&mut config);
            config.check().expect_err("out of range").setting
        };
        assert_eq!(named(|c| c.window = 0), "window");
        assert_eq!(named(|c| c.batch = 0), "batch");
        assert_eq!(named(|c| c.learning_rate = f32::NAN), "learning_rate");
        assert_eq!(
            named(|c| c.loss = Loss::Huber { delta: 0.0 }),
            "loss.huber.delta"
        );
        assert_eq!(named(|c| c.clip = Some(-1.0)), "clip");
        assert_eq!(named(|c| c.patience = Some(0)), "patience");
        assert_eq!(
            named(|c| c.supervise = Supervise::EveryStep { warm_up: 60 }),
            "supervise.every_step.warm_up"
        );
    }
}
