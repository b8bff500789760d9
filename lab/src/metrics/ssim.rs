//! Structural similarity (Wang et al., 2004): Gaussian window of 11×11 with σ = 1.5, K₁ = 0.01, K₂ = 0.03, windows
//! that lie wholly inside the picture, population covariance: what `skimage.metrics.structural_similarity` gives with
//! `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1`.

use super::Rgba;
use crate::LabError;

const SIGMA: f64 = 1.5;
const RADIUS: usize = 5;
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// One channel: Rec. 601 luma, as the original paper.
    #[default]
    Luma,
    /// The mean over red, green and blue, each alone.
    Rgb,
}

/// Structural similarity: 1 for equal pictures, near 0 for unrelated ones, at least -1. In pictures smaller than 11
/// pixels the window is as wide as fits.
///
/// # Errors
/// When the sizes differ.
pub fn ssim(a: Rgba, b: Rgba, channels: Channels) -> Result<f64, LabError> {
    a.same_size(&b)?;
    let size = [a.width() as usize, a.height() as usize];
    let compare = |pick: fn([u8; 3]) -> f64| {
        let plane = |picture: Rgba| picture.pixels().map(|p| pick(p) / 255.0).collect::<Vec<f64>>();
        of_planes(&plane(a), &plane(b), size)
    };
    Ok(match channels {
        Channels::Luma => compare(|[r, g, b]| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)),
        Channels::Rgb => {
            let planes = [compare(|p| f64::from(p[0])), compare(|p| f64::from(p[1])), compare(|p| f64::from(p[2]))];
            planes.iter().sum::<f64>() / 3.0
        }
    })
}

/// The window's weights along one side: the two-dimensional Gaussian is their product.
fn window(size: [usize; 2]) -> Vec<f64> {
    let radius = RADIUS.min((size[0].min(size[1]) - 1) / 2);
    let weight = |i: usize| (-(i as f64 - radius as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let weights: Vec<f64> = (0..=2 * radius).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Weighted mean of every window that lies inside; rows, then columns.
fn blur(plane: &[f64], [width, height]: [usize; 2], weights: &[f64]) -> Vec<f64> {
    let (w, h) = (width + 1 - weights.len(), height + 1 - weights.len());
    let mut rows = Vec::with_capacity(w * height);
    for row in plane.chunks_exact(width) {
        rows.extend(row.windows(weights.len()).map(|part| part.iter().zip(weights).map(|(x, k)| x * k).sum::<f64>()));
    }
    let at = |x: usize, y: usize| weights.iter().enumerate().map(|(i, k)| k * rows[(y + i) * w + x]).sum::<f64>();
    (0..w * h).map(|i| at(i % w, i / w)).collect()
}

fn of_planes(a: &[f64], b: &[f64], size: [usize; 2]) -> f64 {
    let weights = window(size);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f64>>();
    let [ma, mb, aa, bb, ab] =
        [a, b, &product(a, a), &product(b, b), &product(a, b)].map(|plane| blur(plane, size, &weights));
    let one = |i: usize| {
        let (va, vb, cov) = (aa[i] - ma[i] * ma[i], bb[i] - mb[i] * mb[i], ab[i] - ma[i] * mb[i]);
        let structure = (2.0 * ma[i] * mb[i] + C1) * (2.0 * cov + C2);
        structure / ((ma[i] * ma[i] + mb[i] * mb[i] + C1) * (va + vb + C2))
    };
    (0..ma.len()).map(one).sum::<f64>() / ma.len() as f64
}
