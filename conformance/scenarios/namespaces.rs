//! Several keepalived on one host: network namespaces, instances, and where their files are.

use std::thread;

use super::lan::{Single, VIP, instance, ms};
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, decision, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "namespaces";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "pid files are where namespace, instance, use_pid_dir and options put them", pid_files),
    original(F, "idents in the log end with the namespace and the instance", idents),
    original(F, "in a namespace: address and scripts are there and not outside", inside),
    original(F, "the namespace of the command line beats the configuration's", command_line),
    original(F, "a namespace that is not there is said, and nothing runs", nowhere),
    decision("D10", F, "a namespace that is not there: exit 1, with -t as well", nowhere_status),
    original(F, "two instances on one host do not disturb each other", two_instances),
    ours(F, "keepalived check looks for interfaces in the namespace of each file", checked),
    original(F, "a reload in a namespace takes up the new file, but no new namespace or name", reload),
];

/// An own namespace `blue` inside the host with an `eth0` of its own.
const BLUE: &str = "ip netns add blue && ip -n blue link set lo up && \
                    ip -n blue link add eth0 type veth peer name peer && \
                    ip -n blue addr add 10.9.0.1/24 dev eth0 && \
                    ip -n blue link set peer up && ip -n blue link set eth0 up";

fn configured(place: &str) -> String {
    format!("{place}\n{}", instance(150, ""))
}

fn set(context: &Context, place: &str) -> Result<Single, Fault> {
    let lan = Single::set(context, &configured(place))?;
    lan.a.must(BLUE)?;
    Ok(lan)
}

/// Pid files and directories of keepalived, as somebody outside sees them.
fn files(host: &Host) -> Result<String, Fault> {
    let found = host.must("find /run -name '*.pid' -o -path '/run/keepalived*' -type d | sort | xargs")?;
    Ok(found.trim().to_owned())
}

fn stop(host: &Host) -> Outcome {
    let first = host.keepalived().first().map(|process| process.pid);
    first.map(|pid| host.signal(pid, 15)).transpose()?;
    host.quiet(ms(3000)).map(drop)
}

fn pid_files(context: &Context) -> Outcome {
    const CASES: &[(&str, &str, &str)] = &[
        ("", "", "/run/keepalived.pid /run/vrrp.pid"),
        ("use_pid_dir", "", "/run/keepalived /run/keepalived/keepalived.pid /run/keepalived/vrrp.pid"),
        (
            "instance one",
            "",
            "/run/keepalived /run/keepalived/keepalived_one.pid /run/keepalived/vrrp_one.pid",
        ),
        ("use_pid_dir", "-r /run/v.pid", "/run/keepalived /run/keepalived/keepalived.pid /run/v.pid"),
        (
            "net_namespace blue",
            "",
            "/run/keepalived /run/keepalived/blue /run/keepalived/blue/keepalived.pid \
             /run/keepalived/blue/vrrp.pid",
        ),
        (
            "net_namespace blue\ninstance one",
            "",
            "/run/keepalived /run/keepalived/blue /run/keepalived/blue/keepalived_one.pid \
             /run/keepalived/blue/vrrp_one.pid",
        ),
        (
            "net_namespace blue",
            "-p /run/k.pid -r /run/v.pid",
            "/run/k.pid /run/keepalived /run/keepalived/blue /run/v.pid",
        ),
    ];
    let lan = set(context, "")?;
    for (place, options, expected) in CASES {
        lan.a.configure(&configured(place))?;
        lan.a.must(&format!("umask 077; exec keepalived {options}"))?;
        let pids = expected.split_whitespace().filter(|path| path.ends_with(".pid"));
        for file in pids {
            until(ms(2000), file, || lan.a.pid_file(file).is_some())?;
        }
        ensure_same!(files(&lan.a)?, *expected, "files with '{place}' and '{options}'");
        let modes = lan.a.must("find /run -name '*.pid' | xargs stat -c %a | sort -u")?;
        ensure_same!(modes.trim(), "644", "modes with '{place}'");
        stop(&lan.a)?;
        ensure_same!(files(&lan.a)?, "", "left behind with '{place}' and '{options}'");
    }
    Ok(())
}

