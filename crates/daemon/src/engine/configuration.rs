//! The supervisor's bytes become a configuration.

use std::fs::File;

use keepalived_conf::{Answers, Lines, Pass, lower, render, start_refusal};
use keepalived_model::global::Global;
use keepalived_model::global::packet_filter::Nftables;
use keepalived_model::vrrp;
use keepalived_netlink::firewall::Tables;

use crate::compat::exit_codes;
use crate::handoff::{self, Parts};
use crate::log;

/// What this process needs of a configuration.
pub struct Loaded {
    /// For the core.
    pub config: vrrp::Config,
    /// For the process around it.
    pub process: Global,
}

/// Reads, understands, and says what is wrong; fails with the exit status of a start that cannot be.
/// `namespace` is the one of the command line.
pub fn load(file: &File, namespace: Option<&str>) -> Result<Loaded, u8> {
    let Some((lines, answers)) = parts(file) else {
        log::error("The configuration did not arrive");
        return Err(exit_codes::FATAL);
    };
    let mut lowered = lower(&lines, &answers);
    for line in render::keepalived::log(&lowered.diagnostics, Pass::Vrrp) {
        log::info(line);
    }
    if let Some(name) = namespace {
        lowered.config.global.namespaces.network = Some(name.to_owned());
    }
    match start_refusal(&lowered.diagnostics) {
        Some(status) => Err(status),
        None => Ok(Loaded { config: lowered.config.vrrp, process: lowered.config.global }),
    }
}

/// What a configuration means, without a word about mistakes: they were told when it took effect.
pub fn meant(file: &File) -> Option<Loaded> {
    let (lines, answers) = parts(file)?;
    let config = lower(&lines, &answers).config;
    Some(Loaded { config: config.vrrp, process: config.global })
}

/// Where addresses are barred, should any be.
pub fn tables(nftables: &Nftables) -> Tables {
    let Nftables { priority, counters, .. } = nftables;
    Tables { name: nftables.table_name().to_owned(), priority: *priority, counters: *counters }
}

/// What idents in the log end with; nothing if the file cannot be read, which will be said later.
pub fn suffix(file: &File) -> String {
    let bytes = handoff::config_bytes(file).unwrap_or_default();
    handoff::split_config(&bytes).map_or_else(String::new, |parts| parts.suffix.to_owned())
}

fn parts(file: &File) -> Option<(Lines, Answers)> {
    let bytes = handoff::config_bytes(file).ok()?;
    let Parts { lines, answers, .. } = handoff::split_config(&bytes)?;
    Some((Lines::from_bytes(lines).ok()?, Answers::from_bytes(answers).ok()?))
}
