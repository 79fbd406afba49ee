//! The files that signals ask for: monitoring reads them to the column.

use std::os::unix::fs::PermissionsExt;

use super::lan::{Single, VIP, instance, ms};
use crate::compare::difference;
use crate::lab::until;
use crate::outcome::{Fault, Outcome, failed};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "dumps";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "keepalived.data of both programs, line by line", same_data),
    both(F, "keepalived_parent.data of both programs, line by line", same_parent_data),
    both(F, "keepalived.stats of both programs, line by line", same_statistics),
    both(F, "keepalived.json of both programs, value by value", same_json),
    original(F, "counters begin from zero after they were asked to", cleared),
    ours(F, "files get the names that are configured, and the second layout of JSON", configured),
];

const CONFIG: &str = "global_defs {
    router_id LAB
    script_user root
    enable_script_security
    max_auto_priority 20
    startup_script \"/usr/bin/test -d 'a b'\"
    startup_script_timeout 5
    shutdown_script /usr/bin/true
    notify_fifo /run/all
    notify_fifo_script \"/usr/bin/sleep 100\"
    vrrp_notify_fifo /run/vrrp nobody
    vrrp_notify_fifo_script \"/usr/bin/sleep 200\" nobody
    lvs_notify_fifo /run/lvs
    fifo_write_vrrp_states_on_reload
    no_email_faults
    notification_email {
        a@x.org
    }
    notification_email_from ka@x.org
    smtp_server 127.0.0.1 26
    smtp_helo_name helo.x.org
    smtp_alert_vrrp off
}
track_file tf {
    file /tmp/tf
    weight 2
}
track_file tg {
    file /tmp/tg
    weight 3 reverse
}
track_file th {
    file /tmp/tg
}
vrrp_track_process tp {
    process nobody-is-called-so-and-ever-will-be
    weight 5
    delay 0.5
}
vrrp_track_process tq {
    process /bin/nobody a \"b c\"
    param_match initial
    quorum 2
    quorum_max 5
    weight 3 reverse
    terminate_delay 1
}
vrrp_track_process tr {
    process nobody
    param_match partial
    weight 7
}
vrrp_track_process ts {
    process nobody
    full_command
    fork_delay 1.25
}
vrrp_sync_group G1 {
    group {
        VI_1
        VI_2
    }
    notify_priority_changes
    notify \"/usr/bin/test group\"
    track_file {
        tg
    }
}
vrrp_script chk {
    script \"/usr/bin/test -d /tmp\"
    interval 1
    rise 2
    fall 2
    timeout 3
    weight 10
}
vrrp_instance VI_1 {
    interface eth0
    state BACKUP
    virtual_router_id 51
    priority 150
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass s3cr3t
    }
    virtual_ipaddress {
        10.9.0.100/24
        10.9.0.101/32 dev eth0 label eth0:v1
        10.9.0.102/24 brd 10.9.0.255 scope link
    }
    virtual_ipaddress_excluded {
        10.9.0.110
    }
    notify_master \"/usr/bin/test master\"
    notify_backup \"/usr/bin/test backup\"
    notify_fault \"/usr/bin/test fault\"
    notify_stop \"/usr/bin/test stop\"
    notify \"/usr/bin/test any\"
}
vrrp_instance VI_2 {
    interface eth0
    state BACKUP
    virtual_router_id 52
    priority 100
    version 3
    advert_int 0.5
    unicast_src_ip 10.9.0.1
    unicast_peer {
        10.9.0.2
    }
    virtual_ipaddress {
        10.9.0.120
    }
}
vrrp_instance VI_3 {
    interface eth0
    virtual_router_id 53
    priority 120
    nopreempt
    track_script {
        chk
    }
    track_interface {
        lo weight 3
    }
    track_file {
        tf
        tg weight 4
    }
    track_process {
        tp
        tq weight 2
        tr weight 2 reverse
    }
    garp_master_refresh 10
    virtual_ipaddress {
        10.9.0.130
    }
}
";

/// Numbers of the signals (`keepalived --signum`).
const DATA: i32 = 10;
const STATS: i32 = 12;
const STATS_CLEAR: i32 = 63;
const JSON: i32 = 36;

/// A file of each program, theirs first, some time after both became master of everything.
fn of_both(signal: i32, file: &str) -> Result<[String; 2], Fault> {
    let mut texts = Vec::new();
    for subject in [Subject::Theirs, Subject::Ours] {
        let lan = Single::of(subject, CONFIG)?;
        lan.start_as_master(100)?;
        lan.a.gains([10, 9, 0, 130].into(), master_down(120) + SLACK)?;
        texts.push(dump(&lan, signal, file)?);
    }
    let ours = texts.pop().unwrap_or_default();
    Ok([texts.pop().unwrap_or_default(), ours])
}

/// What a signal to the parent makes of a file.
fn dump(lan: &Single, signal: i32, file: &str) -> Result<String, Fault> {
    let Some(parent) = lan.a.pid_file("/run/keepalived.pid") else { return failed("no pid file") };
    lan.a.must(&format!("rm -f {file}"))?;
    lan.a.signal(parent, signal)?;
    let mut before = String::new();
    // The original writes in place: a file that has stopped growing is finished.
    until(ms(1000), file, || {
        let now = lan.a.read(file);
        let finished = !now.is_empty() && now == before;
        before = now;
        finished
    })?;
    Ok(before)
}

