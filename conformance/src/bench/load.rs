//! Many instances, hostile packets, and nothing at all.

use std::thread;
use std::time::{Duration, Instant};

use super::stand::{self, PRIORITY};
use super::{Measure, Promise, millis};
use crate::outcome::{Fault, failed};
use crate::subject::Subject;
use crate::wire::Forged;

pub const MEASURES: &[Measure] = &[
    Measure {
        name: "255 masters at 1 s",
        rows: &[
            ("CPU seconds a minute", "s", Promise::AtMostTimes(1.0)),
            ("worst gap between adverts", "ms", Promise::AtMost(1050.0)),
            ("PSS of all processes", "MiB", Promise::AtMostTimes(2.0)),
        ],
        rounds: Some(3),
        round: many,
    },
    Measure {
        name: "20 rejected packets a second",
        rows: &[
            ("worst gap between adverts", "ms", Promise::AtMost(1050.0)),
            ("transitions of the backup", "", Promise::AtMost(0.0)),
        ],
        rounds: Some(1),
        round: |subject| Ok(hostile(subject, 20, &[mistaken()])?.into_iter().take(2).collect()),
    },
    Measure {
        name: "flood of rejected packets for 10 s",
        rows: FLOOD,
        rounds: Some(1),
        round: |subject| hostile(subject, 100_000, &[mistaken()]),
    },
    Measure {
        name: "flood of packets of others for 10 s",
        rows: FLOOD,
        rounds: Some(1),
        round: |subject| hostile(subject, 100_000, &strange()),
    },
    Measure {
        name: "idle",
        rows: &[
            ("PSS of all processes", "MiB", Promise::AtMostTimes(2.0)),
            ("wake-ups a second of a backup", "", Promise::AtMostTimes(1.0)),
            ("wake-ups a second of a master", "", Promise::AtMostTimes(1.0)),
        ],
        rounds: Some(3),
        round: idle,
    },
    Measure {
        name: "reload of an unchanged file",
        rows: &[("worst gap, 1 instance", "ms", Promise::AtMost(1050.0))],
        rounds: Some(3),
        round: |subject| reload(subject, stand::config(PRIORITY[0], "", ""), 51),
    },
    Measure {
        name: "reload of an unchanged file",
        rows: &[("worst gap, 255 instances", "ms", Promise::AtMost(1050.0))],
        rounds: Some(3),
        round: |subject| reload(subject, stand::many(255), 255),
    },
];

const FLOOD: &[(&str, &str, Promise)] = &[
    ("worst gap between adverts", "ms", Promise::AtMost(1050.0)),
    ("transitions of the backup", "", Promise::AtMost(0.0)),
    ("CPU seconds a minute of the master", "s", Promise::AtMostTimes(0.2)),
    ("its log", "kB", Promise::AtMost(100.0)),
];

fn many(subject: Subject) -> Result<Vec<f64>, Fault> {
    let (lab, a) = stand::single(subject, &stand::many(255), 255)?;
    // Past the second burst of announcements.
    thread::sleep(Duration::from_secs(7));
    let (begin, before) = (Instant::now(), stand::cpu(&a));
    thread::sleep(Duration::from_secs(15));
    let (end, spent) = (Instant::now(), stand::cpu(&a) - before);
    let minute = spent * 60.0 / end.saturating_duration_since(begin).as_secs_f64();
    let gap = (1..=255).map(|vrid| lab.capture.worst_gap(vrid, begin, end)).max().unwrap_or_default();
    Ok(vec![minute, millis(gap), stand::pss(&a)])
}

/// Of our router, with a wrong checksum.
fn mistaken() -> Forged {
    Forged { checksum_error: 1, ..Forged::new([10, 9, 0, 66], 51, 200, &[stand::VIP]) }
}

/// Of routers nobody here knows, of every number but ours.
fn strange() -> Vec<Forged> {
    let vrids = (1..=255).filter(|vrid| *vrid != 51);
    vrids.map(|vrid| Forged::new([10, 9, 0, 66], vrid, 200, &[[10, 9, 1, vrid]])).collect()
}

fn hostile(subject: Subject, per_second: u32, packets: &[Forged]) -> Result<Vec<f64>, Fault> {
    let configs = PRIORITY.map(|priority| stand::config(priority, "", ""));
    let (mut lab, a, b) = stand::pair(subject, configs)?;
    let injector = lab.injector()?;
    lab.capture.wait_advert("a", 51, Instant::now(), Duration::from_secs(2), |_| true)?;
    let (begin, mark, before) = (Instant::now(), b.log.mark(), stand::cpu(&a));
    let frames: Vec<Vec<u8>> = packets.iter().map(Forged::frame).collect();
    injector.flood(&frames, per_second, Duration::from_secs(10));
    let minute = (stand::cpu(&a) - before) * 60.0 / begin.elapsed().as_secs_f64();
    let gap = lab.capture.adverts("a", 51, begin);
    if gap.is_empty() && subject == Subject::Ours {
        return failed("the master fell silent");
    }
    let worst = lab.capture.worst_gap_of_all("a", begin, Instant::now());
    let said = a.log.lines().iter().map(|line| line.text.len()).sum::<usize>() as f64 / 1000.0;
    Ok(vec![millis(worst), b.log.since(mark, "Entering").len() as f64, minute, said])
}

fn idle(subject: Subject) -> Result<Vec<f64>, Fault> {
    let configs = PRIORITY.map(|priority| stand::config(priority, "", ""));
    let (_lab, a, b) = stand::pair(subject, configs)?;
    thread::sleep(Duration::from_secs(7));
    let (begin, master, backup) = (Instant::now(), stand::sleeps(&a), stand::sleeps(&b));
    thread::sleep(Duration::from_secs(15));
    let seconds = begin.elapsed().as_secs_f64();
    let rate = |host, before: f64| (stand::sleeps(host) - before) / seconds;
    Ok(vec![stand::pss(&a), rate(&b, backup), rate(&a, master)])
}

fn reload(subject: Subject, text: String, last_vrid: u8) -> Result<Vec<f64>, Fault> {
    let (lab, a) = stand::single(subject, &text, last_vrid)?;
    thread::sleep(Duration::from_secs(1));
    let begin = Instant::now();
    thread::sleep(Duration::from_millis(1400));
    a.must("service keepalived reload")?;
    thread::sleep(Duration::from_millis(2600));
    let end = Instant::now();
    let first = if last_vrid == 255 { 1 } else { last_vrid };
    let gap =
        (first..=last_vrid).map(|vrid| lab.capture.worst_gap(vrid, begin, end)).max().unwrap_or_default();
    Ok(vec![millis(gap)])
}
