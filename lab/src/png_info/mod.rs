//! What a PNG file tells of how its picture was made, by the program that made it: this one, AUTOMATIC1111's web UI and
//! its kin, ComfyUI or InvokeAI. Everything that has a counterpart here comes out as the keys and values of a link;
//! everything else is listed with the reason, because a setting that is lost in silence makes another picture.

mod a1111;
mod comfyui;
mod invokeai;
mod names;
mod write;

pub use write::write;

use crate::LabError;
use std::io::Cursor;

/// The chunk in which AUTOMATIC1111's web UI keeps its settings; this program's pictures have one, too.
pub const PARAMETERS: &str = "parameters";
/// The chunk in which this program keeps the link that makes the picture again.
pub const LINK: &str = "stepscope";
/// Bytes that texts and other chunks may take in memory; ComfyUI's graphs reach a few hundred thousand.
const BYTES_MAX: usize = 16 << 20;

/// Which program wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// This one: the settings are a link's fragment.
    Stepscope,
    /// AUTOMATIC1111's web UI, Forge, SD.Next, and what else writes `parameters`.
    Automatic1111,
    /// ComfyUI.
    ComfyUi,
    /// InvokeAI.
    InvokeAi,
}

/// Why a setting has no counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no such sampler here.
    NoSuchSampler,
    /// The sampler is here, this spacing of its noise levels is not.
    NoSuchSchedule,
    /// The picture was made from another one, which is not in the file.
    NeedsPicture,
    /// A file names its model by a file name or hash; which of the models here it is, only the user can tell.
    Model,
    /// Weights in prompts are written in another way, or mean something else, there.
    PromptSyntax,
    /// Random numbers of another kind.
    NoSuchNoise,
    /// Nothing here does this.
    NotHere,
}

/// A setting that could not be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// As the other program names it.
    pub name: String,
    /// Its value there.
    pub value: String,
    /// The reason.
    pub why: Why,
}

/// What a file tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PngInfo {
    /// Who tells.
    pub program: Program,
    /// For [`Program::Stepscope`] the whole fragment of a link; it takes the place of `settings`.
    pub link: Option<String>,
    /// Keys and values of a link, not yet judged.
    pub settings: Vec<(&'static str, String)>,
    /// What is in the file and has no counterpart.
    pub left_out: Vec<LeftOut>,
}

impl PngInfo {
    fn new(program: Program) -> Self {
        Self { program, link: None, settings: Vec::new(), left_out: Vec::new() }
    }

    fn set(&mut self, key: &'static str, value: impl ToString) {
        self.settings.retain(|(other, _)| *other != key);
        self.settings.push((key, value.to_string()));
    }

    fn leave(&mut self, name: &str, value: impl ToString, why: Why) {
        self.left_out.push(LeftOut { name: name.to_owned(), value: value.to_string(), why });
    }

    /// A sampler and, where the program keeps it apart, the spacing of its noise levels.
    fn set_sampler(&mut self, name: [&str; 2], value: &str, schedule: &str) {
        match names::sampler(value, schedule) {
            Some((kind, whole)) => {
                self.set("scheduler", kind.name());
                if !whole {
                    let told = if schedule.is_empty() { value } else { schedule };
                    self.leave(name[1], told, Why::NoSuchSchedule);
                }
            }
            None => self.leave(name[0], value, Why::NoSuchSampler),
        }
    }
}

/// Reads the texts of a PNG file.
///
/// # Errors
/// [`LabError::PngInfo`] if it is no PNG file, or no program known here has written settings into it.
pub fn read(png: &[u8]) -> Result<PngInfo, LabError> {
    let texts = texts(png)?;
    let text = |key: &str| texts.iter().find(|(keyword, _)| keyword == key).map(|(_, text)| text.as_str());
    if let Some(link) = text(LINK) {
        return Ok(PngInfo { link: Some(link.to_owned()), ..PngInfo::new(Program::Stepscope) });
    }
    if let Some(metadata) = text("invokeai_metadata") {
        return invokeai::read(metadata);
    }
    match (text(PARAMETERS), text("prompt")) {
        (Some(parameters), _) => a1111::read(parameters),
        (None, Some(graph)) => comfyui::read(graph),
        (None, None) => Err(unreadable(
            "it carries no settings; a screenshot, or a picture that a chat program has saved again, has lost them",
        )),
    }
}

fn unreadable(reason: impl Into<String>) -> LabError {
    LabError::PngInfo { reason: reason.into() }
}

fn texts(png: &[u8]) -> Result<Vec<(String, String)>, LabError> {
    let broken = |error: png::DecodingError| unreadable(error.to_string());
    let limits = png::Limits { bytes: BYTES_MAX };
    let mut reader = png::Decoder::new_with_limits(Cursor::new(png), limits).read_info().map_err(broken)?;
    // Texts may stand behind the pixels. A file that breaks off there still has those before them.
    let end = reader.finish();
    let info = reader.info();
    let plain = info.uncompressed_latin1_text.iter().map(|chunk| (chunk.keyword.clone(), chunk.text.clone()));
    let packed =
        info.compressed_latin1_text.iter().filter_map(|chunk| Some((chunk.keyword.clone(), chunk.get_text().ok()?)));
    let utf8 = info.utf8_text.iter().filter_map(|chunk| Some((chunk.keyword.clone(), chunk.get_text().ok()?)));
    let texts: Vec<_> = plain.chain(packed).chain(utf8).collect();
    match end {
        Err(error) if texts.is_empty() => Err(broken(error)),
        _ => Ok(texts),
    }
}

#[cfg(test)]
mod tests;
