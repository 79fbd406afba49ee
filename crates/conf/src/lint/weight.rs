//! What checks add to priorities, and whether that can move an address.

use keepalived_model::Weight;
use keepalived_model::track::{Tracked, TrackerKind, Trackers};
use keepalived_model::vrrp::{Instance, Preempt};

use super::facts::Router;
use super::{Facts, Findings, Judge, Rule};
use crate::codes::{Code, Severity};
use crate::lines::Span;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            number: 1301,
            name: "weight-without-effect",
            severity: Severity::Lint,
            title: "weights too small to move the address",
            says: &[],
            why: "A weight changes the priority, and the address moves only if that falls below the priority of the \
                  other router. With a smaller weight the check fails, the log says so, and nothing else happens. \
                  From one file only the usual distance to the other router can be guessed: 100 beside \
                  anything above. `keepalived check --pair` with both files knows.",
            does: "",
            fix: "Make the weight larger than the difference of the two priorities, or leave it out: without a \
                  weight a failure takes the router out of the race.",
            example: "priority 150            # the other router: 100\ntrack_script {\n    check_nginx weight -60\n}",
        },
        judge: Judge::One(without_effect),
    },
    Rule {
        code: Code {
            number: 1302,
            name: "weight-with-nopreempt",
            severity: Severity::Lint,
            title: "weights beside nopreempt",
            says: &[],
            why: "With `nopreempt` a router never takes over from one that is alive, however low its priority has \
                  fallen. Where both routers say so, a failed check with a weight moves nothing.",
            does: "",
            fix: "Leave the weight out: a check without one puts its router into FAULT, and the other takes over \
                  also with `nopreempt`.",
            example: "track_script {\n    check_nginx weight 0\n}",
        },
        judge: Judge::One(with_nopreempt),
    },
    Rule {
        code: Code {
            number: 1303,
            name: "priority-cut-above",
            severity: Severity::Lint,
            title: "a priority that weights lift beyond 254",
            says: &[],
            why: "A priority with its weights is cut to 254. Two routers that both reach the top are equal, and a \
                  failure that takes away less than was cut off changes nothing.",
            does: "",
            fix: "Lower the priority or the weights, so that their sum stays at 254 or below.",
            example: "priority 100\ntrack_script {\n    check_nginx weight 60\n}",
        },
        judge: Judge::One(cut_above),
    },
    Rule {
        code: Code {
            number: 1304,
            name: "priority-cut-below",
            severity: Severity::Lint,
            title: "a weight larger than the priority it is taken from",
            says: &[],
            why: "A priority never falls below 1. Two routers whose checks both fail are equal at the bottom, \
                  and further failures make no difference.",
            does: "",
            fix: "A weight slightly larger than the difference of the two priorities is enough.",
            example: "priority 100\ntrack_script {\n    check_nginx weight -20\n}",
        },
        judge: Judge::One(cut_below),
    },
];

/// Something that acts on a priority.
pub(super) struct Tracker {
    /// For people.
    pub name: String,
    pub weight: Weight,
    /// Where the weight is written; else where it is tracked.
    pub at: Option<Span>,
}

impl Tracker {
    /// What it adds while all is well.
    pub fn best(&self) -> i64 {
        self.weight.contribution(true).max(self.weight.contribution(false))
    }

    /// What it adds when it has failed.
    pub fn worst(&self) -> i64 {
        self.weight.contribution(true).min(self.weight.contribution(false))
    }

    /// How far it lets the priority fall.
    pub fn swing(&self) -> i64 {
        self.best() - self.worst()
    }

    /// Its failure is a FAULT.
    pub fn is_fault(&self) -> bool {
        self.weight.amount == 0
    }
}

/// The lists of trackers, with the root keywords of what they name.
const LISTS: [(TrackerKind, (&str, &str)); 4] = [
    (TrackerKind::Script, ("track_script", "vrrp_script")),
    (TrackerKind::Interface, ("track_interface", "")),
    (TrackerKind::Process, ("track_process", "vrrp_track_process")),
    (TrackerKind::Bfd, ("track_bfd", "bfd_instance")),
];

/// Everything that acts on the priority of a router, by itself or through its group. None where files do: their
/// numbers are anybody's guess.
pub(super) fn trackers(cx: &Facts<'_>, router: &Router<'_, '_>, instance: &Instance) -> Option<Vec<Tracker>> {
    let group = cx.group_of(&instance.name);
    let files = instance.track.files.iter().chain(group.iter().flat_map(|group| &group.track.files));
    if files.into_iter().any(|file| file.weight.amount != 0) {
        return None;
    }
    let mut found = listed(cx, router, &instance.track);
    let block = group.and_then(|group| {
        let block = cx.root("vrrp_sync_group", &group.name)?;
        Some((Router { name: block.word(1)?, block, model: None }, group))
    });
    if let Some((block, group)) = block {
        let shared = listed(cx, &block, &group.track);
        // Tracked by both, it counts once.
        found.retain(|own| shared.iter().all(|tracker| tracker.name != own.name));
        found.extend(shared);
    }
    Some(found)
}

fn listed(cx: &Facts<'_>, block: &Router<'_, '_>, track: &Trackers) -> Vec<Tracker> {
    let all =
        LISTS.iter().flat_map(|(kind, names)| track.of(*kind).iter().map(move |tracked| (names, tracked)));
    let tracker = |(names, tracked): (&(&'static str, &'static str), &Tracked)| Tracker {
        name: tracked.name.clone(),
        weight: tracked.weight,
        at: place(cx, block, *names, &tracked.name),
    };
    all.map(tracker).collect()
}

