//! Saving the denoising: which frames, how long each, in which kind of file. Plain Rust here and in [`encode`]; what
//! needs a canvas is in [`video`], [`sheet`] and the controller.

pub mod encode;
pub mod sheet;
pub mod video;

/// The kinds of file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Animated PNG: every colour as it is.
    #[default]
    Apng,
    /// GIF: 256 colours a frame, shown everywhere.
    Gif,
    /// Video, by the browser's own recorder.
    WebM,
    /// All steps on one picture, numbered.
    Strip,
}

impl Format {
    /// In the order of the list.
    pub const ALL: [Format; 4] = [Format::Apng, Format::Gif, Format::WebM, Format::Strip];

    /// The value of its entry in the list.
    pub fn key(self) -> &'static str {
        match self {
            Self::Apng => "apng",
            Self::Gif => "gif",
            Self::WebM => "webm",
            Self::Strip => "strip",
        }
    }

    /// The format of a key.
    pub fn from_key(key: &str) -> Self {
        Self::ALL.into_iter().find(|format| format.key() == key).unwrap_or_default()
    }

    /// What the list shows.
    pub fn label(self) -> &'static str {
        match self {
            Self::Apng => "Animated PNG (exact colours)",
            Self::Gif => "GIF (256 colours a frame)",
            Self::WebM => "WebM video",
            Self::Strip => "Strip: all steps on one PNG",
        }
    }

    /// What is added to the run's name, and the extension.
    pub fn suffix(self) -> (&'static str, &'static str) {
        match self {
            Self::Apng => ("-denoising", "png"),
            Self::Gif => ("-denoising", "gif"),
            Self::WebM => ("-denoising", "webm"),
            Self::Strip => ("-strip", "png"),
        }
    }

    /// Whether frames follow each other in time.
    pub fn is_animated(self) -> bool {
        self != Self::Strip
    }
}

/// Size and times of the frames to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Film {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Milliseconds of each frame.
    pub ms: Vec<u32>,
}

impl Film {
    /// Frames of one size, all but the last equally long.
    pub fn new([width, height]: [u32; 2], frames: usize, ms_each: u32, ms_last: u32) -> Self {
        let ms = (1..=frames).map(|i| if i == frames { ms_last } else { ms_each }).collect();
        Self { width, height, ms }
    }

    /// Frames.
    pub fn len(&self) -> usize {
        self.ms.len()
    }

    /// Milliseconds of a frame.
    pub fn ms(&self, frame: usize) -> u32 {
        self.ms.get(frame).copied().unwrap_or_default()
    }

    /// Milliseconds of all frames.
    pub fn duration(&self) -> f64 {
        self.ms.iter().map(|ms| f64::from(*ms)).sum()
    }
}
