//! The picture that a run may start from: how it is cut to the size of the request, and how many steps are left to do.
//! Plain Rust; `controller/start` reads files and paints.

use crate::frames::Pixels;

/// How a picture of another shape becomes one of the request's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// As large as possible, centred; what sticks out is cut off.
    #[default]
    Crop,
    /// All of it, squeezed into shape.
    Stretch,
}

/// A picture as the user gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct StartPicture {
    /// File name, or where it comes from.
    pub name: String,
    /// In its own size.
    pub source: Pixels,
}

/// Which part of the source fills the target: x, y, width, height in pixels of the source.
pub fn part(source: (u32, u32), target: (u32, u32), fit: Fit) -> [f64; 4] {
    let [width, height, to_width, to_height] = [source.0, source.1, target.0, target.1].map(f64::from);
    if fit == Fit::Stretch {
        return [0.0, 0.0, width, height];
    }
    let scale = (width / to_width).min(height / to_height);
    let (w, h) = (to_width * scale, to_height * scale);
    [(width - w) / 2.0, (height - h) / 2.0, w, h]
}

/// Whether the two have another shape, so that [`Fit`] makes a difference.
pub fn needs_fit(source: (u32, u32), target: (u32, u32)) -> bool {
    u64::from(source.0) * u64::from(target.1) != u64::from(source.1) * u64::from(target.0)
}

/// How many of `steps` are executed at this strength: `int(steps * strength)`, as upstream's pipelines cut them.
pub fn executed_steps(steps: u32, strength: f64) -> u32 {
    ((f64::from(steps) * strength) as u32).min(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crop_takes_the_middle_and_stretch_takes_all() {
        assert_eq!(part((200, 100), (64, 64), Fit::Crop), [50.0, 0.0, 100.0, 100.0]);
        assert_eq!(part((100, 200), (64, 32), Fit::Crop), [0.0, 75.0, 100.0, 50.0]);
        assert_eq!(part((200, 100), (64, 64), Fit::Stretch), [0.0, 0.0, 200.0, 100.0]);
        assert!(needs_fit((200, 100), (64, 64)) && !needs_fit((200, 100), (64, 32)));
    }

    #[test]
    fn steps_are_cut_as_python_cuts_them() {
        // int(10 * 0.7) is 7, int(10 * 0.29) is 2, int(100 * 0.29) is 28: floats, rounded towards zero.
        for (steps, strength, executed) in
            [(20, 0.75, 15), (10, 0.7, 7), (10, 0.29, 2), (100, 0.29, 28), (1, 0.75, 0), (20, 1.0, 20), (20, 0.0, 0)]
        {
            assert_eq!(executed_steps(steps, strength), executed, "{steps} * {strength}");
        }
    }
}
