//! The log of a life: the same lines from both programs, but for those that a decision changes.

use std::thread;

use super::lan::{Single, TRACK, VIP, instance, ms, script};
use crate::both::of_both;
use crate::compare::{difference, normalised};
use crate::ensure;
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, ours};

const F: &str = "logs";

pub const SCENARIOS: &[Scenario] = &[
    both(
        F,
        "start, mastership, a weaker advert, a stronger one, stop: the same lines with -D",
        detailed_life,
    ),
    both(F, "the same life without -D", plain_life),
    both(F, "a script that fails and recovers: the same lines", script_life),
    both(F, "a cable out and in: the same lines", cable_life),
    ours(
        F,
        "a log socket that nobody reads for a minute makes no advert late, and lost lines are counted",
        blocked,
    ),
    ours(F, "a log socket that is gone and comes back does no harm", no_socket),
];

/// Lines that may be on one side only, by what they contain, and why.
const KNOWN: &[(&str, &str)] = &[
    ("max_auto_priority", "D14: ours says which priority it took instead"),
    ("realtime priority", "D14"),
    ("real-time", "D14"),
    ("Opening file", "2.4.3 words it as 2.2.7, but for included files"),
    ("removing VIPs.", "2.4.3 says it twice at start"),
    ("CPU usage", "figures of both processes"),
    ("Stopped - used", "left out by the original when nothing was used"),
    ("CPU time", "the same"),
    ("master set to", "new in 2.4.3"),
    ("master changed from", "new in 2.4.3"),
    ("directive", "D7: one summary line"),
    ("keepalived was built for", "depends on the build"),
];

fn life(
    subject: Subject,
    config: &str,
    command: &str,
    play: impl Fn(&Single) -> Outcome,
) -> Result<Vec<String>, Fault> {
    let lan = Single::of(subject, config)?;
    lan.a.write("/tmp/ok", "", 0o644)?;
    lan.a.must(command)?;
    play(&lan)?;
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(3000))?;
    thread::sleep(ms(50));
    Ok(lan.a.log.lines().iter().map(normalised).collect())
}

fn same_lines(config: &str, command: &str, play: impl Fn(&Single) -> Outcome + Sync) -> Outcome {
    let [theirs, ours] = of_both(|subject| life(subject, config, command, &play))?;
    let (only_theirs, only_ours) = difference(&theirs, &ours);
    let unknown = |lines: Vec<String>| {
        let known = |line: &String| KNOWN.iter().any(|(part, _)| line.contains(part));
        lines.into_iter().filter(|line| !known(line)).collect::<Vec<_>>().join("\n  ")
    };
    let (only_theirs, only_ours) = (unknown(only_theirs), unknown(only_ours));
    ensure!(
        only_theirs.is_empty() && only_ours.is_empty(),
        "only theirs:\n  {only_theirs}\nonly ours:\n  {only_ours}"
    );
    Ok(())
}

fn election(lan: &Single) -> Outcome {
    lan.a.gains(VIP, master_down(150) + ms(1500))?;
    thread::sleep(ms(300));
    lan.injector.send(&Single::forged(50).frame())?;
    thread::sleep(ms(300));
    for _ in 0..3 {
        lan.injector.send(&Single::forged(200).frame())?;
        thread::sleep(ms(300));
    }
    lan.injector.send(&Single::forged(0).frame())?;
    lan.a.gains(VIP, ms(1000) + SLACK)?;
    thread::sleep(ms(300));
    Ok(())
}

fn detailed_life(_: &Context) -> Outcome {
    same_lines(&instance(150, ""), "keepalived -D", election)
}

fn plain_life(_: &Context) -> Outcome {
    same_lines(&instance(150, ""), "keepalived", election)
}

fn script_life(_: &Context) -> Outcome {
    let config = script("interval 1\n    weight 20") + &instance(100, TRACK);
    same_lines(&config, "keepalived -D", |lan| {
        lan.a.gains(VIP, master_down(100) + ms(1500))?;
        std::fs::remove_file(lan.a.path("/tmp/ok"))?;
        lan.a.log.wait(0, "effective priority from 120 to 100", ms(2000))?;
        lan.a.write("/tmp/ok", "", 0o644)?;
        let mark = lan.a.log.mark();
        lan.a.log.wait(mark, "effective priority from 100 to 120", ms(2000))?;
        Ok(())
    })
}

fn cable_life(_: &Context) -> Outcome {
    same_lines(&instance(150, ""), "keepalived -D", |lan| {
        lan.a.gains(VIP, master_down(150) + ms(1500))?;
        lan.a.pull_cable()?;
        lan.a.loses(VIP, ms(500))?;
        thread::sleep(ms(300));
        lan.a.push_cable()?;
        lan.a.gains(VIP, master_down(150) + ms(1500))?;
        thread::sleep(ms(200));
        Ok(())
    })
}

fn blocked(context: &Context) -> Outcome {
    // With every address an announcement is worth six more lines: far more than any queue on the way holds.
    let more =
        "virtual_ipaddress_excluded {\n        10.9.0.101\n        10.9.0.102\n        10.9.0.103\n    }";
    let lan = Single::set(context, &instance(150, more))?;
    lan.start_as_master(150)?;
    lan.a.log.pause();
    let begin = std::time::Instant::now();
    // Every weaker advert is worth several lines and an answer: the socket's queue is full at once.
    while begin.elapsed() < ms(60_000) {
        lan.injector.send(&Single::forged(50).frame())?;
        thread::sleep(ms(10));
    }
    let gap = lan.lab.capture.worst_gap(super::lan::VRID, begin, std::time::Instant::now());
    let mark = lan.a.log.mark();
    lan.a.log.resume();
    ensure!(gap < ms(1050), "a gap of {gap:?} between adverts");
    ensure!(lan.a.holds(VIP), "the address is gone");
    lan.a.log.wait(mark, "log lines were lost before this one", ms(3000))?;
    Ok(())
}

fn no_socket(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    let socket = lan.a.path("/dev/log");
    std::fs::rename(&socket, lan.a.path("/dev/log.away"))?;
    let begin = lan.start()?;
    lan.a.gains(VIP, master_down(150) + ms(1500))?;
    std::fs::rename(lan.a.path("/dev/log.away"), &socket)?;
    lan.injector.send(&Single::forged(50).frame())?;
    lan.a.log.wait(0, "forcing new election", ms(1500))?;
    ensure!(!lan.adverts(begin).is_empty(), "no advert");
    Ok(())
}
