//! Finished runs on disk: a PNG and a safetensors file with the final latents each, and in its header everything that
//! decides the picture and all that was measured. A run whose header says the same is not done again.

use crate::generate::written;
use image::ExtendedColorType;
use inference::Result;
use inference::image::Picture;
use lab::budget::StepTime;
use lab::grid::Cell;
use protocol::GenerateRequest;
use safetensors::{
    SafeTensors,
    tensor::{Dtype, TensorView},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Everything that decides a picture and its time. Two runs with the same are one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of this program.
    pub version: String,
    /// [`fingerprint`] of the model's folder, and of the pictures to start from.
    pub files: String,
    /// Engine and adapter.
    pub device: String,
    /// How numbers are stored.
    pub precision: String,
    /// The rest.
    pub request: GenerateRequest,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurements {
    /// Seconds of text encoding, evaluations and decoding.
    pub parts: [f64; 3],
    /// Seconds that were predicted before.
    pub predicted: f64,
    /// Model evaluations, as planned.
    pub evaluations: u32,
    /// First and last noise level.
    pub ends: [f64; 2],
    /// Each step.
    pub steps: Vec<StepTime>,
}

/// A finished run.
pub struct Done {
    /// What was run.
    pub cell: Cell,
    /// What was measured.
    pub measured: Measurements,
    /// Final latents `[h, w, C]`.
    pub latents: Vec<f32>,
    /// The picture.
    pub picture: Picture,
    /// Its file, relative to the folder.
    pub image: String,
}

/// A folder of finished runs.
pub struct Store {
    folder: PathBuf,
}

const KEY: &str = "stepscope";

impl Store {
    /// Opens a folder, which may be new.
    pub fn open(folder: &Path) -> Result<Self> {
        for folder in [folder.to_path_buf(), folder.join("latents")] {
            fs::create_dir_all(&folder).map_err(|error| written(&folder, error))?;
        }
        Ok(Self { folder: folder.to_path_buf() })
    }

    /// The run of that name, if it is there, whole, and of the same identity.
    pub fn find(&self, name: &str, identity: &Identity, cell: &Cell) -> Option<Done> {
        let bytes = fs::read(self.latents(name)).ok()?;
        let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
        let (known, measured): (Identity, Measurements) =
            serde_json::from_str(header.metadata().as_ref()?.get(KEY)?).ok()?;
        if known != *identity {
            return None;
        }
        let file = SafeTensors::deserialize(&bytes).ok()?;
        let tensor = file.tensor("latents").ok().filter(|tensor| tensor.dtype() == Dtype::F32)?;
        let latents = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let image = format!("{name}.png");
        let pixels = image::open(self.folder.join(&image)).ok()?.to_rgba8();
        let (width, height) = pixels.dimensions();
        let picture = Picture { width, height, rgba: pixels.into_raw() };
        Some(Done { cell: cell.clone(), measured, latents, picture, image })
    }

    /// Keeps a run. The latents come last and under their name only when they are whole, so that an interrupted write
    /// is no finished run.
    pub fn keep(&self, name: &str, identity: &Identity, done: &Done) -> Result<()> {
        let path = self.folder.join(&done.image);
        let Picture { width, height, rgba } = &done.picture;
        image::save_buffer(&path, rgba, *width, *height, ExtendedColorType::Rgba8)
            .map_err(|error| written(&path, error))?;
        let (path, draft) = (self.latents(name), self.latents(&format!("{name}.part")));
        let header = serde_json::to_string(&(identity, &done.measured)).map_err(|error| written(&path, error))?;
        let bytes: Vec<u8> = done.latents.iter().flat_map(|x| x.to_le_bytes()).collect();
        let shape = vec![done.latents.len()];
        let view = TensorView::new(Dtype::F32, shape, &bytes).map_err(|error| written(&path, error))?;
        let header = Some(HashMap::from([(KEY.to_owned(), header)]));
        safetensors::serialize_to_file([("latents", view)], header, &draft).map_err(|error| written(&draft, error))?;
        fs::rename(&draft, &path).map_err(|error| written(&path, error))
    }

    /// Writes a text file into the folder.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|error| written(&path, error))?;
        Ok(path)
    }

    fn latents(&self, name: &str) -> PathBuf {
        self.folder.join("latents").join(format!("{name}.safetensors"))
    }
}

/// Tells files apart without reading them through: names, sizes and times of change of a folder, or of a single file.
pub fn fingerprint(paths: &[&Path]) -> Result<String> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    while let Some(path) = open.pop() {
        let about = fs::metadata(&path).map_err(|error| written(&path, error))?;
        if about.is_dir() {
            let entries = fs::read_dir(&path).map_err(|error| written(&path, error))?;
            for entry in entries {
                open.push(entry.map_err(|error| written(&path, error))?.path());
            }
            continue;
        }
        let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        files.push((path, about.len(), changed.unwrap_or_default().as_nanos()));
    }
    files.sort();
    // FNV-1a, 64 bits: short, and the same in every build.
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let text = format!("{files:?}");
    Ok(format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, hash)))
}
