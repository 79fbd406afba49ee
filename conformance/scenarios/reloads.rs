//! Files around a reload: one that says when, one that is there until the configuration is read, copies.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::lan::{Single, VIP, VRID, instance, ms};
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome};
use crate::subject::Subject;
use crate::table::{Context, Scenario, decision, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "reloads";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "reload_time_file: the configuration is read again at the time it names", at_its_time),
    original(F, "reload_time_file: what is written into it is answered", answered),
    original(F, "reload_repeat: the file stays, and a time of day is one of tomorrow, too", repeated),
    original(F, "reload_file: it is gone once the configuration is read", marker),
    ours(F, "reload_file without a name: beside the pid file", marker_without_name),
    original(F, "config_save_dir: a copy of the configuration for every reload", copies),
    decision("D2", F, "keepalived reload: its exit status says whether the new file is in force", command),
    ours(F, "sd_notify: every stage, and what a reload that failed leaves in force", told),
];

const WHEN: &str = "/tmp/when";

fn set(context: &Context, global: &str, priority: u8) -> Result<Single, Fault> {
    let lan = Single::set(context, &config(global, priority))?;
    lan.start_as_master(priority)?;
    Ok(lan)
}

fn config(global: &str, priority: u8) -> String {
    format!("global_defs {{\n{global}\n}}\n{}", instance(priority, ""))
}

/// That many seconds from now, as `date` writes it.
fn soon(host: &Host, seconds: u64, format: &str) -> Result<String, Fault> {
    Ok(host.must(&format!("date -d '+{seconds} sec' '+{format}'"))?.trim().to_owned())
}

/// Seconds of the wall clock, with their fraction.
fn wall() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn hup(host: &Host) -> Outcome {
    let mark = host.log.mark();
    host.signal(host.pid_file("/run/keepalived.pid").unwrap_or(0), 1)?;
    host.log.wait(mark, "Reload complete", ms(3000)).map(drop)
}

fn at_its_time(context: &Context) -> Outcome {
    let lan = set(context, "reload_time_file /tmp/when", 150)?;
    for format in ["%T", "%F %T", "%y-%m-%d %T", "%F %TZ"] {
        let mark = lan.a.log.mark();
        let due = (wall() + 2.0).floor();
        let zone = if format.ends_with('Z') { "TZ=UTC " } else { "" };
        let text = lan.a.must(&format!("{zone}date -d '@{due}' '+{format}'"))?;
        lan.a.write(WHEN, &text, 0o644)?;
        lan.a.log.wait(mark, "Scheduling reload for ", ms(1000))?;
        lan.a.log.wait(mark, "Reloading ...", ms(3500))?;
        let late = wall() - due;
        ensure!((-0.05..1.0).contains(&late), "{format}: reloaded {late:.3} s after its time");
        lan.a.log.wait(mark, "Reload complete", ms(3000))?;
        ensure!(!lan.a.has_file(WHEN), "{format}: the file is still there");
        ensure!(lan.a.log.since(mark, "Cancelling").is_empty(), "{format}: told as canceled");
    }
    ensure!(lan.a.holds(VIP), "the address is gone");
    Ok(())
}

fn answered(context: &Context) -> Outcome {
    let lan = set(context, "reload_time_file /tmp/when", 150)?;
    let says = |text: &str, answers: &[&str]| -> Outcome {
        let mark = lan.a.log.mark();
        match text {
            "" => std::fs::remove_file(lan.a.path(WHEN))?,
            text => lan.a.write(WHEN, text, 0o644)?,
        }
        for answer in answers {
            lan.a.log.wait(mark, answer, ms(1000))?;
        }
        Ok(())
    };
    let (near, far) = (soon(&lan.a, 600, "%F %T")?, soon(&lan.a, 900, "%F %T")?);
    says(&near, &[&format!("Scheduling reload for {near}")])?;
    says(&far, &[&format!("Reload time updated from {near} to {far}")])?;
    says("", &[&format!("Cancelling reload scheduled for {far}")])?;
    for text in ["+3", "13:43", "2026-11-26", "garbage"] {
        let first = format!("Reload time {text} format is incorrect - ignoring");
        says(text, &[&first, &format!("Invalid reload time '{text}' specified - ignoring")])?;
    }
    for text in ["25:00:00", "+0:00:03", "2099-11-26T00:00:00", "2099-13-01 00:00:00"] {
        let first = format!("Reload date/time {text} invalid - ignoring");
        says(text, &[&first, &format!("Invalid reload time '{text}' specified - ignoring")])?;
    }
    let past = "2020-01-01 00:00:00";
    let first = format!("Reload time {past} is in the past - ignoring");
    says(past, &[&first, "Reload date/time is in the past - ignoring"])
}

