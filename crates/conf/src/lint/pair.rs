//! Two files that are meant to back each other, and do not.

use std::collections::BTreeSet;
use std::net::IpAddr;

use keepalived_model::vrrp::{Auth, Hmac, HmacMode, Instance, Preempt, Transport, Version};

use super::facts::Router;
use super::weight::{Tracker, trackers};
use super::{Facts, Findings, Judge, Pair, Rule, network};
use crate::codes::{Code, Severity};
use crate::lines::Span;
use crate::lint::script::shown;

mod rows;

pub(super) use rows::RULES;

/// One virtual router as one of the two files describes it.
#[derive(Clone, Copy)]
struct Side<'s, 'a> {
    cx: &'s Facts<'a>,
    router: Router<'s, 'a>,
    instance: &'s Instance,
}

impl<'s, 'a> Side<'s, 'a> {
    fn all(cx: &'s Facts<'a>) -> Vec<Self> {
        let routers = cx.routers().into_iter();
        routers.filter_map(|router| Some(Side { cx, instance: router.model?, router })).collect()
    }

    /// The value behind the first of these keywords that is written; else the name of the instance.
    fn at(&self, keywords: &[&str]) -> Option<Span> {
        let statement = keywords.iter().find_map(|keyword| self.router.says(keyword));
        statement.map_or_else(|| self.name(), |statement| self.cx.word(statement, 1))
    }

    fn name(&self) -> Option<Span> {
        self.cx.word(self.router.block, 1)
    }

    fn authentication(&self) -> Option<Span> {
        let block = self.router.says("authentication").or_else(|| self.router.says("auth_hmac"));
        let password =
            block.and_then(|block| block.block().iter().rfind(|inner| inner.row.name == "auth_pass"));
        let word = password.map(|password| self.cx.word(password, 1));
        word.or_else(|| block.map(|block| self.cx.word(block, 0))).unwrap_or_else(|| self.name())
    }

    fn addresses(&self) -> BTreeSet<IpAddr> {
        self.instance.addresses.iter().map(|address| address.ip).collect()
    }

    fn all_addresses(&self) -> BTreeSet<IpAddr> {
        self.instance.addresses.iter().chain(&self.instance.excluded).map(|address| address.ip).collect()
    }

    fn trackers(&self) -> Vec<Tracker> {
        trackers(self.cx, &self.router, self.instance).unwrap_or_default()
    }

    /// Whether its priority depends on nothing but its trackers.
    fn is_predictable(&self) -> bool {
        trackers(self.cx, &self.router, self.instance).is_some()
    }

    /// The priority while all is well.
    fn top(&self) -> u8 {
        let best: i64 = self.trackers().iter().map(Tracker::best).sum();
        self.instance.priority.weighted(best).number()
    }
}

/// Routers of both files that are one virtual router: the same number, family, and interface if there is a choice.
fn matched<'s>(pair: &Pair<'s>) -> (Vec<(Side<'s, 's>, Side<'s, 's>)>, Vec<Side<'s, 's>>, Vec<Side<'s, 's>>) {
    let mut others = Side::all(pair.second);
    let (mut both, mut alone) = (Vec::new(), Vec::new());
    for side in Side::all(pair.first) {
        let same = |other: &Side<'_, '_>| {
            (side.instance.vrid, side.instance.family) == (other.instance.vrid, other.instance.family)
        };
        let exact = others
            .iter()
            .position(|other| same(other) && other.instance.interface == side.instance.interface);
        match exact.or_else(|| others.iter().position(same)) {
            Some(at) => both.push((side, others.remove(at))),
            None => alone.push(side),
        }
    }
    (both, alone, others)
}

fn each(pair: &Pair<'_>, mut judge: impl FnMut(Side<'_, '_>, Side<'_, '_>)) {
    for (a, b) in matched(pair).0 {
        judge(a, b);
    }
}

/// What the two files say behind the same keywords, each in its own way.
struct Beside {
    keywords: &'static [&'static str],
    text: String,
    consequence: &'static str,
    help: &'static str,
}

/// Says it where the first file does, and shows the place in the second.
fn each_beside(
    pair: &Pair<'_>,
    out: &mut Findings,
    judge: impl Fn(&Side<'_, '_>, &Side<'_, '_>) -> Option<Beside>,
) {
    each(pair, |a, b| {
        if let Some(Beside { keywords, text, consequence, help }) = judge(&a, &b) {
            out.say(a.at(keywords), text).label(b.at(keywords), "the other one").so(consequence).help(help);
        }
    });
}

