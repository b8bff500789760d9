//! The lab's one error type: every message names the text or number that is wrong, and what would be right.

/// Why something typed or measured cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LabError {
    /// Nothing was typed.
    #[error("{what} are missing: type at least one, for example '{example}'.")]
    Empty {
        /// Which list, capitalised: `Steps`.
        what: &'static str,
        /// Something that would do.
        example: &'static str,
    },
    /// A part of a list is no value and no range.
    #[error("'{text}' cannot be read in {what}: {remedy}")]
    Unreadable {
        /// Which list.
        what: &'static str,
        /// The part.
        text: String,
        /// One sentence that tells what would be read.
        remedy: String,
    },
    /// A list or a grid is too long.
    #[error("{what}: {count} would be too many; at most {most} are taken. {remedy}")]
    TooMany {
        /// Which list, or `Runs`.
        what: &'static str,
        /// How many there would be.
        count: u64,
        /// How many are taken.
        most: u64,
        /// One sentence.
        remedy: &'static str,
    },
    /// Two results cannot be compared.
    #[error("{left} and {right} cannot be compared: compare results of the same size and model.")]
    Shapes {
        /// Shape of one.
        left: String,
        /// Shape of the other.
        right: String,
    },
    /// Pixels do not fill the size that they claim.
    #[error("{bytes} bytes are no {width}x{height} RGBA picture, which has {}: pass the whole picture.", 4 * u64::from(*.width) * u64::from(*.height))]
    Pixels {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Bytes given.
        bytes: usize,
    },
    /// Too few blind votes to calibrate from.
    #[error(
        "{votes} votes are too few to learn a tolerance from: give at least {least}, of which some could not be told apart."
    )]
    TooFewVotes {
        /// Usable votes.
        votes: usize,
        /// How many it takes.
        least: usize,
    },
    /// A file is no log of runs.
    #[error("This file cannot be imported: {reason}. Choose a JSON file that Stepscope's log has exported.")]
    Log {
        /// What is wrong with it.
        reason: String,
    },
    /// A picture's file does not tell how it was made.
    #[error(
        "This file tells no settings: {reason}. Choose a PNG file as Stepscope, AUTOMATIC1111, ComfyUI or InvokeAI saved it."
    )]
    PngInfo {
        /// What is wrong with it.
        reason: String,
    },
}
