//! What is run, in which order, and for how long at most.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::tally::{Counts, Outcome, Tally, Whose};
use crate::{examples, fuzz, machine, packages, run, tidy};

/// Seeds the simulator goes through.
const SEEDS: &str = "20000";

/// One step of a plan.
#[derive(Clone, Copy)]
pub struct Step {
    name: &'static str,
    whose: Whose,
    run: fn(&Path) -> Outcome,
}

const fn ours(name: &'static str, run: fn(&Path) -> Outcome) -> Step {
    Step { name, whose: Whose::Ours, run }
}

const fn theirs(name: &'static str, run: fn(&Path) -> Outcome) -> Step {
    Step { name, whose: Whose::Theirs, run }
}

/// Cheap and telling first.
pub const TEST: &[Step] = &[
    ours("packages", packages_are_here),
    ours("format", format),
    ours("tidy", tidy::check),
    ours("clippy", clippy),
    ours("unit tests", unit_tests),
    ours("release build", release_build),
    ours("simulation", simulation),
    ours("exhaustion", exhaustion),
    ours("examples, ours", examples::accepted_by_ours),
    theirs("examples, theirs", examples::accepted_by_theirs),
    theirs("conformance, theirs", conformance_theirs),
    ours("conformance, ours", conformance_ours),
    ours("chaos", chaos),
    ours("fuzz build", fuzz::build),
];

/// What CI does besides [`TEST`].
pub const MORE: &[Step] = &[
    ours("soak", soak),
    theirs("machine, theirs", machine::theirs),
    ours("machine, ours", machine::ours),
    ours("fuzz run", fuzz::run),
    ours("documentation", documentation),
];

/// The house rules alone.
pub const TIDY: &[Step] = &[ours("tidy", tidy::check)];

/// Runs all steps, also after a failure, and sums up.
pub fn carry_out(root: &Path, steps: &[Step]) -> ExitCode {
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let mut tally = Tally::default();
    let start = Instant::now();
    for (at, step) in steps.iter().enumerate() {
        println!("\n=== {}/{} {} ({} s)", at + 1, steps.len(), step.name, start.elapsed().as_secs());
        let outcome = (step.run)(root);
        match &outcome {
            Outcome::Passed(counts) => println!("ok {}: {counts}", step.name),
            Outcome::Failed(_, why) => println!("FAIL {}: {why}", step.name),
            Outcome::Skipped(why) => println!("SKIP {}: {why}", step.name),
        }
        tally.enter(step.name, step.whose, outcome);
    }
    println!("\n=== after {} s", start.elapsed().as_secs());
    tally.conclude(in_ci);
    if tally.is_success(in_ci) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Builds what the demo or the measurements need, and starts them.
pub fn show(root: &Path, what: &str, words: &[&str]) -> Result<(), String> {
    packages::provide()?;
    if !packages::is_root() {
        return Err("network namespaces need root".to_owned());
    }
    run::plainly(run::cargo().current_dir(root).args(RELEASE_BUILD).arg("--quiet"))?;
    let mut show = Command::new(run::release_binary(root, "keepalived-conformance"));
    // SUBJECT_A and SUBJECT_B still put the original on one box.
    if std::env::var_os("SUBJECT").is_none() {
        show.env("SUBJECT", "ours");
    }
    run::plainly(show.current_dir(root).env("KEEPALIVED_BIN", ours_binary(root)).arg(what).args(words))
}

fn packages_are_here(_root: &Path) -> Outcome {
    match packages::provide() {
        Ok(()) => Outcome::Passed(Counts::one(true)),
        Err(why) => Outcome::Skipped(why),
    }
}

fn format(root: &Path) -> Outcome {
    let product = cargo(root, &["fmt", "--all", "--", "--check"], 120);
    let targets = &["fmt", "--manifest-path", "conformance/fuzz/Cargo.toml", "--", "--check"];
    match product {
        Outcome::Passed(_) => cargo(root, targets, 60),
        other => other,
    }
}

fn clippy(root: &Path) -> Outcome {
    cargo(root, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], 900)
}

fn unit_tests(root: &Path) -> Outcome {
    cargo(root, &["test", "--workspace", "--locked"], 1200)
}

/// One build for everything that is run at full speed.
pub const RELEASE_BUILD: &[&str] = &[
    "build",
    "--release",
    "--locked",
    "--package=keepalived-daemon",
    "--package=keepalived-sim",
    "--package=keepalived-exhaust",
    "--package=keepalived-conformance",
];

fn release_build(root: &Path) -> Outcome {
    cargo(root, RELEASE_BUILD, 1200)
}

fn simulation(root: &Path) -> Outcome {
    let mut simulator = Command::new(run::release_binary(root, "keepalived-sim"));
    run::counted(simulator.current_dir(root).args(["--seeds", SEEDS]), Duration::from_secs(600))
}

/// Everything that a few routers can come to.
fn exhaustion(root: &Path) -> Outcome {
    let mut explorer = Command::new(run::release_binary(root, "keepalived-exhaust"));
    run::counted(explorer.current_dir(root), Duration::from_secs(300))
}

fn documentation(root: &Path) -> Outcome {
    let mut cargo = run::cargo();
    cargo.current_dir(root).env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--locked",
    ]);
    run::counted(&mut cargo, Duration::from_secs(600))
}

fn cargo(root: &Path, words: &[&str], seconds: u64) -> Outcome {
    run::counted(run::cargo().current_dir(root).args(words), Duration::from_secs(seconds))
}

/// Our daemon as the release build leaves it.
pub fn ours_binary(root: &Path) -> PathBuf {
    run::release_binary(root, "keepalived")
}

fn conformance_ours(root: &Path) -> Outcome {
    conformance(root, "ours", &except(&[]))
}

/// Families that have steps of their own.
const APART: &[&str] = &["chaos", "soak", "machine"];

/// These words, and those that leave out what has steps of its own.
fn except(words: &[&'static str]) -> Vec<&'static str> {
    let others = APART.iter().flat_map(|family| ["--except", *family]);
    words.iter().copied().chain(others).collect()
}

/// Faults done to both programs, with a table of how they fare. Floods and busy processors are among them, so that fewer
/// of them share the machine.
fn chaos(root: &Path) -> Outcome {
    conformance(root, "ours", &["--table", "--family", "chaos", "--jobs", "3"])
}

/// A long life in a few minutes.
fn soak(root: &Path) -> Outcome {
    conformance(root, "ours", &["--family", "soak"])
}

/// Scenarios that bring their own subjects run once, with ours.
fn conformance_theirs(root: &Path) -> Outcome {
    match run::which("keepalived") {
        Some(_) => conformance(root, "theirs", &except(&["--chosen"])),
        None => Outcome::Skipped("keepalived is not installed".to_owned()),
    }
}

/// The scenarios in namespaces of their own, which only root may make.
fn conformance(root: &Path, subject: &str, words: &[&str]) -> Outcome {
    if !packages::is_root() {
        return Outcome::Skipped("network namespaces need root".to_owned());
    }
    let mut runner = Command::new(run::release_binary(root, "keepalived-conformance"));
    runner.current_dir(root).env("SUBJECT", subject).env("KEEPALIVED_BIN", ours_binary(root)).args(words);
    run::counted(&mut runner, Duration::from_secs(1800))
}
