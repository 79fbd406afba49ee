//! Gratuitous ARP and neighbor advertisements over several interfaces.

use std::time::Instant;

use super::lan::{Single, VRID, ms, start};
use crate::lab::{always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::SLACK;
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original};
use crate::{ensure, ensure_same};

const F: &str = "announcing";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "interfaces of a garp_group share one pace", shared_pace),
    original(F, "one address of each further interface is announced at intervals", extra),
    original(F, "without all only virtual MACs are announced at intervals", extra_vmac),
    both(F, "the paces of announcements stand in the dumps of both alike", same_paces),
];

/// Two more interfaces, and a router with addresses on all of them that begins as master.
fn owner(subject: Subject, before: &str, more: &str) -> Result<Single, Fault> {
    let config = format!(
        "{before}vrrp_instance VI_1 {{\n    state MASTER\n    interface eth0\n    virtual_router_id {VRID}\n    \
         priority 255\n    advert_int 1\n    {more}\n    virtual_ipaddress {{\n        10.9.0.100\n        \
         10.8.0.100/24 dev eth1\n        10.8.0.101/24 dev eth1\n        10.7.0.100/24 dev eth2\n    }}\n    \
         virtual_ipaddress_excluded {{\n        fd00:8::1/64 dev eth1\n    }}\n}}\n"
    );
    let lan = Single::of(subject, &config)?;
    lan.a.cable("eth1", "10.8.0.1/24", None)?;
    lan.a.cable("eth2", "10.7.0.1/24", None)?;
    Ok(lan)
}

/// When it said that it sent a frame that announces one of these.
fn sent(lan: &Single, addresses: &[&str]) -> Vec<Instant> {
    let lines = lan.a.log.since(0, "Sending gratuitous ARP on ");
    let about = |text: &str| addresses.iter().any(|address| text.ends_with(&format!(" for {address}")));
    lines.into_iter().filter(|line| about(&line.text)).map(|line| line.at).collect()
}

const GROUPS: &str = "global_defs {
    vrrp_garp_interval 0.05
    vrrp_garp_master_delay 0
}
garp_group {
    garp_interval 0.2
    interfaces {
        eth1 eth0
    }
}
";

fn shared_pace(context: &Context) -> Outcome {
    let lan = owner(context.subject(), GROUPS, "garp_master_repeat 2")?;
    start(&lan.a)?;
    let all = ["10.9.0.100", "10.8.0.100", "10.8.0.101"];
    until(ms(3000), "everything was announced", || {
        all.iter().chain(&["10.7.0.100"]).all(|address| !sent(&lan, &[address]).is_empty())
    })?;
    let first = sent(&lan, &all);
    for pair in first.windows(2) {
        let gap = pair[1].saturating_duration_since(pair[0]);
        ensure!(gap >= ms(150) && gap <= ms(200) + SLACK, "{gap:?} between two frames of a group");
    }
    // Who is in no group does not wait for it.
    let alone = sent(&lan, &["10.7.0.100"]);
    let gap = alone[0].saturating_duration_since(first[0]);
    ensure!(gap < ms(150), "eth2 waited {gap:?} for a group that it is not in");
    Ok(())
}

/// When it said that it announces one of these.
fn announced(lan: &Single, address: &str) -> Vec<Instant> {
    let lines = lan.a.log.since(0, " Sending/queueing ");
    let about = |text: &str| text.ends_with(&format!(" for {address}"));
    lines.into_iter().filter(|line| about(&line.text)).map(|line| line.at).collect()
}

