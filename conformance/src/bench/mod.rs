//! Side by side: both programs measured in one run, in turn, so that a noisy machine is noisy for both.
//!
//! Prints medians; correctness is the scenarios' business. A row fails only where the product promises
//! something about the ratio.

mod load;
mod scale;
mod stand;
mod strain;
mod syntax;
mod takeover;

use std::time::Duration;

pub use syntax::{COST, cost};

use crate::outcome::Fault;
use crate::subject::Subject;

/// What a row promises about our median, compared with theirs.
#[derive(Clone, Copy, Debug)]
enum Promise {
    /// At most theirs plus this.
    NoLaterThan(f64),
    /// At most theirs times this.
    AtMostTimes(f64),
    /// At most this, whatever theirs is.
    AtMost(f64),
}

/// One measured quantity.
struct Row {
    what: String,
    unit: &'static str,
    theirs: Vec<f64>,
    ours: Vec<f64>,
    promise: Promise,
}

/// A measurement: its name, how many figures one round yields, and how to take one round.
struct Measure {
    name: &'static str,
    rows: &'static [(&'static str, &'static str, Promise)],
    /// Rounds per subject when the command line asks for the usual number; `None`: as many as asked.
    rounds: Option<usize>,
    round: fn(Subject) -> Result<Vec<f64>, Fault>,
}

const ALL: &[&[Measure]] =
    &[takeover::MEASURES, load::MEASURES, scale::MEASURES, strain::MEASURES, syntax::MEASURES];

/// Runs every measurement whose name contains `only`, `rounds` times for each program, and prints a table.
/// Returns whether every promise was kept.
pub fn run(only: &[String], rounds: usize) -> bool {
    let mut kept = true;
    println!("{:<58} {:>10} {:>10} {:>7}  promise", "median of each", "theirs", "ours", "ratio");
    for measure in ALL.iter().copied().flatten() {
        if !only.is_empty() && !only.iter().any(|part| measure.name.contains(part.as_str())) {
            continue;
        }
        for row in take(measure, measure.rounds.unwrap_or(rounds)) {
            kept &= row.print();
        }
    }
    kept
}

fn take(measure: &Measure, rounds: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = measure
        .rows
        .iter()
        .map(|(what, unit, promise)| Row {
            what: format!("{}: {what}", measure.name),
            unit,
            theirs: Vec::new(),
            ours: Vec::new(),
            promise: *promise,
        })
        .collect();
    for round in 0..rounds {
        let order =
            if round % 2 == 0 { [Subject::Theirs, Subject::Ours] } else { [Subject::Ours, Subject::Theirs] };
        for subject in order {
            match (measure.round)(subject) {
                Ok(figures) => {
                    for (row, figure) in rows.iter_mut().zip(figures) {
                        match subject {
                            Subject::Ours => row.ours.push(figure),
                            Subject::Theirs => row.theirs.push(figure),
                        }
                    }
                }
                Err(why) => println!("  {} ({subject}, round {round}): {why}", measure.name),
            }
        }
    }
    rows
}

impl Row {
    fn print(&self) -> bool {
        let (Some(theirs), Some(ours)) = (median(&self.theirs), median(&self.ours)) else {
            println!("{:<58} {:>10} {:>10} not measured", self.what, self.theirs.len(), self.ours.len());
            return false;
        };
        let (kept, promise) = match self.promise {
            Promise::NoLaterThan(more) => (ours <= theirs + more, format!("<= theirs + {more}")),
            Promise::AtMostTimes(times) => (ours <= theirs * times, format!("<= {times} x theirs")),
            Promise::AtMost(limit) => (ours <= limit, format!("<= {limit}")),
        };
        let verdict = if kept { "kept" } else { "BROKEN" };
        let ratio = if theirs == 0.0 { f64::INFINITY } else { ours / theirs };
        println!(
            "{:<58} {theirs:>10.3} {ours:>10.3} {ratio:>7.2}  {promise} {} {verdict}",
            self.what, self.unit
        );
        kept
    }
}

fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

fn millis(length: Duration) -> f64 {
    length.as_secs_f64() * 1000.0
}
