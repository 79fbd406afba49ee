//! Explores all cases, or those whose names contain a word: `keepalived-exhaust [WORD]`.

use std::process::ExitCode;
use std::time::Instant;

use keepalived_exhaust::Case;
use stateright::{Checker, Model};

fn main() -> ExitCode {
    let word = std::env::args().nth(1).unwrap_or_default();
    let (start, mut states, mut failed, mut passed) = (Instant::now(), 0, 0, 0);
    for case in Case::all().into_iter().filter(|case| case.name.contains(&word)) {
        let (name, start) = (case.name, Instant::now());
        let checker = case.checker().spawn_dfs().join();
        states += checker.unique_state_count();
        println!(
            "{name}: {} states, {} moves, {:.1} s",
            checker.unique_state_count(),
            checker.state_count(),
            start.elapsed().as_secs_f64()
        );
        let broken = broken(&checker);
        broken.iter().for_each(|text| println!("{text}"));
        if broken.is_empty() { passed += 1 } else { failed += 1 }
    }
    println!("{states} states in {:.1} s", start.elapsed().as_secs_f64());
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Rules that some state breaks, with the way there, and states that were to be found and were not.
fn broken(checker: &impl Checker<Case>) -> Vec<String> {
    let found = checker.discoveries();
    let mut broken = Vec::new();
    for property in checker.model().properties() {
        let path = found.get(property.name);
        match (property.expectation, path) {
            (stateright::Expectation::Sometimes, None) => {
                broken.push(format!("  never found: {}", property.name));
            }
            (stateright::Expectation::Always, Some(path)) => {
                let moves: Vec<String> =
                    path.clone().into_actions().iter().map(|it| format!("{it:?}")).collect();
                broken.push(format!("  broken: {}: {}", property.name, moves.join(", ")));
            }
            _ => {}
        }
    }
    broken
}