fn virtual_router_id(pair: &Pair<'_>, out: &mut Findings) {
    let (_, alone, mut others) = matched(pair);
    for side in alone {
        let addresses = side.all_addresses();
        let shares = |other: &Side<'_, '_>| other.all_addresses().intersection(&addresses).next().is_some();
        let Some(at) = others.iter().position(shares) else { continue };
        let other = others.remove(at);
        let (id, its) = (side.instance.vrid.number(), other.instance.vrid.number());
        if id == its {
            continue;
        }
        out.say(
            side.at(&["virtual_router_id"]),
            format!(
                "{} has the number {id} here and {its} in the other file, with the same addresses",
                side.router.name
            ),
        )
        .label(other.at(&["virtual_router_id"]), "the other one")
        .so("They do not hear each other: both are master, and both have the addresses.")
        .help("write the same virtual_router_id in both files");
    }
}

fn missing(pair: &Pair<'_>, out: &mut Findings) {
    let (_, alone, others) = matched(pair);
    let shares = |side: &Side<'_, '_>, list: &[Side<'_, '_>]| {
        list.iter().any(|other| other.all_addresses().intersection(&side.all_addresses()).next().is_some())
    };
    let lonely = alone.iter().filter(|side| !shares(side, &others));
    for side in lonely.chain(others.iter().filter(|side| !shares(side, &alone))) {
        let id = side.instance.vrid.number();
        out.say(
            side.at(&["virtual_router_id"]),
            format!(
                "the other file has no virtual router {id} and none of the addresses of {}",
                side.router.name
            ),
        )
        .so("Nobody takes over when this router fails.")
        .help("add the instance to the other file, if it is to be backed");
    }
}

fn authentication(pair: &Pair<'_>, out: &mut Findings) {
    each(pair, |a, b| {
        if understand_each_other(&a.instance.auth, &b.instance.auth) {
            return;
        }
        let kind = |side: &Side<'_, '_>| match side.instance.auth {
            Auth::None => "no authentication",
            Auth::Pass(_) => "a password",
            Auth::Ah(_) => "AH",
            Auth::Hmac(_) => "auth_hmac",
        };
        let text = match (kind(&a), kind(&b)) {
            ("a password", "a password") => "has another password in the other file".to_owned(),
            (one, other) if one == other => "has another key in the other file".to_owned(),
            (one, other) => format!("has {one} here and {other} in the other file"),
        };
        out.say(a.authentication(), format!("{} {text}", a.router.name))
            .label(b.authentication(), "the other one")
            .so("Each refuses the adverts of the other, and both become master.")
            .help("write the same in both files");
    });
}

/// Keys may be changed one router after the other, as long as each knows the other's.
fn understand_each_other(a: &Auth, b: &Auth) -> bool {
    match (a, b) {
        (Auth::Hmac(a), Auth::Hmac(b)) => {
            let knows =
                |one: &Hmac, other: &Hmac| one.keys.get(&other.active) == other.keys.get(&other.active);
            knows(a, b) && knows(b, a)
        }
        (Auth::Hmac(hmac), Auth::None) | (Auth::None, Auth::Hmac(hmac)) => hmac.mode != HmacMode::Enforce,
        _ => a == b,
    }
}

fn advert_interval(pair: &Pair<'_>, out: &mut Findings) {
    each_beside(pair, out, |a, b| {
        let (one, other) = (a.instance.advert_interval, b.instance.advert_interval);
        let consequence = match a.instance.version {
            Version::V2 => "Each refuses the adverts of the other, and both become master.",
            Version::V3 => {
                "The backup goes by its master's interval: how soon a failure is noticed depends on who is master."
            }
        };
        let differs = one != other && a.instance.version == b.instance.version;
        differs.then(|| Beside {
            keywords: &["advert_int"],
            text: format!(
                "{} sends every {} s, the other one every {} s",
                a.router.name,
                shown(one),
                shown(other)
            ),
            consequence,
            help: "write the same advert_int in both files",
        })
    });
}

fn version(pair: &Pair<'_>, out: &mut Findings) {
    each(pair, |a, b| {
        let number = |side: &Side<'_, '_>| if side.instance.version == Version::V2 { 2 } else { 3 };
        if number(&a) == number(&b) {
            return;
        }
        let place = |side: &Side<'_, '_>| {
            let own = side.router.says("version");
            let mut globals = side.cx.within("global_defs").filter(|inner| inner.row.name == "vrrp_version");
            let written = own.or_else(|| globals.next());
            written.map_or_else(|| side.name(), |version| side.cx.word(version, 1))
        };
        out.say(
            place(&a),
            format!(
                "{} speaks version {} here and {} in the other file",
                a.router.name,
                number(&a),
                number(&b)
            ),
        )
        .label(place(&b), "the other one")
        .so("Neither understands the other, and both become master.")
        .help("write the same version, or vrrp_version in global_defs, in both files");
    });
}

