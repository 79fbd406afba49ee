//! What other programs see: processes, pid files, signals, options and exit codes, in one table for both.

use std::fmt::Write;

use super::lan::{Single, VIP, instance, ms};
use crate::both::of_both;
use crate::ensure;
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome};
use crate::table::{Context, Scenario, both};

const F: &str = "outside";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "processes, pid files and signals are the same for both", processes),
    both(F, "options, streams and exit codes are the same for both", options),
    both(F, "exit codes of -t are the same for both", validation),
];

/// What a shell on the box sees while keepalived runs.
const RUNNING: &[&str] = &[
    "pidof keepalived | wc -w",
    "ps -C keepalived --no-header | wc -l",
    "ps -C keepalived --no-header -o comm=,args= | sort",
    "pgrep -x keepalived | wc -l",
    "ls /run/*.pid | grep -v nginx",
    "stat -c %a:%U /run/keepalived.pid /run/vrrp.pid",
    "wc -l < /run/keepalived.pid",
    "ps -o ppid= -p $(cat /run/vrrp.pid) | tr -d ' ' | grep -qx $(cat /run/keepalived.pid) && echo child",
    "ps -o pgid= -p $(cat /run/vrrp.pid) | tr -d ' ' | grep -qx $(cat /run/keepalived.pid) && echo group",
    "ps -o sid= -p $(cat /run/vrrp.pid) | tr -d ' ' | grep -qx $(cat /run/keepalived.pid) && echo session",
    "ps -o tty= -p $(cat /run/keepalived.pid)",
    "readlink /proc/$(cat /run/keepalived.pid)/cwd /proc/$(cat /run/vrrp.pid)/cwd",
    "readlink /proc/$(cat /run/keepalived.pid)/exe /proc/$(cat /run/vrrp.pid)/exe",
    "for fd in 0 1 2; do readlink /proc/$(cat /run/keepalived.pid)/fd/$fd; done",
    "grep Umask /proc/$(cat /run/keepalived.pid)/status /proc/$(cat /run/vrrp.pid)/status | cut -d: -f2-",
    "cat /proc/$(cat /run/keepalived.pid)/comm /proc/$(cat /run/vrrp.pid)/comm",
    "killall -0 keepalived; echo $?",
    "start-stop-daemon --status --pidfile /run/keepalived.pid --exec /usr/sbin/keepalived; echo $?",
    "keepalived; echo second start $?",
    "ls /run/*.pid | grep -v nginx",
    "kill -s $(keepalived --signum=RELOAD) $(cat /run/keepalived.pid); echo $?",
];

/// What is tried without a running daemon; the configuration is good.
const OPTIONS: &[&str] = &[
    "keepalived --signum=STOP; echo $?",
    "keepalived --signum=RELOAD; echo $?",
    "keepalived --signum=DATA; echo $?",
    "keepalived --signum=STATS; echo $?",
    "keepalived --signum=STATS_CLEAR; echo $?",
    "keepalived --signum=JSON; echo $?",
    "keepalived --signum JSON; echo $?",
    "keepalived --signum=FOO 2>&1; echo $?",
    "keepalived --foo 2>&1; echo $?",
    "keepalived -f 2>&1; echo $?",
    "keepalived -g 2>&1; echo $?",
    "keepalived -v >/dev/null; echo $?",
    "keepalived -v 2>&1 >/dev/null | head -1 | cut -d' ' -f1",
    "keepalived --version 2>/dev/null | wc -c",
    "keepalived --help >/dev/null; echo $?",
    "keepalived -t extra; echo $?",
    "keepalived -n -f /not/there; echo $?",
    "keepalived -f /not/there; echo $?",
];

fn table(host: &Host, commands: &[&str]) -> Result<String, Fault> {
    let mut text = String::new();
    for command in commands {
        let run = host.run(command)?;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "$ {command}\n{}", run.out.trim_end());
    }
    Ok(text)
}

