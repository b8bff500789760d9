//! How far two results are from each other: on latents, on pixels, and where on the picture.
//!
//! Pictures are RGBA, 8 bits a channel; alpha is ignored, as the engine's pictures are opaque. All pictures of one
//! comparison must come from the same decoder: two autoencoders differ by more than two step counts do.

mod colour;
mod heat;
mod knee;
mod ssim;

pub use colour::oklab;
pub use heat::{colour_of, difference, heat_map};
pub use knee::knee;
pub use ssim::{Channels, ssim};

use crate::LabError;

/// Distance in OKLab that is taken for just noticeable where two patches lie side by side.
pub const JUST_NOTICEABLE: f64 = 0.02;

/// A picture that is only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgba<'a> {
    width: u32,
    height: u32,
    bytes: &'a [u8],
}

impl<'a> Rgba<'a> {
    /// `bytes` are `4 · width · height`, rows from the top.
    ///
    /// # Errors
    /// When there are more or fewer, or none.
    pub fn new(width: u32, height: u32, bytes: &'a [u8]) -> Result<Self, LabError> {
        let expected = 4 * u64::from(width) * u64::from(height);
        if expected == 0 || bytes.len() as u64 != expected {
            return Err(LabError::Pixels { width, height, bytes: bytes.len() });
        }
        Ok(Self { width, height, bytes })
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green, blue of every pixel, rows from the top.
    pub fn pixels(&self) -> impl ExactSizeIterator<Item = [u8; 3]> + use<'a> {
        self.bytes.chunks_exact(4).map(|p| [p[0], p[1], p[2]])
    }

    fn same_size(&self, other: &Rgba) -> Result<(), LabError> {
        if (self.width, self.height) == (other.width, other.height) {
            return Ok(());
        }
        let shape = |picture: &Rgba| format!("A picture of {}x{}", picture.width, picture.height);
        Err(LabError::Shapes { left: shape(self), right: shape(other).replacen('A', "a", 1) })
    }
}

/// Root mean square difference of latents, in the latents' own unit (a unit normal is 1): the cheapest metric, and the
/// one that papers on solvers use.
///
/// # Errors
/// When the lengths differ, or are 0.
pub fn latent_rmse(a: &[f32], b: &[f32]) -> Result<f64, LabError> {
    if a.len() != b.len() || a.is_empty() {
        let shape = |values: &[f32]| format!("{} numbers", values.len());
        return Err(LabError::Shapes { left: shape(a), right: shape(b) });
    }
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    Ok((sum / a.len() as f64).sqrt())
}

/// Mean squared difference over red, green and blue, where white is 1: 0 to 1.
///
/// # Errors
/// When the sizes differ.
pub fn mse(a: Rgba, b: Rgba) -> Result<f64, LabError> {
    a.same_size(&b)?;
    let of_pixel =
        |(p, q): ([u8; 3], [u8; 3])| -> u64 { p.iter().zip(q).map(|(p, q)| u64::from(p.abs_diff(q)).pow(2)).sum() };
    let sum: u64 = a.pixels().zip(b.pixels()).map(of_pixel).sum();
    Ok(sum as f64 / (a.pixels().len() * 3) as f64 / (255.0 * 255.0))
}

/// Root of [`mse`]: 0 to 1.
///
/// # Errors
/// When the sizes differ.
pub fn rmse(a: Rgba, b: Rgba) -> Result<f64, LabError> {
    mse(a, b).map(f64::sqrt)
}

/// Peak signal-to-noise ratio in dB, higher is closer; infinite for equal pictures.
///
/// # Errors
/// When the sizes differ.
pub fn psnr(a: Rgba, b: Rgba) -> Result<f64, LabError> {
    mse(a, b).map(|mse| -10.0 * mse.log10())
}

/// Share of the pixels whose colour differs by more than `threshold` in OKLab (see [`JUST_NOTICEABLE`]): 0 to 1.
///
/// # Errors
/// When the sizes differ.
pub fn changed_share(a: Rgba, b: Rgba, threshold: f64) -> Result<f64, LabError> {
    let difference = difference(a, b)?;
    let changed = difference.iter().filter(|d| f64::from(**d) > threshold).count();
    Ok(changed as f64 / difference.len() as f64)
}

#[cfg(test)]
mod tests;
