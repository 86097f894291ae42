//! One version as files: `weights.safetensors`, `card.json`, `serving.json` and `SHA256SUMS`, which
//! `sha256sum -c` can check. It writes into a directory that nobody reads yet, and believes nothing
//! that it reads. Which directory serves is [`super::registry`]'s.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::card::{Card, FORMAT};
use super::id::{ModelKey, hex};
use super::stored::Stored;
use crate::features::NAMES;
use crate::fitted::Fitted;
use crate::live::{LiveModel, Served};
use crate::lstm::{Architecture, NamedTensor, Network};

const WEIGHTS: &str = "weights.safetensors";
const CARD: &str = "card.json";
const SERVING: &str = "serving.json";
const SUMS: &str = "SHA256SUMS";

/// The files that the checksums cover.
const COVERED: [&str; 3] = [CARD, SERVING, WEIGHTS];

/// The largest file that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Metadata key and value of the weights that name the program that wrote them.
const WRITER: (&str, &str) = ("format", "coinsphere-lstm");

/// Why a version cannot be used, or not be written.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// The file system refused.
    #[error("cannot {what} {path}", path = .path.display())]
    Io {
        /// The operation attempted.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{path} is not as it was written: its checksum is {found}, {wanted} was noted; use another version, or train again", path = .path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Its checksum.
        found: String,
        /// The checksum noted when it was written.
        wanted: String,
    },
    /// A file holds something else than it should.
    #[error("{path} is not part of a model of this program: {why}", path = .path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// The fault.
        why: String,
    },
    /// It was written by a program with another layout or other features.
    #[error("{path} has {what} {found}, this program reads {wanted}: train again", path = .path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// The value that differs.
        what: &'static str,
        /// Theirs.
        found: String,
        /// Ours.
        wanted: String,
    },
}

impl ModelFileError {
    /// Returns whether the same call may succeed later without anyone changing the files.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() != io::ErrorKind::NotFound)
    }
}

/// Contents of `serving.json`: all that is needed to forecast, but the network's weights.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    models: Vec<Stored>,
    served: Vec<Served>,
}

/// Writes a version into an empty directory, and makes it outlive a power cut.
pub(super) fn write(dir: &Path, model: &LiveModel) -> Result<(), ModelFileError> {
    let mut weights = Vec::new();
    let parts = Parts {
        models: model
            .models()
            .iter()
            .map(|fitted| Stored::of(fitted, &mut weights))
            .collect(),
        served: model.served().to_vec(),
    };
    let path = dir.join(WEIGHTS);
    let weights = tensors(&weights).map_err(|why| io::Error::other(why.to_string()));
    let weights = weights.map_err(failed("write", &path))?;
    let mut sums = String::new();
    for (name, bytes) in [
        (CARD, json(model.card(), &dir.join(CARD))?),
        (SERVING, json(&parts, &dir.join(SERVING))?),
        (WEIGHTS, weights),
    ] {
        write_file(&dir.join(name), &bytes)?;
        sums.push_str(&format!("{}  {name}\n", hex(&Sha256::digest(&bytes))));
    }
    write_file(&dir.join(SUMS), sums.as_bytes())?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("write", dir))
}

/// Reads the card, after checking that every file is as it was written.
pub(super) fn read_card(dir: &Path) -> Result<Card, ModelFileError> {
    let mut files = checked(dir)?;
    card(dir, &files.remove(CARD).unwrap_or_default())
}

/// Reads a whole version.
pub(super) fn read(dir: &Path) -> Result<LiveModel, ModelFileError> {
    let mut files = checked(dir)?;
    let mut take = |name| files.remove(name).unwrap_or_default();
    let card = card(dir, &take(CARD))?;
    let path = dir.join(SERVING);
    let parts: Parts = parse(&path, &take(SERVING))?;
    let weights_path = dir.join(WEIGHTS);
    let mut weights = Weights::read(&weights_path, &take(WEIGHTS))?;
    let foreign = |path: &Path| {
        let path = path.to_owned();
        move |why: String| ModelFileError::Foreign { path, why }
    };
    let models = parts
        .models
        .into_iter()
        .map(|stored| stored.restore(&card, &mut weights))
        .collect::<Result<Vec<Fitted>, String>>()
        .map_err(foreign(&weights_path))?;
    weights.all_used().map_err(foreign(&weights_path))?;
    LiveModel::new(card, models, parts.served).map_err(foreign(&path))
}

/// Reads a file of at most `most` bytes.
pub(super) fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is larger than {most} bytes"),
        ));
    }
    Ok(bytes)
}

