//! Many seeds, and those that once showed a mistake.

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

#[test]
fn an_adopted_master_is_not_deaf_for_a_startup_delay() {
    run([1075, 5533]);
}

#[test]
fn a_group_is_adopted_as_a_whole() {
    run([1149, 3740]);
}

#[test]
fn an_address_given_up_by_a_reload_is_not_announced_from_the_queue() {
    run([152]);
}

#[test]
fn a_member_added_to_a_group_of_masters_joins_it_or_is_followed() {
    run([1264, 1724]);
}
