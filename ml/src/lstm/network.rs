//! The network as plain numbers: made, taken apart into named tensors, and put together again. It
//! knows nothing of training.

use std::sync::OnceLock;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::architecture::{Architecture, ArchitectureError};
use super::kernel::Weights;
use super::state::NetworkState;

/// A trained or fresh network. The tensors have PyTorch's layout: a row per gate value, gates in the
/// order input, forget, cell, output.
#[derive(Debug, Clone)]
pub struct Network {
    architecture: Architecture,
    parameters: Parameters,
    /// Of each layer, in the order that forecasting reads them; made when first used.
    packed: OnceLock<Vec<Weights>>,
}

impl PartialEq for Network {
    fn eq(&self, other: &Self) -> bool {
        self.architecture == other.architecture && self.parameters == other.parameters
    }
}

/// Every number that training changes, in the order of [`Network::tensors`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameters {
    pub(crate) layers: Vec<LayerParameters>,
    /// `[outputs, top layer's units]`.
    pub(crate) weight: Vec<f32>,
    /// `[outputs]`.
    pub(crate) bias: Vec<f32>,
}

/// One LSTM layer's numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayerParameters {
    pub(crate) inputs: usize,
    pub(crate) units: usize,
    /// `[4 × units, inputs]`.
    pub(crate) weight_ih: Vec<f32>,
    /// `[4 × units, units]`.
    pub(crate) weight_hh: Vec<f32>,
    /// `[4 × units]`.
    pub(crate) bias: Vec<f32>,
}

/// A named tensor of a network, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorView<'a> {
    /// `layers.N.weight_ih`, `layers.N.weight_hh`, `layers.N.bias`, `output.weight` or `output.bias`.
    pub name: String,
    /// One or two dimensions.
    pub shape: Vec<usize>,
    /// As many values as the shape says.
    pub values: &'a [f32],
}

/// A named tensor to make a network of, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// As in [`TensorView::name`].
    pub name: String,
    /// One or two dimensions.
    pub shape: Vec<usize>,
    /// As many values as the shape says.
    pub values: Vec<f32>,
}

/// Why tensors do not make a network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// The architecture itself is impossible.
    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
    /// A tensor is not there.
    #[error("the network lacks the tensor {0:?}")]
    Missing(String),
    /// A tensor has no place in the architecture, or came twice.
    #[error("the tensor {0:?} has no place in the network, or came twice")]
    Unexpected(String),
    /// A tensor's shape is another than the architecture's.
    #[error(
        "the tensor {name:?} has shape {found:?} and {values} values: the network needs {wanted:?}"
    )]
    Shape {
        /// Which tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// Number of values that came with it.
        values: usize,
        /// The shape it must have.
        wanted: Vec<usize>,
    },
    /// A tensor holds NaN or infinity.
    #[error("the tensor {0:?} holds a value that is not finite")]
    NotFinite(String),
}

impl Network {
    /// A network with fresh weights: uniform within one over the root of the layer's width, PyTorch's
    /// default; the same for the same seed.
    ///
    /// # Errors
    /// When the architecture is impossible.
    pub fn new(architecture: &Architecture, seed: u64) -> Result<Self, ArchitectureError> {
        architecture.check()?;
        let mut random = StdRng::seed_from_u64(seed);
        let mut uniform = |count: usize, units: usize| -> Vec<f32> {
            let bound = 1.0 / (units as f32).sqrt();
            (0..count)
                .map(|_| random.random_range(-bound..bound))
                .collect()
        };
        let layers = architecture
            .layer_widths()
            .map(|(inputs, units)| LayerParameters {
                inputs,
                units,
                weight_ih: uniform(4 * units * inputs, units),
                weight_hh: uniform(4 * units * units, units),
                bias: uniform(4 * units, units),
            })
            .collect();
        let (top, outputs) = (architecture.top(), architecture.outputs);
        let parameters = Parameters {
            layers,
            weight: uniform(outputs * top, top),
            bias: uniform(outputs, top),
        };
        Ok(Self::from_parameters(architecture.clone(), parameters))
    }

    pub(crate) fn from_parameters(architecture: Architecture, parameters: Parameters) -> Self {
        Self {
            architecture,
            parameters,
            packed: OnceLock::new(),
        }
    }

    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    pub(crate) fn packed(&self) -> &[Weights] {
        self.packed.get_or_init(|| {
            let layers = self.parameters.layers.iter();
            layers
                .map(|layer| {
                    let mut weights = Weights::default();
                    weights.load(&layer.weight_ih, &layer.weight_hh, &layer.bias);
                    weights
                })
                .collect()
        })
    }

