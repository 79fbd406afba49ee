//! Runs scenarios, several at a time, and reports one line each.

use std::collections::VecDeque;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::diary;
use crate::outcome::{Fault, Outcome};
use crate::subject::{Pair, Subject, project_root};
use crate::table::{Context, Proves, Scenario};

/// How a run went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Scenarios that held.
    pub passed: u32,
    /// Scenarios that did not.
    pub failed: u32,
    /// Scenarios that could not or need not run.
    pub skipped: u32,
}

/// More scenarios than this that hold only when run again alone are no bad luck of a busy machine.
const UNSTEADY_MAX: usize = 6;

/// Runs them all, `jobs` at a time; prints a line as each one ends. What failed is run again, alone: windows of
/// a few hundred milliseconds mean nothing while a neighbour has the processor. Both outcomes are printed.
pub fn run(scenarios: Vec<&Scenario>, chosen: Pair, jobs: usize) -> Tally {
    let (mut tally, doubtful) = together(&scenarios, chosen, jobs);
    if doubtful.len() > UNSTEADY_MAX || jobs == 1 {
        return tally;
    }
    for scenario in &doubtful {
        println!("AGAIN {}: {}, alone", scenario.family, scenario.name);
    }
    let (again, _) = together(&doubtful, chosen, 1);
    tally.failed = again.failed;
    tally.passed += again.passed;
    if again.passed > 0 {
        println!("{} held only when run again alone", again.passed);
    }
    tally
}

/// Runs faults on the original and on ours and prints a table of how both fared. Only ours can fail.
pub fn run_table(scenarios: &[&Scenario], jobs: usize) -> Tally {
    let theirs = outcomes(scenarios, Subject::Theirs, jobs);
    let mut ours = outcomes(scenarios, Subject::Ours, jobs);
    for (scenario, outcome) in scenarios.iter().zip(&mut ours) {
        if matches!(outcome, Err(Fault::Failed(_))) {
            println!("AGAIN {}, alone", scenario.name);
            *outcome = one(scenario, Pair { a: Subject::Ours, b: Subject::Ours });
        }
    }
    println!("\n| fault | scenario | original | ours |\n| --- | --- | --- | --- |");
    let mut tally = Tally::default();
    for ((scenario, theirs), ours) in scenarios.iter().zip(&theirs).zip(&ours) {
        let Proves::Withstands(number) = scenario.proves else { continue };
        println!("| {number} | {} | {} | {} |", scenario.name, cell(theirs), cell(ours));
        match ours {
            Ok(()) => tally.passed += 1,
            Err(Fault::Failed(_)) => tally.failed += 1,
            Err(Fault::Skipped(_)) => tally.skipped += 1,
        }
    }
    println!();
    tally
}

fn cell(outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => "withstands".to_owned(),
        Err(Fault::Failed(why)) => format!("**fails**: {}", why.replace(['\n', '|'], " ")),
        Err(Fault::Skipped(why)) => format!("not run: {}", why.replace(['\n', '|'], " ")),
    }
}

fn outcomes(scenarios: &[&Scenario], subject: Subject, jobs: usize) -> Vec<Outcome> {
    let pair = Pair { a: subject, b: subject };
    spread(scenarios, jobs, |scenario| {
        let begin = Instant::now();
        let outcome = if subject.binary().is_some() {
            one(scenario, pair)
        } else {
            Err(Fault::Skipped(format!("no binary of subject '{subject}' here")))
        };
        let story = diary::take(begin);
        match subject {
            Subject::Theirs => println!("original, {}: {}", scenario.name, cell(&outcome)),
            // What is run again decides; the table counts.
            Subject::Ours => {
                report(scenario, &outcome, begin.elapsed().as_secs_f64(), &story, &mut Tally::default());
            }
        }
        outcome
    })
}

fn together<'s>(scenarios: &[&'s Scenario], chosen: Pair, jobs: usize) -> (Tally, Vec<&'s Scenario>) {
    let tally = Mutex::new(Tally::default());
    let outcomes = spread(scenarios, jobs, |scenario| {
        let begin = Instant::now();
        let outcome = scenario.pair(chosen).and_then(|pair| one(scenario, pair));
        let seconds = begin.elapsed().as_secs_f64();
        let story = diary::take(begin);
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        report(scenario, &outcome, seconds, &story, &mut tally);
        outcome
    });
    let failed =
        scenarios.iter().zip(&outcomes).filter(|(_, outcome)| matches!(outcome, Err(Fault::Failed(_))));
    let failed = failed.map(|(scenario, _)| *scenario).collect();
    (tally.into_inner().unwrap_or_else(PoisonError::into_inner), failed)
}

/// Plays them all, `jobs` at a time; the outcomes are in the order of the scenarios.
fn spread(scenarios: &[&Scenario], jobs: usize, play: impl Fn(&Scenario) -> Outcome + Sync) -> Vec<Outcome> {
    let queue = Mutex::new(scenarios.iter().enumerate().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((at, scenario)) = next else { return };
                    let outcome = play(scenario);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn one(scenario: &Scenario, pair: Pair) -> Outcome {
    let context = Context { pair };
    catch_unwind(AssertUnwindSafe(|| (scenario.run)(&context)))
        .unwrap_or_else(|_| Err(Fault::Failed("the scenario itself panicked".to_owned())))
}

fn report(scenario: &Scenario, outcome: &Outcome, seconds: f64, story: &str, tally: &mut Tally) {
    let title = format!("{}: {}", scenario.family, scenario.name);
    match outcome {
        Ok(()) => {
            tally.passed += 1;
            println!("PASS {title} ({seconds:.1} s)");
        }
        Err(Fault::Skipped(why)) => {
            tally.skipped += 1;
            println!("SKIP {title}: {why}");
        }
        Err(Fault::Failed(why)) => {
            tally.failed += 1;
            println!("FAIL {title} ({seconds:.1} s): {why}");
            if let Some(path) = keep(&title, story) {
                println!("     what happened: {path}");
            }
        }
    }
}

/// Writes the story of a failure beside the build.
fn keep(title: &str, story: &str) -> Option<String> {
    let directory = project_root().join("target/conformance");
    fs::create_dir_all(&directory).ok()?;
    let name: String = title
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(100)
        .collect();
    let path = directory.join(format!("{name}.log"));
    fs::write(&path, story).ok()?;
    Some(path.display().to_string())
}
