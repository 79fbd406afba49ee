//! Adverts and gratuitous ARPs byte for byte: against the recorded octets, and ours against theirs.

use std::thread;
use std::time::Instant;

use super::lan::{Single, ms};
use crate::both::of_both;
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, both, original};
use crate::wire::{Frame, advert, garp, hex};
use crate::{ensure, ensure_same};

const F: &str = "golden";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "two addresses, no authentication: the recorded octets", plain_octets),
    original(F, "a password: the recorded octets, and those of priority 0", password_octets),
    original(
        F,
        "gratuitous ARPs: the recorded octets, five at once and five after five seconds",
        garp_octets,
    ),
    both(F, "every frame of a life from start to stop is the same for both", same_life),
];

const PLAIN: &str = "vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 1
    priority 150
    advert_int 1
    virtual_ipaddress {
        10.9.0.101
        10.9.0.102
    }
}
";

const PASSWORD: &str = "vrrp_instance VI_2 {
    state MASTER
    interface eth0
    virtual_router_id 2
    priority 150
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        10.9.0.103
    }
}
";

/// Everything the box said that is of VRRP's making, without its MAC address, which differs from lab to lab.
fn spoken(lan: &Single) -> Vec<(Instant, String)> {
    let ours = |frame: &Frame| advert(frame).is_some() || garp(frame).is_some() || is_report(frame);
    let text = |frame: Frame| {
        let mac = hex(&frame.bytes[6..12]);
        (frame.at, hex(&frame.bytes).replace(&mac, "<mac>"))
    };
    let frames = lan.lab.capture.frames();
    frames.into_iter().filter(|frame| frame.from == "a" && ours(frame)).map(text).collect()
}

/// An IGMP version 3 report: the box joins or leaves a group.
fn is_report(frame: &Frame) -> bool {
    frame.bytes.get(14 + 9) == Some(&2) && frame.bytes.get(12..14) == Some(&[8, 0])
}

fn adverts_of(lan: &Single) -> Vec<String> {
    let advert = |(_, text): (Instant, String)| text.starts_with("01005e000012").then_some(text);
    spoken(lan).into_iter().filter_map(advert).collect()
}

fn running(context: &Context, config: &str) -> Result<Single, Fault> {
    let lan = Single::set(context, config)?;
    lan.start()?;
    thread::sleep(master_down(150) + ms(1000) + SLACK);
    Ok(lan)
}

fn plain_octets(context: &Context) -> Outcome {
    let lan = running(context, PLAIN)?;
    let adverts = adverts_of(&lan);
    let golden = "01005e000012<mac>080045c0002c00010000ff70d0840a090001e0000012\
                  210196020001341e0a0900650a0900660000000000000000";
    ensure_same!(adverts.first().map(String::as_str), Some(golden), "first advert");
    let second = "01005e000012<mac>080045c0002c00020000ff70d0830a090001e0000012\
                  210196020001341e0a0900650a0900660000000000000000";
    ensure_same!(adverts.get(1).map(String::as_str), Some(second), "second advert: only the id grew");
    Ok(())
}

fn password_octets(context: &Context) -> Outcome {
    let lan = running(context, PASSWORD)?;
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(3000))?;
    let adverts = adverts_of(&lan);
    let golden = "01005e000012<mac>080045c0002800010000ff70d0880a090001e0000012\
                  210296010101013f0a0900677365637265740000";
    ensure_same!(adverts.first().map(String::as_str), Some(golden), "first advert");
    let tail = "210200010101973f0a0900677365637265740000";
    let last = adverts.last().cloned().unwrap_or_default();
    ensure!(last.ends_with(tail), "the last advert is not the recorded one with priority 0: {last}");
    let zeros = adverts.iter().filter(|text| text.ends_with(tail)).count();
    ensure_same!(zeros, 1, "adverts with priority 0");
    Ok(())
}

fn garp_octets(context: &Context) -> Outcome {
    let lan = running(context, &PLAIN.replace("priority 150", "priority 255"))?;
    let begin = Instant::now();
    thread::sleep(ms(2500));
    let garps = lan.lab.capture.garps("a", begin - ms(10_000));
    ensure_same!(garps.len(), 20, "gratuitous ARPs for two addresses");
    let Some(first) = garps.first() else { return Ok(()) };
    let mac = hex(&first.bytes[6..12]);
    for (number, garp) in garps.iter().enumerate() {
        let last = if number % 2 == 0 { "0a090065" } else { "0a090066" };
        let golden = format!("ffffffffffff{mac}08060001080006040001{mac}{last}ffffffffffff{last}");
        ensure_same!(hex(&garp.bytes), golden, "gratuitous ARP number {number}");
    }
    let pause = garps[10].at.saturating_duration_since(garps[9].at);
    ensure!(pause > ms(4950) && pause < ms(5000) + SLACK, "the second burst came after {pause:?}");
    Ok(())
}

fn same_life(_: &Context) -> Outcome {
    let config = format!(
        "{PLAIN}{}",
        PASSWORD.replace(
            "        10.9.0.103\n    }",
            "        10.9.0.103\n        10.9.0.104/24\n    }\n    virtual_ipaddress_excluded {\n        10.9.0.105\n    }"
        )
    );
    let [theirs, ours] = of_both(|subject| {
        let lan = Single::of(subject, &config)?;
        lan.start()?;
        thread::sleep(master_down(150) + ms(1000) + SLACK);
        lan.a.must("kill $(cat /run/keepalived.pid)")?;
        lan.a.quiet(ms(3000))?;
        // The kernel says that it left the group within a second.
        thread::sleep(ms(1200));
        // Only the order within one kind and one router is promised; the kernel repeats its reports by chance.
        let mut frames: Vec<String> = spoken(&lan).into_iter().map(|(_, text)| text).collect();
        frames.sort();
        frames.dedup();
        Ok(frames)
    })?;
    let only = |left: &[String], right: &[String]| {
        left.iter().filter(|text| !right.contains(text)).cloned().collect::<Vec<_>>().join("\n  ")
    };
    ensure!(
        theirs == ours,
        "frames differ; only theirs:\n  {}\nonly ours:\n  {}",
        only(&theirs, &ours),
        only(&ours, &theirs)
    );
    Ok(())
}