fn extra(context: &Context) -> Outcome {
    let lan = owner(context.subject(), "", "garp_master_delay 0\n    garp_extra_if all 1")?;
    start(&lan.a)?;
    until(ms(4500), "both are announced anew", || {
        announced(&lan, "10.8.0.100").len() >= 3 && announced(&lan, "10.7.0.100").len() >= 3
    })?;
    for address in ["10.8.0.100", "10.7.0.100"] {
        // The original does it when it advertises, and so a little later each time.
        for pair in announced(&lan, address).windows(2) {
            let gap = pair[1].saturating_duration_since(pair[0]);
            ensure!(
                gap >= ms(900) && gap <= ms(1200) + SLACK,
                "{gap:?} between two announcements of {address}"
            );
        }
    }
    for address in ["10.9.0.100", "10.8.0.101", "fd00:8::1"] {
        ensure_same!(announced(&lan, address).len(), 1, "announcements of {address}");
    }
    let config = lan.a.read("/etc/keepalived/keepalived.conf").replace("all 1", "0");
    lan.a.configure(&config)?;
    let mark = lan.a.log.mark();
    lan.a.signal(lan.a.pid_file("/run/keepalived.pid").unwrap_or_default(), 1)?;
    lan.a.log.wait(mark, "Reload", ms(1000))?;
    std::thread::sleep(ms(200));
    let count = announced(&lan, "10.8.0.100").len();
    always(ms(1500), "nothing is announced any more", || announced(&lan, "10.8.0.100").len() == count)
}

fn extra_vmac(context: &Context) -> Outcome {
    let lan = owner(context.subject(), "", "garp_master_delay 0\n    garp_extra_if 1")?;
    let config = lan.a.read("/etc/keepalived/keepalived.conf");
    lan.a.configure(&config.replace("10.8.0.101/24 dev eth1", "10.8.0.101/24 dev eth1 use_vmac"))?;
    start(&lan.a)?;
    until(ms(4500), "it is announced anew", || announced(&lan, "10.8.0.101").len() >= 3)?;
    for address in ["10.9.0.100", "10.8.0.100", "10.7.0.100", "fd00:8::1"] {
        ensure_same!(announced(&lan, address).len(), 1, "announcements of {address}");
    }
    Ok(())
}

/// What a dump says of the pace of announcements, without the times.
fn paces(lan: &Single) -> Result<Vec<String>, Fault> {
    let pid = lan.a.pid_file("/run/keepalived.pid").unwrap_or_default();
    lan.a.signal(pid, 10)?;
    until(ms(2000), "the dump is written", || lan.a.read("/tmp/keepalived.data").contains("Name = eth2"))?;
    std::thread::sleep(ms(100));
    let text = lan.a.read("/tmp/keepalived.data");
    let section = text.lines().skip_while(|line| !line.contains("Gratuitous ARP delays"));
    let section = section.take_while(|line| !line.contains("VRRP Topology"));
    let tidy = |line: &str| match line.split_once(" next time ") {
        Some((name, at)) => format!("{name} next time {}", if at.starts_with("0.") { "never" } else { "…" }),
        None => line.to_owned(),
    };
    let interfaces = text.lines().skip_while(|line| !line.contains("< Interfaces >"));
    let of_interfaces = interfaces.filter(|line| line.contains(" Name = ") || line.contains("Gratuitous"));
    let extra = text.lines().filter(|line| line.contains("secondary i/f ="));
    Ok(section.map(tidy).chain(extra.chain(of_interfaces).map(str::to_owned)).collect())
}

fn same_paces(_: &Context) -> Outcome {
    let more_groups = "garp_group {
    garp_interval 0.3
    gna_interval 0.01
    interface eth2
}
garp_group {
    gna_interval 0.02
    interfaces {
        lo eth3
    }
}
";
    for groups in [format!("{GROUPS}{more_groups}"), "global_defs {\n    vrrp_garp_interval 0.01\n}\n".into()]
    {
        let mut seen = Vec::new();
        for subject in [Subject::Theirs, Subject::Ours] {
            let lan = owner(subject, &groups, "garp_master_repeat 1\n    garp_extra_if all 30")?;
            lan.a.cable("eth3", "10.6.0.1/24", None)?;
            start(&lan.a)?;
            until(ms(3000), "everything was announced", || !sent(&lan, &["10.8.0.101"]).is_empty())?;
            lan.a.log.wait(0, "on eth1 for fd00:8::1", ms(1000))?;
            std::thread::sleep(ms(50));
            seen.push(paces(&lan)?);
        }
        ensure!(seen[0].len() > 12, "there is little to compare: {:?}", seen[0]);
        ensure_same!(seen[1], seen[0], "what the dumps say of paces");
    }
    Ok(())
}
