//! Numbers to pictures: the VAE's output, and the quick preview of latents without it. Everything here is channels
//! last, on the host; a preview of 64×64 latents costs well under a millisecond.

use protocol::PreviewFactors;

/// RGBA, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `4 · width · height` bytes.
    pub rgba: Vec<u8>,
}

/// The VAE's output, about -1..1, to 0..1 as upstream's `VaeImageProcessor.denormalize` does.
pub fn denormalize(decoded: &[f32]) -> Vec<f32> {
    decoded.iter().map(|x| (x / 2.0 + 0.5).clamp(0.0, 1.0)).collect()
}

/// `[H, W, 3]` in 0..1 to RGBA: `round(255 · x)`.
pub fn to_rgba(image: &[f32], width: u32, height: u32) -> Picture {
    let byte = |x: f32| (255.0 * x).round_ties_even() as u8;
    let rgba = image.chunks_exact(3).flat_map(|p| [byte(p[0]), byte(p[1]), byte(p[2]), 255]).collect();
    Picture { width, height, rgba }
}

/// RGBA to `[H, W, 3]` in 0..1; like upstream's `convert_to_rgb`, what was transparent keeps its colour.
pub fn from_rgba(rgba: &[u8]) -> Vec<f32> {
    rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]].map(|byte| f32::from(byte) / 255.0)).collect()
}

/// Latents of Stable Diffusion 1.x to colour, one pixel each: the widely used linear fit for its VAE (published in
/// ComfyUI's `latent_formats.py`). Used where a model brings no factors of its own.
pub fn default_preview(latent_channels: usize) -> PreviewFactors {
    const SD1: [[f32; 3]; 4] =
        [[0.3512, 0.2297, 0.3227], [0.3250, 0.4974, 0.2350], [-0.2829, 0.1762, 0.2721], [-0.2120, -0.2616, -0.7177]];
    let factors = (0..latent_channels).map(|c| SD1.get(c).map_or(vec![0.0; 3], |row| row.to_vec())).collect();
    PreviewFactors { kernel: 1, scale: 1, factors, bias: vec![0.0; 3] }
}

/// Whether the factors have the shape that they claim and fit the latents.
pub fn preview_fits(factors: &PreviewFactors, latent_channels: usize) -> bool {
    let columns = (factors.scale * factors.scale * 3) as usize;
    let rows = (factors.kernel * factors.kernel) as usize * latent_channels;
    factors.kernel % 2 == 1
        && columns > 0
        && factors.bias.len() == columns
        && factors.factors.len() == rows
        && factors.factors.iter().all(|row| row.len() == columns)
}

/// Rough picture of latents `[h, w, C]` by a linear map of each neighbourhood; see [`PreviewFactors`].
pub fn preview(latents: &[f32], height: usize, width: usize, factors: &PreviewFactors) -> Picture {
    let channels = latents.len() / (height * width);
    let (kernel, scale) = (factors.kernel as usize, factors.scale as usize);
    let (out_w, out_h) = (width * scale, height * scale);
    let mut rgba = vec![255; out_w * out_h * 4];
    let mut patch = vec![0.0_f32; scale * scale * 3];
    for y in 0..height {
        for x in 0..width {
            patch.copy_from_slice(&factors.bias);
            for (tap, rows) in factors.factors.chunks_exact(channels).enumerate() {
                // Beyond the edge the edge goes on.
                let sy = (y + tap / kernel).saturating_sub(kernel / 2).min(height - 1);
                let sx = (x + tap % kernel).saturating_sub(kernel / 2).min(width - 1);
                let pixel = &latents[(sy * width + sx) * channels..][..channels];
                for (value, row) in pixel.iter().zip(rows) {
                    patch.iter_mut().zip(row).for_each(|(sum, factor)| *sum += value * factor);
                }
            }
            for (i, rgb) in patch.chunks_exact(3).enumerate() {
                let at = ((y * scale + i / scale) * out_w + x * scale + i % scale) * 4;
                for (byte, value) in rgba[at..at + 3].iter_mut().zip(rgb) {
                    *byte = (255.0 * (value / 2.0 + 0.5).clamp(0.0, 1.0)).round() as u8;
                }
            }
        }
    }
    Picture { width: out_w as u32, height: out_h as u32, rgba }
}

/// Root mean square difference.
pub fn rms_difference(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / a.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_round_to_even_as_numpy_does() {
        let picture = to_rgba(&[0.0, 1.0, 0.5 / 255.0, 1.5 / 255.0, 0.25, 0.999], 2, 1);
        assert_eq!(picture.rgba, [0, 255, 0, 255, 2, 64, 255, 255]);
    }

    #[test]
    fn a_preview_pixel_sees_its_neighbourhood_and_fills_its_patch() {
        // One channel; the patch's red is the centre, its green the right neighbour, in both columns of pixels.
        let mut factors = vec![vec![0.0; 12]; 9];
        for p in 0..4 {
            factors[4][3 * p] = 1.0;
            factors[5][3 * p + 1] = 1.0;
        }
        let factors = PreviewFactors { kernel: 3, scale: 2, factors, bias: vec![0.0; 12] };
        assert!(preview_fits(&factors, 1) && !preview_fits(&factors, 4));
        let picture = preview(&[1.0, -1.0], 1, 2, &factors);
        assert_eq!((picture.width, picture.height), (4, 2));
        assert_eq!(picture.rgba[..4], [255, 0, 128, 255]);
        assert_eq!(picture.rgba[8..12], [0, 0, 128, 255]);
        assert_eq!(picture.rgba[16..20], picture.rgba[..4]);
    }

    #[test]
    fn the_default_preview_fits_any_channel_count() {
        for channels in [1, 4, 16] {
            assert!(preview_fits(&default_preview(channels), channels));
        }
    }
}