/// The covered files by name, each as it was written.
fn checked(dir: &Path) -> Result<HashMap<&'static str, Vec<u8>>, ModelFileError> {
    let sums_path = dir.join(SUMS);
    let sums = read_bounded(&sums_path, MAX_BYTES).map_err(failed("read", &sums_path))?;
    let sums = String::from_utf8_lossy(&sums);
    let mut files = HashMap::new();
    for name in COVERED {
        let wanted = sums
            .lines()
            .filter_map(|line| line.split_once("  "))
            .find(|(_, file)| *file == name)
            .map(|(sum, _)| sum);
        let Some(wanted) = wanted else {
            return Err(ModelFileError::Foreign {
                path: sums_path,
                why: format!("it has no checksum of {name}"),
            });
        };
        let path = dir.join(name);
        let bytes = read_bounded(&path, MAX_BYTES).map_err(failed("read", &path))?;
        let found = hex(&Sha256::digest(&bytes));
        if found != wanted {
            return Err(ModelFileError::Corrupt {
                path,
                found,
                wanted: wanted.to_owned(),
            });
        }
        files.insert(name, bytes);
    }
    Ok(files)
}

fn card(dir: &Path, bytes: &[u8]) -> Result<Card, ModelFileError> {
    /// Read first: another layout has other fields.
    #[derive(Deserialize)]
    struct Layout {
        format: u32,
    }
    let path = dir.join(CARD);
    let Layout { format } = parse(&path, bytes)?;
    if format != FORMAT {
        return Err(ModelFileError::Version {
            path,
            what: "layout",
            found: format.to_string(),
            wanted: FORMAT.to_string(),
        });
    }
    let card: Card = parse(&path, bytes)?;
    if card.features != NAMES {
        return Err(ModelFileError::Version {
            path,
            what: "the features",
            found: card.features.join(", "),
            wanted: NAMES.join(", "),
        });
    }
    let foreign = |why: String| ModelFileError::Foreign {
        path: path.clone(),
        why,
    };
    ModelKey::new(&card.asset, card.interval).map_err(|error| foreign(error.to_string()))?;
    if !card.scaler.is_valid() {
        return Err(foreign("its scaler holds impossible numbers".to_owned()));
    }
    Ok(card)
}

/// The tensors of every network, as bytes in the format of safetensors.
fn tensors(networks: &[&Network]) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let mut named: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (at, network) in networks.iter().enumerate() {
        for tensor in network.tensors() {
            let bytes = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            named.push((
                format!("networks.{at}.{}", tensor.name),
                tensor.shape,
                bytes,
            ));
        }
    }
    let views = named
        .iter()
        .map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name, view))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let metadata = [(WRITER.0.to_owned(), WRITER.1.to_owned())]
        .into_iter()
        .collect();
    serialize(views, Some(metadata))
}

/// The tensors that were read, by network.
pub(super) struct Weights(HashMap<usize, Vec<NamedTensor>>);

impl Weights {
    fn read(path: &Path, bytes: &[u8]) -> Result<Self, ModelFileError> {
        let foreign = |why: String| ModelFileError::Foreign {
            path: path.to_owned(),
            why,
        };
        let file = SafeTensors::deserialize(bytes).map_err(|error| foreign(error.to_string()))?;
        let mut networks: HashMap<usize, Vec<NamedTensor>> = HashMap::new();
        for (name, view) in file.tensors() {
            let place = name
                .strip_prefix("networks.")
                .and_then(|rest| rest.split_once('.'))
                .and_then(|(at, name)| Some((at.parse::<usize>().ok()?, name)));
            let Some((at, tensor)) = place else {
                return Err(foreign(format!("it holds a tensor {name:?}")));
            };
            if view.dtype() != Dtype::F32 {
                return Err(foreign(format!("{name} is of type {:?}", view.dtype())));
            }
            networks.entry(at).or_default().push(NamedTensor {
                name: tensor.to_owned(),
                shape: view.shape().to_vec(),
                values: view
                    .data()
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect(),
            });
        }
        Ok(Self(networks))
    }

    /// Takes a network out.
    pub(super) fn take(
        &mut self,
        at: usize,
        architecture: &Architecture,
    ) -> Result<Network, String> {
        let tensors = self.0.remove(&at).unwrap_or_default();
        Network::from_tensors(architecture, tensors).map_err(|error| error.to_string())
    }

    fn all_used(&self) -> Result<(), String> {
        match self.0.keys().min() {
            None => Ok(()),
            Some(at) => Err(format!("it holds a network {at} that no model uses")),
        }
    }
}

fn json(value: &impl Serialize, path: &Path) -> Result<Vec<u8>, ModelFileError> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(io::Error::other)
        .map_err(failed("write", path))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn parse<'a, T: Deserialize<'a>>(path: &Path, bytes: &'a [u8]) -> Result<T, ModelFileError> {
    serde_json::from_slice(bytes).map_err(|error| ModelFileError::Foreign {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ModelFileError> {
    File::create_new(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(failed("write", path))
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ModelFileError + 'a {
    move |source| ModelFileError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}
