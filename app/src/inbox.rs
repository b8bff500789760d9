//! Messages wait here so that every step gets an animation frame of its own: an engine that is faster than the screen
//! would otherwise overwrite steps before anyone could see them. Order is kept.

use protocol::FromWorker;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

/// A message and its pixels.
pub type Delivery = (FromWorker, Option<Vec<u8>>);

/// Calls back later: before the next repaint, or as soon as what was handled has been painted.
pub type Later = fn(Box<dyn FnOnce()>);

/// The queue.
pub struct Inbox {
    queue: RefCell<VecDeque<Delivery>>,
    handle: Box<dyn Fn(Delivery)>,
    next_frame: Later,
    soon: Later,
    /// A step was handled and still has to be seen.
    waiting: Cell<bool>,
    /// Nobody is looking, or the user wants something else: animation frames are not waited for.
    hurried: Cell<bool>,
    /// Of several calls that are under way, only the latest counts.
    turn: Cell<u64>,
}

impl Inbox {
    /// Messages go to `handle`.
    pub fn new(next_frame: Later, soon: Later, handle: impl Fn(Delivery) + 'static) -> Rc<Self> {
        Rc::new(Self {
            queue: RefCell::default(),
            handle: Box::new(handle),
            next_frame,
            soon,
            waiting: Cell::new(false),
            hurried: Cell::new(false),
            turn: Cell::new(0),
        })
    }

    /// Takes a message; handles it at once unless a step still has to be seen.
    pub fn push(self: &Rc<Self>, delivery: Delivery) {
        self.queue.borrow_mut().push_back(delivery);
        if !self.waiting.get() {
            self.advance();
        }
    }

    /// Works off what has arrived without waiting for animation frames. Steps still come one by one.
    pub fn hurry(self: &Rc<Self>) {
        if self.waiting.get() {
            self.hurried.set(true);
            self.call_later(self.soon);
        }
    }

    fn advance(self: &Rc<Self>) {
        loop {
            let next = self.queue.borrow_mut().pop_front();
            let Some(delivery) = next else { return self.hurried.set(false) };
            // A step without a preview has nothing to be seen.
            let is_step = matches!(&delivery.0, FromWorker::Step { report, .. } if report.width > 0);
            (self.handle)(delivery);
            if is_step {
                self.waiting.set(true);
                return self.call_later(if self.hurried.get() { self.soon } else { self.next_frame });
            }
        }
    }

    fn call_later(self: &Rc<Self>, later: Later) {
        let turn = self.turn.get() + 1;
        self.turn.set(turn);
        let this = self.clone();
        later(Box::new(move || {
            if this.turn.get() == turn {
                this.waiting.set(false);
                this.advance();
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::tests::report;

    thread_local! {
        static FRAMES: RefCell<VecDeque<Box<dyn FnOnce()>>> = RefCell::default();
        static SOON: RefCell<VecDeque<Box<dyn FnOnce()>>> = RefCell::default();
    }

    fn step(step: u32) -> Delivery {
        (FromWorker::Step { job: 1, report: report(step) }, None)
    }

    fn inbox() -> (Rc<Inbox>, Rc<RefCell<Vec<String>>>) {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = seen.clone();
        let inbox = Inbox::new(
            |callback| FRAMES.with_borrow_mut(|frames| frames.push_back(callback)),
            |callback| SOON.with_borrow_mut(|soon| soon.push_back(callback)),
            move |(message, _)| {
                log.borrow_mut().push(match message {
                    FromWorker::Step { report, .. } => format!("step {}", report.step),
                    _ => "other".into(),
                })
            },
        );
        (inbox, seen)
    }

    fn animation_frame() {
        let callback = FRAMES.with_borrow_mut(VecDeque::pop_front);
        callback.expect("a frame was asked for")();
    }

    fn all_soon() {
        while let Some(callback) = SOON.with_borrow_mut(VecDeque::pop_front) {
            callback();
        }
    }

    #[test]
    fn one_step_a_frame_in_order_and_the_rest_behind_it() {
        let (inbox, seen) = inbox();
        inbox.push((FromWorker::Ready { version: 1 }, None));
        inbox.push(step(1));
        inbox.push(step(2));
        inbox.push((FromWorker::Cancelled { job: 1, steps_done: 2 }, None));
        assert_eq!(*seen.borrow(), ["other", "step 1"]);
        animation_frame();
        assert_eq!(*seen.borrow(), ["other", "step 1", "step 2"]);
        animation_frame();
        assert_eq!(seen.borrow().len(), 4);
        assert!(FRAMES.with_borrow(VecDeque::is_empty), "nothing left to wait for");
    }

    #[test]
    fn steps_without_a_preview_wait_for_no_frame() {
        let (inbox, seen) = inbox();
        for number in 1..=3 {
            let report = protocol::StepReport { width: 0, height: 0, ..report(number) };
            inbox.push((FromWorker::Step { job: 1, report }, None));
        }
        assert_eq!(seen.borrow().len(), 3);
    }

    #[test]
    fn hurrying_skips_the_frames_but_not_the_steps() {
        let (inbox, seen) = inbox();
        (1..=3).for_each(|i| inbox.push(step(i)));
        inbox.hurry();
        assert_eq!(*seen.borrow(), ["step 1"], "each step is painted before the next is handled");
        all_soon();
        assert_eq!(*seen.borrow(), ["step 1", "step 2", "step 3"]);
        animation_frame();
        (4..=5).for_each(|i| inbox.push(step(i)));
        assert_eq!(seen.borrow().len(), 4, "the hurry is over, and the late frame did nothing");
        animation_frame();
        assert_eq!(seen.borrow().len(), 5);
    }
}