fn addresses(pair: &Pair<'_>, out: &mut Findings) {
    each(pair, |a, b| {
        let (one, other) = (a.addresses(), b.addresses());
        for (side, list, its) in [(&a, &one, &other), (&b, &other, &one)] {
            let extra: Vec<IpAddr> = list.difference(its).copied().collect();
            let Some(ip) = extra.first() else { continue };
            let rest = if extra.len() > 1 { format!(" and {} more", extra.len() - 1) } else { String::new() };
            out.say(
                network::place(side.cx, &side.router, *ip),
                format!("{ip}{rest} of {} is not in the other file", side.router.name),
            )
            .so("The address is gone while the other router is master, and each complains about the other's adverts.")
            .help("list the same addresses in both files");
        }
    });
}

fn transport(pair: &Pair<'_>, out: &mut Findings) {
    each(pair, |a, b| peers(&a, &b, out));
    each_beside(pair, out, |a, b| {
        let text = match (&a.instance.transport, &b.instance.transport) {
            (Transport::Multicast { group: one, .. }, Transport::Multicast { group: other, .. })
                if one != other =>
            {
                format!("sends to the group {one}, the other one to {other}")
            }
            (Transport::Multicast { .. }, Transport::Unicast { .. }) => {
                "sends by multicast, the other one to peers".into()
            }
            (Transport::Unicast { .. }, Transport::Multicast { .. }) => {
                "sends to peers, the other one by multicast".into()
            }
            _ => return None,
        };
        Some(Beside {
            keywords: &["unicast_peer", "mcast_dst_ip"],
            text: format!("{} {text}", a.router.name),
            consequence: "They do not hear each other: both become master.",
            help: "write the same in both files",
        })
    });
}

/// Whether each sends to where the other one sends from.
fn peers(a: &Side<'_, '_>, b: &Side<'_, '_>, out: &mut Findings) {
    for (side, other) in [(a, b), (b, a)] {
        let (Transport::Unicast { peers, .. }, Transport::Unicast { source: Some(source), .. }) =
            (&side.instance.transport, &other.instance.transport)
        else {
            continue;
        };
        let own =
            matches!(&side.instance.transport, Transport::Unicast { source: Some(own), .. } if own == source);
        if own || peers.iter().any(|peer| peer.address == *source) {
            continue;
        }
        let block = side.router.says("unicast_peer");
        out.say(
            block.and_then(|block| side.cx.word(block, 0)),
            format!("{} does not name {source}, which the other router sends from", side.router.name),
        )
        .label(other.at(&["unicast_src_ip"]), "the other one")
        .so("The other router hears nothing from this one, and becomes master as well.")
        .help(format_args!("add {source} to unicast_peer"));
    }
}

fn same_source(pair: &Pair<'_>, out: &mut Findings) {
    each_beside(pair, out, |a, b| {
        let one = a.instance.transport.source()?;
        (b.instance.transport.source() == Some(one)).then(|| Beside {
            keywords: &["unicast_src_ip", "mcast_src_ip"],
            text: format!("both files send the adverts of {} from {one}", a.router.name),
            consequence: "Only one of the machines has that address; nothing that is sent to it reaches the other one.",
            help: "write the address of each machine in its own file",
        })
    });
}

fn equal_priorities(pair: &Pair<'_>, out: &mut Findings) {
    each_beside(pair, out, |a, b| {
        let (one, other) = (a.instance.priority, b.instance.priority);
        if one.is_owner() && other.is_owner() {
            return Some(Beside {
                keywords: &["priority", "state"],
                text: format!("both files make {} the owner (priority 255)", a.router.name),
                consequence: "They fight: both are master at times, and the one with the lower address gives way and tries again.",
                help: "write priorities below 255, such as 150 and 100",
            });
        }
        let detail = match one == other {
            true => String::new(),
            false => format!(" with what their checks add ({})", a.top()),
        };
        (a.top() == b.top()).then(|| Beside {
            keywords: &["priority"],
            text: format!("{} has the same priority in both files{detail}", a.router.name),
            consequence: "Who becomes master depends on the addresses of the two machines, and on who was first.",
            help: "write a lower priority in the file that is to be the backup",
        })
    });
}