/// Fails with the rows that differ.
fn compare(tables: &[String]) -> Outcome {
    let rows = |text: &str| text.split("$ ").map(str::to_owned).collect::<Vec<_>>();
    let (theirs, ours) = (rows(&tables[0]), rows(&tables[1]));
    let mut differing = String::new();
    for (left, right) in theirs.iter().zip(&ours).filter(|(left, right)| left != right) {
        let answer = |row: &str| row.split_once('\n').map_or("", |(_, answer)| answer.trim()).to_owned();
        let command = left.lines().next().unwrap_or_default();
        let _ = write!(
            differing,
            "\n  {command}\n    theirs: {:?}\n    ours:   {:?}",
            answer(left),
            answer(right)
        );
    }
    ensure!(differing.is_empty(), "the tables differ:{differing}");
    Ok(())
}

fn processes(_: &Context) -> Outcome {
    compare(&of_both(|subject| {
        let lan = Single::of(subject, &instance(255, "").replace("BACKUP", "MASTER"))?;
        let mut text = table(&lan.a, &["keepalived; echo start $?"])?;
        lan.a.gains(VIP, ms(2000))?;
        text += &table(&lan.a, RUNNING)?;
        lan.a.log.wait(0, "Reload complete", ms(2000))?;
        text += &table(&lan.a, &["killall keepalived; echo $?"])?;
        lan.a.quiet(ms(3000))?;
        text += &table(&lan.a, &["ls /run/*.pid", "ip -4 addr show dev eth0 | grep -c 10.9.0.100"])?;
        text += &table(&lan.a, &["(keepalived -n; echo foreground $? > /tmp/code) & sleep 0.5"])?;
        until(ms(2000), "a vrrp process", || lan.a.pid_file("/run/vrrp.pid").is_some())?;
        text += &table(&lan.a, &["kill $(cat /run/keepalived.pid)"])?;
        until(ms(3000), "an exit code", || lan.a.has_file("/tmp/code"))?;
        text += &table(&lan.a, &["cat /tmp/code"])?;
        Ok(text)
    })?)
}

fn options(_: &Context) -> Outcome {
    compare(&of_both(|subject| {
        let lan = Single::of(subject, &instance(100, ""))?;
        let mut text = table(&lan.a, OPTIONS)?;
        lan.a.configure(&instance(100, "").replace("eth0", "nowhere0"))?;
        text += &table(&lan.a, &["keepalived -n; echo no such interface $?", "keepalived; echo daemon $?"])?;
        lan.a.quiet(ms(3000))?;
        lan.a.configure(&instance(100, "").replace("virtual_router_id 51", ""))?;
        text += &table(&lan.a, &["keepalived -n; echo no VRID $?"])?;
        lan.a.configure("vrrp_instance VI_1 {\n    state\n}\n")?;
        text += &table(&lan.a, &["keepalived -n; echo a keyword without its word $?"])?;
        lan.a.configure("global_defs {\n    router_id nobody\n}\n")?;
        text += &table(&lan.a, &["keepalived; echo nothing to run $?; sleep 0.5; pidof keepalived | wc -w"])?;
        text += &table(&lan.a, &["killall keepalived; sleep 1.5; pidof keepalived | wc -w"])?;
        Ok(text)
    })?)
}

fn validation(_: &Context) -> Outcome {
    let good = instance(100, "");
    let cases: Vec<(&str, String)> = vec![
        ("good", good.clone()),
        ("unknown keyword", good.replace("advert_int 1", "advert_int 1\n    no_such_word 5")),
        ("priority out of range", good.replace("priority 100", "priority 300")),
        ("bad address", good.replace("10.9.0.100", "10.9.0.999")),
        ("long password", instance(100, "authentication {\n auth_type PASS\n auth_pass 123456789\n }")),
        ("no such interface", good.replace("eth0", "nowhere0")),
        ("a keyword without its word", good.replace("state BACKUP", "state")),
        (
            "a script without script security",
            super::lan::script("interval 1") + &instance(100, super::lan::TRACK),
        ),
        ("unclosed block", good.trim_end().trim_end_matches('}').to_owned()),
        ("empty", String::new()),
    ];
    compare(&of_both(|subject| {
        let lan = Single::of(subject, &good)?;
        let mut text = String::new();
        for (name, config) in &cases {
            lan.a.configure(config)?;
            let run = lan.a.run("keepalived -t")?;
            let _ = writeln!(text, "$ {name}\n{}", run.code);
        }
        Ok(text)
    })?)
}
