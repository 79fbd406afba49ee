//! The engine's facts in the original's words (`spec` runtime 2.3–2.6; where versions differ, 2.4.3's).
//!
//! One `match` over [`Report`], one row a fact; facts the original does not know have words of our own.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use keepalived_core::event::Exit;
use keepalived_core::report::{Fault, Name, Report, State};
use keepalived_model::kernel::{AddressKey, Key, LinkKind, Refusal, Spec};
use keepalived_model::lasting::Fixture;
use keepalived_model::route::Prefix;
use keepalived_model::vrrp::Family;
use keepalived_model::{Micros, RunId};
use keepalived_wire::reject::Reject;

use super::refused::Refused;
use super::routing_text::{FixtureText, KeyText, PrefixText};

/// How a line shall be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Always; nearly everything the original says has this level.
    Info,
    /// Only with `-D`.
    Detail,
}

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How.
    pub level: Level,
    /// What, without an end of line.
    pub text: String,
}

/// What a line may depend on beside the fact itself.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The processes of script runs.
    pub pids: &'a BTreeMap<RunId, i32>,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
}

/// The line a fact is worth; none for those that are only counted.
pub fn line(report: &Report, surroundings: &Surroundings<'_>) -> Option<Line> {
    state(report)
        .or_else(|| election(report))
        .or_else(|| received(report, surroundings))
        .or_else(|| tracking(report, surroundings))
        .or_else(|| links(report))
        .or_else(|| kernel(report))
}

fn info(text: impl fmt::Display) -> Option<Line> {
    Some(Line { level: Level::Info, text: text.to_string() })
}

fn detail(text: impl fmt::Display) -> Option<Line> {
    Some(Line { level: Level::Detail, text: text.to_string() })
}

/// Entering states and what goes with it.
fn state(report: &Report) -> Option<Line> {
    match report {
        // Waits for its trackers; the original says nothing (`spec` runtime 4.2).
        Report::Entered { state: State::Init, .. } => None,
        Report::Entered { instance, state, init: true } => {
            info(format_args!("({instance}) Entering {state} STATE (init)"))
        }
        Report::Entered { instance, state, init: false } => {
            info(format_args!("({instance}) Entering {state} STATE"))
        }
        Report::StartsInFault { instance, fault } => starts_in_fault(instance, fault),
        Report::SettingAddresses { instance, excluded: false } => {
            detail(format_args!("({instance}) setting VIPs."))
        }
        Report::SettingAddresses { instance, excluded: true } => {
            detail(format_args!("({instance}) setting E-VIPs."))
        }
        Report::RemovingAddresses { instance, excluded: false } => {
            detail(format_args!("({instance}) removing VIPs."))
        }
        Report::RemovingAddresses { instance, excluded: true } => {
            detail(format_args!("({instance}) removing E-VIPs."))
        }
        Report::Barring { instance, set: true } => {
            detail(format_args!("({instance}) setting firewall drop rule"))
        }
        Report::Barring { instance, set: false } => {
            detail(format_args!("({instance}) removing firewall drop rule"))
        }
        Report::BarRefused { instance, ip, refusal: Refusal { errno, text } } => info(format_args!(
            "({instance}) packets to {ip} are let in, the kernel refused to drop them: {text} ({errno})"
        )),
        Report::QueueingGarp { instance, interface, ip: IpAddr::V4(ip) } => {
            detail(format_args!("({instance}) Sending/queueing gratuitous ARPs on {interface} for {ip}"))
        }
        Report::QueueingGarp { instance, interface, ip: IpAddr::V6(ip) } => detail(format_args!(
            "({instance}) Sending/queueing Unsolicited Neighbour Adverts on {interface} for {ip}"
        )),
        Report::SendingGarp { interface, ip: IpAddr::V4(ip) } => {
            detail(format_args!("Sending gratuitous ARP on {interface} for {ip}"))
        }
        Report::SendingGarp { interface, ip: IpAddr::V6(ip) } => {
            detail(format_args!("Sending unsolicited Neighbour Advert on {interface} for {ip}"))
        }
        Report::SentZero { instance } => detail(format_args!("({instance}) sent 0 priority")),
        Report::AnnouncerReady => detail("Registering gratuitous ARP shared channel"),
        Report::StartDelayed { length } => {
            info(format_args!("Delaying startup for {} seconds", Seconds(*length)))
        }
        Report::StartDelayOver => info("Delayed start completed"),
        Report::GroupSyncing { group, state } => {
            info(format_args!("VRRP_Group({group}) Syncing instances to {state} state"))
        }
        Report::GroupStartsInFault { group, instance } => {
            info(format_args!("VRRP_Group({group}): Syncing {instance} to FAULT state"))
        }
        Report::Adopted { instance, state } => {
            info(format_args!("({instance}) Taking up {state} STATE where the process before left it"))
        }
        Report::Reloaded { kept, restarted, added, removed } => detail(format_args!(
            "Configuration in force: {kept} kept, {restarted} restarted, {added} added, {removed} removed"
        )),
        _ => None,
    }
}

