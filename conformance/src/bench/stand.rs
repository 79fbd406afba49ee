//! What measurements are taken on: boxes of one subject, and readings of their processes.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::lab::{Host, Lab, until};
use crate::outcome::{Fault, failed};
use crate::subject::Subject;

/// The one virtual address of the small set-up.
pub const VIP: [u8; 4] = [10, 9, 0, 200];
/// Box A, the stronger.
pub const A: [u8; 4] = [10, 9, 0, 1];
/// Box B.
pub const B: [u8; 4] = [10, 9, 0, 2];
/// Priorities of A and B.
pub const PRIORITY: [u8; 2] = [150, 100];

/// One instance, without or with lines of its own.
pub fn config(priority: u8, script: &str, extra: &str) -> String {
    format!(
        "{script}\nvrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n \
         priority {priority}\n advert_int 1\n {extra}\n virtual_ipaddress {{\n 10.9.0.200\n }}\n}}\n"
    )
}

/// So many instances with an address each.
pub fn many(count: u8) -> String {
    let mut text = String::new();
    for vrid in 1..=count {
        text += &format!(
            "vrrp_instance VI_{vrid} {{\n interface eth0\n virtual_router_id {vrid}\n priority 150\n \
             advert_int 1\n virtual_ipaddress {{\n 10.9.1.{vrid}\n }}\n}}\n"
        );
    }
    text
}

/// Two boxes of one subject, A master.
pub fn pair(subject: Subject, configs: [String; 2]) -> Result<(Lab, Host, Host), Fault> {
    let mut lab = Lab::new()?;
    let a = lab.host(subject, "a", "eth0", A)?;
    let b = lab.host(subject, "b", "eth0", B)?;
    for (host, text) in [(&a, &configs[0]), (&b, &configs[1])] {
        quiet_log(host)?;
        host.configure(text)?;
    }
    a.must("service keepalived start")?;
    lab.capture.wait_advert("a", 51, Instant::now(), Duration::from_secs(8), |_| true)?;
    b.must("service keepalived start")?;
    Ok((lab, a, b))
}

/// One box that is master of everything it was given.
pub fn single(subject: Subject, text: &str, last_vrid: u8) -> Result<(Lab, Host), Fault> {
    let mut lab = Lab::new()?;
    let a = lab.host(subject, "a", "eth0", A)?;
    quiet_log(&a)?;
    a.configure(text)?;
    a.must("service keepalived start")?;
    lab.capture.wait_advert("a", last_vrid, Instant::now(), Duration::from_secs(10), |_| true)?;
    Ok((lab, a))
}

/// As installed: no `-D`, so that the log is not what is measured.
pub fn quiet_log(host: &Host) -> Result<(), Fault> {
    host.write("/etc/default/keepalived", "DAEMON_ARGS=\"\"\n", 0o644)
}

/// CPU time of all keepalived processes of a host, in seconds.
pub fn cpu(host: &Host) -> f64 {
    let nanos = |outer: i32| -> Option<f64> {
        let tasks = fs::read_dir(format!("/proc/{outer}/task")).ok()?;
        let of_task = |path: std::path::PathBuf| -> Option<f64> {
            fs::read_to_string(path.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
        };
        Some(tasks.flatten().filter_map(|task| of_task(task.path())).sum())
    };
    host.keepalived().iter().filter_map(|process| nanos(process.outer)).sum::<f64>() / 1e9
}

/// The same with that of scripts and other children that have ended.
pub fn cpu_with_children(host: &Host) -> f64 {
    // In hundredths of a second: user and system time, of the process and of its children, from the fourteenth word on.
    let ticks = |outer: i32| -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/{outer}/stat")).ok()?;
        let (_, words) = text.rsplit_once(") ")?;
        Some(words.split_whitespace().skip(11).take(4).filter_map(|word| word.parse::<f64>().ok()).sum())
    };
    host.keepalived().iter().filter_map(|process| ticks(process.outer)).sum::<f64>() / 100.0
}

/// Memory of all keepalived processes, in MiB. What they share among themselves counts once. Files count as if nobody else
/// had them mapped: how many other labs run on this machine, and share the original's libraries, is chance.
pub fn pss(host: &Host) -> f64 {
    let mut files = BTreeMap::new();
    let mut anonymous = 0.0;
    for process in host.keepalived() {
        let read =
            |file: &str| fs::read_to_string(format!("/proc/{}/{file}", process.outer)).unwrap_or_default();
        anonymous += kib(&read("smaps_rollup"), "Pss_Anon:");
        for (part, size) in mapped(&read("smaps")) {
            let most: &mut f64 = files.entry(part).or_default();
            *most = most.max(size);
        }
    }
    (anonymous + files.values().sum::<f64>()) / 1024.0
}

/// Parts of files a process has mapped, by their headers without addresses, and what of them is in memory.
fn mapped(smaps: &str) -> Vec<(String, f64)> {
    let mut parts: Vec<(String, f64)> = Vec::new();
    for line in smaps.lines() {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [range, rest @ ..] if range.contains('-') => parts.push((rest.join(" "), 0.0)),
            ["Rss:", size, _] => parts.last_mut().into_iter().for_each(|part| part.1 += number(size)),
            // Changed since, and counted as such.
            ["Anonymous:", size, _] => parts.last_mut().into_iter().for_each(|part| part.1 -= number(size)),
            _ => {}
        }
    }
    parts.retain(|(part, _)| part.contains('/'));
    parts
}

fn kib(text: &str, name: &str) -> f64 {
    text.lines().find_map(|line| line.strip_prefix(name)).map_or(0.0, number)
}

fn number(text: &str) -> f64 {
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// How often the processes of a host went to sleep of their own accord so far.
pub fn sleeps(host: &Host) -> f64 {
    let count = |outer: i32| -> Option<f64> {
        let tasks = fs::read_dir(format!("/proc/{outer}/task")).ok()?;
        let of_task = |path: std::path::PathBuf| -> Option<f64> {
            let text = fs::read_to_string(path.join("status")).ok()?;
            text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
        };
        Some(tasks.flatten().filter_map(|task| of_task(task.path())).sum())
    };
    host.keepalived().iter().filter_map(|process| count(process.outer)).sum()
}

/// The moment a script of the lab wrote down just before it exited.
pub fn marked(host: &Host, path: &str, within: Duration) -> Result<Instant, Fault> {
    let mut nanos = None;
    until(within, "the script wrote down when it failed", || {
        nanos = host.read(path).trim().parse::<u64>().ok();
        nanos.is_some()
    })?;
    let Some(nanos) = nanos else { return failed("no mark") };
    let wall = std::time::UNIX_EPOCH + Duration::from_nanos(nanos);
    let (now, today) = (Instant::now(), std::time::SystemTime::now());
    Ok(now.checked_sub(today.duration_since(wall).unwrap_or_default()).unwrap_or(now))
}
