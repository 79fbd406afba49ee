//! What trackers and groups come to when something fails.

use std::time::{Duration, Instant};

use super::{quick, quick_down, reload};
use crate::lab::{always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::SLACK;
use crate::scenarios::lan::{Single, VIP, VRID, ms, says, script};
use crate::table::{Context, Scenario, withstands};

pub const SCENARIOS: &[Scenario] = &[
    withstands("F49", "a group member whose link comes up during the first run of its script", first_run),
    withstands("F49", "a member that a reload adds to a group of masters: master too, and announced", added),
    withstands("F62", "a file that was a fault comes back with another number: that number counts", file),
];

/// A member of the group of three: 1, 2 or 3.
fn member(number: u8, more: &str) -> String {
    quick(100, more)
        .replace("VI_1", &format!("VI_{number}"))
        .replace("_id 51", &format!("_id {}", 50 + number))
        .replace("10.9.0.100", &format!("10.9.0.{}", 99 + number))
}

fn group(members: &str) -> String {
    format!("vrrp_sync_group G {{\n    group {{\n        {members}\n    }}\n}}\n")
}

fn holds(lan: &Single, members: u8) -> bool {
    (1..=members).all(|number| lan.a.holds([10, 9, 0, 99 + number].into()))
}

/// A group has one member after the other wait for its own time.
fn together(members: u32) -> Duration {
    quick_down(100) * members + SLACK
}

fn first_run(context: &Context) -> Outcome {
    let track = "track_script {\n        chk\n    }";
    let script = script("interval 1").replace("/usr/bin/test -e /tmp/ok", "/opt/slow");
    let config = script
        + &group("VI_1 VI_2 VI_3")
        + &member(1, track)
        + &member(2, track)
        + &member(3, track).replace("eth0", "eth1");
    let lan = Single::set(context, &config)?;
    lan.a.write("/opt/slow", "#!/bin/sh\n[ -e /tmp/ran ] || sleep 0.8\ntouch /tmp/ran\n", 0o755)?;
    lan.a.cable("eth1", "10.8.0.1/24", None)?;
    lan.a.must("ip link set eth1 down")?;
    lan.start()?;
    says(&lan.a, "FAULT", ms(2000))?;
    until(ms(1500), "its first run", || lan.a.processes().iter().any(|one| one.comm == "slow"))?;
    lan.a.must("ip link set eth1 up")?;
    until(ms(1800) + together(3), "all of the group", || holds(&lan, 3))?;
    always(ms(600), "all of the group", || holds(&lan, 3))
}

fn added(context: &Context) -> Outcome {
    let two = group("VI_1 VI_2") + &member(1, "") + &member(2, "");
    let lan = Single::set(context, &two)?;
    lan.start()?;
    until(ms(1000) + together(2), "two of them", || holds(&lan, 2))?;
    lan.a.configure(&(group("VI_1 VI_2 VI_3") + &member(1, "") + &member(2, "") + &member(3, "")))?;
    let at = Instant::now();
    reload(&lan.a)?;
    until(ms(1000) + together(3), "all three", || holds(&lan, 3))?;
    let third = std::net::Ipv4Addr::new(10, 9, 0, 102);
    until(SLACK, "the new address was announced", || {
        lan.lab.capture.garps("a", at).iter().any(|garp| garp.address == third)
    })?;
    always(ms(600), "all of the group", || holds(&lan, 3))
}

fn file(context: &Context) -> Outcome {
    let block = "vrrp_track_file f {\n    file /tmp/f\n    weight 1\n}\n";
    let block = block.replace("vrrp_track_file", "track_file");
    let lan = Single::set(context, &(block + &quick(100, "track_file {\n        f weight 1\n    }")))?;
    let put = |number: i32| lan.a.write("/tmp/f", &format!("{number}\n"), 0o644);
    put(20)?;
    lan.start()?;
    let says = |priority: u8| -> Result<(), Fault> {
        let at = Instant::now();
        let within = quick_down(100) + ms(1000);
        lan.lab.capture.wait_advert("a", VRID, at, within, |advert| advert.priority == priority)?;
        Ok(())
    };
    says(120)?;
    for number in [5, -30, 20] {
        put(-254)?;
        lan.a.loses(VIP, ms(500) + SLACK)?;
        put(number)?;
        says(u8::try_from(100 + number).unwrap_or_default())?;
        lan.a.gains(VIP, SLACK)?;
    }
    Ok(())
}
