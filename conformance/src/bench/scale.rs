//! Thousands of instances over several links, as masters and as backups.

use std::thread;
use std::time::{Duration, Instant};

use super::stand::{self, A, B, PRIORITY};
use super::{Measure, Promise, millis};
use crate::lab::{Host, Lab, until};
use crate::outcome::Fault;
use crate::probe::master_down;
use crate::subject::Subject;

pub const MEASURES: &[Measure] = &[
    Measure {
        name: "scale: 1,000 masters at 1 s",
        rows: MASTERS,
        rounds: None,
        round: |subject| masters(subject, 1_000),
    },
    Measure {
        name: "scale: 4,000 masters at 1 s",
        rows: MASTERS,
        rounds: None,
        round: |subject| masters(subject, 4_000),
    },
    Measure {
        name: "scale: 1,000 backups at 1 s",
        rows: BACKUPS,
        rounds: None,
        round: |subject| backups(subject, 1_000),
    },
    Measure {
        name: "scale: 4,000 backups at 1 s",
        rows: BACKUPS,
        rounds: None,
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
const PER_LINK: usize = 255;
/// Past the second burst of announcements.
pub const SETTLED: Duration = Duration::from_secs(7);
/// How long processor time is looked at.
const WATCHED: Duration = Duration::from_secs(10);
/// What a start of the slower program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many instances with an address each, on links that both hosts of a pair have.
pub struct Plan {
    pub count: usize,
    /// Of adverts, as the configuration says it; less than a second takes version 3.
    pub interval: &'static str,
    /// `eth0`, which is captured, or one with a cable like the others.
    pub first_link: &'static str,
}

impl Plan {
    fn at_1_s(count: usize) -> Self {
        Self { count, interval: "1", first_link: "l0" }
    }

    fn links(&self) -> usize {
        self.count.div_ceil(PER_LINK)
    }

    fn link(&self, number: usize) -> String {
        if number == 0 { self.first_link.to_owned() } else { format!("l{number}") }
    }

    /// Plugs the links in that the host does not have yet.
    fn cable(&self, a: &Host, b: Option<&Host>) -> Result<(), Fault> {
        for number in 0..self.links() {
            let (link, address) = (self.link(number), |last: u8| format!("192.168.{number}.{last}/24"));
            if link != a.interface {
                let far = address(2);
                a.cable(&link, &address(1), b.map(|b| (b, far.as_str())))?;
            }
        }
        Ok(())
    }

    /// Starts keepalived with it.
    pub fn start(&self, host: &Host, priority: u8) -> Result<Instant, Fault> {
        stand::quiet_log(host)?;
        host.configure(&self.configuration(priority))?;
        let begin = Instant::now();
        host.must("service keepalived start")?;
        Ok(begin)
    }

    pub fn configuration(&self, priority: u8) -> String {
        let (version, interval) = (if self.interval.contains('.') { 3 } else { 2 }, self.interval);
        let instance = |number: usize| {
            let (link, vrid) = (number / PER_LINK, number % PER_LINK + 1);
            let interface = self.link(link);
            format!(
                "vrrp_instance VI_{number} {{\n interface {interface}\n virtual_router_id {vrid}\n version {version}\n \
                 priority {priority}\n advert_int {interval}\n virtual_ipaddress {{\n 10.128.{link}.{vrid}\n }}\n}}\n"
            )
        };
        (0..self.count).map(instance).collect()
    }
}

/// A host that is master of everything.
pub fn single(lab: &mut Lab, subject: Subject, plan: &Plan) -> Result<Host, Fault> {
    let a = lab.host(subject, "a", "eth0", A)?;
    plan.cable(&a, None)?;
    plan.start(&a, PRIORITY[0])?;
    all_there(&a, plan.count)?;
    Ok(a)
}

/// A host that is master of everything, and one beside it that is not started yet.
pub fn pair(lab: &mut Lab, subject: Subject, plan: &Plan) -> Result<(Host, Host), Fault> {
    let (a, b) = (lab.host(subject, "a", "eth0", A)?, lab.host(subject, "b", "eth0", B)?);
    plan.cable(&a, Some(&b))?;
    plan.start(&a, PRIORITY[0])?;
    all_there(&a, plan.count)?;
    Ok((a, b))
}

fn masters(subject: Subject, count: usize) -> Result<Vec<f64>, Fault> {
    let (mut lab, plan) = (Lab::new()?, Plan::at_1_s(count));
    let a = lab.host(subject, "a", "eth0", A)?;
    plan.cable(&a, None)?;
    let begin = plan.start(&a, PRIORITY[0])?;
    let there = all_there(&a, count)?;
    let late = there.saturating_duration_since(begin).saturating_sub(master_down(PRIORITY[0]));
    Ok([watched(&a), vec![millis(late)]].concat())
}

fn backups(subject: Subject, count: usize) -> Result<Vec<f64>, Fault> {
    let (mut lab, plan) = (Lab::new()?, Plan::at_1_s(count));
    let (_a, b) = pair(&mut lab, subject, &plan)?;
    plan.start(&b, PRIORITY[1])?;
    Ok(watched(&b))
}

/// Waits until the host has so many of the plan's addresses.
pub fn all_there(host: &Host, count: usize) -> Result<Instant, Fault> {
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