fn idents(context: &Context) -> Outcome {
    let lan = set(context, "net_namespace blue\ninstance one")?;
    lan.a.must("keepalived")?;
    let changing = lan.a.log.wait(0, "Changing syslog ident to Keepalived_blue_one", ms(1000))?;
    ensure_same!(changing.ident, "Keepalived", "who says so");
    let starting = lan.a.log.wait(0, "Starting VRRP child process", ms(1000))?;
    ensure_same!(starting.ident, "Keepalived_blue_one", "ident of the parent");
    let entering = lan.a.log.wait(0, "(VI_1) Entering BACKUP STATE (init)", ms(1000))?;
    ensure_same!(entering.ident, "Keepalived_vrrp_blue_one", "ident of the engine");
    stop(&lan.a)
}

fn holds_inside(host: &Host) -> bool {
    let shown = host.run("ip -n blue -o -4 addr show").map(|run| run.out).unwrap_or_default();
    shown.contains(&format!("{VIP}/"))
}

fn inside(context: &Context) -> Outcome {
    let script = "vrrp_script chk {\n    script /tmp/check\n    interval 1\n    weight 1\n}\n";
    let more = "notify_master /tmp/notify\n    track_script {\n        chk\n    }";
    let config = format!("net_namespace blue\n{script}{}", instance(150, more));
    let lan = Single::set(context, &config)?;
    lan.a.must(BLUE)?;
    for name in ["check", "notify"] {
        let text = format!("#!/bin/sh\nreadlink /proc/self/ns/net > /tmp/{name}-ran\n");
        lan.a.write(&format!("/tmp/{name}"), &text, 0o755)?;
    }
    lan.a.must("keepalived -D")?;
    until(master_down(150) + SLACK, "the address in the namespace", || holds_inside(&lan.a))?;
    ensure!(!lan.a.holds(VIP), "the address is outside");
    let blue = lan.a.must("ip netns exec blue readlink /proc/self/ns/net")?;
    for name in ["check", "notify"] {
        let file = format!("/tmp/{name}-ran");
        until(ms(2000), &file, || lan.a.read(&file).contains("net:"))?;
        ensure_same!(lan.a.read(&file), blue, "the namespace of {name}");
    }
    stop(&lan.a)?;
    ensure!(!holds_inside(&lan.a), "the address is left in the namespace");
    Ok(())
}

fn checked(context: &Context) -> Outcome {
    let lan = set(context, "net_namespace blue")?;
    lan.a.must("ip -n blue link set eth0 name inner && mkdir /tmp/check")?;
    let router = |place: &str, interface: &str| configured(place).replace("eth0", interface);
    let files = [
        ("inside", router("net_namespace blue", "inner")),
        ("wrong", router("net_namespace blue", "eth0")),
        ("outside", router("", "eth0")),
        ("nowhere", router("net_namespace green", "inner")),
    ];
    for (name, text) in &files {
        lan.a.write(&format!("/tmp/check/{name}"), text, 0o644)?;
    }
    let run = lan.a.run("cd /tmp/check && keepalived check inside wrong outside nowhere")?;
    let complains = |name: &str, what: &str| {
        let mut lines = run.out.lines().filter(|line| line.contains(&format!("{name}:")));
        lines.any(|line| line.contains(what))
    };
    for (name, missing) in [("inside", false), ("wrong", true), ("outside", false), ("nowhere", false)] {
        ensure_same!(
            complains(name, "does not start with it"),
            missing,
            "a missing interface in {name}: {}",
            run.out
        );
    }
    let unseen = "net_namespace green cannot be entered (No such file or directory)";
    ensure!(complains("nowhere", unseen), "nothing is said of the namespace: {}", run.out);
    Ok(())
}

fn command_line(context: &Context) -> Outcome {
    let lan = set(context, "net_namespace nowhere")?;
    lan.a.must("keepalived -s blue")?;
    let text = "Overriding config net_namespace 'nowhere' with command line namespace 'blue'";
    lan.a.log.wait(0, text, ms(1000))?;
    until(master_down(150) + SLACK, "the address in the namespace", || holds_inside(&lan.a))?;
    ensure!(lan.a.has_file("/run/keepalived/blue/keepalived.pid"), "no pid file");
    stop(&lan.a)
}