fn starts_in_fault(instance: &str, fault: &Fault) -> Option<Line> {
    match fault {
        Fault::LinkDown(interface) => {
            info(format_args!("({instance}): entering FAULT state (interface {interface} down)"))
        }
        Fault::NoAddress(Family::V4) => {
            info(format_args!("({instance}) entering FAULT state (no IPv4 address for interface)"))
        }
        Fault::NoAddress(Family::V6) => {
            info(format_args!("({instance}) entering FAULT state (no IPv6 address for interface)"))
        }
        Fault::NoSource => {
            info(format_args!("({instance}): entering FAULT state (src address not configured)"))
        }
        Fault::Script(script) => {
            info(format_args!("({instance}): entering FAULT state due to script {script}"))
        }
        Fault::File { file, number } => {
            info(format_args!("({instance}): entering FAULT state (tracked file {file} has status {number})"))
        }
        Fault::Process(process) => info(format_args!(
            "({instance}) entering FAULT state (tracked process {process} quorum not achieved)"
        )),
        // The group's own line says it, or the configuration's.
        Fault::Group | Fault::Hopeless(_) => None,
        Fault::AddressesTaken => {
            info(format_args!("({instance}) entering FAULT state (others keep removing its addresses)"))
        }
        Fault::NoMulticast(interface) => info(format_args!(
            "({instance}) entering FAULT state (interface {interface} does not do multicast)"
        )),
    }
}

/// Timers, priorities, and what other routers say.
fn election(report: &Report) -> Option<Line> {
    match report {
        Report::Contested { instance, interface, ip, by } => info(format_args!(
            "({instance}) contested: {by} claims {ip} on {interface} - announcing it again"
        )),
        Report::AdvertTimeout { instance } => {
            detail(format_args!("({instance}) Receive advertisement timeout"))
        }
        Report::HeardZero { instance, as_master: false } => {
            detail(format_args!("({instance}) Backup received priority 0 advertisement"))
        }
        Report::HeardZero { instance, as_master: true } => {
            detail(format_args!("({instance}) Master received priority 0 message"))
        }
        Report::LowerDiscarded { instance, from, priority } => info(format_args!(
            "({instance}) received lower priority ({priority}) advert from {from} - discarding"
        )),
        Report::ForcingElection { instance, from, priority, ours, answered } => info(format_args!(
            "({instance}) Received advert from {from} with lower priority {priority}, ours {ours}{}",
            if *answered { ", forcing new election" } else { "" }
        )),
        Report::HigherHeard { instance, from, priority, ours } => info(format_args!(
            "({instance}) Master received advert from {from} with higher priority {priority}, ours {ours}"
        )),
        Report::EqualHigherAddress { instance, from, priority } => info(format_args!(
            "({instance}) Master received advert from {from} with same priority {priority} but higher IP \
             address than ours"
        )),
        Report::EqualOwnAddress { instance } => info(format_args!(
            "({instance}) WARNING - equal priority advert received from remote host with our IP address."
        )),
        Report::BothOwners { instance, from } => info(format_args!(
            "({instance}) CONFIGURATION ERROR: local instance and {from} are both configured as address owner, \
             please resolve"
        )),
        Report::EffectivePriority { instance, from, to } => {
            info(format_args!("({instance}) Changing effective priority from {from} to {to}"))
        }
        Report::PreemptDelayStarted { instance, length } => {
            detail(format_args!("({instance}) start preempt delay ({length})"))
        }
        Report::PreemptDelayStopped { instance } => detail(format_args!("({instance}) stop preempt delay")),
        Report::MasterSet { instance, to } => detail(format_args!("({instance}) master set to {to}")),
        Report::MasterChanged { instance, from, to } => {
            detail(format_args!("({instance}) master changed from {from} to {to}"))
        }
        Report::IntervalAdopted { instance, from, to } => detail(format_args!(
            "({instance}) advertisement interval updated from {}ms to {}ms by master",
            from.0 / 1000,
            to.0 / 1000
        )),
        Report::Late { by } => info(format_args!("A thread timer expired {by} seconds ago")),
        Report::SteppingBackLate { instance: _, by } => {
            info(format_args!("VRRP thread timer expired {by} seconds ago"))
        }
        Report::SendFailed { instance, destination, errno } => {
            let words = keepalived_sys::errno_text(*errno);
            if destination.is_multicast() {
                info(format_args!("({instance}): send advert error {errno} ({words})"))
            } else {
                info(format_args!("({instance}) Cant send advert to {destination} ({words})"))
            }
        }
        _ => None,
    }
}

