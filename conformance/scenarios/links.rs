//! Interfaces whose ups and downs count later, and what else is said about interfaces.

use std::time::Instant;

use super::lan::{Single, VIP, in_window, instance, ms, says};
use crate::lab::{always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "links";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "an interface that is down for a moment does not count with up and down delays", delays),
    original(F, "promote_secondaries is set on the interface", promotes),
    original(F, "a link that is polled and loses its beat is down", polled),
    both(F, "what is polled, and how, stands in the dumps of both alike", same_polling),
    ours(F, "a reload begins and ends the polling of links", polling_reloaded),
];

fn delays(context: &Context) -> Outcome {
    let config = format!("interface_up_down_delays {{\n    eth0 0.9 0.7\n}}\n{}", instance(150, ""));
    let lan = Single::set(context, &config)?;
    lan.start_as_master(150)?;
    let mark = lan.a.log.mark();
    lan.a.pull_cable()?;
    always(ms(300), "it is still master", || lan.a.holds(VIP))?;
    lan.a.push_cable()?;
    always(ms(1300), "it is still master", || lan.a.holds(VIP))?;
    ensure!(lan.a.log.since(mark, "Entering FAULT STATE").is_empty(), "a moment was a fault");
    let down = Instant::now();
    lan.a.pull_cable()?;
    let fault = lan.a.log.wait(mark, "(VI_1) Entering FAULT STATE", ms(900) + SLACK)?;
    in_window("it was a fault", down, fault.at, ms(880), ms(900) + SLACK)?;
    let up = Instant::now();
    lan.a.push_cable()?;
    let backup = lan.a.log.wait(mark, "(VI_1) Entering BACKUP STATE", ms(700) + SLACK)?;
    in_window("it was none any more", up, backup.at, ms(680), ms(700) + SLACK)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    Ok(())
}

fn promotes(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "promote_secondaries"))?;
    let file = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries";
    lan.a.must(&format!("echo 0 > {file}"))?;
    lan.start_as_master(150)?;
    let set = lan.a.must(&format!("cat {file}"))?;
    ensure!(set.trim() == "1", "promote_secondaries is {set}");
    lan.a.must("service keepalived stop")?;
    lan.a.quiet(ms(3000))?;
    let restored = lan.a.must(&format!("cat {file}"))?;
    ensure!(restored.trim() == "0", "promote_secondaries is {restored} after the stop");
    Ok(())
}

const POLLED: &str = "linkbeat_interfaces {
    eth0 MII
    eth2
}
";

fn polled(context: &Context) -> Outcome {
    let lan = Single::set(context, &(POLLED.to_owned() + &instance(150, "")))?;
    lan.a.cable("eth2", "10.7.0.1/24", None)?;
    lan.start_as_master(150)?;
    says(&lan.a, "(eth0): Configured linkbeat type MII not supported, using ETHTOOL", ms(100))?;
    says(&lan.a, "Turning off linkbeat for eth2 since not used for tracking", ms(100))?;
    let mark = lan.a.log.mark();
    lan.a.pull_cable()?;
    lan.a.log.wait(mark, "Linkbeat reports eth0 down", ms(1000) + SLACK)?;
    lan.a.log.wait(mark, "(VI_1) Entering FAULT STATE", SLACK)?;
    lan.a.loses(VIP, SLACK)?;
    lan.a.push_cable()?;
    lan.a.log.wait(mark, "Linkbeat reports eth0 up", ms(1000) + SLACK)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    ensure!(lan.a.log.since(mark, "Netlink reports").is_empty(), "the kernel's word counted");
    Ok(())
}

/// What a dump says of the ways in which interfaces are watched.
fn ways(lan: &Single) -> Result<Vec<String>, Fault> {
    lan.a.signal(lan.a.pid_file("/run/keepalived.pid").unwrap_or_default(), 10)?;
    let written = || lan.a.read("/tmp/keepalived.data").contains("Name = eth2");
    until(ms(2000), "the dump is written", written)?;
    std::thread::sleep(ms(100));
    let text = lan.a.read("/tmp/keepalived.data");
    std::fs::remove_file(lan.a.path("/tmp/keepalived.data"))?;
    let lines = text.lines().filter(|line| line.starts_with(" Name = ") || line.starts_with("   NIC "));
    Ok(lines.map(str::to_owned).collect())
}

fn same_polling(_: &Context) -> Outcome {
    let track = "track_interface {\n        eth1\n        eth2\n    }";
    let all = "linkbeat_use_polling\nlinkbeat_interfaces {\n    eth1 IOCTL\n}\n";
    for text in [format!("{POLLED}{}", instance(150, track)), format!("{all}{}", instance(150, track))] {
        let mut seen = Vec::new();
        for subject in [Subject::Theirs, Subject::Ours] {
            let lan = Single::of(subject, &text)?;
            lan.a.cable("eth1", "10.8.0.1/24", None)?;
            lan.a.cable("eth2", "10.7.0.1/24", None)?;
            lan.start()?;
            says(&lan.a, "Startup complete", ms(3000))?;
            seen.push(ways(&lan)?);
        }
        ensure_same!(seen[1], seen[0], "how interfaces are watched");
    }
    Ok(())
}

fn polling_reloaded(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.a.cable("eth2", "10.7.0.1/24", None)?;
    lan.start_as_master(150)?;
    let way =
        || ways(&lan).map(|ways| ways.join("\n").contains("eth0\n   NIC support ETHTOOL GLINK interface"));
    ensure!(!way()?, "it is polled without being told");
    let reload = |text: &str| -> Outcome {
        let mark = lan.a.log.mark();
        lan.a.configure(text)?;
        lan.a.signal(lan.a.pid_file("/run/keepalived.pid").unwrap_or_default(), 1)?;
        lan.a.log.wait(mark, "Reload", ms(2000)).map(drop)
    };
    let begin = lan.a.log.mark();
    reload(&(POLLED.to_owned() + &instance(150, "")))?;
    until(ms(1000), "it is polled", || way().unwrap_or(false))?;
    lan.a.pull_cable()?;
    lan.a.log.wait(begin, "Linkbeat reports eth0 down", SLACK)?;
    lan.a.push_cable()?;
    lan.a.gains(VIP, ms(1000) + master_down(150) + SLACK)?;
    reload(&instance(150, ""))?;
    until(ms(1000), "it is not polled any more", || !way().unwrap_or(true))?;
    lan.a.pull_cable()?;
    lan.a.log.wait(begin, "Netlink reports eth0 down", SLACK)?;
    ensure_same!(lan.a.log.since(begin, "Linkbeat reports").len(), 2, "beats");
    Ok(())
}
