//! A link as a QR code, for the camera of a phone.

use qrcodegen::QrCodeEcc;
use std::fmt::Write;

/// Modules that stay white around the code, as its standard asks for.
const QUIET: i32 = 4;

/// A code as a drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrCode {
    /// Modules in a row, with the white ones around.
    pub size: i32,
    /// The dark modules as an SVG path, one module a unit.
    pub path: String,
}

impl QrCode {
    /// Of a text; `None` where it is longer than a code can hold (2953 bytes).
    pub fn of(text: &str) -> Option<Self> {
        // Raises the correction by itself where that makes the code no larger.
        let code = qrcodegen::QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count() as i32;
                if run > 0 {
                    // Writing to a string does not fail.
                    let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
                }
                x += run.max(1);
            }
        }
        Some(Self { size: code.size() + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws the path with 4 × 4 pixels a module, as a browser would, and reads it as a phone would.
    fn read_back(code: &QrCode) -> String {
        let size = code.size as usize;
        let mut dark = vec![false; size * size];
        for run in code.path.split('M').skip(1) {
            let (start, rest) = run.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let long: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            dark[y * size + x..y * size + x + long].fill(true);
        }
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(4 * size, 4 * size, |x, y| {
            if dark[y / 4 * size + x / 4] { 0 } else { 255 }
        });
        picture.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn a_phone_reads_the_link() {
        for fragment in ["steps=4", "prompt=a%20red%20heart&steps=12&scheduler=dpmpp-2m&guidance=4&seed=7&model=emoji"]
        {
            let link = format!("https://example.org/stepscope/#{fragment}");
            assert_eq!(read_back(&QrCode::of(&link).unwrap()), link);
        }
    }

    #[test]
    fn the_longest_link_fits_and_a_longer_one_has_no_code() {
        assert!(QrCode::of(&"é".repeat(2953 / 2)).is_some());
        assert_eq!(QrCode::of(&"a".repeat(2954)), None);
    }
}
