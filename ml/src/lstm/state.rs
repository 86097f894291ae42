//! A network's memory between two steps.

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;

/// Hidden and cell values of every layer, bottom layer first: what [`super::Network::step`] carries
/// from one step to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkState {
    pub(crate) hidden: Vec<Vec<f32>>,
    pub(crate) cell: Vec<Vec<f32>>,
}

/// Why a stored state cannot be carried on with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StateError {
    /// It belongs to a network of another shape.
    #[error("the state has layers of {found:?} units, the network {wanted:?}: start from zero")]
    Shape {
        /// Units of the state's layers.
        found: Vec<usize>,
        /// Units of the network's layers.
        wanted: Vec<usize>,
    },
    /// It holds NaN or infinity.
    #[error("the state holds a value that is not finite: start from zero")]
    NotFinite,
}

impl NetworkState {
    /// The state before the first step.
    #[must_use]
    pub fn zero(architecture: &Architecture) -> Self {
        let zeros: Vec<Vec<f32>> = architecture.layers.iter().map(|&n| vec![0.0; n]).collect();
        Self {
            hidden: zeros.clone(),
            cell: zeros,
        }
    }

    /// Checks a state that came from outside against the network it is to be used with.
    ///
    /// # Errors
    /// When its shape differs or a value is not finite.
    pub fn check(&self, architecture: &Architecture) -> Result<(), StateError> {
        for part in [&self.hidden, &self.cell] {
            if !part
                .iter()
                .map(Vec::len)
                .eq(architecture.layers.iter().copied())
            {
                return Err(StateError::Shape {
                    found: part.iter().map(Vec::len).collect(),
                    wanted: architecture.layers.clone(),
                });
            }
            if part.iter().flatten().any(|value| !value.is_finite()) {
                return Err(StateError::NotFinite);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_another_shape_or_with_nan_is_refused() {
        let architecture = Architecture::reference(3, 1);
        let zero = NetworkState::zero(&architecture);
        assert_eq!(zero.check(&architecture), Ok(()));

        let mut other = architecture.clone();
        other.layers[2] = 31;
        assert!(matches!(zero.check(&other), Err(StateError::Shape { .. })));

        let mut broken = zero;
        broken.cell[1][3] = f32::NAN;
        assert_eq!(broken.check(&architecture), Err(StateError::NotFinite));
    }
}