fn place(
    cx: &Facts<'_>,
    router: &Router<'_, '_>,
    (list, kind): (&'static str, &'static str),
    name: &str,
) -> Option<Span> {
    let item = router.items(list).find(|item| item.words.first().is_some_and(|word| word.text == name))?;
    if let Some(at) = item.words.iter().position(|word| word.text == "weight") {
        return cx.item(item, at + 1);
    }
    let block = cx.root(kind, name);
    let weight = block.and_then(|block| block.block().iter().rfind(|inner| inner.row.name == "weight"));
    weight.map_or_else(|| cx.item(item, 0), |weight| cx.word(weight, 1))
}

/// A router with what acts on its priority, if anything with a weight does.
fn weighted<'s, 'a>(cx: &'s Facts<'a>) -> impl Iterator<Item = (Router<'s, 'a>, &'s Instance, Vec<Tracker>)> {
    cx.routers().into_iter().filter_map(move |router| {
        let instance = router.model.filter(|instance| !instance.priority.is_owner())?;
        let mut found = trackers(cx, &router, instance)?;
        found.retain(|tracker| !tracker.is_fault());
        (!found.is_empty()).then_some((router, instance, found))
    })
}

/// The priority of the other router that tutorials and products write beside one above 100. Beside 100 itself stand
/// 99, 90 and 50 equally often, so that nothing can be guessed.
const USUAL_PEER: i64 = 100;

fn without_effect(cx: &Facts<'_>, out: &mut Findings) {
    for (router, instance, trackers) in weighted(cx) {
        let priority = i64::from(instance.priority.number());
        let swing: i64 = trackers.iter().map(Tracker::swing).sum();
        let peer = USUAL_PEER;
        if !instance.wants_master || priority <= peer || swing > priority - peer {
            continue;
        }
        let best: i64 = trackers.iter().map(Tracker::best).sum();
        let worst: i64 = trackers.iter().map(Tracker::worst).sum();
        let (top, bottom) = (instance.priority.weighted(best), instance.priority.weighted(worst));
        let Some(tracker) = trackers.iter().max_by_key(|tracker| tracker.swing()) else { continue };
        let who = if trackers.len() == 1 { tracker.name.clone() } else { "all checks together".into() };
        let needed = priority - swing + 1;
        out.say(
            tracker.at.clone(),
            format!(
                "{who} can take the priority of {} from {} to {} only",
                router.name,
                top.number(),
                bottom.number()
            ),
        )
        .so(format!("The address stays here unless the other router has a priority of {needed} or more."))
        .label(router.says("priority").and_then(|priority| cx.word(priority, 1)), "its base")
        .help("check both files together to be sure: keepalived check --pair A B")
        .help(format_args!(
            "make the weight larger than the difference of the priorities, such as {}, or leave it out",
            if tracker.weight.amount < 0 { peer - priority - 10 } else { priority - peer + 10 }
        ));
    }
}

fn with_nopreempt(cx: &Facts<'_>, out: &mut Findings) {
    for (router, instance, trackers) in weighted(cx) {
        let (Some(tracker), Preempt::Never) = (trackers.first(), instance.preempt) else { continue };
        out.say(
            tracker.at.clone(),
            format!("with nopreempt, a weight such as that of {} moves nothing between living routers", tracker.name),
        )
        .so("A router that says nopreempt does not take over when the priority of the master falls below its own.")
        .label(router.says("nopreempt").and_then(|word| cx.word(word, 0)), "because of this")
        .help("leave the weight out: a failure is a FAULT then, and the other router takes over");
    }
}

fn cut_above(cx: &Facts<'_>, out: &mut Findings) {
    for (router, instance, trackers) in weighted(cx) {
        let sum = i64::from(instance.priority.number()) + trackers.iter().map(Tracker::best).sum::<i64>();
        let largest = trackers.iter().max_by_key(|tracker| tracker.best());
        let Some(tracker) = largest.filter(|_| sum > 254) else { continue };
        out.say(
            tracker.at.clone(),
            format!("{} comes to a priority of {sum}, which is cut to 254", router.name),
        )
        .so(format!(
            "Another router that reaches 254 is its equal, and the first {} points lost change nothing.",
            sum - 254
        ))
        .label(router.says("priority").and_then(|priority| cx.word(priority, 1)), "its base")
        .help(format_args!("lower priority or weight by {} or more", sum - 254));
    }
}

fn cut_below(cx: &Facts<'_>, out: &mut Findings) {
    for (router, instance, trackers) in weighted(cx) {
        let priority = i64::from(instance.priority.number());
        let Some(tracker) = trackers.iter().find(|tracker| priority + tracker.worst() < 1) else { continue };
        out.say(
            tracker.at.clone(),
            format!(
                "{} takes {} from a priority of {priority}, which falls to 1",
                tracker.name,
                -tracker.worst()
            ),
        )
        .so("If the check fails on both routers they are equal, and further failures make no difference.")
        .label(router.says("priority").and_then(|priority| cx.word(priority, 1)), "its base")
        .help("a weight slightly larger than the difference of the two priorities is enough");
    }
}