fn two_masters(pair: &Pair<'_>, out: &mut Findings) {
    each_beside(pair, out, |a, b| {
        let both = a.instance.wants_master && b.instance.wants_master && !a.instance.priority.is_owner();
        both.then(|| Beside {
            keywords: &["state"],
            text: format!("both files begin {} as MASTER", a.router.name),
            consequence: "The priority decides all the same; but nopreempt and preempt_delay are dropped beside MASTER.",
            help: "write state BACKUP in the file with the lower priority",
        })
    });
}

fn nopreempt(pair: &Pair<'_>, out: &mut Findings) {
    each(pair, |a, b| {
        let (high, low) = if a.top() >= b.top() { (a, b) } else { (b, a) };
        if low.instance.preempt != Preempt::Never
            || high.instance.preempt == Preempt::Never
            || a.top() == b.top()
        {
            return;
        }
        let statement = low.router.says("nopreempt");
        out.say(
            statement.and_then(|statement| low.cx.word(statement, 0)),
            format!("{} says nopreempt where its priority is the lower one", low.router.name),
        )
        .label(high.at(&["priority"]), "the router with the higher priority takes the address back")
        .so("The address goes back to the other router as soon as that is up again.")
        .help("write nopreempt, with state BACKUP, in the file with the higher priority");
    });
}

/// Most trackers of both routers whose combinations are tried.
const TRACKERS_MAX: usize = 14;

fn weights(pair: &Pair<'_>, out: &mut Findings) {
    each(pair, |a, b| {
        let owner = a.instance.priority.is_owner() || b.instance.priority.is_owner();
        let ends = [(a, a.trackers()), (b, b.trackers())].map(|(side, mut trackers)| {
            trackers.retain(|tracker| !tracker.is_fault());
            (side, trackers)
        });
        let [(_, one), (_, other)] = &ends;
        let known = a.is_predictable() && b.is_predictable();
        if owner || !known || one.len() + other.len() > TRACKERS_MAX || a.top() == b.top() {
            return;
        }
        let high = if a.top() > b.top() { 0 } else { 1 };
        let stays = ends.get(1 - high).is_some_and(|(low, _)| low.instance.preempt == Preempt::Never);
        for (which, (side, trackers)) in ends.iter().enumerate() {
            for (at, tracker) in trackers.iter().enumerate() {
                if stays || is_pivotal(&ends, which, at) {
                    continue;
                }
                let Some((peer, _)) = ends.get(1 - which) else { continue };
                out.say(
                    tracker.at.clone(),
                    format!("{} can never change who is master of {}", tracker.name, side.router.name),
                )
                .label(side.at(&["priority"]), format!("with all checks: {}", range(side)))
                .label(peer.at(&["priority"]), format!("with all checks: {}", range(peer)))
                .so("When it fails the priority changes, and the address stays where it is.")
                .help(format_args!(
                    "make the weight larger than {}, the difference of the priorities, or leave it out",
                    a.top().abs_diff(b.top())
                ));
            }
        }
    });
}

/// From the lowest to the highest priority.
fn range(side: &Side<'_, '_>) -> String {
    let worst: i64 = side.trackers().iter().map(Tracker::worst).sum();
    format!("{} to {}", side.instance.priority.weighted(worst).number(), side.top())
}

/// Whether there is a combination of failures in which this tracker decides who is master.
fn is_pivotal(ends: &[(Side<'_, '_>, Vec<Tracker>); 2], which: usize, at: usize) -> bool {
    let [(a, one), (b, other)] = ends;
    let bit = if which == 0 { at } else { one.len() + at };
    (0..1_u32 << (one.len() + other.len())).filter(|failed| failed >> bit & 1 == 0).any(|failed| {
        let master = |failed: u32| {
            let sum = |trackers: &[Tracker], first: usize| -> i64 {
                let states = trackers.iter().enumerate();
                states.map(|(n, t)| if failed >> (first + n) & 1 == 1 { t.worst() } else { t.best() }).sum()
            };
            let first = a.instance.priority.weighted(sum(one, 0));
            // Equals leave things as they are.
            first.cmp(&b.instance.priority.weighted(sum(other, one.len())))
        };
        master(failed) != master(failed | 1 << bit) && decides(master(failed), master(failed | 1 << bit))
    })
}

/// Whether the step from one order of priorities to the other can make somebody else master.
fn decides(before: std::cmp::Ordering, after: std::cmp::Ordering) -> bool {
    use std::cmp::Ordering::Equal;
    before != after && after != Equal
}