/// Packets that are refused or differ.
fn received(report: &Report, surroundings: &Surroundings<'_>) -> Option<Line> {
    match report {
        // The one refusal that does not name the instance, nor the order of its numbers' octets.
        Report::Rejected {
            reason: Reject::SecurityParameters { received, expected }, first: true, ..
        } => {
            let [received, expected] =
                [received, expected].map(|number| u32::from_ne_bytes(number.to_be_bytes()));
            info(format_args!("IPSEC AH : invalid IPSEC SPI value. {expected} and expect {received}"))
        }
        Report::Rejected { instance, from, reason, first: true } => {
            info(format_args!("({instance}) {}", Refused { reason: *reason, from: *from }))
        }
        Report::Unreadable { reason } if reason.is_too_short() => {
            info(Refused { reason: *reason, from: Ipv4Addr::UNSPECIFIED.into() })
        }
        Report::Unreadable { reason } => info(format_args!("IPv4 VRRP packet not readable - {reason:?}")),
        Report::UnknownVrid { vrid, interface } if surroundings.log_unknown_vrids => {
            info(format_args!("Unknown VRID({vrid}) received on interface({interface}). ignoring..."))
        }
        Report::OldChecksum { instance, first: true, from: _ } => {
            info(format_args!("({instance}) Setting unicast VRRPv3 checksum to old version"))
        }
        Report::SkewNearsWindow { instance, from, skew, window, first: true } => info(format_args!(
            "({instance}) authentication clock skew {skew} sec from {from} approaching window {} sec",
            window.as_secs()
        )),
        Report::SequenceSkipped { instance } => {
            info(format_args!("({instance}) IPSEC-AH : Syncing seq_num - Increment seq"))
        }
        Report::AddressCountDiffers { instance, expected, received, first: true, from: _ } => {
            info(format_args!("({instance}) expected {expected} VIPs but received {received}"))
        }
        Report::AddressMissing { instance, vrid, from, ip, first: true } => info(format_args!(
            "({instance}) ip address associated with VRID {vrid} not present in advert from {from}: {ip}"
        )),
        Report::IntervalDiffers { instance, ours, received, first: true, from: _ } => info(format_args!(
            "({instance}) advertisement interval mismatch ours = {} centi-sec rcv'd={} centi-sec",
            ours.0 / 10_000,
            received.0 / 10_000
        )),
        _ => None,
    }
}

