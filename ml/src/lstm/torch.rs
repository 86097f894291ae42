//! Networks trained in PyTorch: reads the weights that `torch.save(model.state_dict(), "model.pt")`
//! wrote, of stacked `nn.LSTM`s and a linear layer.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pytorch_reader::{DType, PytorchError, PytorchReader, Tensor};

use super::architecture::{Architecture, ArchitectureError};
use super::network::{LayerParameters, Network, Parameters};

/// Why a PyTorch file does not give a network.
#[derive(Debug, thiserror::Error)]
pub enum TorchError {
    /// The file cannot be read or is none of PyTorch's.
    #[error("cannot read the PyTorch file {path:?}")]
    File {
        /// Which file.
        path: PathBuf,
        /// The reader's error.
        #[source]
        source: PytorchError,
    },
    /// A tensor's values cannot be read.
    #[error("cannot read the tensor {name:?} of the PyTorch file")]
    Tensor {
        /// Which tensor.
        name: String,
        /// The reader's error.
        #[source]
        source: std::io::Error,
    },
    /// The tensors are not those of a stack of LSTMs and one linear layer.
    #[error("the PyTorch file does not hold LSTM layers and a linear layer on top: {0}")]
    NotThisArchitecture(String),
    /// The architecture is outside of what a network may be.
    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
}

/// Makes a network of a PyTorch state dict. Each `nn.LSTM` may be a module of its own or a layer of a
/// stacked one; layers are taken in the order of their modules' names, numbers in them by value, and the
/// one linear layer reads the last. `dropout` is for later training: the file does not hold it.
///
/// # Errors
/// When the file cannot be read, or holds something else: bidirectional or projected LSTMs, more than
/// one linear layer, widths that do not follow from each other, or values that are not finite floats.
pub fn import_torch(path: &Path, dropout: f32) -> Result<Network, TorchError> {
    let reader = PytorchReader::new(path).map_err(|source| TorchError::File {
        path: path.to_owned(),
        source,
    })?;
    let tensors = reader.tensors();
    let modules = lstm_modules(tensors)?;
    let linear = linear_module(tensors)?;

    let mut widths = Vec::new();
    for module in &modules {
        let (rows, inputs) = matrix(tensors, &module.name("weight_ih"))?;
        if rows == 0 || rows % 4 != 0 {
            return Err(unlike(format!(
                "{} has {rows} rows",
                module.name("weight_ih")
            )));
        }
        let below = widths.last().map(|(_, units)| *units);
        if below.is_some_and(|below| below != inputs) {
            return Err(unlike(format!(
                "{} reads {inputs} values, the layer below it has {}",
                module.name("weight_ih"),
                below.unwrap_or_default()
            )));
        }
        widths.push((inputs, rows / 4));
    }
    let (outputs, _) = matrix(tensors, &format!("{linear}weight"))?;
    let architecture = Architecture {
        inputs: widths.first().map_or(0, |(inputs, _)| *inputs),
        layers: widths.iter().map(|(_, units)| *units).collect(),
        dropout,
        outputs,
    };
    // Before anything is read: what is too large is refused.
    architecture.check()?;

    let mut layers = Vec::new();
    for (module, &(inputs, units)) in modules.iter().zip(&widths) {
        let read = |part, shape: &[usize]| values(tensors, &module.name(part), shape);
        let mut bias = vec![0.0; 4 * units];
        for part in ["bias_ih", "bias_hh"] {
            // A module made with `bias=False` has none.
            if tensors.contains_key(&module.name(part)) {
                let summand = read(part, &[4 * units])?;
                bias.iter_mut()
                    .zip(summand)
                    .for_each(|(sum, value)| *sum += value);
            }
        }
        layers.push(LayerParameters {
            inputs,
            units,
            weight_ih: read("weight_ih", &[4 * units, inputs])?,
            weight_hh: read("weight_hh", &[4 * units, units])?,
            bias,
        });
    }
    let weight = values(
        tensors,
        &format!("{linear}weight"),
        &[outputs, architecture.top()],
    )?;
    let bias = match tensors.get(&format!("{linear}bias")) {
        Some(_) => values(tensors, &format!("{linear}bias"), &[outputs])?,
        None => vec![0.0; outputs],
    };
    let parameters = Parameters {
        layers,
        weight,
        bias,
    };
    Ok(Network::from_parameters(architecture, parameters))
}

/// One layer of an `nn.LSTM`.
#[derive(Debug, PartialEq, Eq)]
struct LstmModule {
    /// The module's path, with a dot at its end, or empty.
    path: String,
    /// Which of a stacked module's layers.
    layer: usize,
}

impl LstmModule {
    fn name(&self, part: &str) -> String {
        format!("{}{part}_l{}", self.path, self.layer)
    }
}

fn unlike(why: String) -> TorchError {
    TorchError::NotThisArchitecture(why)
}

fn lstm_modules(tensors: &HashMap<String, Tensor>) -> Result<Vec<LstmModule>, TorchError> {
    let mut modules = Vec::new();
    for name in tensors.keys() {
        let (path, last) = split(name);
        if last.starts_with("weight_hr_l") || last.ends_with("_reverse") {
            return Err(unlike(format!(
                "{name} is of a projected or bidirectional LSTM"
            )));
        }
        if let Some(layer) = last.strip_prefix("weight_ih_l") {
            let layer = layer
                .parse()
                .map_err(|_| unlike(format!("{name} does not end in a layer's number")))?;
            modules.push(LstmModule {
                path: path.to_owned(),
                layer,
            });
        }
    }
    if modules.is_empty() {
        return Err(unlike("there is no weight_ih_l0".to_owned()));
    }
    modules.sort_by(|a, b| by_number(&a.path, &b.path).then(a.layer.cmp(&b.layer)));
    Ok(modules)
}

