//! Several pictures asked for at once: the same request with seed after seed, one run after the other.

use protocol::GenerateRequest;
use std::{collections::VecDeque, sync::Arc};

/// One run to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What to make.
    pub request: GenerateRequest,
    /// What `request.init` promises: RGBA of the picture to start from, then the mask.
    pub pixels: Option<Arc<[u8]>>,
}

impl Job {
    /// `pictures` of these, with seeds counted up from the first.
    pub fn series(self, pictures: u32) -> Vec<Job> {
        let with_seed = |offset: u32| {
            let mut job = self.clone();
            job.request.seed = self.request.seed.wrapping_add(offset.into());
            job
        };
        (0..pictures).map(with_seed).collect()
    }
}

/// Jobs that wait for their turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    all: u32,
    sent: u32,
    queue: VecDeque<Job>,
}

impl Batch {
    /// Jobs, none of them sent.
    pub fn new(jobs: Vec<Job>) -> Self {
        Self { all: jobs.len() as u32, sent: 0, queue: jobs.into() }
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<Job> {
        let job = self.queue.pop_front()?;
        self.sent += 1;
        Some(job)
    }

    /// Whether more wait.
    pub fn has_more(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether the latest one sent was the first.
    pub fn is_at_start(&self) -> bool {
        self.sent <= 1
    }

    /// Forgets those that wait.
    pub fn stop(&mut self) {
        self.queue.clear();
    }

    /// Whether some were forgotten before their turn.
    pub fn was_stopped(&self) -> bool {
        self.sent < self.all && self.queue.is_empty()
    }

    /// Which of how many the latest one is, counted from 1; `None` where there is but one.
    pub fn position(&self) -> Option<(u32, u32)> {
        (self.all > 1).then_some((self.sent, self.all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, tests::model};

    #[test]
    fn seeds_count_up_and_around() {
        let mut request = Settings::of_model(&model(), "").request(&model()).unwrap();
        request.seed = u64::MAX - 1;
        let jobs = Job { request, pixels: None }.series(3);
        let seeds: Vec<_> = jobs.iter().map(|job| job.request.seed).collect();
        assert_eq!(seeds, [u64::MAX - 1, u64::MAX, 0]);
    }
}
