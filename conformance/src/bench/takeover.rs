//! How long after the protocol's own bound a backup is there, and how fast news is on the wire.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::stand::{self, PRIORITY, VIP};
use super::{Measure, Promise, millis};
use crate::lab::client::Client;
use crate::lab::until;
use crate::outcome::{Fault, failed};
use crate::probe::{master_down, skew};
use crate::subject::Subject;

/// What "no later" allows for: a tenth of a millisecond.
const NO_LATER: Promise = Promise::NoLaterThan(0.1);

pub const MEASURES: &[Measure] = &[
    Measure {
        name: "crash",
        rows: &[
            ("first advert past the bound", "ms", NO_LATER),
            ("first announcement (the VIP is there) past the bound", "ms", NO_LATER),
            ("client's first answer past the bound", "ms", NO_LATER),
        ],
        rounds: None,
        round: crash,
    },
    Measure {
        name: "TERM",
        rows: &[
            ("to priority 0 on the wire", "ms", NO_LATER),
            ("to all processes gone", "ms", Promise::AtMost(100.0)),
            ("first advert of the other past the skew", "ms", NO_LATER),
        ],
        rounds: None,
        round: term,
    },
    Measure {
        name: "script of weight 0 fails",
        rows: &[("its exit to priority 0 on the wire", "ms", NO_LATER)],
        rounds: None,
        round: fault,
    },
    Measure {
        name: "weighted script fails",
        rows: &[("its exit to the changed priority on the wire", "ms", Promise::AtMost(1.0))],
        rounds: None,
        round: weight,
    },
    Measure {
        name: "engine killed",
        rows: &[
            ("longest pause the peer hears", "ms", Promise::AtMost(2000.0)),
            ("transitions of the peer", "", Promise::AtMost(0.0)),
        ],
        rounds: Some(3),
        round: engine_killed,
    },
];

fn crash(subject: Subject) -> Result<Vec<f64>, Fault> {
    let configs = PRIORITY.map(|priority| stand::config(priority, "", ""));
    let (mut lab, a, b) = stand::pair(subject, configs)?;
    let customer = lab.client([10, 9, 0, 50])?;
    for host in [&a, &b] {
        host.must("nginx")?;
    }
    let client = Client::start_every(&customer, VIP, Duration::from_micros(250));
    client.served_by("a", Instant::now(), Duration::from_secs(3))?;
    // Away from the next advert, so that the last one is surely the last.
    let last = lab.capture.wait_advert("a", 51, Instant::now(), Duration::from_secs(2), |_| true)?;
    until(Duration::from_secs(1), "the middle of the interval", || {
        last.at.elapsed() > Duration::from_millis(300)
    })?;
    a.power_cut()?;
    let bound = last.at + master_down(PRIORITY[1]);
    let advert = lab.capture.wait_advert("b", 51, last.at, Duration::from_secs(6), |_| true)?;
    let served = client.served_by("b", bound, Duration::from_secs(3))?;
    let vip = Ipv4Addr::from(VIP);
    let Some(garp) = lab.capture.garps("b", advert.at).into_iter().find(|garp| garp.address == vip) else {
        return failed("no announcement");
    };
    Ok([advert.at, garp.at, served].map(|at| past(bound, at)).to_vec())
}

fn term(subject: Subject) -> Result<Vec<f64>, Fault> {
    let configs = PRIORITY.map(|priority| stand::config(priority, "", ""));
    let (lab, a, _b) = stand::pair(subject, configs)?;
    lab.capture.wait_advert("a", 51, Instant::now(), Duration::from_secs(2), |_| true)?;
    let Some(parent) = a.pid_file("/run/keepalived.pid") else { return failed("no pid file") };
    let processes: Vec<i32> = a.keepalived().iter().map(|process| process.outer).collect();
    let at = a.signal(parent, 15)?;
    let alive = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    };
    let gone = until(Duration::from_secs(5), "all processes gone", || !processes.iter().any(alive))?;
    let farewell =
        lab.capture.wait_advert("a", 51, at, Duration::from_secs(2), |advert| advert.priority == 0)?;
    let next = lab.capture.wait_advert("b", 51, farewell.at, Duration::from_secs(3), |_| true)?;
    Ok(vec![past(at, farewell.at), past(at, gone), past(farewell.at + skew(PRIORITY[1]), next.at)])
}

/// The runner's own binary is the script: it notes the time in the instruction before it exits.
const SCRIPT: &str =
    "vrrp_script chk {\n script \"/usr/sbin/lab-host fail-if-told\"\n interval 0.7\n WEIGHT\n}\n";
/// The original's 2.2.7 knows whole seconds only.
const SCRIPT_THEIRS: &str =
    "vrrp_script chk {\n script \"/usr/sbin/lab-host fail-if-told\"\n interval 1\n WEIGHT\n}\n";

fn scripted(
    subject: Subject,
    weight: &str,
) -> Result<(Instant, super::super::lab::Lab, [crate::lab::Host; 2]), Fault> {
    let script = if subject == Subject::Ours { SCRIPT } else { SCRIPT_THEIRS }.replace("WEIGHT", weight);
    let tracking = "track_script {\n chk\n }";
    let configs = [stand::config(PRIORITY[0], &script, tracking), stand::config(PRIORITY[1], "", "")];
    let (lab, a, b) = stand::pair(subject, configs)?;
    lab.capture.wait_advert("a", 51, Instant::now(), Duration::from_secs(2), |_| true)?;
    a.write("/tmp/fail", "now\n", 0o644)?;
    let at = stand::marked(&a, "/tmp/failed-at", Duration::from_secs(4))?;
    Ok((at, lab, [a, b]))
}

fn fault(subject: Subject) -> Result<Vec<f64>, Fault> {
    let (at, lab, _hosts) = scripted(subject, "")?;
    let farewell =
        lab.capture.wait_advert("a", 51, at, Duration::from_secs(3), |advert| advert.priority == 0)?;
    Ok(vec![past(at, farewell.at)])
}

fn weight(subject: Subject) -> Result<Vec<f64>, Fault> {
    let (at, lab, _hosts) = scripted(subject, "weight -20")?;
    let changed =
        lab.capture.wait_advert("a", 51, at, Duration::from_secs(4), |advert| advert.priority == 130)?;
    Ok(vec![past(at, changed.at)])
}

fn engine_killed(subject: Subject) -> Result<Vec<f64>, Fault> {
    let configs = PRIORITY.map(|priority| stand::config(priority, "", ""));
    let (lab, a, b) = stand::pair(subject, configs)?;
    let begin = lab.capture.wait_advert("a", 51, Instant::now(), Duration::from_secs(2), |_| true)?.at;
    until(Duration::from_secs(2), "the middle of an interval", || {
        begin.elapsed() > Duration::from_millis(1500)
    })?;
    let mark = b.log.mark();
    let Some(engine) = a.pid_file("/run/vrrp.pid") else { return failed("no vrrp.pid") };
    a.signal(engine, 9)?;
    until(Duration::from_secs(9), "eight seconds", || begin.elapsed() > Duration::from_secs(8))?;
    let times: Vec<Instant> = lab.capture.adverts("a", 51, begin).iter().map(|advert| advert.at).collect();
    let longest =
        times.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0])).max().unwrap_or_default();
    let transitions = b.log.since(mark, "Entering").len();
    Ok(vec![millis(longest), transitions as f64])
}

fn past(bound: Instant, at: Instant) -> f64 {
    match at.checked_duration_since(bound) {
        Some(late) => millis(late),
        None => -millis(bound.saturating_duration_since(at)),
    }
}
