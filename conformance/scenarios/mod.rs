//! All scenarios, one file per topic.

mod addresses;
mod announcing;
mod articles;
mod authentication;
mod chaos;
mod contracts;
mod decisions;
mod dumps;
mod duplicates;
mod examples;
mod fifo;
mod firewall;
mod golden;
mod groups;
mod hooks;
mod junk;
mod kernel;
mod lan;
mod language;
mod links;
mod logs;
mod machine;
mod mail;
mod namespaces;
mod notify;
mod outside;
mod process;
mod rejects;
mod reloads;
mod routes;
mod scripts;
mod service;
mod soak;
mod stage;
mod states;
mod together;
mod track_files;
mod track_processes;
mod transport;
mod treatment;
mod version3;
mod vmac;
mod vmac_lan;
mod ways;

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
    routes::SCENARIOS,
    addresses::SCENARIOS,
    firewall::SCENARIOS,
    scripts::SCENARIOS,
    notify::SCENARIOS,
    fifo::SCENARIOS,
    mail::SCENARIOS,
    contracts::SCENARIOS,
    hooks::SCENARIOS,
    together::SCENARIOS,
    groups::SCENARIOS,
    track_files::SCENARIOS,
    track_processes::SCENARIOS,
    version3::SCENARIOS,
    ways::SCENARIOS,
    vmac::SCENARIOS,
    vmac_lan::SCENARIOS,
    links::SCENARIOS,
    machine::links::SCENARIOS,
    announcing::SCENARIOS,
    machine::loss::SCENARIOS,
    machine::init::SCENARIOS,
    machine::networking::SCENARIOS,
    process::SCENARIOS,
    treatment::SCENARIOS,
    reloads::SCENARIOS,
    namespaces::SCENARIOS,
    dumps::SCENARIOS,
    service::SCENARIOS,
    soak::SCENARIOS,
    logs::SCENARIOS,
    transport::SCENARIOS,
    duplicates::SCENARIOS,
    authentication::SCENARIOS,
    language::SCENARIOS,
    junk::SCENARIOS,
    decisions::SCENARIOS,
    chaos::network::SCENARIOS,
    chaos::process::SCENARIOS,
    chaos::kernel::SCENARIOS,
    chaos::scripts::SCENARIOS,
    chaos::reload::SCENARIOS,
    chaos::links::SCENARIOS,
    chaos::address6::SCENARIOS,
    chaos::trackers::SCENARIOS,
    chaos::surroundings::SCENARIOS,
    chaos::container::SCENARIOS,
    chaos::crowds::SCENARIOS,
    chaos::hooks::SCENARIOS,
];

#[cfg(test)]
mod tests {
    use super::*;

    const DIFFERENCES: &str = include_str!("../../docs/compat/differences.md");

    /// The rows of the table, by number.
    fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
        let cells = |line: &'static str| line.strip_prefix("| ")?.split_once(" |");
        DIFFERENCES.lines().filter_map(cells).filter(|(number, _)| number.starts_with('D'))
    }

    #[test]
    fn every_decision_is_listed_for_users_and_its_row_names_a_scenario_that_is_there() {
        let names: Vec<&str> = ALL.iter().copied().flatten().map(|scenario| scenario.name).collect();
        let mut seen = 0;
        for (number, row) in rows() {
            let shown = row.trim_end_matches(['|', ' ']).rsplit_once(" | ").map_or("", |(_, shown)| shown);
            let quoted: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
            assert!(!quoted.is_empty(), "{number} names no scenario");
            for name in quoted {
                assert!(names.contains(&name), "{number}: there is no scenario '{name}'");
            }
            seen += 1;
        }
        assert_eq!(seen, 15);
    }
}
