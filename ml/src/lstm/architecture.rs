//! The shape of a network, and the limits that keep a damaged description from claiming memory.

use serde::{Deserialize, Serialize};

/// Layers above each other at most.
const MAX_LAYERS: usize = 8;
/// Inputs, units of a layer, or outputs at most.
const MAX_WIDTH: usize = 1_024;

/// Stacked LSTM layers and a linear layer on top of the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Values per step.
    pub inputs: usize,
    /// Units of each LSTM layer, the one that reads the inputs first.
    pub layers: Vec<usize>,
    /// Share of each layer's outputs that training sets to zero, in `[0, 1)`.
    pub dropout: f32,
    /// Values per forecast, e.g. one per horizon.
    pub outputs: usize,
}

/// Fault of an architecture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArchitectureError {
    /// A width is zero or too large.
    #[error("the network's {what} is {found}: it must be from 1 to {MAX_WIDTH}")]
    Width {
        /// Which width.
        what: &'static str,
        /// The value found.
        found: usize,
    },
    /// No layers, or too many.
    #[error("the network has {0} layers: it must have from 1 to {MAX_LAYERS}")]
    Layers(usize),
    /// Dropout is not a share.
    #[error("dropout is {0}: it must be at least 0 and below 1")]
    Dropout(f32),
}

impl Architecture {
    /// The reference: LSTM 128 → 64 → 32, dropout 0.2.
    #[must_use]
    pub fn reference(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            layers: vec![128, 64, 32],
            dropout: 0.2,
            outputs,
        }
    }

    /// Checks that a network of this shape can be made.
    ///
    /// # Errors
    /// Says which part is out of range.
    pub fn check(&self) -> Result<(), ArchitectureError> {
        let width = |what, found| {
            if (1..=MAX_WIDTH).contains(&found) {
                Ok(())
            } else {
                Err(ArchitectureError::Width { what, found })
            }
        };
        width("number of inputs", self.inputs)?;
        width("number of outputs", self.outputs)?;
        if !(1..=MAX_LAYERS).contains(&self.layers.len()) {
            return Err(ArchitectureError::Layers(self.layers.len()));
        }
        for &units in &self.layers {
            width("layer width", units)?;
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ArchitectureError::Dropout(self.dropout));
        }
        Ok(())
    }

    /// Inputs and units of each layer, bottom first.
    pub(crate) fn layer_widths(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        std::iter::once(self.inputs)
            .chain(self.layers.iter().copied())
            .zip(self.layers.iter().copied())
    }

    /// Units of the layer that the linear layer reads.
    pub(crate) fn top(&self) -> usize {
        self.layers.last().copied().unwrap_or(self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_network_is_named() {
        let good = Architecture::reference(4, 1);
        assert_eq!(good.check(), Ok(()));
        let with = |change: fn(&mut Architecture)| {
            let mut changed = good.clone();
            change(&mut changed);
            changed.check()
        };
        assert!(matches!(
            with(|a| a.inputs = 0),
            Err(ArchitectureError::Width { found: 0, .. })
        ));
        assert!(matches!(
            with(|a| a.outputs = 5_000),
            Err(ArchitectureError::Width { found: 5_000, .. })
        ));
        assert_eq!(
            with(|a| a.layers.clear()),
            Err(ArchitectureError::Layers(0))
        );
        assert!(with(|a| a.layers[1] = 0).is_err());
        assert!(with(|a| a.dropout = 1.0).is_err());
        assert!(with(|a| a.dropout = f32::NAN).is_err());
    }
}
