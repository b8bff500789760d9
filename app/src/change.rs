//! What changed between two pictures: how much of them, and where. Plain Rust.

use crate::frames::Pixels;

/// From this difference of a colour channel on (of 255) a pixel counts as visibly changed.
pub const VISIBLE: u8 = 8;
/// The map's colours for no change and the largest change, RGB.
const COLD: [f32; 3] = [27.0, 24.0, 21.0];
const WARM: [f32; 3] = [255.0, 139.0, 74.0];
const HOT: [f32; 3] = [255.0, 246.0, 222.0];

/// The largest difference of a channel, pixel by pixel; `None` where the sizes differ.
fn differences<'a>(a: &'a Pixels, b: &'a Pixels) -> Option<impl Iterator<Item = u8> + Clone + 'a> {
    let same = (a.width, a.height) == (b.width, b.height);
    let largest = |(a, b): (&[u8], &[u8])| (0..3).map(|c| a[c].abs_diff(b[c])).max().unwrap_or(0);
    same.then(|| a.rgba.chunks_exact(4).zip(b.rgba.chunks_exact(4)).map(largest))
}

/// The share of pixels that visibly differ, 0..=1; `None` where the sizes differ.
pub fn share(a: &Pixels, b: &Pixels) -> Option<f64> {
    let changed = differences(a, b)?.filter(|difference| *difference >= VISIBLE).count();
    Some(changed as f64 / f64::from(a.width * a.height))
}

/// The differences as a picture, from dark to bright, scaled to the largest one; `None` where the sizes differ.
pub fn map(a: &Pixels, b: &Pixels) -> Option<Pixels> {
    let differences = differences(a, b)?;
    // Noise below what can be seen is not blown up.
    let largest = f32::from(differences.clone().max().unwrap_or(0).max(VISIBLE));
    let colour = |difference: u8| {
        // The root, as for the bars: small changes are many.
        let heat = (f32::from(difference) / largest).sqrt();
        let (from, to, part) = if heat < 0.6 { (COLD, WARM, heat / 0.6) } else { (WARM, HOT, (heat - 0.6) / 0.4) };
        let channel = |c: usize| (from[c] + part * (to[c] - from[c])) as u8;
        [channel(0), channel(1), channel(2), 255]
    };
    Pixels::new(a.width, a.height, &differences.flat_map(colour).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(values: &[u8]) -> Pixels {
        let rgba: Vec<u8> = values.iter().flat_map(|value| [*value, 100, 100, 255]).collect();
        Pixels::new(values.len() as u32, 1, &rgba).unwrap()
    }

    #[test]
    fn a_pixel_counts_from_the_visible_difference_on() {
        let (before, after) = (pixels(&[10, 10, 10, 10]), pixels(&[10, 17, 18, 200]));
        assert_eq!(share(&before, &after), Some(0.5));
        assert_eq!(share(&before, &before), Some(0.0));
        assert_eq!(share(&before, &pixels(&[1])), None);
    }

    #[test]
    fn the_map_is_brightest_where_most_changed() {
        let map = map(&pixels(&[0, 0, 0]), &pixels(&[0, 50, 200])).unwrap();
        let brightness = |i: usize| map.rgba[4 * i..4 * i + 3].iter().map(|v| u32::from(*v)).sum::<u32>();
        assert!(brightness(0) < brightness(1) && brightness(1) < brightness(2));
        assert_eq!(brightness(0), 27 + 24 + 21);
    }
}
