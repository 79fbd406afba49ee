//! Rules between the fields of one instance (`spec` config 4.3–4.5, 4.8).

use keepalived_model::Priority;
use keepalived_model::time::Micros;
use keepalived_model::track::Tracked;
use keepalived_model::vrrp::{Auth, Preempt, Version};

use super::complete::unsupported;
use super::context::Context;
use super::group;
use super::instance::{Draft, Scheme};
use super::track::Trackers;
use crate::diag::Class;

/// The longest interval version 3 can say (RFC 5798 §5.2.7), in microseconds.
const V3_INTERVAL_MAX: u64 = 40_950_000;

/// The first rule that applies decides (`spec` config 4.4). Nothing if the instance would be misunderstood.
pub(super) fn auth(cx: &mut Context<'_>, draft: &Draft, version: Version, strict: bool) -> Option<Auth> {
    let name = &draft.name;
    let Some(scheme) = draft.auth else { return Some(Auth::None) };
    let complaint = if strict {
        "Strict mode does not support authentication. Ignoring."
    } else if version == Version::V3 {
        "VRRP version 3 does not support authentication. Ignoring."
    } else if draft.password.as_ref().is_none_or(Vec::is_empty) {
        "Authentication specified but no password given. Ignoring"
    } else if scheme == Scheme::Ah {
        return unsupported(cx, name, "auth_type AH");
    } else {
        let mut password = [0; 8];
        for (byte, written) in password.iter_mut().zip(draft.password.iter().flatten()) {
            *byte = *written;
        }
        return Some(Auth::Pass(password));
    };
    cx.conclude(Class::General, format!("({name}) {complaint}"));
    Some(Auth::None)
}

/// Combinations that make no sense are said and resolved (`spec` config 4.3).
pub(super) fn preempt(
    cx: &mut Context<'_>,
    draft: &mut Draft,
    priority: Priority,
    wants_master: bool,
    strict: bool,
) -> Preempt {
    let name = draft.name.clone();
    let mut say = |text: &str| cx.conclude(Class::General, format!("({name}) {text}"));
    let delayed = |draft: &Draft| !draft.preempt_delay.is_zero();
    if strict && delayed(draft) {
        say("preempt_delay is incompatible with strict mode - resetting");
        draft.preempt_delay = Micros::ZERO;
    }
    if draft.nopreempt && priority.is_owner() {
        say("nopreempt is incompatible with priority 255. resetting nopreempt");
        draft.nopreempt = false;
    }
    if wants_master && draft.nopreempt {
        say("Warning - nopreempt will not work with initial state MASTER - clearing");
        draft.nopreempt = false;
    }
    if wants_master && delayed(draft) {
        say("Warning - preempt delay will not work with initial state MASTER - clearing");
        draft.preempt_delay = Micros::ZERO;
    }
    if draft.nopreempt && delayed(draft) {
        say("preempt_delay is incompatible with nopreempt mode - resetting");
        draft.preempt_delay = Micros::ZERO;
    }
    match (draft.nopreempt, draft.preempt_delay) {
        (true, _) => Preempt::Never,
        (false, Micros::ZERO) => Preempt::Always,
        (false, delay) => Preempt::After(delay),
    }
}

/// Strict mode drops packets to the addresses unless they are its own or `accept` allows it
/// (`spec` config 4.5). There is no firewall yet.
pub(super) fn accept(cx: &mut Context<'_>, draft: &Draft, priority: Priority, version: Version) {
    let name = &draft.name;
    if draft.accept && version == Version::V2 && !priority.is_owner() {
        let text = format!(
            "({name}) warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting"
        );
        cx.conclude(Class::Warning, text);
    }
    let accepted = draft.accept && version == Version::V3;
    if !priority.is_owner() && !accepted {
        let text = format!(
            "({name}) dropping packets to the addresses (strict mode) is not supported yet - ignoring"
        );
        cx.conclude_unacted(name, "packet filter of strict_mode", text);
    }
}