fn repeated(context: &Context) -> Outcome {
    let lan = set(context, "reload_time_file /tmp/when\nreload_repeat", 150)?;
    let mark = lan.a.log.mark();
    let time = soon(&lan.a, 2, "%F %T")?;
    let clock = time.split(' ').nth(1).unwrap_or_default().to_owned();
    lan.a.write(WHEN, &clock, 0o644)?;
    lan.a.log.wait(mark, &format!("Scheduling reload for {time}"), ms(1000))?;
    lan.a.log.wait(mark, "Reload complete", ms(4500))?;
    if context.subject() == Subject::Ours {
        // The original, when it is quick, finds that second not over and does it all again.
        let tomorrow = soon(&lan.a, 86_400, "%F")?;
        lan.a.log.wait(mark, &format!("Scheduling reload for {tomorrow} {clock}"), ms(1000))?;
    }
    ensure_same!(lan.a.read(WHEN), clock, "the file");
    Ok(())
}

fn marker(context: &Context) -> Outcome {
    let lan = Single::set(context, &config("reload_file /tmp/marker", 150))?;
    lan.a.write("/tmp/marker", "", 0o644)?;
    lan.start_as_master(150)?;
    ensure!(!lan.a.has_file("/tmp/marker"), "still there after the start");
    for file in [config("reload_file /tmp/marker", 140), config("reload_file /tmp/marker", 140) + "nonsense"]
    {
        lan.a.write("/tmp/marker", "", 0o644)?;
        lan.a.configure(&file)?;
        hup(&lan.a)?;
        ensure!(!lan.a.has_file("/tmp/marker"), "still there after the reload");
    }
    Ok(())
}

fn marker_without_name(context: &Context) -> Outcome {
    let lan = Single::set(context, &format!("use_pid_dir\n{}", config("reload_file", 150)))?;
    lan.start_as_master(150)?;
    lan.a.write("/run/keepalived/keepalived.reload", "", 0o644)?;
    lan.a.signal(lan.a.pid_file("/run/keepalived/keepalived.pid").unwrap_or(0), 1)?;
    until(ms(2000), "the file is gone", || !lan.a.has_file("/run/keepalived/keepalived.reload"))?;
    Ok(())
}

fn copies(context: &Context) -> Outcome {
    let lan = Single::set(context, &config("config_save_dir /tmp/saved", 150))?;
    lan.a.write("/etc/keepalived/other.conf", "# nothing\n! nothing\n", 0o644)?;
    lan.start_as_master(150)?;
    let saved = |number: &str| -> Result<Vec<String>, Fault> {
        let found = lan.a.must(&format!("find /tmp/saved -name 'keepalived.conf.*.{number}' | sort"))?;
        Ok(found.lines().map(str::to_owned).collect())
    };
    ensure_same!(saved("0")?.len(), 1, "copies at the start");
    lan.a.configure(&config("config_save_dir /tmp/saved", 140))?;
    hup(&lan.a)?;
    let copies = saved("1")?;
    ensure_same!(copies.len(), 1, "copies of the reload");
    let path = copies.first().map(String::as_str).unwrap_or_default();
    let text = lan.a.read(path);
    for part in ["# /etc/keepalived/keepalived.conf", "priority 140", "config_save_dir /tmp/saved"] {
        ensure!(text.lines().any(|line| line.trim() == part), "no '{part}' in the copy:\n{text}");
    }
    let mode = lan.a.must(&format!("stat -c %a {path}"))?;
    ensure_same!(mode.trim(), "600", "mode");
    let engine = lan.a.pid_file("/run/vrrp.pid").unwrap_or(0);
    for stage in ["pre", "post"] {
        let file = format!("/tmp/saved/keepalived_vrrp.{engine}.1.{stage}");
        until(ms(1000), &file, || lan.a.read(&file).contains("VRRP Instance = VI_1"))?;
    }
    ensure_same!(lan.a.run(&format!("keepalived -t -f {path}"))?.code, 0, "status of -t on the copy");
    Ok(())
}

