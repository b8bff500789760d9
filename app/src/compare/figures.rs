//! How far two pictures are apart, in the figures that people know, and what those mean in words.

use super::Item;
use crate::frames::Pixels;
use lab::{
    LabError,
    metrics::{self, Channels, JUST_NOTICEABLE, Rgba},
};

/// A picture as the lab looks at it.
pub(super) fn view(pixels: &Pixels) -> Result<Rgba<'_>, LabError> {
    Rgba::new(pixels.width, pixels.height, &pixels.rgba)
}

/// Where two pictures differ, as a picture: from `full_scale` (a distance in OKLab; black to white is 1) on it is as
/// bright as can be. `None` where the sizes differ.
pub fn heat(a: &Pixels, b: &Pixels, full_scale: f64) -> Option<Pixels> {
    let map = metrics::heat_map(view(a).ok()?, view(b).ok()?, full_scale).ok()?;
    Pixels::new(a.width, a.height, &map)
}

/// Distances of two pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// dB, infinite for equal pictures.
    pub psnr: f64,
    /// Structural similarity of the luma, at most 1.
    pub ssim: f64,
    /// The share of pixels whose colour noticeably differs, 0..=1.
    pub changed: f64,
    /// Root mean square difference of the latents, where both were kept and are alike in number.
    pub latent_rmse: Option<f64>,
}

impl Figures {
    /// Of two pictures.
    ///
    /// # Errors
    /// Where the sizes differ.
    pub fn of(a: &Item, b: &Item) -> Result<Self, LabError> {
        let (left, right) = (view(&a.pixels)?, view(&b.pixels)?);
        let both = a.latents.as_ref().zip(b.latents.as_ref());
        Ok(Self {
            psnr: metrics::psnr(left, right)?,
            ssim: metrics::ssim(left, right, Channels::Luma)?,
            changed: metrics::changed_share(left, right, JUST_NOTICEABLE)?,
            latent_rmse: both.and_then(|(a, b)| metrics::latent_rmse(a, b).ok()),
        })
    }
}

/// What a figure means, by the usual rules of thumb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rating {
    /// Not one pixel differs.
    Same,
    /// Hard to see at all.
    Hidden,
    /// To be found where one looks for it.
    Slight,
    /// Plain.
    Plain,
    /// Other pictures.
    Other,
}

/// By PSNR: from 40 dB hard to see, from 30 dB slight, from 20 dB plain.
pub fn rate_psnr(psnr: f64) -> Rating {
    match psnr {
        psnr if psnr.is_infinite() => Rating::Same,
        psnr if psnr >= 40.0 => Rating::Hidden,
        psnr if psnr >= 30.0 => Rating::Slight,
        psnr if psnr >= 20.0 => Rating::Plain,
        _ => Rating::Other,
    }
}

/// By structural similarity: from 0.99 hard to see, from 0.95 slight, from 0.8 plain.
pub fn rate_ssim(ssim: f64) -> Rating {
    match ssim {
        ssim if ssim >= 1.0 => Rating::Same,
        ssim if ssim >= 0.99 => Rating::Hidden,
        ssim if ssim >= 0.95 => Rating::Slight,
        ssim if ssim >= 0.8 => Rating::Plain,
        _ => Rating::Other,
    }
}
