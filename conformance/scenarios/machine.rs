//! What needs a kernel with everything: run in the machine of `cargo xtask vm`, and wherever a kernel can do it.

pub mod init;
pub mod links;
pub mod loss;
pub mod networking;

use std::process::Command;
use std::time::Duration;

use crate::outcome::{Fault, Outcome, skipped};

/// The family; it has a step of its own.
pub const F: &str = "machine";

/// What every wait gets on top of the protocol's own bound: the machine is emulated, and slower by an order.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Kinds of links and queues, each with a command that shows whether the kernel knows it. That it fails for another
/// reason is no matter.
const KINDS: &[(&str, &str)] = &[
    ("ipvlan", "ip link add needed link lo type ipvlan"),
    ("vrf", "ip link add needed type vrf table 4000"),
    ("vlan", "ip link add base type bridge; ip link add needed link base type vlan id 4000"),
    ("bond", "ip link add needed type bond"),
    ("netem", "tc qdisc add dev lo root netem delay 0ms"),
];

/// Skips the scenario where the kernel does not know a kind of link.
pub fn needs(kind: &str) -> Outcome {
    let words = KINDS.iter().find(|(name, _)| *name == kind).map_or("false", |(_, words)| words);
    let said = Command::new("unshare").args(["--net", "--", "sh", "-c", words]).output()?;
    let said = String::from_utf8_lossy(&said.stderr).to_lowercase();
    let unknown = ["unknown", "not supported"].iter().any(|word| said.contains(word));
    if unknown { skipped(format!("this kernel has no {kind}")) } else { Ok::<(), Fault>(()) }
}

/// Skips the scenario where a program is not installed.
pub fn has(program: &str) -> Outcome {
    if std::path::Path::new(program).exists() { Ok(()) } else { skipped(format!("there is no {program}")) }
}