    /// Changes the numbers; what is derived from them follows.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Parameters)) {
        self.packed.take();
        change(&mut self.parameters);
    }

    /// The network's shape.
    #[must_use]
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Number of trainable parameters.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameters.slices().map(<[f32]>::len).sum()
    }

    /// Every tensor with its name and shape, in a fixed order.
    #[must_use]
    pub fn tensors(&self) -> Vec<TensorView<'_>> {
        expected(&self.architecture)
            .into_iter()
            .zip(self.parameters.slices())
            .map(|((name, shape), values)| TensorView {
                name,
                shape,
                values,
            })
            .collect()
    }

    /// Puts a network together from the tensors that [`Self::tensors`] names, in any order.
    ///
    /// # Errors
    /// When a tensor is missing, too many, of another shape, or holds a value that is not finite.
    pub fn from_tensors(
        architecture: &Architecture,
        tensors: impl IntoIterator<Item = NamedTensor>,
    ) -> Result<Self, NetworkError> {
        architecture.check()?;
        let expected = expected(architecture);
        let mut found: Vec<Option<Vec<f32>>> = vec![None; expected.len()];
        for tensor in tensors {
            let place = expected.iter().position(|(name, _)| *name == tensor.name);
            let Some(place) = place.filter(|&place| found[place].is_none()) else {
                return Err(NetworkError::Unexpected(tensor.name));
            };
            let wanted = &expected[place].1;
            if tensor.shape != *wanted || tensor.values.len() != wanted.iter().product::<usize>() {
                return Err(NetworkError::Shape {
                    name: tensor.name,
                    found: tensor.shape,
                    values: tensor.values.len(),
                    wanted: wanted.clone(),
                });
            }
            if tensor.values.iter().any(|value| !value.is_finite()) {
                return Err(NetworkError::NotFinite(tensor.name));
            }
            found[place] = Some(tensor.values);
        }
        let mut names = expected.into_iter().map(|(name, _)| name);
        let mut found = found.into_iter();
        let mut next = || match (found.next().flatten(), names.next()) {
            (Some(values), _) => Ok(values),
            (None, name) => Err(NetworkError::Missing(name.unwrap_or_default())),
        };
        let mut layers = Vec::with_capacity(architecture.layers.len());
        for (inputs, units) in architecture.layer_widths() {
            layers.push(LayerParameters {
                inputs,
                units,
                weight_ih: next()?,
                weight_hh: next()?,
                bias: next()?,
            });
        }
        let parameters = Parameters {
            layers,
            weight: next()?,
            bias: next()?,
        };
        Ok(Self::from_parameters(architecture.clone(), parameters))
    }

    /// The state before the first step.
    #[must_use]
    pub fn zero_state(&self) -> NetworkState {
        NetworkState::zero(&self.architecture)
    }
}

impl Parameters {
    /// Every tensor's values, in the order of [`Network::tensors`].
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[f32]> {
        self.layers
            .iter()
            .flat_map(|layer| [&layer.weight_ih, &layer.weight_hh, &layer.bias])
            .chain([&self.weight, &self.bias])
            .map(Vec::as_slice)
    }

    /// As [`Self::slices`], to change.
    pub(crate) fn slices_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.layers
            .iter_mut()
            .flat_map(|layer| [&mut layer.weight_ih, &mut layer.weight_hh, &mut layer.bias])
            .chain([&mut self.weight, &mut self.bias])
            .map(Vec::as_mut_slice)
    }
}

/// Names and shapes of a network's tensors.
fn expected(architecture: &Architecture) -> Vec<(String, Vec<usize>)> {
    let mut tensors = Vec::new();
    for (index, (inputs, units)) in architecture.layer_widths().enumerate() {
        for (part, shape) in [
            ("weight_ih", vec![4 * units, inputs]),
            ("weight_hh", vec![4 * units, units]),
            ("bias", vec![4 * units]),
        ] {
            tensors.push((format!("layers.{index}.{part}"), shape));
        }
    }
    let (top, outputs) = (architecture.top(), architecture.outputs);
    tensors.push(("output.weight".to_owned(), vec![outputs, top]));
    tensors.push(("output.bias".to_owned(), vec![outputs]));
    tensors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(network: &Network) -> Vec<NamedTensor> {
        network
            .tensors()
            .into_iter()
            .map(|tensor| NamedTensor {
                name: tensor.name,
                shape: tensor.shape,
                values: tensor.values.to_vec(),
            })
            .collect()
    }

    fn small() -> Network {
        let architecture = Architecture {
            inputs: 3,
            layers: vec![5, 2],
            dropout: 0.1,
            outputs: 2,
        };
        Network::new(&architecture, 7).expect("possible")
    }

    #[test]
    fn taken_apart_and_put_together_it_is_the_same() {
        let network = small();
        let mut tensors = owned(&network);
        tensors.reverse();
        let again = Network::from_tensors(network.architecture(), tensors).expect("whole");
        assert_eq!(again, network);
        assert_eq!(network.parameter_count(), 4 * 5 * 9 + 4 * 2 * 8 + 2 * 3);
    }

    #[test]
    fn the_seed_decides_the_weights() {
        let architecture = Architecture::reference(2, 1);
        let make = |seed| Network::new(&architecture, seed).expect("possible");
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    #[test]
    fn tensors_that_do_not_fit_are_refused_by_name() {
        let network = small();
        let build = |tensors| Network::from_tensors(network.architecture(), tensors);

        let mut missing = owned(&network);
        missing.remove(4);
        assert_eq!(
            build(missing),
            Err(NetworkError::Missing("layers.1.weight_hh".to_owned()))
        );

        let mut twice = owned(&network);
        twice.push(twice[0].clone());
        assert!(matches!(build(twice), Err(NetworkError::Unexpected(_))));

        let mut turned = owned(&network);
        turned[0].shape.reverse();
        assert!(matches!(build(turned), Err(NetworkError::Shape { .. })));

        let mut broken = owned(&network);
        broken[6].values[0] = f32::INFINITY;
        assert_eq!(
            build(broken),
            Err(NetworkError::NotFinite("output.weight".to_owned()))
        );
    }
}
