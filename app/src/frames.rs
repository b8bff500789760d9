//! Pictures as they came from the worker, kept so that the user can go back to any step.

use crate::change;
use protocol::{StepReport, View};
use std::sync::Arc;

/// An RGBA picture. Cloning shares the bytes; two are equal if they share them.
#[derive(Clone, Debug)]
pub struct Pixels {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `[height][width][4]`.
    pub rgba: Arc<[u8]>,
}

impl PartialEq for Pixels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rgba, &other.rgba)
    }
}

impl Pixels {
    /// Wraps bytes; `None` if there are not `4 * width * height` of them.
    pub fn new(width: u32, height: u32, rgba: &[u8]) -> Option<Self> {
        let wanted = 4 * width as usize * height as usize;
        (wanted > 0 && rgba.len() == wanted).then(|| Self { width, height, rgba: rgba.into() })
    }
}

/// One outer step.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Its figures.
    pub report: StepReport,
    /// The share of the predicted picture that visibly changed since the step before; `None` for the first.
    pub changed: Option<f64>,
    /// The predicted picture as it first came: previews compare with previews, whatever has been refined since.
    preview: Pixels,
    /// Predicted clean picture, then latents with their noise.
    views: [Pixels; 2],
    /// Whether each of the two is a full VAE decode by now.
    refined: [bool; 2],
    /// Latents of the predicted picture, channels last, where they were asked for.
    pub latents: Option<Arc<[f32]>>,
}

/// Little-endian f32; `None` of no bytes.
pub fn floats(bytes: &[u8]) -> Option<Arc<[f32]>> {
    let all = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    (!bytes.is_empty()).then(|| all.collect())
}

impl Frame {
    /// Splits a step's pixels: the denoised view, the noisy view, then latents if they were asked for. `None` if the
    /// number of pixels is not as reported.
    pub fn new(report: StepReport, pixels: &[u8]) -> Option<Self> {
        let view = 4 * report.width as usize * report.height as usize;
        let (denoised, rest) = pixels.split_at_checked(view)?;
        let (noisy, latents) = rest.split_at_checked(view)?;
        let views =
            [Pixels::new(report.width, report.height, denoised)?, Pixels::new(report.width, report.height, noisy)?];
        Some(Self {
            report,
            changed: None,
            preview: views[0].clone(),
            views,
            refined: [false; 2],
            latents: floats(latents),
        })
    }

    /// Measures the change since the step before.
    pub fn follows(mut self, before: Option<&Frame>) -> Self {
        self.changed = before.and_then(|before| change::share(&before.preview, &self.preview));
        self
    }

    /// Where the predicted picture changed since the step before.
    pub fn change_map(&self, before: &Frame) -> Option<Pixels> {
        change::map(&before.preview, &self.preview)
    }

    /// The best picture of a view so far.
    pub fn view(&self, view: View) -> &Pixels {
        &self.views[view as usize]
    }

    /// Whether a view is a full VAE decode.
    pub fn is_refined(&self, view: View) -> bool {
        self.refined[view as usize]
    }

    /// Swaps a preview for its full decode.
    pub fn refine(&mut self, view: View, pixels: Pixels) {
        self.views[view as usize] = pixels;
        self.refined[view as usize] = true;
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn report(step: u32) -> StepReport {
        StepReport {
            step,
            timestep: 999.0,
            sigma: 14.6,
            ms: 40.0,
            evaluations: 1,
            preview_ms: 1.0,
            change: None,
            width: 2,
            height: 1,
        }
    }

    #[test]
    fn a_steps_pixels_are_two_views() {
        let bytes: Vec<u8> = (0..16).collect();
        let mut frame = Frame::new(report(1), &bytes).unwrap();
        assert_eq!(*frame.view(View::Denoised).rgba, bytes[..8]);
        assert_eq!(*frame.view(View::Noisy).rgba, bytes[8..]);
        let sharp = Pixels::new(1, 1, &[9; 4]).unwrap();
        frame.refine(View::Noisy, sharp.clone());
        assert_eq!(frame.view(View::Noisy), &sharp);
        assert!(frame.is_refined(View::Noisy) && !frame.is_refined(View::Denoised));
    }

    #[test]
    fn latents_follow_the_views() {
        let mut bytes = vec![7; 16];
        assert_eq!(Frame::new(report(1), &bytes).unwrap().latents, None);
        bytes.extend([1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()));
        assert_eq!(*Frame::new(report(1), &bytes).unwrap().latents.unwrap(), [1.5, -2.0]);
    }

    #[test]
    fn a_wrong_number_of_pixels_is_refused() {
        assert!(Frame::new(report(1), &[0; 15]).is_none());
        assert!(Frame::new(report(1), &[]).is_none());
        assert!(Pixels::new(0, 0, &[]).is_none());
    }
}
