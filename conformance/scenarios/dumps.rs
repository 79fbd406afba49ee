//! The files that signals ask for: monitoring reads them to the column.

use std::os::unix::fs::PermissionsExt;

use super::lan::{Single, VIP, instance, ms};
use super::ways::give_ipv6;
use crate::both::of_both;
use crate::compare::difference;
use crate::lab::until;
use crate::outcome::{Fault, Outcome, failed};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "dumps";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "the files of all signals are the same for both, line by line and value by value", same_files),
    both(F, "settings that are rare or left out are the same in the files of both", same_rare_files),
    both(F, "virtual MACs are the same in the files of both", same_vmac_files),
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

/// Routers on links of their own, of both families.
const VMACS: &str = "global_defs {
    router_id LAB
    max_auto_priority 20
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    priority 150
    use_vmac
    virtual_ipaddress {
        10.9.0.100/24
        10.9.0.101/24 dev eth0
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 52
    priority 150
    use_vmac own52 02:aa:bb:cc:dd:ee
    vmac_xmit_base
    virtual_ipaddress {
        10.9.0.110/24
    }
    virtual_ipaddress_excluded {
        10.8.0.110/24 dev other0 use_vmac
    }
}
vrrp_instance C {
    interface eth0
    virtual_router_id 53
    priority 150
    use_vmac
    use_vmac_addr
    virtual_ipaddress {
        10.8.0.120 dev other0
        10.9.0.120/24
    }
    virtual_ipaddress_excluded {
        fd00:9::120/64
    }
}
vrrp_instance D {
    interface eth0
    virtual_router_id 54
    priority 150
    use_vmac
    virtual_ipaddress {
        fe80::54
        fd00:9::54/64
    }
    track_interface {
        other0 weight 5
    }
}
vrrp_instance E {
    interface eth0
    virtual_router_id 55
    priority 150
    virtual_ipaddress {
        fe80::55
    }
}
";

/// Numbers of the signals (`keepalived --signum`).
const DATA: i32 = 10;
const STATS: i32 = 12;
const STATS_CLEAR: i32 = 63;
const JSON: i32 = 36;

/// What is left out above, and what is seldom written.
const RARE: &str = "global_defs {
    smtp_server 127.0.0.1
    notification_email {
        a@x.org
    }
    smtp_alert
    process_names
    checker_process_name its_checker
    vrrp_process_name its_vrrp
    vrrp_priority -5
    vrrp_no_swap
    vrrp_rlimit_rttime 20000
    vrrp_rt_priority 1
    vrrp_cpu_affinity 1
    checker_priority 3
    checker_rt_priority 2
    bfd_no_swap
    min_auto_priority_delay 2000000
    dynamic_interfaces allow_if_changes
    vrrp_version 3
    vrrp_garp_master_delay 1
    vrrp_garp_master_repeat 2
    vrrp_garp_master_refresh 30
    vrrp_garp_master_refresh_repeat 2
    vrrp_garp_lower_prio_delay 2
    vrrp_garp_lower_prio_repeat 3
    vrrp_lower_prio_no_advert
    vrrp_higher_prio_send_advert
    vrrp_skip_check_adv_addr
    vrrp_check_unicast_src
    vrrp_startup_delay 0.2
    log_unknown_vrids
    vrrp_notify_priority_changes
    vrrp_mcast_group4 224.0.0.19
    vrrp_down_timer_adverts 2
    vrrp_rx_bufs_policy ADVERT
    vrrp_rx_bufs_multiplier 4
    vrrp_netlink_cmd_rcv_bufs 200000
    vrrp_netlink_monitor_rcv_bufs 300000
    vrrp_netlink_monitor_rcv_bufs_force
    lvs_flush
    lvs_flush_onstop VS
    rs_init_notifies
    no_checker_emails
    checker_log_all_failures
    umask 0027
    nftables_counters
}
static_ipaddress {
    10.9.0.60/24 dev eth0
}
static_routes {
    10.78.0.0/24 via 10.9.0.2 dev eth0
}
static_rules {
    from 10.9.0.60 table 78 priority 700
}
vrrp_track_process missing {
    process nobody-is-called-so-and-ever-will-be
}
vrrp_script chk {
    script /usr/bin/true
    interval 1
    timeout 2
    init_fail
    rise 2
    weight -10 reverse
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 150
    version 2
    advert_int 1
    authentication {
        auth_type AH
        auth_pass s3cr3t
    }
    mcast_src_ip 10.9.0.1
    preempt_delay 1
    dont_track_primary
    smtp_alert
    notify_deleted
    notify_master_rx_lower_pri /usr/bin/true
    garp_master_delay 3
    garp_lower_prio_repeat 7
    virtual_ipaddress {
        10.9.0.100
    }
    virtual_routes {
        10.79.0.0/24 via 10.9.0.2 dev eth0 metric 5
        blackhole 10.80.0.0/24
    }
    virtual_rules {
        from 10.9.0.100 table 79 priority 701
    }
}
vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 52
    priority 120
    advert_int 0.5
    nopreempt
    smtp_alert off
    track_script {
        chk
    }
    virtual_ipaddress {
        10.9.0.130
    }
}
vrrp_instance VI_3 {
    interface eth0
    virtual_router_id 53
    priority 120
    version 2
    advert_int 1
    track_process {
        missing
    }
    virtual_ipaddress {
        10.9.0.140
    }
}
vrrp_instance VI_4 {
    interface eth0
    virtual_router_id 54
    priority 255
    state MASTER
    version 2
    advert_int 2
    accept
    virtual_ipaddress {
        10.9.0.150
    }
}
";