fn nowhere(context: &Context) -> Outcome {
    let lan = set(context, "net_namespace nowhere")?;
    for command in ["keepalived", "keepalived -n"] {
        let mark = lan.a.log.mark();
        lan.a.run(command)?;
        let said = lan.a.log.wait(mark, "Unable to set network namespace nowhere - exiting", ms(1000))?;
        ensure_same!((said.ident.as_str(), said.priority), ("Keepalived_nowhere", 27), "ident and level");
        lan.a.quiet(ms(1000))?;
        ensure_same!(files(&lan.a)?, "", "files");
    }
    Ok(())
}

fn nowhere_status(context: &Context) -> Outcome {
    let lan = set(context, "net_namespace nowhere")?;
    ensure_same!(lan.a.run("keepalived -n")?.code, 1, "exit status");
    let test = lan.a.run("keepalived -t")?;
    ensure_same!((test.code, test.err.contains("namespace nowhere")), (1, true), "of the test");
    ensure_same!(lan.a.run("keepalived -t -s blue")?.code, 0, "exit status of a test in a namespace");
    Ok(())
}

fn two_instances(context: &Context) -> Outcome {
    let second = instance(150, "").replace("_router_id 51", "_router_id 52").replace("0.100", "0.101");
    let lan = Single::set(context, &configured("instance one"))?;
    lan.a.write("/etc/keepalived/two.conf", &format!("instance two\n{second}"), 0o644)?;
    let other = [10, 9, 0, 101].into();
    lan.a.must("keepalived -D")?;
    lan.a.must("keepalived -D -f /etc/keepalived/two.conf")?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    lan.a.gains(other, master_down(150) + SLACK)?;
    ensure_same!(lan.a.run("keepalived -D")?.code, 0, "exit status of a second one of the same name");
    lan.a.log.wait(0, "daemon is already running", ms(1000))?;
    let pid = lan.a.pid_file("/run/keepalived/keepalived_one.pid").unwrap_or(0);
    lan.a.signal(pid, 15)?;
    lan.a.loses(VIP, ms(500))?;
    until(ms(3000), "the first one's pid file is gone", || {
        !lan.a.has_file("/run/keepalived/keepalived_one.pid")
    })?;
    thread::sleep(ms(1200));
    ensure!(lan.a.holds(other), "the other instance's address is gone");
    let left = "/run/keepalived /run/keepalived/keepalived_two.pid /run/keepalived/vrrp_two.pid";
    ensure_same!(files(&lan.a)?, left, "files");
    stop(&lan.a)?;
    ensure_same!(files(&lan.a)?, "", "files");
    Ok(())
}

fn reload(context: &Context) -> Outcome {
    let place = "net_namespace blue\ninstance one";
    let lan = set(context, place)?;
    // There is no such interface outside.
    let renamed = "ip -n blue link set eth0 down && ip -n blue link set eth0 name only0 && \
                   ip -n blue link set only0 up";
    lan.a.must(renamed)?;
    let config = |place: &str, priority| configured(place).replace("eth0", "only0").replace("150", priority);
    lan.a.configure(&config(place, "150"))?;
    lan.a.must("keepalived -D")?;
    until(master_down(150) + SLACK, "the address in the namespace", || holds_inside(&lan.a))?;
    let parent = lan.a.pid_file("/run/keepalived/blue/keepalived_one.pid").unwrap_or(0);
    let mark = lan.a.log.mark();
    lan.a.configure(&config(place, "140"))?;
    lan.a.signal(parent, 1)?;
    lan.a.log.wait(mark, "Reload complete", ms(3000))?;
    ensure!(holds_inside(&lan.a), "the address is gone");
    for (changed, what) in [
        ("net_namespace blue\ninstance two", "instance name"),
        ("net_namespace red\ninstance one", "network namespace"),
    ] {
        let mark = lan.a.log.mark();
        lan.a.configure(&config(changed, "140"))?;
        lan.a.signal(parent, 1)?;
        let text = format!("Cannot change {what} at a reload - please restart keepalived");
        lan.a.log.wait(mark, &text, ms(3000))?;
        ensure!(holds_inside(&lan.a), "the address is gone");
        thread::sleep(ms(300));
    }
    stop(&lan.a)
}