/// The path of the only linear layer, with a dot at its end, or empty.
fn linear_module(tensors: &HashMap<String, Tensor>) -> Result<String, TorchError> {
    let mut paths = tensors.iter().filter_map(|(name, tensor)| {
        let (path, last) = split(name);
        (last == "weight" && tensor.shape().len() == 2).then_some(path)
    });
    match (paths.next(), paths.next()) {
        (Some(path), None) => Ok(path.to_owned()),
        (None, _) => Err(unlike("there is no linear layer's weight".to_owned())),
        (Some(one), Some(other)) => Err(unlike(format!(
            "both {one}weight and {other}weight may be the linear layer"
        ))),
    }
}

/// A name's path with its dot, and its last part.
fn split(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('.').map_or(0, |dot| dot + 1))
}

/// Compares names, digits in them by the numbers they are: `lstm2` before `lstm10`.
fn by_number(a: &str, b: &str) -> Ordering {
    let parts = |name: &str| -> Vec<(String, u64)> {
        let mut parts = Vec::new();
        let mut rest = name;
        while !rest.is_empty() {
            let text = rest
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(rest.len());
            let (word, tail) = rest.split_at(text);
            let digits = tail
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(tail.len());
            let (number, tail) = tail.split_at(digits);
            parts.push((word.to_owned(), number.parse().unwrap_or(0)));
            rest = tail;
        }
        parts
    };
    parts(a).cmp(&parts(b))
}

fn matrix(tensors: &HashMap<String, Tensor>, name: &str) -> Result<(usize, usize), TorchError> {
    match tensors.get(name).map(Tensor::shape) {
        Some(&[rows, columns]) => Ok((rows, columns)),
        Some(shape) => Err(unlike(format!("{name} has shape {shape:?}"))),
        None => Err(unlike(format!("there is no {name}"))),
    }
}

fn values(
    tensors: &HashMap<String, Tensor>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, TorchError> {
    let Some(tensor) = tensors.get(name) else {
        return Err(unlike(format!("there is no {name}")));
    };
    if tensor.shape() != shape {
        let found = tensor.shape();
        return Err(unlike(format!("{name} has shape {found:?}, not {shape:?}")));
    }
    let bytes = tensor.read().map_err(|source| TorchError::Tensor {
        name: name.to_owned(),
        source,
    })?;
    let values: Vec<f32> = match tensor.dtype() {
        DType::F32 => {
            let (values, _) = bytes.as_chunks();
            values
                .iter()
                .map(|bytes| f32::from_ne_bytes(*bytes))
                .collect()
        }
        DType::F64 => {
            let (values, _) = bytes.as_chunks();
            values
                .iter()
                .map(|bytes| f64::from_ne_bytes(*bytes) as f32)
                .collect()
        }
        other => {
            return Err(unlike(format!(
                "{name} holds {other:?}, not floats of 32 or 64 bits"
            )));
        }
    };
    if values.iter().any(|value| !value.is_finite()) {
        return Err(unlike(format!("{name} holds a value that is not finite")));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// PyTorch's answers, as written by `tests/fixtures/make_torch.py`.
    #[derive(Deserialize)]
    struct Answer {
        file: String,
        architecture: Architecture,
        inputs: Vec<f32>,
        outputs: Vec<f32>,
    }

    fn fixtures() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
    }

    #[test]
    fn imported_weights_give_pytorchs_outputs() {
        let answers = std::fs::read(fixtures().join("torch.json")).expect("checked in");
        let answers: Vec<Answer> = serde_json::from_slice(&answers).expect("of our script");
        assert_eq!(answers.len(), 4);
        for answer in answers {
            let network = import_torch(&fixtures().join(&answer.file), answer.architecture.dropout)
                .unwrap_or_else(|error| panic!("{}: {error}", answer.file));
            assert_eq!(
                *network.architecture(),
                answer.architecture,
                "{}",
                answer.file
            );
            let ours = network.forward(&answer.inputs);
            assert_eq!(ours.len(), answer.outputs.len());
            for (ours, torch) in ours.iter().zip(&answer.outputs) {
                assert!(
                    (ours - torch).abs() < 1e-6,
                    "{}: {ours} {torch}",
                    answer.file
                );
            }
        }
    }

    #[test]
    fn what_is_no_such_network_is_refused_with_the_reason() {
        let refused = |file: &str| {
            let error = import_torch(&fixtures().join(file), 0.0).expect_err(file);
            error.to_string()
        };
        assert!(refused("torch_bidirectional.pt").contains("bidirectional"));
        assert!(refused("torch_linear.pt").contains("no weight_ih_l0"));
        assert!(refused("torch.json").contains("cannot read"));
        assert!(refused("absent.pt").contains("absent.pt"));

        let whole = std::fs::read(fixtures().join("torch_modules.pt")).expect("checked in");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("cut.pt");
        std::fs::write(&path, &whole[..whole.len() / 2]).expect("written");
        assert!(import_torch(&path, 0.0).is_err());
    }

    #[test]
    fn modules_are_ordered_by_the_numbers_in_their_names() {
        let mut names = ["lstm10.", "lstm2.", "", "a.1.", "lstm1."];
        names.sort_by(|a, b| by_number(a, b));
        assert_eq!(names, ["", "a.1.", "lstm1.", "lstm2.", "lstm10."]);
    }
}