/// The files that signals ask for.
struct Files {
    state: Vec<String>,
    parent: Vec<String>,
    statistics: Vec<String>,
    json: Vec<String>,
}

/// Those of a program some time after it became master of everything.
fn files(subject: Subject, config: &str, others: &[&str]) -> Result<Files, Fault> {
    let lan = Single::of(subject, config)?;
    lan.a.must("ip link add other0 type veth peer name other1; ip addr add 10.8.0.1/24 dev other0")?;
    lan.a.must("ip link set other1 up; ip link set other0 up")?;
    give_ipv6(&lan.a, 1)?;
    lan.start_as_master(100)?;
    for address in others {
        lan.a.gains_ip(address.parse().unwrap_or([0; 4].into()), master_down(120) + SLACK)?;
    }
    let state = comparable(&dump(&lan, DATA, "/tmp/keepalived.data")?);
    // The original's parent has not resolved these yet.
    let parent = dump(&lan, DATA, "/tmp/keepalived_parent.data")?.replace("4294967295", "5");
    Ok(Files {
        state,
        parent: comparable(&parent),
        statistics: comparable(&dump(&lan, STATS, "/tmp/keepalived.stats")?),
        json: values(&dump(&lan, JSON, "/tmp/keepalived.json")?),
    })
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
        // Asked for once, before the first neighbor advertisement.
        "   Not IPv6 forwarding",
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
        "   Multicast address ff02::12, ifindex ",
        "   IPv6 address = ",
        "    Sent: ",
        // 2.2.7 takes what it has set itself for what was there before.
        "   Original arp_ignore ",
        "   Original arp_filter ",
        "   Rx buf size = ",
    ];
    // Each knows another part of the name of this host.
    const OF_HOST: &[&str] = &[
        " Router ID = localhost",
        " Smtp HELO name = localhost",
        " Email notification from = root@localhost",
    ];
    if let Some(own) = OF_HOST.iter().find(|own| line == own.replace("localhost", "a")) {
        return (*own).to_owned();
    }
    let line = line.replace("Number of interface and track script faults", "Number of tracker faults");
    match CHANGING.iter().find(|start| line.starts_with(*start)) {
        Some(start) => format!("{start}#"),
        None => line,
    }
}

fn same_files(_: &Context) -> Outcome {
    compared(CONFIG, &["10.9.0.130"])
}

fn same_rare_files(_: &Context) -> Outcome {
    compared(RARE, &["10.9.0.130"])
}

fn same_vmac_files(_: &Context) -> Outcome {
    compared(VMACS, &["10.9.0.110", "10.9.0.120", "fd00:9::120", "fe80::54", "fe80::55"])
}

fn compared(config: &str, others: &[&str]) -> Outcome {
    let [theirs, ours] = of_both(|subject| files(subject, config, others))?;
    let pairs = [
        ("keepalived.data", theirs.state, ours.state),
        ("keepalived_parent.data", theirs.parent, ours.parent),
        ("keepalived.stats", theirs.statistics, ours.statistics),
        ("keepalived.json", theirs.json, ours.json),
    ];
    let mut differences = String::new();
    for (file, theirs, ours) in pairs {
        ensure!(theirs.len() > 10, "too little to compare in {file}: {theirs:?}");
        let (missing, extra) = difference(&theirs, &ours);
        if !missing.is_empty() || !extra.is_empty() {
            differences += &format!("{file}: only theirs: {missing:#?}, only ours: {extra:#?}\n");
        } else if let Some((theirs, ours)) = theirs.iter().zip(&ours).find(|(theirs, ours)| theirs != ours) {
            differences += &format!("{file}: another order: {theirs:?} in theirs, {ours:?} in ours\n");
        }
    }
    ensure!(differences.is_empty(), "{differences}");
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
