//! The runs of this visit: the one on show, and the finished ones that the user can go back to. Plain Rust.

use crate::run::Run;

/// Bytes of frames and pictures that are kept. The frames of the oldest runs go first, their pictures stay.
const BYTES_MAX: usize = 256 << 20;
/// Finished runs that are kept; a picture of 1024 × 1024 is 4 MiB.
const RUNS_MAX: usize = 48;

/// Runs, oldest first. Every run but the latest is a finished one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gallery {
    runs: Vec<Run>,
    picked: Option<u32>,
}

impl Gallery {
    /// The run on show: the one that was picked, else the latest.
    pub fn shown(&self) -> Option<&Run> {
        self.runs.iter().find(|run| Some(run.job) == self.picked).or(self.runs.last())
    }

    /// The run on show, to go to another of its steps.
    pub fn shown_mut(&mut self) -> Option<&mut Run> {
        let shown = self.shown()?.job;
        self.of(shown)
    }

    /// The run that started last.
    pub fn latest(&self) -> Option<&Run> {
        self.runs.last()
    }

    /// The run with this number, to look at.
    pub fn find(&self, job: u32) -> Option<&Run> {
        self.runs.iter().find(|run| run.job == job)
    }

    /// The run with this number.
    pub fn of(&mut self, job: u32) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.job == job)
    }

    /// Runs that have their picture.
    pub fn finished(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.picture.is_some())
    }

    /// Shows a run.
    pub fn pick(&mut self, job: u32) {
        self.picked = self.runs.iter().any(|run| run.job == job).then_some(job);
    }

    /// Shows the latest run, and those that follow it.
    pub fn follow(&mut self) {
        self.picked = None;
    }

    /// Whether the user looks at another run than the one that is being made.
    pub fn is_elsewhere(&self) -> bool {
        self.latest().is_some_and(|latest| latest.is_running() && self.shown() != Some(latest))
    }

    /// Adds a run that has just started. What was broken off makes room for it. `follow`: it is put on show, unless the
    /// user looks at another one.
    pub fn start(&mut self, run: Run, follow: bool) {
        self.runs.retain(|old| old.picture.is_some());
        if follow {
            self.picked = None;
        }
        self.runs.push(run);
        self.shrink(BYTES_MAX);
    }

    fn shrink(&mut self, bytes_max: usize) {
        let surplus = self.runs.len().saturating_sub(RUNS_MAX);
        self.runs.drain(..surplus);
        let mut bytes: usize = self.runs.iter().map(Run::bytes).sum();
        let shown = self.shown().map(|run| run.job);
        for run in &mut self.runs {
            if bytes <= bytes_max {
                return;
            }
            if run.picture.is_some() && Some(run.job) != shown {
                bytes -= run.bytes();
                run.frames.clear();
                run.selected = None;
                bytes += run.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frames::Pixels, run::tests::run};

    fn finished(job: u32) -> Run {
        Run { job, picture: Pixels::new(1, 1, &[0; 4]), ..run(2, 2) }
    }

    fn gallery(jobs: u32) -> Gallery {
        let mut gallery = Gallery::default();
        (1..=jobs).for_each(|job| gallery.start(finished(job), true));
        gallery
    }

    fn jobs(gallery: &Gallery) -> Vec<u32> {
        gallery.runs.iter().map(|run| run.job).collect()
    }

    #[test]
    fn the_latest_is_on_show_until_another_is_picked() {
        let mut gallery = gallery(3);
        assert_eq!(gallery.shown().unwrap().job, 3);
        gallery.pick(1);
        gallery.start(Run { job: 4, ..run(4, 0) }, false);
        assert_eq!((gallery.shown().unwrap().job, gallery.shown_mut().unwrap().job), (1, 1));
        assert!(gallery.is_elsewhere());
        gallery.follow();
        assert!(gallery.shown().unwrap().job == 4 && !gallery.is_elsewhere());
        gallery.pick(99);
        assert_eq!(gallery.shown(), gallery.latest());
    }

    #[test]
    fn what_was_broken_off_goes_when_the_next_starts() {
        let mut gallery = gallery(1);
        gallery.start(Run { job: 2, ..run(4, 3) }, true);
        gallery.pick(2);
        gallery.start(Run { job: 3, ..run(4, 0) }, false);
        assert_eq!((jobs(&gallery), gallery.shown().unwrap().job), (vec![1, 3], 3));
        assert_eq!(gallery.finished().count(), 1);
    }

    #[test]
    fn the_oldest_frames_go_first_and_pictures_stay() {
        let mut gallery = gallery(4);
        gallery.pick(1);
        // Each has two frames of 16 bytes and a picture of 4.
        assert_eq!(gallery.runs[0].bytes(), 36);
        gallery.shrink(3 * 36 + 4);
        let frames: Vec<_> = gallery.runs.iter().map(|run| run.frames.len()).collect();
        assert_eq!(frames, [2, 0, 2, 2], "not those of the run on show");
        assert_eq!(gallery.finished().count(), 4);
        (5..=60).for_each(|job| gallery.start(finished(job), true));
        assert_eq!(jobs(&gallery).len(), RUNS_MAX);
    }
}