/// Lines in which times, descriptors and the like are marks, without what only one version has.
fn comparable(text: &str) -> Vec<String> {
    const ONE_VERSION_ONLY: &[&str] = &[
        " SNMP",
        " DBus",
        " libnftnl version",
        " Replace symlinks",
        " Don't set supplementary",
        " Use VRRPv2 checksum",
        " json_version",
        " iproute ",
        "   Flags of interface faults",
        "   Last advert sent",
        "   VRRPv3 uses VRRPv2 checksum",
        "   Path = ",
        "   Group = 0",
        "  Authentication Extension Errors:",
        "    Missing: 0",
        "    Malformed: 0",
        "    Unknown Key: 0",
        "    Invalid HMAC: 0",
        "    Stale: 0",
        "    Replay: 0",
    ];
    let keep = |line: &&str| !ONE_VERSION_ONLY.iter().any(|start| line.starts_with(start));
    text.lines().filter(keep).map(marked).collect()
}

fn marked(line: &str) -> String {
    const CHANGING: &[&str] = &[
        "   Last transition = ",
        "   Read timeout = ",
        "   Password = ",
        "   fd_in ",
        " fd_in ",
        "   index = ",
        "   MAC = ",
        "   IPv6 address = ",
        "    Sent: ",
    ];
    let line = line.replace("Number of interface and track script faults", "Number of tracker faults");
    match CHANGING.iter().find(|start| line.starts_with(*start)) {
        Some(start) => format!("{start}#"),
        None => line,
    }
}

fn compared([theirs, ours]: [String; 2]) -> Outcome {
    let (theirs, ours) = (comparable(&theirs), comparable(&ours));
    ensure!(theirs.len() > 10, "too little to compare: {theirs:?}");
    let (missing, extra) = difference(&theirs, &ours);
    ensure!(missing.is_empty() && extra.is_empty(), "only theirs: {missing:#?}, only ours: {extra:#?}");
    ensure_same!(ours, theirs, "order of lines");
    Ok(())
}

fn same_data(_: &Context) -> Outcome {
    compared(of_both(DATA, "/tmp/keepalived.data")?)
}

fn same_parent_data(_: &Context) -> Outcome {
    // The original's parent has not resolved these yet.
    let unresolved = |text: String| text.replace("4294967295", "5");
    compared(of_both(DATA, "/tmp/keepalived_parent.data")?.map(unresolved))
}

fn same_statistics(_: &Context) -> Outcome {
    compared(of_both(STATS, "/tmp/keepalived.stats")?)
}

fn same_json(_: &Context) -> Outcome {
    let [theirs, ours] = of_both(JSON, "/tmp/keepalived.json")?.map(|text| values(&text));
    let (missing, extra) = difference(&theirs, &ours);
    ensure!(missing.is_empty() && extra.is_empty(), "only theirs: {missing:#?}, only ours: {extra:#?}");
    ensure_same!(ours, theirs, "order of keys");
    Ok(())
}

/// `"key":value` pieces in order, without what changes or only one version has.
fn values(text: &str) -> Vec<String> {
    let cut = text.replace(",\"", "\n\"").replace("{\"", "\n\"");
    let pieces = cut.lines().map(|piece| piece.trim_end_matches(['}', ']', '[', ',', '\n']));
    let keep = |piece: &&str| {
        !piece.is_empty()
            && ![
                "\"auth_ext_",
                "\"auth_data\"",
                "\"last_transition\"",
                "\"advert_sent\"",
                "\"track_process\"",
                "\"tq\"",
                "\"tr\"",
            ]
            .iter()
            .any(|start| piece.starts_with(start))
    };
    pieces.filter(keep).map(str::to_owned).collect()
}

fn cleared(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    ensure!(dump(&lan, STATS_CLEAR, "/tmp/keepalived.stats")?.contains("Became master: 1"), "not counted");
    let after = dump(&lan, STATS, "/tmp/keepalived.stats")?;
    ensure!(after.contains("Became master: 0"), "not cleared: {after}");
    let mode = lan.a.path("/tmp/keepalived.stats").metadata()?.permissions().mode() & 0o777;
    ensure_same!(mode, 0o600, "mode of the file");
    Ok(())
}

fn configured(context: &Context) -> Outcome {
    let globals = "global_defs {\n    json_version 2\n    json_dump_file /run/ka/\n    \
                   state_dump_file /run/ka/state.txt\n}\n";
    let lan = Single::set(context, &(globals.to_owned() + &instance(150, "")))?;
    lan.a.must("mkdir /run/ka")?;
    lan.start_as_master(150)?;
    let json = dump(&lan, JSON, "/run/ka/keepalived.json")?;
    ensure!(json.starts_with("{\"vrrp\":[{\"data\":{\"iname\":\"VI_1\""), "{json}");
    ensure!(json.ends_with("}],\"track_process\":[]}\n"), "{json}");
    ensure!(json.contains(&format!("\"vips\":[\"{VIP} dev eth0 scope global set\"]")), "{json}");
    let parent = dump(&lan, DATA, "/run/ka/state_parent.txt")?;
    ensure!(parent.starts_with("------< Global definitions >------\n"), "{parent}");
    until(ms(500), "the engine's file", || lan.a.read("/run/ka/state.txt").contains("VRRP Topology"))?;
    Ok(())
}
