//! Thousands of instances over several links, as masters and as backups.

use std::thread;
use std::time::{Duration, Instant};

use super::stand::{self, A, B};
use super::{Measure, Promise, millis};
use crate::lab::{Host, Lab, until};
use crate::outcome::Fault;
use crate::probe::master_down;
use crate::subject::Subject;

pub const MEASURES: &[Measure] = &[
    Measure {
        name: "scale: 1,000 masters at 1 s",
        rows: MASTERS,
        rounds: Some(3),
        round: |subject| masters(subject, 1_000),
    },
    Measure {
        name: "scale: 4,000 masters at 1 s",
        rows: MASTERS,
        rounds: Some(3),
        round: |subject| masters(subject, 4_000),
    },
    Measure {
        name: "scale: 1,000 backups at 1 s",
        rows: BACKUPS,
        rounds: Some(3),
        round: |subject| backups(subject, 1_000),
    },
    Measure {
        name: "scale: 4,000 backups at 1 s",
        rows: BACKUPS,
        rounds: Some(3),
        round: |subject| backups(subject, 4_000),
    },
];

const CPU: Row = ("CPU seconds a minute", "s", Promise::AtMostTimes(0.5));
const MEMORY: Row = ("PSS of all processes", "MiB", Promise::AtMostTimes(1.0));
const START: Row = ("start to the last address there, past the bound", "ms", Promise::AtMostTimes(0.5));
const MASTERS: &[Row] = &[CPU, MEMORY, START];
const BACKUPS: &[Row] = &[CPU, MEMORY];

type Row = (&'static str, &'static str, Promise);

/// Instances on one link: a VRID is there once.
const PER_LINK: usize = 250;
/// Past the second burst of announcements.
const SETTLED: Duration = Duration::from_secs(7);
/// How long processor time is looked at.
const WATCHED: Duration = Duration::from_secs(10);
/// What a start of the slower program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Priorities of masters and of backups.
const PRIORITY: [u8; 2] = [150, 100];

fn masters(subject: Subject, count: usize) -> Result<Vec<f64>, Fault> {
    let mut lab = Lab::new()?;
    let a = lab.host(subject, "a", "eth0", A)?;
    for link in 0..links(count) {
        a.cable(&format!("l{link}"), &format!("192.168.{link}.1/24"), None)?;
    }
    let begin = start(&a, count, PRIORITY[0])?;
    let there = all_there(&a, count)?;
    let late = there.saturating_duration_since(begin).saturating_sub(master_down(PRIORITY[0]));
    Ok([watched(&a), vec![millis(late)]].concat())
}

fn backups(subject: Subject, count: usize) -> Result<Vec<f64>, Fault> {
    let mut lab = Lab::new()?;
    let (a, b) = (lab.host(subject, "a", "eth0", A)?, lab.host(subject, "b", "eth0", B)?);
    for link in 0..links(count) {
        let address = |last: u8| format!("192.168.{link}.{last}/24");
        a.cable(&format!("l{link}"), &address(1), Some((&b, &address(2))))?;
    }
    start(&a, count, PRIORITY[0])?;
    all_there(&a, count)?;
    start(&b, count, PRIORITY[1])?;
    Ok(watched(&b))
}

fn links(count: usize) -> usize {
    count.div_ceil(PER_LINK)
}

fn start(host: &Host, count: usize, priority: u8) -> Result<Instant, Fault> {
    stand::quiet_log(host)?;
    host.configure(&configuration(count, priority))?;
    let begin = Instant::now();
    host.must("service keepalived start")?;
    Ok(begin)
}

fn all_there(host: &Host, count: usize) -> Result<Instant, Fault> {
    until(PATIENCE, "all addresses are there", || {
        let listed = host.run("ip -o -4 addr show to 10.128.0.0/9 | wc -l");
        listed.is_ok_and(|listed| listed.out.trim() == count.to_string())
    })
}

/// Processor time of a minute, and memory.
fn watched(host: &Host) -> Vec<f64> {
    thread::sleep(SETTLED);
    let (begin, before) = (Instant::now(), stand::cpu(host));
    thread::sleep(WATCHED);
    let minute = (stand::cpu(host) - before) * 60.0 / begin.elapsed().as_secs_f64();
    vec![minute, stand::pss(host)]
}

fn configuration(count: usize, priority: u8) -> String {
    let instance = |number: usize| {
        let (link, vrid) = (number / PER_LINK, number % PER_LINK + 1);
        format!(
            "vrrp_instance VI_{number} {{\n interface l{link}\n virtual_router_id {vrid}\n priority {priority}\n \
             advert_int 1\n virtual_ipaddress {{\n 10.128.{link}.{vrid}\n }}\n}}\n"
        )
    };
    (0..count).map(instance).collect()
}
