//! Where two pictures differ: the distance of every pixel's colour, and a picture of it.

use super::{
    Rgba,
    colour::{oklab, srgb},
};
use crate::LabError;

/// Distance of each pixel's colour in OKLab, rows from the top; black to white is 1.
///
/// # Errors
/// When the sizes differ.
pub fn difference(a: Rgba, b: Rgba) -> Result<Vec<f32>, LabError> {
    a.same_size(&b)?;
    let distance = |(p, q): ([u8; 3], [u8; 3])| {
        if p == q {
            return 0.0;
        }
        let (p, q) = (oklab(p), oklab(q));
        p.iter().zip(q).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt() as f32
    };
    Ok(a.pixels().zip(b.pixels()).map(distance).collect())
}

/// A picture of [`difference`], RGBA of the same size: dark where nothing changed, bright from `full_scale` on (0.25
/// suits pictures of one seed; take the same for all that are shown together).
///
/// # Errors
/// When the sizes differ.
pub fn heat_map(a: Rgba, b: Rgba, full_scale: f64) -> Result<Vec<u8>, LabError> {
    let table: Vec<[u8; 3]> = (0..256).map(|i| colour_of(f64::from(i) / 255.0)).collect();
    let scale = 255.0 / full_scale.max(f64::MIN_POSITIVE);
    let pixel = |distance: f32| {
        let [r, g, b] = table[(f64::from(distance) * scale).round().clamp(0.0, 255.0) as usize];
        [r, g, b, 255]
    };
    Ok(difference(a, b)?.into_iter().flat_map(pixel).collect())
}

/// The colour of a value in 0..1: from near black over violet and orange to pale yellow, lightness rising evenly, so
/// that the order can be read in grey and by colour-blind eyes.
pub fn colour_of(value: f64) -> [u8; 3] {
    let value = value.clamp(0.0, 1.0);
    let lightness = 0.12 + 0.83 * value;
    // From violet (-70°) through red to yellow (100°); colourless at both ends, where sRGB has no room for colour.
    let hue = (-70.0 + 170.0 * value).to_radians();
    let chroma = 0.16 * (std::f64::consts::PI * value).sin().max(0.0).sqrt().min(1.6 * (1.0 - value) + 0.35);
    srgb([lightness, chroma * hue.cos(), chroma * hue.sin()])
}
