//! What processes are called, how the kernel treats them, and what they leave when they crash.

use std::thread;

use super::lan::{Single, VIP, instance, ms};
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome, failed};
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "process";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "process_names and its like: processes are called as configured", names),
    original(F, "nice value, processors and locked memory are as configured", ordinary),
    original(F, "real-time priority and its limit are as configured", realtime),
    original(F, "max_auto_priority: a process that was late raises its priority", automatic),
    original(F, "core files: no limit with -m, a pattern with -M", core_files),
    original(F, "with -d the engine logs its configuration", dumped),
    original(F, "disable_local_igmp: no reports of link-local groups until the stop", membership_reports),
    ours(F, "scripts have further groups where set_supplementary_groups or a colon asks for them", groups),
    ours(F, "use_symlink_paths: a script is called by the name that is written", links),
];

fn run(context: &Context, global: &str, options: &str) -> Result<(Single, u32), Fault> {
    let config = format!("global_defs {{\n{global}\n}}\n{}", instance(150, ""));
    let lan = Single::set(context, &config)?;
    lan.a.must(&format!("keepalived -D {options}"))?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    match lan.a.pid_file("/run/vrrp.pid") {
        Some(engine) => Ok((lan, engine)),
        None => failed("no pid file of the engine"),
    }
}

/// A field of `/proc/PID/stat`, by its number in proc(5).
fn stat(host: &Host, pid: u32, number: usize) -> String {
    let line = host.read(&format!("/proc/{pid}/stat"));
    let fields = line.rsplit(") ").next().unwrap_or_default();
    fields.split_whitespace().nth(number.saturating_sub(3)).unwrap_or_default().to_owned()
}

