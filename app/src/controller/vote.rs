//! The blind vote: makes pairs, shows them in random order, keeps the answers.

use super::Controller;
use crate::{
    batch::Job,
    browser,
    compare::{
        Zoom,
        votes::{self, Answer, Ballot, FEW_MAX, Pair},
    },
    run::Run,
    session::EngineState,
    store::{Record, Table},
};
use lab::{recommend::Metric, samplers::is_stochastic};
use leptos::prelude::*;
use protocol::GenerateRequest;

/// The key of the votes among the settings.
const VOTES: &str = "votes";

/// A pair on show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Booth {
    /// Which runs.
    pub pair: Pair,
    /// Whether the picture of fewer steps is the left one.
    pub few_is_left: bool,
}

/// What was answered, as the user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The left one is better.
    Left,
    /// No difference that counts.
    CannotTell,
    /// The right one is better.
    Right,
}

/// Handles to the vote. Copies share it.
#[derive(Clone, Copy)]
pub struct Voting {
    /// Whether the page shows the vote in place of the comparison.
    pub is_open: RwSignal<bool>,
    /// Every vote so far, oldest first.
    pub cast: RwSignal<Vec<Ballot>>,
    /// The pair that is being voted on.
    pub booth: RwSignal<Option<Booth>>,
    /// Steps of the next pairs, as typed; `None` follows the votes.
    pub steps: RwSignal<Option<String>>,
    /// Why votes are not kept, if that is so.
    pub problem: RwSignal<Option<String>>,
}

impl Voting {
    /// Without votes, until those of earlier visits are read.
    pub fn new() -> Self {
        Self {
            is_open: RwSignal::new(false),
            cast: RwSignal::new(Vec::new()),
            booth: RwSignal::new(None),
            steps: RwSignal::new(None),
            problem: RwSignal::new(None),
        }
    }
}

impl Controller {
    /// Reads the votes of earlier visits.
    pub(super) fn open_votes(self) {
        leptos::task::spawn_local(async move {
            // Where nothing can be read, that is told when a vote is to be kept.
            let Ok(store) = self.journal.store().await else { return };
            let kept: Result<Option<Record<Vec<Ballot>>>, _> = store.get(Table::Settings, VOTES).await;
            if let Ok(Some(kept)) = kept {
                self.voting.cast.update(|cast| *cast = kept.value.into_iter().chain(cast.drain(..)).collect());
            }
        });
    }

    /// Largest error that this user could not tell from none; `None` where there are not enough votes.
    pub fn seen_tolerance(self, metric: Metric) -> Option<f64> {
        self.voting.cast.with(|cast| votes::calibration(cast, metric).ok()).map(|known| known.tolerance)
    }

    /// Pairs to vote on.
    pub fn ballots(self) -> Vec<Pair> {
        self.session.with(|session| {
            let finished: Vec<&Run> = session.gallery.finished().collect();
            self.voting.cast.with(|cast| votes::pairs(&finished, cast))
        })
    }

    /// What pairs are made of, or why none can be.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn pair_base(self) -> Result<GenerateRequest, String> {
        let model = self.session.with(|session| session.model.clone().filter(|_| session.engine == EngineState::Ready));
        let model = model.ok_or("Pairs can be made as soon as the model is ready.")?;
        if model.needs_mask {
            return Err("This model repaints parts of pictures; pairs need one that makes whole ones.".into());
        }
        let request = self.settings.with(|settings| settings.request(&model));
        let request = request.map_err(|errors| {
            let first = errors.first().map(|error| error.message.clone()).unwrap_or_default();
            format!("The form of the Run page needs a look. {first}")
        })?;
        if is_stochastic(&request) {
            return Err(format!(
                "{} draws noise on the way: more steps make another picture, not the same one better. Choose another \
                 scheduler on the Run page.",
                request.scheduler.label()
            ));
        }
        Ok(request)
    }

    /// Steps of the quicker pictures that would be made now.
    pub fn pair_steps(self) -> String {
        self.voting.steps.get().unwrap_or_else(|| {
            let asked = self.pair_base().ok().map(|request| request.num_inference_steps.min(FEW_MAX));
            let next = self.voting.cast.with(|cast| votes::next_steps(cast)).or(asked);
            next.map(|steps| steps.to_string()).unwrap_or_default()
        })
    }

    /// The same as a number.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn pair_steps_number(self) -> Result<u32, String> {
        let text = self.pair_steps();
        let steps = text.trim().parse::<u32>().ok().filter(|steps| (1..=FEW_MAX).contains(steps));
        steps.ok_or_else(|| format!("Steps must be a whole number from 1 to {FEW_MAX}, not '{}'.", text.trim()))
    }

    /// The runs that these pairs still need.
    pub fn pair_runs(self) -> Vec<GenerateRequest> {
        let (Ok(base), Ok(steps)) = (self.pair_base(), self.pair_steps_number()) else { return Vec::new() };
        self.session.with(|session| {
            let finished: Vec<&Run> = session.gallery.finished().collect();
            self.voting.cast.with(|cast| votes::wanted(&base, steps, &finished, cast))
        })
    }

    /// Makes them, one after the other.
    pub fn make_pairs(self) {
        let runs = untrack(|| self.pair_runs());
        if runs.is_empty() {
            return browser::focus("vote-steps");
        }
        let jobs = runs.into_iter().map(|request| Job { request, pixels: None }).collect();
        self.hurry();
        self.session.update(|session| session.submit(jobs));
        self.advance();
    }

    /// Shows a pair that was not voted on, or none if all were.
    pub fn next_ballot(self) {
        let pairs = untrack(|| self.ballots());
        let at = (js_sys::Math::random() * pairs.len() as f64) as usize;
        let booth = pairs.get(at).map(|pair| Booth { pair: *pair, few_is_left: js_sys::Math::random() < 0.5 });
        self.compare.zoom.set(Zoom::default());
        self.voting.booth.set(booth);
        if booth.is_none() {
            browser::focus("vote-title");
        }
    }

    /// Counts the answer and goes on.
    pub fn vote(self, choice: Choice) {
        let Some(Booth { pair, few_is_left }) = self.voting.booth.get_untracked() else { return };
        let answer = match choice {
            Choice::CannotTell => Answer::CannotTell,
            Choice::Left if few_is_left => Answer::Few,
            Choice::Right if !few_is_left => Answer::Few,
            Choice::Left | Choice::Right => Answer::Many,
        };
        let ballot = self.session.with_untracked(|session| {
            let gallery = &session.gallery;
            Some(votes::ballot(gallery.find(pair.few)?, gallery.find(pair.many)?, answer))
        });
        if let Some(ballot) = ballot {
            self.voting.cast.update(|cast| cast.push(ballot));
            // What was typed has been followed; the votes say what is next.
            self.voting.steps.set(None);
            self.keep_votes();
        }
        self.next_ballot();
    }

    /// Begins anew.
    pub fn forget_votes(self) {
        self.voting.cast.update(Vec::clear);
        self.voting.booth.set(None);
        self.keep_votes();
    }

    fn keep_votes(self) {
        let cast = self.voting.cast.get_untracked();
        leptos::task::spawn_local(async move {
            let kept = async { self.journal.store().await?.put(Table::Settings, VOTES, &cast, &[]).await };
            self.voting.problem.set(kept.await.err());
        });
    }
}
