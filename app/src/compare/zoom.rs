//! Which part of the pictures is shown, and how large: the same of both.

/// Magnifications that the buttons and keys go through.
const LEVELS: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// A magnification, and the point of the picture in the middle of its pane, as shares of width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom {
    /// 1 fits the picture into its pane.
    pub scale: f64,
    /// Share of the width, share of the height.
    pub centre: [f64; 2],
}

impl Default for Zoom {
    fn default() -> Self {
        Self { scale: 1.0, centre: [0.5; 2] }
    }
}

impl Zoom {
    /// Whether the whole picture is shown.
    pub fn fits(self) -> bool {
        self.scale <= 1.0
    }

    /// Whether it cannot become larger.
    pub fn is_largest(self) -> bool {
        self.scale >= LEVELS[LEVELS.len() - 1]
    }

    /// The next level, nearer or farther; what lies under `point` (shares of the pane) stays there.
    pub fn stepped(self, nearer: bool, point: [f64; 2]) -> Self {
        let next = match nearer {
            true => LEVELS.iter().find(|level| **level > self.scale),
            false => LEVELS.iter().rev().find(|level| **level < self.scale),
        };
        let Some(scale) = next.copied() else { return self };
        let keep = |i: usize| self.centre[i] + (point[i] - 0.5) * (1.0 / self.scale - 1.0 / scale);
        Self { scale, centre: [keep(0), keep(1)] }.within()
    }

    /// The picture moved by shares of the pane, as a finger drags it.
    pub fn dragged(self, [right, down]: [f64; 2]) -> Self {
        let [x, y] = self.centre;
        Self { centre: [x - right / self.scale, y - down / self.scale], ..self }.within()
    }

    /// Where the picture's left upper corner is, in shares of the pane.
    pub fn offset(self) -> [f64; 2] {
        self.centre.map(|centre| 0.5 - centre * self.scale)
    }

    /// No edge of the picture comes inside the pane.
    fn within(self) -> Self {
        let margin = 0.5 / self.scale.max(1.0);
        Self { centre: self.centre.map(|centre| centre.clamp(margin, 1.0 - margin)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        // The point of the picture that a point of the pane shows.
        let under = |zoom: Zoom, p: [f64; 2]| [0, 1].map(|i| (p[i] - zoom.offset()[i]) / zoom.scale);
        let mut zoom = Zoom::default();
        for pointer in [[0.8, 0.3], [0.2, 0.9], [0.5, 0.5]] {
            let before = under(zoom, pointer);
            zoom = zoom.stepped(true, pointer);
            let after = under(zoom, pointer);
            assert!(before.iter().zip(after).all(|(a, b)| (a - b).abs() < 1e-12), "{before:?} {after:?}");
        }
        assert_eq!(zoom.scale, 8.0);
    }

    #[test]
    fn the_picture_always_covers_the_pane() {
        let mut zoom = Zoom::default().stepped(true, [0.0, 1.0]).dragged([5.0, -5.0]);
        assert_eq!(zoom.centre, [0.25, 0.75]);
        assert_eq!(zoom.offset(), [0.0, -1.0]);
        (0..9).for_each(|_| zoom = zoom.stepped(true, [1.0, 1.0]));
        assert!(zoom.is_largest() && !zoom.fits());
        (0..9).for_each(|_| zoom = zoom.stepped(false, [0.1, 0.1]));
        assert_eq!(zoom, Zoom::default());
        assert_eq!(zoom.dragged([0.3, 0.3]), Zoom::default(), "nothing to drag where all is shown");
    }
}
