//! Sync groups: what their trackers do to members, and how members hold together.

use std::time::Instant;

use super::lan::{Single, VIP, VRID, instance, ms, says};
use crate::lab::{always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, original};
use crate::{ensure, ensure_same};

const F: &str = "groups";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "a group's tracked interface acts on every member", group_interface),
    original(F, "a group's weighted file acts on every member", group_file),
    original(F, "of two weights for one file the group's counts", two_weights),
    original(F, "a member's weight counts where the group allows it", member_weight),
    original(
        F,
        "a file that is a fault of the group is one of every member, and they leave it together",
        group_fault,
    ),
    original(F, "a member that starts in FAULT takes its group along", starts_in_fault),
    original(F, "a member that comes back has the group wait for it", comes_back),
];

/// The other member's.
const SECOND: u8 = 52;
const SECOND_VIP: [u8; 4] = [10, 9, 0, 101];

fn second(config: &str) -> String {
    config.replace("VI_1", "VI_2").replace("_id 51", "_id 52").replace("0.100", "0.101")
}

const FILES: &str =
    "track_file f {\n    file /tmp/f\n    weight 2\n}\ntrack_file g {\n    file /tmp/g\n    weight 0\n}\n";

/// Two instances in a group, with lines for the group and for each of them.
fn group(context: &Context, group: &str, first: &str, other: &str) -> Result<Single, Fault> {
    let block =
        format!("vrrp_sync_group G1 {{\n    group {{\n        VI_1\n        VI_2\n    }}\n    {group}\n}}\n");
    let members = instance(100, first) + &second(&instance(100, other));
    let lan = Single::set(context, &(FILES.to_owned() + &block + &members))?;
    put(&lan, "f", "0\n")?;
    put(&lan, "g", "0\n")?;
    Ok(lan)
}

fn put(lan: &Single, name: &str, text: &str) -> Outcome {
    lan.a.write(&format!("/tmp/{name}"), text, 0o644)
}

fn holds_both(lan: &Single) -> bool {
    lan.a.holds(VIP) && lan.a.holds(SECOND_VIP.into())
}

fn holds_none(lan: &Single) -> bool {
    !lan.a.holds(VIP) && !lan.a.holds(SECOND_VIP.into())
}

/// Starts it and waits until it is master of both.
fn masters(lan: &Single) -> Outcome {
    lan.start()?;
    until(master_down(90) * 2 + ms(1500), "both addresses", || holds_both(lan))?;
    Ok(())
}

/// Waits for adverts of both members with these priorities.
fn lead_to(lan: &Single, priorities: [u8; 2], what: impl FnOnce() -> Outcome) -> Outcome {
    let at = Instant::now();
    what()?;
    for (vrid, priority) in [VRID, SECOND].into_iter().zip(priorities) {
        lan.lab.capture.wait_advert("a", vrid, at, ms(1000) + SLACK, |advert| advert.priority == priority)?;
    }
    Ok(())
}

fn group_file(context: &Context) -> Outcome {
    let lan = group(context, "track_file {\n        f\n    }", "", "")?;
    masters(&lan)?;
    lead_to(&lan, [110, 110], || put(&lan, "f", "5\n"))?;
    lead_to(&lan, [90, 90], || put(&lan, "f", "-5\n"))?;
    ensure!(holds_both(&lan), "it stays master of both");
    Ok(())
}

fn two_weights(context: &Context) -> Outcome {
    let both = "sync_group_tracking_weight\n    track_file {\n        f weight 3\n    }";
    let lan = group(context, both, "track_file {\n        f weight 7\n    }", "")?;
    masters(&lan)?;
    lead_to(&lan, [115, 115], || put(&lan, "f", "5\n"))
}

fn member_weight(context: &Context) -> Outcome {
    let line = "track_file {\n        f weight 7\n    }";
    let lan = group(context, "sync_group_tracking_weight", line, "")?;
    masters(&lan)?;
    lead_to(&lan, [135, 100], || put(&lan, "f", "5\n"))?;
    // Without the word such a line counts for nothing.
    let lan = group(context, "", line, "")?;
    masters(&lan)?;
    let at = Instant::now();
    put(&lan, "f", "5\n")?;
    always(ms(2300), "no other priority", || {
        let adverts = lan.lab.capture.adverts("a", VRID, at);
        adverts.iter().all(|advert| advert.priority == 100)
    })
}

fn group_fault(context: &Context) -> Outcome {
    let lan = group(context, "track_file {\n        g\n    }", "", "")?;
    masters(&lan)?;
    lead_to(&lan, [0, 0], || put(&lan, "g", "1\n"))?;
    until(ms(500), "no address", || holds_none(&lan))?;
    for member in ["VI_1", "VI_2"] {
        says(&lan.a, &format!("({member}) Entering FAULT STATE"), ms(300))?;
    }
    put(&lan, "g", "0\n")?;
    until(master_down(100) * 2 + SLACK, "both addresses", || holds_both(&lan))?;
    Ok(())
}

fn starts_in_fault(context: &Context) -> Outcome {
    let lan = group(context, "", "", "track_file {\n        g\n    }")?;
    put(&lan, "g", "1\n")?;
    let begin = lan.start()?;
    says(&lan.a, "VRRP_Group(G1): Syncing VI_2 to FAULT state", ms(2000))?;
    always(ms(1500), "both are silent", || {
        [VRID, SECOND].iter().all(|vrid| lan.lab.capture.adverts("a", *vrid, begin).is_empty())
    })?;
    put(&lan, "g", "0\n")?;
    until(master_down(100) * 2 + SLACK, "both addresses", || holds_both(&lan))?;
    Ok(())
}

fn comes_back(context: &Context) -> Outcome {
    let lan = group(context, "", "", "track_file {\n        g\n    }")?;
    masters(&lan)?;
    put(&lan, "g", "1\n")?;
    until(ms(500), "no address", || holds_none(&lan))?;
    says(&lan.a, "VRRP_Group(G1) Syncing instances to FAULT state", ms(300))?;
    let mark = lan.a.log.mark();
    put(&lan, "g", "0\n")?;
    until(master_down(100) * 2 + SLACK, "both addresses", || holds_both(&lan))?;
    let masters = lan.a.log.since(mark, "Entering MASTER STATE");
    ensure_same!(masters.len(), 2, "members that became master");
    ensure!(masters[1].at.saturating_duration_since(masters[0].at) < ms(100), "they became master together");
    Ok(())
}

fn group_interface(context: &Context) -> Outcome {
    for (line, down) in [("d0 weight -30", 70), ("d0", 0)] {
        let lan = group(context, &format!("track_interface {{\n        {line}\n    }}"), "", "")?;
        lan.a.must("ip link add d0 type veth peer name d1 && ip link set d1 up && ip link set d0 up")?;
        masters(&lan)?;
        lead_to(&lan, [down, down], || lan.a.must("ip link set d0 down").map(drop))?;
        if down == 0 {
            until(ms(500), "no address", || holds_none(&lan))?;
        }
        lan.a.must("ip link set d0 up")?;
        until(master_down(100) * 2 + SLACK, "both addresses", || holds_both(&lan))?;
    }
    Ok(())
}
