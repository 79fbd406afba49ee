//! The fuzz targets of `conformance/fuzz`: built by plain cargo, run for a minute each.
//!
//! The layout is cargo-fuzz's and `cargo fuzz run -s none TARGET` works on it. We set the same compiler options
//! ourselves, so that a fresh machine need not build cargo-fuzz first, and stable Rust is enough.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::run;
use crate::tally::{Counts, Outcome};

/// The targets.
const TARGETS: &[&str] = &["packet", "config"];
/// How long each runs in CI.
const SECONDS_EACH: u64 = 60;
/// Where the random numbers begin, so that a failed run is about the change and not about luck. Whoever looks for what is
/// wrong gives others in `FUZZ_SEED`.
const SEED: &str = "1";
/// What one target may use.
const MEGABYTES_MAX: u32 = 1024;

/// What makes libFuzzer see which way a program went.
const COVERAGE: &[&str] = &[
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
];

/// Builds all targets.
pub fn build(root: &Path) -> Outcome {
    let host = match host() {
        Ok(host) => host,
        Err(why) => return Outcome::Failed(Counts::default(), why),
    };
    let mut cargo = run::cargo();
    // Naming the target keeps the options away from build scripts, which are not linked to libFuzzer.
    cargo
        .current_dir(directory(root))
        .env("CARGO_TARGET_DIR", directory(root).join("target"))
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"))
        .args(["build", "--release", "--target", &host, "--bins"]);
    run::counted(&mut cargo, Duration::from_secs(900))
}

/// Runs every target for a minute, all at the same time, as each has one thread; what it finds stays in `conformance/fuzz/artifacts`.
pub fn run(root: &Path) -> Outcome {
    let host = match host() {
        Ok(host) => host,
        Err(why) => return Outcome::Failed(Counts::default(), why),
    };
    let binaries = directory(root).join("target").join(&host).join("release");
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let run = |target: &&'static str| {
            let (target, binary) = (*target, binaries.join(target));
            scope.spawn(move || run_one(root, target, &binary))
        };
        let running: Vec<_> = TARGETS.iter().map(run).collect();
        running.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut counts = Counts::default();
    for outcome in outcomes {
        match outcome {
            Outcome::Passed(one) => counts.add(&one),
            other => return other,
        }
    }
    Outcome::Passed(counts)
}

fn run_one(root: &Path, target: &str, binary: &Path) -> Outcome {
    let corpus = directory(root).join("corpus").join(target);
    let artifacts = directory(root).join("artifacts").join(target);
    let seeds = directory(root).join("seeds").join(target);
    let generated = directory(root).join("generated").join(target);
    if let Err(why) = generate(root, target, &generated) {
        return Outcome::Failed(Counts::default(), why);
    }
    for place in [&corpus, &artifacts] {
        if let Err(error) = fs::create_dir_all(place) {
            return Outcome::Failed(Counts::default(), format!("{}: {error}", place.display()));
        }
    }
    let mut command = Command::new(binary);
    command
        .arg(format!("-seed={}", std::env::var("FUZZ_SEED").unwrap_or_else(|_| SEED.to_owned())))
        .arg(format!("-max_total_time={SECONDS_EACH}"))
        .arg(format!("-rss_limit_mb={MEGABYTES_MAX}"))
        .arg("-timeout=100")
        .arg("-verbosity=0")
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(&corpus)
        .arg(&seeds);
    if generated.is_dir() {
        command.arg(generated.join("seeds")).arg(format!("-dict={}", generated.join("dictionary").display()));
    }
    run::counted(&mut command, Duration::from_secs(2 * SECONDS_EACH + 30))
}

/// Seeds and a dictionary that are made of the program's own tables, for the target that has such.
fn generate(root: &Path, target: &str, into: &Path) -> Result<(), String> {
    if target != "config" {
        return Ok(());
    }
    let mut cargo = run::cargo();
    cargo
        .current_dir(root)
        .args(["run", "-q", "-p", "keepalived-conf", "--example", "fuzz_seeds", "--"])
        .arg(into);
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("making seeds: {status}")),
        Err(error) => Err(format!("making seeds: {error}")),
    }
}

fn directory(root: &Path) -> PathBuf {
    root.join("conformance/fuzz")
}

/// The target triple of this machine, as rustc says it.
fn host() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    String::from_utf8_lossy(&said.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or_else(|| "rustc does not say its host".to_owned())
}
