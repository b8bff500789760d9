//! Reading configs: what cannot be run is refused here, by the key's own name, so that the graphs need not check.

use crate::error::{Error, Result};
use crate::graph::Activation;
use serde::{Deserialize, de::DeserializeOwned};

/// Parses JSON; unknown keys are ignored, as upstream does.
pub fn parse<T: DeserializeOwned>(path: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::broken(path, error.to_string()))
}

/// A value that the engine does not have; `reason` completes the sentence.
pub fn unsupported(path: &str, key: &str, value: impl ToString, reason: &str) -> Error {
    Error::Unsupported { path: path.into(), key: key.into(), value: value.to_string(), reason: reason.into() }
}

/// Refuses `value` unless it is one of those that the graphs implement.
pub fn require<T: PartialEq + std::fmt::Debug>(path: &str, key: &str, value: &T, allowed: &[T]) -> Result<()> {
    if allowed.contains(value) {
        return Ok(());
    }
    Err(unsupported(path, key, format!("{value:?}"), &format!("supported: {allowed:?}")))
}

/// An activation by upstream's name.
pub fn activation(path: &str, key: &str, name: &str) -> Result<Activation> {
    match name {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu" => Ok(Activation::Gelu),
        "quick_gelu" => Ok(Activation::QuickGelu),
        "relu" => Ok(Activation::Relu),
        _ => Err(unsupported(path, key, name, "supported: silu, gelu, quick_gelu, relu")),
    }
}

/// Refuses group norms that do not divide their channels.
pub fn require_groups(path: &str, channels: &[usize], groups: usize) -> Result<()> {
    match channels.iter().find(|c| groups == 0 || !c.is_multiple_of(groups)) {
        None => Ok(()),
        Some(c) => Err(unsupported(path, "norm_num_groups", groups, &format!("{c} channels cannot be divided so"))),
    }
}

/// A number, or a list with one for each block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PerBlock {
    /// The same for all.
    One(usize),
    /// One each.
    Each(Vec<usize>),
}

impl PerBlock {
    /// The number of block `i`.
    pub fn at(&self, i: usize) -> usize {
        match self {
            Self::One(n) => *n,
            Self::Each(list) => list.get(i).or(list.last()).copied().unwrap_or(1),
        }
    }

    /// Whether a list has the right length and no number is zero.
    pub fn fits(&self, blocks: usize) -> bool {
        match self {
            Self::One(n) => *n > 0,
            Self::Each(list) => list.len() == blocks && list.iter().all(|n| *n > 0),
        }
    }
}

/// A number, or one for each block, or a list for each block with one for each of its attentions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PerAttention {
    /// The same for all.
    One(usize),
    /// One each.
    Each(Vec<PerBlock>),
}

impl PerAttention {
    /// The number of attention `j` in block `i`.
    pub fn at(&self, i: usize, j: usize) -> usize {
        match self {
            Self::One(n) => *n,
            Self::Each(list) => list.get(i).map_or(1, |block| block.at(j)),
        }
    }

    /// Whether a list has one entry for each block.
    pub fn fits(&self, blocks: usize) -> bool {
        match self {
            Self::One(_) => true,
            Self::Each(list) => list.len() == blocks,
        }
    }

    /// Whether some block has a list of its own.
    pub fn is_nested(&self) -> bool {
        matches!(self, Self::Each(list) if list.iter().any(|block| matches!(block, PerBlock::Each(_))))
    }
}