/// Scripts and tracked links.
fn tracking(report: &Report, surroundings: &Surroundings<'_>) -> Option<Line> {
    match report {
        Report::ScriptSucceeded { script } => info(format_args!("VRRP_Script({script}) succeeded")),
        Report::ScriptFailed { script, exit: Exit::Code(status) } => {
            info(format_args!("VRRP_Script({script}) failed (exited with status {status})"))
        }
        Report::ScriptFailed { script, exit: Exit::Signal(signal) } => {
            info(format_args!("VRRP_Script({script}) failed (due to signal {signal})"))
        }
        Report::ScriptFailed { script, exit: Exit::NotRun } => {
            info(format_args!("VRRP_Script({script}) failed (could not be run)"))
        }
        Report::ScriptTimedOut { script } => info(format_args!("VRRP_Script({script}) timed_out")),
        Report::ScriptNow { script, status } => {
            info(format_args!("Script `{script}` now returning {status}"))
        }
        Report::ScriptOverlap { script, ending: false } => {
            info(format_args!("Track script {script} is already running, expect idle - skipping run"))
        }
        Report::ScriptOverlap { script, ending: true } => {
            info(format_args!("Track script {script} is being timed out, expect idle - skipping run"))
        }
        Report::ScriptStuck { script, run } => {
            let pid = surroundings.pids.get(run).copied().unwrap_or(0);
            info(format_args!("Script {script} child (PID {pid}) failed to terminate after kill"))
        }
        Report::FileFault { instance, file, fault } => {
            let now = if *fault { "now" } else { "leaving" };
            detail(format_args!("({instance}): tracked file {file} {now} FAULT state"))
        }
        Report::NumberIgnored { path, number } => {
            info(format_args!("Invalid number {number} read from {path} - ignoring"))
        }
        Report::Quorum { process, gained } => {
            let now = if *gained { "gained" } else { "lost" };
            info(format_args!("Quorum {now} for tracked process {process}"))
        }
        Report::ScriptKept { script, up } => {
            let how = if *up { "successful" } else { "unsuccessful" };
            info(format_args!("VRRP_Script({script}) considered {how} on reload"))
        }
        _ => None,
    }
}

/// What the original calls a link of its own.
fn own_link(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Macvlan(_) => "VMAC",
        LinkKind::Ipvlan(_) => "ipvlan",
    }
}

/// Ups and downs of links, and how they are known.
fn links(report: &Report) -> Option<Line> {
    match report {
        Report::LinkState { interface, up, polled } => {
            let (who, state) =
                (if *polled { "Linkbeat" } else { "Netlink" }, if *up { "up" } else { "down" });
            info(format_args!("{who} reports {interface} {state}"))
        }
        Report::Polling => info("Using MII-BMSR/ETHTOOL NIC polling thread(s)..."),
        Report::PolledOtherwise { interface, told, by } => {
            let (told, by) = (told.word(), by.word());
            info(format_args!("({interface}): Configured linkbeat type {told} not supported, using {by}"))
        }
        Report::NotPolled { interface, own: true } => {
            info(format_args!("Turning off linkbeat for {interface} since netlink works for vmacs/ipvlans"))
        }
        Report::NotPolled { interface, own: false } => {
            info(format_args!("Turning off linkbeat for {interface} since not used for tracking"))
        }
        _ => None,
    }
}

