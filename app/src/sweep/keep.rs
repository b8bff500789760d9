//! Finished runs beyond this visit: as records of the database, and back. What the screen looks like is one record among
//! the settings.

use super::{
    cell::{Figures, Made, floats},
    costs::Learned,
    form::SweepForm,
};
use crate::{frames::Pixels, store::Record};
use lab::grid::Grid;
use protocol::GenerateRequest;
use serde::{Deserialize, Serialize};

/// The key of [`Screen`] among the settings.
pub const SCREEN: &str = "sweep";
/// Bytes of pictures and latents that are kept, about.
const BYTES_MAX: u64 = 256 << 20;

/// What the screen looks like, to be found again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Screen {
    /// The fields.
    pub form: SweepForm,
    /// The sweep on show.
    pub grid: Option<Grid>,
    /// The re-check on show.
    pub held_out: Option<(Grid, usize, u32)>,
    /// What runs cost.
    pub learned: Learned,
}

/// What a record says beside its bytes, which are the pixels and the latents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    request: GenerateRequest,
    figures: Figures,
    width: u32,
    height: u32,
}

/// A run as a record: its value, and its latents as bytes; the pixels are the picture's own.
pub fn pack(made: &Made) -> (Kept, Vec<u8>) {
    let (width, height) = (made.picture.width, made.picture.height);
    let latents = made.latents.iter().flat_map(|value| value.to_le_bytes()).collect();
    (Kept { request: made.request.clone(), figures: made.figures.clone(), width, height }, latents)
}

/// A record as a run; `None` for one that is damaged.
pub fn unpack(record: Record<Kept>) -> Option<Made> {
    let Kept { request, figures, width, height } = record.value;
    let [rgba, latents] = record.bytes.try_into().ok()?;
    Some(Made { request, picture: Pixels::new(width, height, &rgba)?, latents: floats(&latents).into(), figures })
}

/// How many runs of this size are kept: the oldest make room.
pub fn most(made: &Made) -> u32 {
    let bytes = (made.picture.rgba.len() + 4 * made.latents.len()).max(1) as u64;
    (BYTES_MAX / bytes).max(1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_comes_back_from_its_record_and_a_damaged_one_does_not() {
        let made = super::super::tests::made();
        let (value, latents) = pack(&made);
        let bytes = vec![made.picture.rgba.to_vec(), latents];
        let record = |bytes| Record { key: "k".into(), value: value.clone(), bytes };
        let back = unpack(record(bytes.clone())).unwrap();
        assert_eq!((&back.request, &back.figures, &back.latents), (&made.request, &made.figures, &made.latents));
        assert_eq!(back.picture.rgba, made.picture.rgba);
        assert!(unpack(record(bytes[..1].to_vec())).is_none());
        assert!(unpack(record(vec![vec![1; 3], bytes[1].clone()])).is_none());
        assert!(most(&made) >= 1);
    }
}