/// The rest of a line of a file below `/proc/PID`.
fn proc_line(host: &Host, pid: u32, file: &str, begin: &str) -> String {
    let text = host.read(&format!("/proc/{pid}/{file}"));
    let found = text.lines().find_map(|line| line.strip_prefix(begin)).unwrap_or_default();
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn names(context: &Context) -> Outcome {
    const CASES: &[(&str, [&str; 2])] = &[
        ("", ["keepalived", "keepalived"]),
        ("process_names", ["keepalived", "keepalived_vrrp"]),
        ("process_name foo\nprocess_names", ["foo", "keepalived_vrrp"]),
        ("vrrp_process_name a_very_long_process_name", ["keepalived", "a_very_long_pro"]),
    ];
    for (global, expected) in CASES {
        let (lan, engine) = run(context, global, "")?;
        let parent = lan.a.pid_file("/run/keepalived.pid").unwrap_or(0);
        let comm = |pid| lan.a.read(&format!("/proc/{pid}/comm")).trim().to_owned();
        let seen = [comm(parent), comm(engine)];
        ensure_same!(seen, expected.map(str::to_owned), "'{global}'");
    }
    Ok(())
}

fn ordinary(context: &Context) -> Outcome {
    let (lan, engine) = run(context, "vrrp_priority -7\nvrrp_no_swap\nvrrp_cpu_affinity 1", "")?;
    until(ms(1000), "a nice value", || stat(&lan.a, engine, 19) == "-7")?;
    until(ms(1000), "a processor", || proc_line(&lan.a, engine, "status", "Cpus_allowed_list:") == "1")?;
    let locked = proc_line(&lan.a, engine, "status", "VmLck:");
    let kilobytes: u32 = locked.trim_end_matches(" kB").parse().unwrap_or(0);
    ensure!(kilobytes > 1000, "locked: {locked}");
    Ok(())
}

fn realtime(context: &Context) -> Outcome {
    const RR: &str = "2";
    let (lan, engine) = run(context, "vrrp_rt_priority 20\nvrrp_rlimit_rttime 70000", "")?;
    until(ms(1000), "a real-time priority", || stat(&lan.a, engine, 40) == "20")?;
    ensure_same!(stat(&lan.a, engine, 41), RR, "policy");
    let limit = proc_line(&lan.a, engine, "limits", "Max realtime timeout");
    // The original gives half of it before the first signal, ours all; theirs kills then (D14).
    ensure!(limit.split(' ').any(|part| part == "70000"), "limit: {limit}");
    let parent = lan.a.pid_file("/run/keepalived.pid").unwrap_or(0);
    ensure_same!(stat(&lan.a, parent, 41), "0", "policy of the parent");
    Ok(())
}

fn automatic(context: &Context) -> Outcome {
    let global = "vrrp_rt_priority 5\nmax_auto_priority 20\nmin_auto_priority_delay 100000";
    let (lan, engine) = run(context, global, "")?;
    until(ms(1000), "a real-time priority", || stat(&lan.a, engine, 40) == "5")?;
    lan.a.signal(engine, 19)?;
    thread::sleep(ms(1500));
    lan.a.signal(engine, 18)?;
    lan.a.log.wait(0, "A thread timer expired ", ms(1500))?;
    lan.a.log.wait(0, "Set realtime priority 6", ms(1500))?;
    until(ms(1000), "a higher priority", || stat(&lan.a, engine, 40) != "5")?;
    ensure!(lan.a.log.since(0, "max_auto_priority should result").is_empty(), "the notice");
    Ok(())
}

fn core_files(context: &Context) -> Outcome {
    let (lan, engine) = run(context, "", "-m")?;
    let parent = lan.a.pid_file("/run/keepalived.pid").unwrap_or(0);
    for pid in [parent, engine] {
        let limit = proc_line(&lan.a, pid, "limits", "Max core file size");
        ensure!(limit.starts_with("unlimited unlimited"), "limit: {limit}");
    }
    lan.a.signal(parent, 15)?;
    lan.a.quiet(ms(3000))?;
    // The pattern is the whole machine's: a file stands in for it.
    lan.a.must("touch /tmp/pattern && mount --bind /tmp/pattern /proc/sys/kernel/core_pattern")?;
    for (option, expected) in [("-M", "core"), ("--core-dump-pattern=/tmp/core.%p", "/tmp/core.%p")] {
        lan.a.write("/tmp/pattern", "", 0o644)?;
        lan.a.must(&format!("keepalived {option}"))?;
        until(ms(2000), expected, || lan.a.read("/tmp/pattern").trim() == expected)?;
        let parent = lan.a.pid_file("/run/keepalived.pid").unwrap_or(0);
        let limit = proc_line(&lan.a, parent, "limits", "Max core file size");
        ensure!(limit.starts_with("unlimited"), "limit with {option}: {limit}");
        lan.a.signal(parent, 15)?;
        lan.a.quiet(ms(3000))?;
    }
    Ok(())
}

fn dumped(context: &Context) -> Outcome {
    let (lan, _) = run(context, "router_id here", "-d")?;
    for text in ["------< Global definitions >------", " Router ID = here", " VRRP Instance = VI_1"] {
        let line = lan.a.log.wait(0, text, ms(1000))?;
        ensure_same!(line.ident, "Keepalived_vrrp", "who says '{text}'");
    }
    Ok(())
}

fn membership_reports(context: &Context) -> Outcome {
    let setting = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports";
    // The runner's view of /proc/sys/net would be the runner's own network.
    let (lan, _) = run(context, "disable_local_igmp", "")?;
    let now = || lan.a.must(&format!("cat {setting}")).map(|text| text.trim().to_owned());
    ensure_same!(now()?, "0", "while it runs");
    lan.a.signal(lan.a.pid_file("/run/keepalived.pid").unwrap_or(0), 15)?;
    lan.a.quiet(ms(3000))?;
    ensure_same!(now()?, "1", "afterwards");
    Ok(())
}

/// A track script of `nobody`, who is also in the group `extra`.
fn scripted(context: &Context, global: &str, user: &str, path: &str) -> Result<Single, Fault> {
    let script = format!("vrrp_script chk {{\n    script {path}\n    interval 1\n    user {user}\n}}\n");
    let tracked = instance(150, "track_script {\n        chk\n    }");
    let lan = Single::set(context, &format!("global_defs {{\n{global}\n}}\n{script}{tracked}"))?;
    let groups = lan.a.read("/etc/group");
    lan.a.write("/etc/group", &format!("{groups}extra:x:7777:nobody\n"), 0o644)?;
    lan.a.write("/opt/check", "#!/bin/sh\n(id -G; echo $0) > /tmp/seen\n", 0o755)?;
    lan.a.must("ln -s /opt/check /opt/link")?;
    lan.a.must("keepalived -D")?;
    until(ms(3000), "the script ran", || lan.a.read("/tmp/seen").lines().count() == 2)?;
    Ok(lan)
}

fn groups(context: &Context) -> Outcome {
    for (global, user, expected) in [
        ("", "nobody", "65534"),
        ("set_supplementary_groups", "nobody", "65534 7777"),
        ("", "nobody :", "65534 7777"),
        ("", "nobody :users", "100 7777"),
    ] {
        let lan = scripted(context, global, user, "/opt/check")?;
        let seen = lan.a.read("/tmp/seen");
        ensure_same!(
            seen.lines().next().unwrap_or_default(),
            expected,
            "groups with '{global}' and '{user}'"
        );
    }
    Ok(())
}

fn links(context: &Context) -> Outcome {
    for (global, expected) in [("", "/opt/check"), ("use_symlink_paths", "/opt/link")] {
        let lan = scripted(context, global, "nobody", "/opt/link")?;
        let seen = lan.a.read("/tmp/seen");
        ensure_same!(seen.lines().nth(1).unwrap_or_default(), expected, "called as, with '{global}'");
    }
    Ok(())
}
