//! All scenarios, one file per topic.

mod articles;
mod decisions;
mod examples;
mod golden;
mod junk;
mod kernel;
mod lan;
mod logs;
mod notify;
mod outside;
mod process;
mod rejects;
mod scripts;
mod stage;
mod states;
mod together;

use crate::table::Scenario;

/// The one table.
pub const ALL: &[&[Scenario]] = &[
    articles::SCENARIOS,
    examples::SCENARIOS,
    outside::SCENARIOS,
    golden::SCENARIOS,
    states::SCENARIOS,
    rejects::SCENARIOS,
    kernel::SCENARIOS,
    scripts::SCENARIOS,
    notify::SCENARIOS,
    together::SCENARIOS,
    process::SCENARIOS,
    logs::SCENARIOS,
    junk::SCENARIOS,
    decisions::SCENARIOS,
];