/// The interval in the unit of its version, half a unit rounding up (`spec` config 4.4).
pub(super) fn interval(cx: &mut Context<'_>, name: &str, written: Micros, version: Version) -> Micros {
    let Micros(micros) = written;
    let unit = match version {
        Version::V2 => 1_000_000,
        Version::V3 => 10_000,
    };
    if version == Version::V3 && micros >= V3_INTERVAL_MAX + unit {
        let secs = format!("{}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000);
        let text = format!(
            "({name}) VRRPv3 advertisement interval {secs}s is out of range. Must be less than 40.96s. Setting to 40.95s"
        );
        cx.conclude(Class::General, text);
        return Micros(V3_INTERVAL_MAX);
    }
    let rounded = (((micros + unit / 2) / unit) * unit).max(unit);
    if rounded != micros {
        let text = match version {
            Version::V2 => {
                format!("({name}) VRRPv2 advertisement interval {written}s must be an integer. rounding")
            }
            Version::V3 => {
                format!(
                    "({name}) VRRPv3 advertisement interval {written}s must be in units of 10ms - rounding"
                )
            }
        };
        cx.conclude(Class::General, text);
    }
    let most = if version == Version::V3 { V3_INTERVAL_MAX } else { 255_000_000 };
    Micros(rounded.min(most))
}

/// Trackers of an instance that cannot have an effect (`spec` config 4.8).
pub(super) fn trackers(
    cx: &mut Context<'_>,
    draft: &mut Draft,
    interface: &str,
    priority: Priority,
    group: Option<&group::Draft>,
) {
    let name = draft.name.clone();
    let track = &mut draft.track;
    track.interfaces.retain(|tracked| {
        if tracked.name == interface {
            cx.conclude(
                Class::General,
                format!("({name}) Ignoring track_interface {interface} since own interface"),
            );
        }
        tracked.name != interface
    });
    let grouped = group.is_some_and(|group| !group.member_weights);
    if grouped {
        for tracked in track.interfaces.iter_mut().filter(|tracked| tracked.weight.amount != 0) {
            let text =
                format!("({name}) ignoring {} tracked interface weight due to SYNC group", tracked.name);
            cx.conclude(Class::General, text);
            tracked.weight.amount = 0;
        }
    }
    if priority.is_owner() {
        track.interfaces.retain(|tracked| {
            if tracked.weight.amount != 0 {
                let text =
                    format!("({name}) ignoring {} tracked interface due to address owner", tracked.name);
                cx.conclude(Class::General, text);
            }
            tracked.weight.amount == 0
        });
    }
    let why = if grouped {
        "SYNC group"
    } else if priority.is_owner() {
        "address_owner"
    } else {
        return;
    };
    drop_weighted(cx, &mut track.scripts, |script| {
        format!("({name}) ignoring tracked script {} with weights due to {why}", script.name)
    });
    for file in track.files.iter_mut().filter(|file| file.weight.amount == 1) {
        let text = format!(
            "({name}) ignoring weight from tracked file {} due to {why}. specify weight 0",
            file.name
        );
        cx.conclude(Class::General, text);
        file.weight.amount = 0;
    }
    drop_weighted(cx, &mut track.files, |file| {
        let amount = file.weight.amount;
        format!("({name}) ignoring tracked file {} with weight {amount} due to {why}", file.name)
    });
    drop_weighted(cx, &mut track.bfds, |bfd| {
        let amount = bfd.weight.amount;
        format!("({name}) ignoring tracked bfd {} with weight {amount} due to {why}", bfd.name)
    });
}

fn drop_weighted(cx: &mut Context<'_>, list: &mut Vec<Tracked>, text: impl Fn(&Tracked) -> String) {
    list.retain(|tracked| {
        if tracked.weight.amount != 0 {
            cx.conclude(Class::General, text(tracked));
        }
        tracked.weight.amount == 0
    });
}

/// Trackers of a group with an address owner, whose priority nothing can move (`spec` config 4.8).
pub(super) fn unweighted(cx: &mut Context<'_>, group: &str, track: &mut Trackers) {
    let lists = [
        ("script", "clearing weight", &mut track.scripts),
        ("file", "setting weight 0", &mut track.files),
        ("process", "setting weight 0", &mut track.processes),
        ("bfd", "setting weight 0", &mut track.bfds),
        ("interface", "clearing weight", &mut track.interfaces),
    ];
    for (kind, what, list) in lists {
        for tracked in list.iter_mut().filter(|tracked| tracked.weight.amount != 0) {
            let name = &tracked.name;
            let text = format!(
                "({group}) Cannot have weighted track {kind} '{name}' with member having priority 255 - {what}"
            );
            cx.conclude(Class::General, text);
            tracked.weight.amount = 0;
        }
    }
}
