//! Short intervals, one instance with thousands of addresses, a reload of a thousand instances, hundreds of scripts, and
//! a machine that has other things to do.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use super::scale::{self, Plan};
use super::stand::{self, A, PRIORITY};
use super::{Measure, Promise, millis};
use crate::lab::{Host, Lab, until};
use crate::outcome::{Fault, failed};
use crate::probe::master_down;
use crate::subject::Subject;

pub const MEASURES: &[Measure] = &[
    Measure {
        name: "scale: 1,000 at 100 ms",
        rows: &[
            ("CPU seconds a minute, masters", "s", Promise::AtMostTimes(0.6)),
            ("CPU seconds a minute, backups", "s", Promise::AtMostTimes(0.6)),
            ("worst gap between adverts", "ms", Promise::AtMost(105.0)),
            ("false takeovers", "", Promise::AtMost(0.0)),
        ],
        rounds: None,
        round: often,
    },
    Measure {
        name: "scale: 255 at 10 ms",
        rows: &[
            ("CPU seconds a minute, masters", "s", Promise::AtMostTimes(0.4)),
            ("CPU seconds a minute, backups", "s", Promise::AtMostTimes(0.4)),
        ],
        rounds: None,
        round: as_often_as_can_be,
    },
    Measure {
        name: "scale: 5,000 addresses of one instance",
        rows: &[
            ("first advert to the last address there", "ms", Promise::AtMostTimes(1.1)),
            ("first advert to the last address announced", "ms", Promise::AtMostTimes(1.1)),
            ("worst gap between adverts meanwhile", "ms", Promise::AtMost(1020.0)),
        ],
        rounds: None,
        round: addresses,
    },
    Measure {
        name: "scale: reload of 1,000 instances",
        rows: &[
            ("worst gap between adverts", "ms", Promise::AtMost(1020.0)),
            ("transitions", "", Promise::AtMost(0.0)),
        ],
        rounds: None,
        round: reload,
    },
    Measure {
        name: "scale: 200 scripts at 1 s",
        rows: &[("CPU seconds a minute, scripts included", "s", Promise::AtMostTimes(1.0))],
        rounds: None,
        round: scripts,
    },
    Measure {
        name: "scale: both cores busy, adverts every 100 ms",
        rows: &[
            ("worst gap past the interval in 60 s", "ms", Promise::AtMostTimes(0.25)),
            ("transitions of the backup", "", Promise::AtMost(0.0)),
        ],
        rounds: None,
        round: busy,
    },
];

/// How long adverts every 100 ms are watched on a busy machine.
const BUSY: Duration = Duration::from_secs(60);
/// How long processor time of short intervals is looked at.
const WATCHED: Duration = Duration::from_secs(10);

fn often(subject: Subject) -> Result<Vec<f64>, Fault> {
    let plan = Plan { count: 1_000, interval: "0.1", first_link: "eth0" };
    let mut lab = Lab::new()?;
    let (a, b) = scale::pair(&mut lab, subject, &plan)?;
    settled(&a);
    let (begin, masters) = (Instant::now(), watched(&a));
    plan.start(&b, PRIORITY[1])?;
    let mark = settled(&b);
    let backups = watched(&b);
    let gap = lab.capture.worst_gap_of_all("a", begin, Instant::now());
    let takeovers = b.log.since(mark, "Entering MASTER").len();
    Ok(vec![masters, backups, millis(gap), takeovers as f64])
}

fn as_often_as_can_be(subject: Subject) -> Result<Vec<f64>, Fault> {
    // Not on the switch, where a capture would have to keep up.
    let plan = Plan { count: 255, interval: "0.01", first_link: "l0" };
    let mut lab = Lab::new()?;
    let (a, b) = scale::pair(&mut lab, subject, &plan)?;
    settled(&a);
    // Alone: what the other host hears would be delivered on the sender's account.
    let masters = watched(&a);
    plan.start(&b, PRIORITY[1])?;
    settled(&b);
    Ok(vec![masters, watched(&b)])
}

/// Waits until what happens at the start is over; the place in the log where that is.
fn settled(host: &Host) -> usize {
    thread::sleep(scale::SETTLED);
    host.log.mark()
}

/// Processor time of a minute.
fn watched(host: &Host) -> f64 {
    let (begin, before) = (Instant::now(), stand::cpu(host));
    thread::sleep(WATCHED);
    (stand::cpu(host) - before) * 60.0 / begin.elapsed().as_secs_f64()
}

/// The one that is advertised and those that only come along.
const ADDRESSES: usize = 5_000;

