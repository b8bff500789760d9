//! The mask of inpainting: one byte a pixel of the picture that the run starts from, painted with a round brush.
//! Plain Rust; `components/mask_canvas` turns pointers and keys into strokes.

use crate::frames::Pixels;

/// How many strokes can be undone.
const UNDO_MAX: usize = 32;
/// A pixel to be painted anew.
const ON: u8 = 255;
/// The two tones of the hatching that shows the mask, RGBA: one of them stands out from any picture.
const HATCH: [[u8; 4]; 2] = [[255, 92, 20, 210], [28, 12, 60, 150]];

/// What to paint anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
    past: Vec<Vec<u8>>,
}

impl Mask {
    /// An empty mask over a picture of this size.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, bytes: vec![0; width as usize * height as usize], past: Vec::new() }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// `[height][width]`: 255 to be painted anew, else 0.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether nothing is to be painted anew.
    pub fn is_empty(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }

    /// The part that is to be painted anew, in percent.
    pub fn percent(&self) -> f64 {
        let on = self.bytes.iter().filter(|byte| **byte == ON).count();
        100.0 * on as f64 / self.bytes.len().max(1) as f64
    }

    /// Marks the point to which the next undo goes back.
    pub fn remember(&mut self) {
        if self.past.len() == UNDO_MAX {
            self.past.remove(0);
        }
        self.past.push(self.bytes.clone());
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Goes back to before the latest stroke.
    pub fn undo(&mut self) {
        if let Some(bytes) = self.past.pop() {
            self.bytes = bytes;
        }
    }

    /// Empties the mask.
    pub fn clear(&mut self) {
        self.remember();
        self.bytes.fill(0);
    }

    /// Swaps what is painted anew with what stays.
    pub fn invert(&mut self) {
        self.remember();
        self.bytes.iter_mut().for_each(|byte| *byte = ON - *byte);
    }

    /// Draws a line with a round brush: every pixel whose centre is within `radius` of it, and the one below the brush.
    pub fn stroke(&mut self, from: [f64; 2], to: [f64; 2], radius: f64, erase: bool) {
        // Half the diagonal of a pixel: the smallest brush still meets the centre of one.
        let radius = radius.max(0.5_f64.sqrt());
        let range = |a: f64, b: f64, limit: u32| {
            let low = (a.min(b) - radius).floor().max(0.0) as u32;
            low..((a.max(b) + radius).ceil().max(0.0) as u32).min(limit)
        };
        let along = [to[0] - from[0], to[1] - from[1]];
        let length = along[0] * along[0] + along[1] * along[1];
        for y in range(from[1], to[1], self.height) {
            for x in range(from[0], to[0], self.width) {
                let point = [f64::from(x) + 0.5 - from[0], f64::from(y) + 0.5 - from[1]];
                let share = (point[0] * along[0] + point[1] * along[1]) / length.max(f64::MIN_POSITIVE);
                let share = share.clamp(0.0, 1.0);
                let off = [point[0] - share * along[0], point[1] - share * along[1]];
                if off[0] * off[0] + off[1] * off[1] <= radius * radius {
                    self.bytes[y as usize * self.width as usize + x as usize] = if erase { 0 } else { ON };
                }
            }
        }
    }

    /// The same mask over the same picture in another size; the nearest pixel decides.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let mut mask = Self::new(width, height);
        for y in 0..height {
            for x in 0..width {
                let [from_x, from_y] = [(x, width, self.width), (y, height, self.height)]
                    .map(|(at, new, old)| ((f64::from(at) + 0.5) * f64::from(old) / f64::from(new)) as usize);
                mask.bytes[y as usize * width as usize + x as usize] =
                    self.bytes[from_y * self.width as usize + from_x];
            }
        }
        mask
    }

    /// The picture with the mask hatched over it. The picture has the mask's size.
    pub fn over(&self, picture: &Pixels) -> Option<Pixels> {
        if (picture.width, picture.height) != self.size() {
            return None;
        }
        let stripe = (self.width.max(self.height) / 48).max(2);
        let mut rgba = picture.rgba.to_vec();
        for (i, pixel) in rgba.chunks_exact_mut(4).enumerate().filter(|(i, _)| self.bytes[*i] == ON) {
            let (x, y) = (i as u32 % self.width, i as u32 / self.width);
            let tone = HATCH[((x + y) / stripe % 2) as usize];
            for channel in 0..3 {
                let [new, old, alpha] = [tone[channel], pixel[channel], tone[3]].map(u16::from);
                pixel[channel] = ((new * alpha + old * (255 - alpha)) / 255) as u8;
            }
        }
        Pixels::new(self.width, self.height, &rgba)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(mask: &Mask) -> Vec<String> {
        let row = |row: &[u8]| row.iter().map(|byte| if *byte == ON { '#' } else { '.' }).collect();
        mask.bytes.chunks(mask.width as usize).map(row).collect()
    }

    #[test]
    fn strokes_are_round_and_lines_have_no_gaps() {
        let mut mask = Mask::new(7, 5);
        mask.stroke([3.5, 2.5], [3.5, 2.5], 1.5, false);
        assert_eq!(rows(&mask), [".......", "..###..", "..###..", "..###..", "......."]);
        mask.stroke([-3.0, 0.5], [20.0, 0.5], 0.1, false);
        assert_eq!(rows(&mask)[0], "#######", "the least brush still leaves a line, and the edge is no limit");
        mask.stroke([3.5, 2.5], [3.5, 2.5], 0.0, true);
        assert_eq!(rows(&mask)[2], "..#.#..");
    }

    #[test]
    fn undo_goes_back_stroke_by_stroke() {
        let mut mask = Mask::new(4, 1);
        mask.remember();
        mask.stroke([0.5, 0.5], [1.5, 0.5], 0.1, false);
        mask.invert();
        assert_eq!(rows(&mask), ["..##"]);
        assert_eq!(mask.percent(), 50.0);
        mask.clear();
        assert!(mask.is_empty());
        let seen: Vec<_> = std::iter::repeat_with(|| {
            mask.undo();
            rows(&mask)[0].clone()
        })
        .take(4)
        .collect();
        assert_eq!(seen, ["..##", "##..", "....", "...."]);
        assert!(!mask.can_undo());
        (0..100).for_each(|_| mask.remember());
        assert_eq!(mask.past.len(), UNDO_MAX);
    }

    #[test]
    fn a_mask_follows_the_pictures_size() {
        let mut mask = Mask::new(2, 2);
        mask.stroke([1.5, 0.5], [1.5, 0.5], 0.1, false);
        assert_eq!(rows(&mask.resized(4, 2)), ["..##", "...."]);
        assert_eq!(rows(&mask.resized(4, 2).resized(2, 2)), rows(&mask));
    }

    #[test]
    fn the_hatching_shows_on_black_and_on_white_and_leaves_the_rest() {
        let mut mask = Mask::new(8, 1);
        mask.stroke([0.0, 0.5], [4.0, 0.5], 0.2, false);
        for shade in [0, 255] {
            let picture = Pixels::new(8, 1, &[shade; 32]).unwrap();
            let over = mask.over(&picture).unwrap();
            assert!(over.rgba[..12].chunks(4).any(|pixel| pixel[1].abs_diff(shade) > 60));
            assert_eq!(over.rgba[20..], picture.rgba[20..]);
        }
        assert!(mask.over(&Pixels::new(1, 8, &[0; 32]).unwrap()).is_none());
    }
}