/// Links and addresses.
fn kernel(report: &Report) -> Option<Line> {
    match report {
        Report::LinkAdded { interface } => info(format_args!("Interface {interface} added")),
        Report::LinkDeleted { interface } => info(format_args!("Interface {interface} deleted")),
        Report::OwnLink { instance, interface, kind, made: true } => {
            info(format_args!("({instance}): Success creating {} interface {interface}", own_link(*kind)))
        }
        Report::OwnLink { instance, interface, kind, made: false } => {
            info(format_args!("({instance}) Success removing {} interface {interface}", own_link(*kind)))
        }
        Report::OwnLinkRefused { instance, interface, kind, refusal: Refusal { errno, text } } => {
            let kind = own_link(*kind);
            info(format_args!("({instance}): Error creating {kind} interface {interface}: {text} ({errno})"))
        }
        Report::OwnLinkTaken { instance, interface, kind, restored } => info(format_args!(
            "({instance}) {} interface {interface} was removed by another program{}",
            own_link(*kind),
            reaction(*restored)
        )),
        Report::LinkRenamed { from, to } => {
            info(format_args!("Interface name has changed from {from} to {to}"))
        }
        Report::AddressAssigned { interface, ip } => {
            detail(format_args!("Assigned address {ip} for interface {interface}"))
        }
        Report::AddressDeassigned { interface, ip } => {
            detail(format_args!("Deassigned address {ip} from interface {interface}"))
        }
        Report::AddressTaken { instance, interface, key: AddressKey { ip, prefix_len, .. }, restored } => {
            info(format_args!(
                "({instance}) ip address {ip}/{prefix_len} dev {interface} was removed by another program{}",
                reaction(*restored)
            ))
        }
        Report::GivingUpAddresses { instance, removals, within } => info(format_args!(
            "({instance}) entering FAULT state (other programs removed its addresses {removals} times within {} \
             seconds)",
            Seconds(*within)
        )),
        Report::AddressNoLonger { instance, interface, key: AddressKey { ip, prefix_len, .. } } => {
            let whose = Whose(instance);
            info(format_args!("{whose} ip address {ip}/{prefix_len} dev {interface}, no longer exist"))
        }
        Report::AddressRefused { instance, interface, key: AddressKey { ip, prefix_len, .. }, refusal } => {
            let (Refusal { errno, text }, whose) = (refusal, Whose(instance));
            info(format_args!(
                "{whose} ip address {ip}/{prefix_len} dev {interface} refused by the kernel: {text} ({errno})"
            ))
        }
        Report::AddressAccepted { instance, interface, key: AddressKey { ip, prefix_len, .. } } => {
            let whose = Whose(instance);
            info(format_args!(
                "{whose} ip address {ip}/{prefix_len} dev {interface} set, which the kernel had refused"
            ))
        }
        Report::LeftoverRemoved { key: AddressKey { ip, prefix_len, .. }, link } => detail(format_args!(
            "Removing ip address {ip}/{prefix_len} that an earlier run left on the interface with index {}",
            link.0
        )),
        _ => routing(report),
    }
}

/// Routes, rules and static things.
fn routing(report: &Report) -> Option<Line> {
    match report {
        Report::SettingRouting { instance, rules } => {
            detail(format_args!("({instance}) setting Virtual {}", kind(*rules)))
        }
        Report::RemovingRouting { instance, rules } => {
            detail(format_args!("({instance}) removing Virtual {}", kind(*rules)))
        }
        Report::RoutingTaken { instance, key, spec, restored } => {
            let (what, reaction) = (KeyText(key, spec), reaction(*restored));
            info(format_args!("({instance}) {what} was removed by another program{reaction}"))
        }
        Report::RoutingNoLonger { key: Key::Rule(rule), .. } => {
            info(format_args!("ip rule from {} removed", rule.from.map_or("all".to_owned(), prefix)))
        }
        Report::RoutingNoLonger { spec: Spec::Route(spec), .. } => {
            info(format_args!("Removing route {}", prefix(spec.route.destination)))
        }
        Report::RoutingRefused { instance, key, spec, refusal: Refusal { errno, text } } => {
            let (whose, what) = (Whose(instance), KeyText(key, spec));
            info(format_args!("{whose} {what} refused by the kernel: {text} ({errno})"))
        }
        Report::FixtureRestored { fixture } => {
            let text = FixtureText(fixture);
            info(match **fixture {
                Fixture::Address(_) => format!("Restoring deleted static address {text} set"),
                Fixture::Route(_) => format!("Restoring deleted static route {text}"),
                Fixture::Rule(_) => format!("Restoring deleted static rule {text}"),
            })
        }
        _ => None,
    }
}

fn prefix(prefix: Prefix) -> String {
    PrefixText(prefix).to_string()
}

fn kind(rules: bool) -> &'static str {
    if rules { "Rules" } else { "Routes" }
}

/// What is done about something that was taken from us.
fn reaction(restored: bool) -> &'static str {
    if restored { ", restoring it" } else { "" }
}

/// An instance's name in parentheses; without one it is the configuration itself.
struct Whose<'a>(&'a Option<Name>);

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(instance) => write!(f, "({instance})"),
            None => f.write_str("Static"),
        }
    }
}

/// Seconds without needless decimals, as `%g` prints them.
struct Seconds(Micros);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, micros) = (self.0.0 / 1_000_000, self.0.0 % 1_000_000);
        if micros == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{micros:06}").trim_end_matches('0'))
    }
}

#[cfg(test)]
#[path = "log_text_golden.rs"]
mod golden;