fn addresses(subject: Subject) -> Result<Vec<f64>, Fault> {
    let mut lab = Lab::new()?;
    let a = lab.host(subject, "a", "eth0", A)?;
    stand::quiet_log(&a)?;
    let excluded: String =
        (1..ADDRESSES).map(|number| format!(" 10.128.{}.{}/32\n", number / 250, number % 250 + 1)).collect();
    let extra = format!("virtual_ipaddress_excluded {{\n{excluded}}}");
    a.configure(&stand::config(PRIORITY[0], "", &extra).replace("10.9.0.200\n", "10.128.0.1/32\n"))?;
    a.must("service keepalived start")?;
    let within = master_down(PRIORITY[0]) + Duration::from_secs(4);
    let first = lab.capture.wait_advert("a", 51, Instant::now(), within, |_| true)?.at;
    let there = scale::all_there(&a, ADDRESSES)?;
    let announced = |till: Instant| {
        let mut known = BTreeSet::new();
        let garps = lab.capture.garps("a", first).into_iter();
        garps
            .filter(|garp| garp.at <= till && known.insert(garp.address))
            .last()
            .map(|garp| (garp.at, known.len()))
    };
    let mut last = None;
    until(Duration::from_secs(10), "all addresses are announced", || {
        thread::sleep(Duration::from_millis(200));
        last = announced(Instant::now()).filter(|(_, count)| *count >= ADDRESSES);
        last.is_some()
    })?;
    let Some((announced, _)) = last else { return failed("no announcement") };
    // With the second burst.
    thread::sleep(scale::SETTLED);
    let gap = lab.capture.worst_gap(51, first, Instant::now());
    let since = |at: Instant| millis(at.saturating_duration_since(first));
    Ok(vec![since(there), since(announced), millis(gap)])
}

fn reload(subject: Subject) -> Result<Vec<f64>, Fault> {
    let plan = Plan { count: 1_000, interval: "1", first_link: "eth0" };
    let mut lab = Lab::new()?;
    let a = scale::single(&mut lab, subject, &plan)?;
    let (mark, begin) = (settled(&a), Instant::now());
    thread::sleep(Duration::from_millis(1400));
    // The last one is another one from now on.
    let text = plan.configuration(PRIORITY[0]);
    let (head, tail) = text.split_at(text.rfind("priority").unwrap_or(0));
    a.configure(&format!("{head}{}", tail.replace("priority 150", "priority 151")))?;
    a.must("service keepalived reload")?;
    thread::sleep(Duration::from_millis(3600));
    let gap = lab.capture.worst_gap_of_all("a", begin, Instant::now());
    Ok(vec![millis(gap), a.log.since(mark, "Entering").len() as f64])
}

fn scripts(subject: Subject) -> Result<Vec<f64>, Fault> {
    const COUNT: usize = 200;
    let script = |number| {
        format!(
            "vrrp_script chk_{number} {{\n script \"/bin/true\"\n interval 1\n weight 1\n user root\n}}\n"
        )
    };
    let all: String = (0..COUNT).map(script).collect();
    let tracked: String = (0..COUNT).map(|number| format!(" chk_{number}\n")).collect();
    let text = stand::config(10, &all, &format!("track_script {{\n{tracked}}}"));
    let (_lab, a) = stand::single(subject, &text, 51)?;
    settled(&a);
    let (begin, before) = (Instant::now(), stand::cpu_with_children(&a));
    thread::sleep(WATCHED);
    Ok(vec![(stand::cpu_with_children(&a) - before) * 60.0 / begin.elapsed().as_secs_f64()])
}

fn busy(subject: Subject) -> Result<Vec<f64>, Fault> {
    let plan = Plan { count: 1, interval: "0.1", first_link: "eth0" };
    let mut lab = Lab::new()?;
    let (a, b) = scale::pair(&mut lab, subject, &plan)?;
    plan.start(&b, PRIORITY[1])?;
    let mark = settled(&b);
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let mut load = Vec::new();
    for _ in 0..cores {
        load.push(a.background("exec timeout 90 sh -c 'while :; do :; done'")?);
    }
    let begin = Instant::now();
    thread::sleep(BUSY);
    let gap = lab.capture.worst_gap_of_all("a", begin, Instant::now());
    for spinner in &mut load {
        spinner.kill()?;
        spinner.wait()?;
    }
    let transitions = b.log.since(mark, "Entering").len();
    let past = gap.saturating_sub(Duration::from_millis(100));
    Ok(vec![millis(past), transitions as f64])
}
