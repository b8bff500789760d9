//! The parts of the Sweep page.

mod actions;
mod budget;
mod cell;
mod chart;
mod charts;
mod fields;
mod grid;
mod lesson;
mod progress;
mod recheck;
mod text_field;
mod verdict;
mod viewer;

pub use actions::SweepActions;
pub use budget::BudgetPanel;
pub use charts::SweepCharts;
pub use fields::SweepFields;
pub use grid::SweepGrid;
pub use lesson::LessonPanel;
pub use progress::SweepProgress;
pub use recheck::RecheckPanel;
pub use verdict::VerdictPanel;
pub use viewer::CellViewer;

use super::controller;
use crate::sweep::results::RowResult;
use lab::grid::{Cell, Grid};
use leptos::prelude::*;
use protocol::GenerateRequest;

/// What the panels share: the sweep on show, what it says, and the cell that is open.
#[derive(Clone, Copy)]
pub struct Shown {
    /// The sweep that was started last; before that, the one that the forms describe.
    pub grid: Memo<Option<Grid>>,
    /// What its rows say by now.
    pub rows: Memo<Vec<RowResult>>,
    /// The cell that is open in the viewer.
    pub open: RwSignal<Option<GenerateRequest>>,
    /// The row whose verdict is on show.
    pub row: RwSignal<usize>,
}

impl Shown {
    /// Makes them anew for a page that opens.
    pub fn new() -> Self {
        let controller = controller();
        let grid = Memo::new(move |_| {
            let started = controller.sweep.with(|sweep| sweep.grid.clone());
            started.or_else(|| controller.sweep_planned().ok())
        });
        let version = Memo::new(move |_| controller.sweep.with(|sweep| sweep.version));
        let criteria = Memo::new(move |_| controller.criteria());
        let engine = Memo::new(move |_| controller.session.with(|session| session.engine_name()));
        let rows = Memo::new(move |_| {
            // Everything else of the sweep changes with every step.
            version.with(|_| ());
            grid.with(|_| ());
            criteria.with(|_| ());
            engine.with(|_| ());
            untrack(|| controller.sweep_rows())
        });
        Self { grid, rows, open: RwSignal::new(None), row: RwSignal::new(0) }
    }

    /// The row whose verdict is on show.
    pub fn row(self) -> Option<RowResult> {
        self.rows.with(|rows| rows.get(self.row.get()).or(rows.first()).cloned())
    }

    /// The cell of the row on show with this many steps and the first seed.
    pub fn cell(self, steps: u32) -> Option<Cell> {
        let row = self.row()?.row;
        self.grid.with(|grid| grid.as_ref().map(|grid| grid.cell(row, steps, grid.seeds[0])))
    }
}

/// The page's shared state, which `SweepPage` provides.
fn shown() -> Shown {
    expect_context()
}
