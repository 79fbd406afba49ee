//! Many seeds; what some of them once showed is in `regressions.rs`.

use keepalived_sim::{Summary, Violation};

fn run(seeds: impl IntoIterator<Item = u64>) -> Summary {
    let mut failed: Vec<Violation> = Vec::new();
    let mut all = Summary::default();
    for seed in seeds {
        match keepalived_sim::run(seed) {
            Ok(summary) => all = all.plus(summary),
            Err(violation) => failed.push(violation),
        }
    }
    let lines: Vec<String> = failed.iter().map(Violation::to_string).collect();
    assert!(
        failed.is_empty(),
        "{}\nreplay: cargo run --release -p keepalived-sim -- --seed N --trace",
        lines.join("\n")
    );
    all
}

#[test]
fn three_hundred_seeds_break_no_rule() {
    let all = run(0..300);
    assert!(
        all.masters > 1_000 && all.garps > 10_000 && all.runs > 10_000,
        "hardly anything happened: {all:?}"
    );
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    assert_eq!(run([7, 8, 9]), run([7, 8, 9]));
}