/// Writes down what a service manager would hear, a message a line.
const MANAGER: &str = "import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
                       s.bind('/run/notify')\nf = open('/tmp/heard', 'a', buffering=1)\n\
                       while True: f.write(s.recv(4096).decode().replace('\\n', ' ') + '\\n')\n";

fn told(context: &Context) -> Outcome {
    let lan = Single::set(context, &config("", 150))?;
    lan.a.write("/tmp/manager.py", MANAGER, 0o644)?;
    let _manager = lan.a.background("exec python3 /tmp/manager.py")?;
    until(ms(3000), "the manager listens", || lan.a.has_file("/run/notify"))?;
    let begin = std::time::Instant::now();
    lan.a.must("NOTIFY_SOCKET=/run/notify keepalived -D")?;
    let heard = |text: &str| until(ms(3000), text, || lan.a.read("/tmp/heard").contains(text)).map(drop);
    heard("READY=1 MAINPID=")?;
    let parent = lan.a.pid_file("/run/keepalived.pid").unwrap_or(0);
    heard(&format!("READY=1 MAINPID={parent}"))?;
    lan.a.gains(VIP, ms(4500))?;
    lan.a.configure(&config("", 150).replace("eth0", "nowhere0"))?;
    lan.a.signal(parent, 1)?;
    heard("RELOADING=1 MONOTONIC_USEC=")?;
    heard("STATUS=Reload failed: ")?;
    lan.a.configure(&config("", 140))?;
    hup(&lan.a)?;
    lan.lab.capture.wait_advert("a", VRID, begin, ms(2500), |advert| advert.priority == 140)?;
    lan.a.signal(parent, 15)?;
    heard("STOPPING=1")?;
    thread::sleep(Duration::from_millis(50));
    let stages: Vec<String> = lan.a.read("/tmp/heard").lines().map(stage).collect();
    let expected = ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"];
    ensure_same!(stages, expected.map(str::to_owned).to_vec(), "stages");
    Ok(())
}

fn stage(message: &str) -> String {
    message.split(' ').next().unwrap_or_default().to_owned()
}

fn command(context: &Context) -> Outcome {
    let lan = set(context, "", 150)?;
    let begin = std::time::Instant::now();
    lan.a.configure(&config("", 140))?;
    ensure_same!(lan.a.run("keepalived reload -D")?.code, 0, "status");
    lan.lab.capture.wait_advert("a", VRID, begin, ms(2500), |advert| advert.priority == 140)?;
    lan.a.configure(&config("", 130).replace("eth0", "nowhere0"))?;
    let refused = lan.a.run("keepalived reload -D")?;
    ensure_same!(refused.code, 2, "status of a file that cannot be used");
    ensure!(refused.err.contains("nowhere0"), "what is wrong: {}", refused.err);
    // This can be seen only by who compares it with what runs.
    lan.a.configure(&format!("net_namespace_ipvs other\n{}", config("", 130)))?;
    ensure_same!(lan.a.run("keepalived reload -D")?.code, 1, "status of a file that the daemon refuses");
    ensure!(lan.a.holds(VIP), "the address is gone");
    ensure!(!lan.a.has_file("/run/keepalived.pid.outcome"), "something is left behind");
    lan.a.signal(lan.a.pid_file("/run/keepalived.pid").unwrap_or(0), 15)?;
    lan.a.quiet(ms(3000))?;
    ensure_same!(lan.a.run("keepalived reload -D")?.code, 1, "status with nothing to reload");
    Ok(())
}
