//! What texts mean.

mod common;

use std::net::IpAddr;
use std::sync::Arc;

use common::{lines, run};
use keepalived_conf::{Answers, Class, Lines, Pass, Recorder, lower, render, start_refusal, test_status};
use keepalived_model::Micros;
use keepalived_model::global::lvs::FlushOnStop;
use keepalived_model::global::mail::{Mailbox, Server};
use keepalived_model::global::vrrp::AdvertBuffer;
use keepalived_model::global::{Dynamic, Marker, Process};
use keepalived_model::notify::Command;
use keepalived_model::vrrp::{Auth, ExtraGarp, Preempt, Transport, Version};

const PAIR: &str = r#"
global_defs {
    router_id LVS_1
    enable_script_security
    script_user root
}
vrrp_script chk {
    script "/usr/bin/killall -0 nginx"
    interval 2
    weight -20
    fall 3
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 101
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.168.0.200/24 dev eth1 label eth1:1
    }
    track_script { chk }
    notify_master "/etc/notify.sh master" web
}
"#;

#[test]
fn a_tutorial_pair_means_what_it_says() {
    let lowered = run(PAIR);
    assert_eq!(lines(&lowered.diagnostics), Vec::<String>::new());
    assert_eq!((test_status(&lowered.diagnostics), start_refusal(&lowered.diagnostics)), (0, None));
    let vrrp = &lowered.config.vrrp;
    let [instance] = vrrp.instances.as_slice() else { panic!("{vrrp:?}") };
    assert_eq!(
        (instance.vrid.number(), instance.priority.number(), instance.version),
        (51, 101, Version::V2)
    );
    assert!(instance.wants_master && instance.preempt == Preempt::Always);
    assert_eq!(instance.auth, Auth::Pass(*b"1111\0\0\0\0"));
    assert_eq!(instance.advert_interval, Micros::from_secs(1));
    let group = IpAddr::from([224, 0, 0, 18]);
    assert_eq!(instance.transport, Transport::Multicast { group, source: None });
    let [address] = instance.addresses.as_slice() else { panic!("{instance:?}") };
    assert_eq!(address.ip, IpAddr::from([192, 168, 0, 200]));
    assert_eq!((address.prefix_len, address.interface.as_deref()), (24, Some("eth1")));
    assert_eq!(address.spec.label.as_deref(), Some("eth1:1"));
    let [script] = vrrp.scripts.as_slice() else { panic!("{vrrp:?}") };
    assert_eq!(script.command.argv, [b"/usr/bin/killall".to_vec(), b"-0".to_vec(), b"nginx".to_vec()]);
    assert_eq!(
        (script.interval, script.timeout, script.fall),
        (Micros::from_secs(2), Micros::from_secs(2), 3)
    );
    assert_eq!(instance.track.scripts.first().map(|tracked| tracked.weight.amount), Some(-20));
    let notify = instance.notify.master.as_ref().unwrap();
    assert_eq!((notify.user.uid, notify.argv.len()), (33, 2));
}

#[test]
fn an_engine_reads_the_same_from_bytes_and_answers_alone() {
    let files = common::Memory::default().with(common::FILE, PAIR);
    let sourced = keepalived_conf::read(&files, std::path::Path::new(common::FILE), &common::conditions());
    let machine = common::Machine::default();
    let recorder = Recorder::new(&machine);
    let first = lower(&sourced.lines, &recorder);
    let answers = Answers::from_bytes(&recorder.into_answers().to_bytes()).unwrap();
    let lines = Lines::from_bytes(&sourced.lines.to_bytes()).unwrap();
    assert_eq!(lines, sourced.lines);
    assert_eq!(lower(&lines, &answers), first);
    for end in 0..sourced.lines.to_bytes().len() {
        assert!(Lines::from_bytes(&sourced.lines.to_bytes()[..end]).is_err());
    }
}

#[test]
fn each_process_logs_what_it_owns() {
    let lowered = run("bogus\nglobal_defs {\n bogus2\n}\nvrrp_instance V {\n bogus3\n}\n");
    let log = |pass| render::keepalived::log(&lowered.diagnostics, pass).collect::<Vec<_>>();
    assert_eq!(log(Pass::Parent), ["(Line 1) Unknown keyword 'bogus'", "(Line 3) Unknown keyword 'bogus2'"]);
    assert!(log(Pass::Vrrp).first().unwrap().ends_with("Line 6) Unknown keyword 'bogus3'"));
}

#[test]
fn the_log_says_what_a_misspelt_word_may_have_meant_and_the_test_keeps_to_the_original() {
    let lowered = run("vrrp_instance V {\n priorty 10\n}\n");
    let log: Vec<_> = render::keepalived::log(&lowered.diagnostics, Pass::Vrrp).take(2).collect();
    assert_eq!(log.first().map(|line| line.ends_with("Line 2) Unknown keyword 'priorty'")), Some(true));
    assert_eq!(log.get(1).map(|line| line.ends_with("Line 2) did you mean 'priority'?")), Some(true));
    assert!(!render::keepalived::test(&lowered.diagnostics).any(|line| line.contains("did you mean")));
}

/// One multicast instance with these lines.
fn instance(lines: &str) -> Arc<keepalived_model::vrrp::Instance> {
    with_globals("", lines)
}

fn with_globals(globals: &str, lines: &str) -> Arc<keepalived_model::vrrp::Instance> {
    let text = format!(
        "global_defs {{\n{globals}\n}}\nvrrp_instance V {{\ninterface eth0\nvirtual_router_id 7\n\
         virtual_ipaddress {{ 10.0.0.5 }}\n{lines}\n}}\n"
    );
    let lowered = run(&text);
    lowered
        .config
        .vrrp
        .instances
        .first()
        .unwrap_or_else(|| panic!("{text}{:#?}", lowered.diagnostics))
        .clone()
}

#[test]
fn intervals_are_rounded_to_what_their_version_can_say() {
    let table = [
        ("0.01", 1_000, 10),
        ("1.4", 1_000, 1_400),
        ("1.5", 2_000, 1_500),
        ("2.5", 3_000, 2_500),
        ("0.014", 1_000, 10),
        ("0.015", 1_000, 20),
        ("1.234567", 1_000, 1_230),
        ("40.95", 41_000, 40_950),
        ("40.96", 41_000, 40_950),
        ("255", 255_000, 40_950),
    ];
    for (written, second, third) in table {
        let of = |version| instance(&format!("version {version}\nadvert_int {written}")).advert_interval;
        assert_eq!(of(2), Micros::from_millis(second), "{written}");
        assert_eq!(of(3), Micros::from_millis(third), "{written}");
    }
}

#[test]
fn priority_and_state_make_up_for_each_other() {
    let of = |lines| {
        let found = instance(lines);
        (found.priority.number(), found.wants_master)
    };
    assert_eq!(of(""), (100, false));
    assert_eq!(of("state MASTER"), (255, true));
    assert_eq!(of("state MASTER\npriority 150"), (150, true));
    assert_eq!(of("priority 255"), (255, true));
    assert_eq!(of("priority 300"), (100, false));
    assert_eq!(of("state MASTER\nstrict_mode\npriority 150"), (150, false));
}

#[test]
fn preemption_is_one_of_three() {
    assert_eq!(instance("nopreempt").preempt, Preempt::Never);
    assert_eq!(instance("nopreempt\npreempt").preempt, Preempt::Always);
    assert_eq!(instance("preempt_delay 3.5").preempt, Preempt::After(Micros::from_millis(3_500)));
    assert_eq!(instance("preempt_delay 5s").preempt, Preempt::After(Micros(5)));
    assert_eq!(instance("nopreempt\npreempt_delay 3").preempt, Preempt::Never);
    assert_eq!(instance("state MASTER\npriority 9\nnopreempt").preempt, Preempt::Always);
}

#[test]
fn announcements_inherit_from_the_globals_and_never_from_their_own_burst() {
    let garp = |globals, lines| {
        let found = with_globals(globals, lines).garp;
        let secs = [found.delay, found.refresh, found.lower_prio_delay].map(Micros::as_secs);
        (found.repeat, found.refresh_repeat, found.lower_prio_repeat, secs)
    };
    assert_eq!(garp("", ""), (5, 1, 5, [5, 0, 5]));
    assert_eq!(garp("", "garp_master_delay 7\ngarp_master_repeat 3"), (3, 1, 5, [7, 0, 5]));
    let globals = "vrrp_garp_master_delay 9\nvrrp_garp_master_repeat 2\nvrrp_garp_master_refresh 60";
    assert_eq!(garp(globals, ""), (2, 1, 2, [9, 60, 9]));
    assert_eq!(garp(globals, "garp_master_refresh x\ngarp_lower_prio_repeat 0"), (2, 1, 0, [9, 0, 9]));
    assert_eq!(garp("vrrp_min_garp", ""), (1, 1, 1, [0, 0, 0]));
    assert_eq!(garp("vrrp_garp_master_delay 9\nvrrp_min_garp", ""), (1, 1, 1, [9, 0, 9]));
    assert_eq!(garp("vrrp_min_garp\nvrrp_garp_master_delay 9", ""), (1, 1, 1, [9, 0, 9]));
    assert_eq!(garp("vrrp_strict", ""), (5, 1, 0, [5, 0, 0]));
}

#[test]
fn unicast_needs_a_peer() {
    let unicast =
        instance("unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n10.0.0.3/24\n}\nunicast_ttl 9");
    let source = Some(IpAddr::from([10, 0, 0, 1]));
    let peers = [2, 3].map(|last| IpAddr::from([10, 0, 0, last]).into()).to_vec();
    assert_eq!(unicast.transport, Transport::Unicast { peers, source, check_source: false, ttl: Some(9) });
    let group = IpAddr::from([224, 0, 0, 18]);
    assert_eq!(instance("unicast_src_ip 10.0.0.1").transport, Transport::Multicast { group, source });
    let group = IpAddr::from([224, 0, 0, 99]);
    assert_eq!(instance("mcast_dst_ip 224.0.0.99").transport, Transport::Multicast { group, source: None });
    assert_eq!(
        with_globals("vrrp_mcast_group4 224.0.0.99", "").transport,
        Transport::Multicast { group, source: None }
    );
}

#[test]
fn globals_after_the_instances_count_just_the_same() {
    let lowered =
        run("vrrp_instance V {\ninterface eth0\nvirtual_router_id 7\nvirtual_ipaddress { 10.0.0.5 }\n}\n\
         global_defs {\nvrrp_garp_master_repeat 2\nvrrp_version 3\nvrrp_down_timer_adverts 9\n}\n");
    let found = lowered.config.vrrp.instances.first().unwrap();
    assert_eq!((found.garp.repeat, found.version, found.down_timer_adverts), (2, Version::V3, 9));
}

#[test]
fn addresses_that_do_not_fit_an_advert_are_carried_all_the_same() {
    let many: String = (0..300).map(|n| format!("10.0.{}.{}\n", n / 250, n % 250 + 1)).collect();
    let found =
        instance(&format!("virtual_ipaddress_excluded {{ 10.9.9.9 }}\nvirtual_ipaddress {{\n{many}}}"));
    assert_eq!((found.addresses.len(), found.excluded.len()), (255, 46));
    assert_eq!(found.excluded.last().map(|address| address.ip.to_string()).as_deref(), Some("10.9.9.9"));
}

#[test]
fn a_password_is_bytes_and_eight_of_them() {
    let auth = |word: &str| {
        instance(&format!("authentication {{\nauth_type PASS\nauth_pass {word}\n}}")).auth.clone()
    };
    assert_eq!(auth("123456789012"), Auth::Pass(*b"12345678"));
    assert_eq!(auth("ab!cd"), Auth::Pass(*b"ab\0\0\0\0\0\0"));
    assert_eq!(auth("\"a b\""), Auth::Pass(*b"a b\0\0\0\0\0"));
    assert_eq!(auth("ééééé"), Auth::Pass(*"éééé".as_bytes().first_chunk().unwrap()));
}

#[test]
fn a_script_in_typographic_quotes_runs() {
    let lowered = run(
        "vrrp_script s {\nscript “/opt/check.sh a”\n}\nvrrp_instance V {\ninterface eth0\nvirtual_router_id 7\n\
         virtual_ipaddress { 10.0.0.5 }\ntrack_script { s }\n}\n",
    );
    let script = lowered.config.vrrp.scripts.first().unwrap();
    assert_eq!(script.command.argv, [b"/opt/check.sh".to_vec(), b"a".to_vec()]);
    assert!(lowered.diagnostics.iter().any(|d| d.code == "typographic-quotes"));
}

#[test]
fn a_file_without_shebang_is_for_the_shell_and_a_bracket_opens_a_file() {
    let scripts = |line: &str| {
        let text = format!(
            "vrrp_script s {{\nscript {line}\n}}\nvrrp_instance V {{\ninterface eth0\nvirtual_router_id 7\n\
             virtual_ipaddress {{ 10.0.0.5 }}\ntrack_script {{ s }}\n}}\n"
        );
        let command = run(text).config.vrrp.scripts.first().unwrap().command.clone();
        let argv: Vec<String> =
            command.argv.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        (String::from_utf8(command.path).unwrap(), argv)
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        scripts("\"/x.noshebang a\""),
        ("/bin/sh".into(), words(&["/x.noshebang", "/x.noshebang", "a"]))
    );
    assert_eq!(
        scripts("\"</etc/x y\""),
        ("/bin/sh".into(), words(&["</etc/x", "-c", ": <\"$0\"", "/etc/x"]))
    );
    assert_eq!(scripts("/x/y a b"), ("/x/y".into(), words(&["/x/y"])));
}

#[test]
fn process_settings_reach_the_model() {
    let lowered = run(
        "global_defs {\nrouter_id A\nmax_auto_priority\nvrrp_priority -5\nvrrp_rt_priority 20\nvrrp_no_swap\n\
         vrrp_rlimit_rttime 1\numask IRWXG|IRWXO\ndynamic_interfaces\nlog_unknown_vrids\n}\nchild_wait_time 9\n",
    );
    let global = &lowered.config.global;
    assert_eq!(
        (global.router_id.as_deref(), global.processes.max_auto_priority, global.processes.umask),
        (Some("A"), Some(99), Some(0o077))
    );
    assert_eq!(
        (global.processes.child_wait, global.interfaces.dynamic, global.vrrp.log_unknown_vrids),
        (Micros::from_secs(9), Dynamic::Yes, true)
    );
    let process = global.processes.vrrp.scheduling;
    assert_eq!((process.nice, process.realtime, process.no_swap), (Some(-5), Some(20), true));
    assert_eq!(process.rlimit_rttime, Some(Micros(2)));
    let off = run("global_defs {\nvrrp_rt_priority 0\n}\n").config.global.processes.vrrp;
    assert_eq!(off.scheduling.realtime, Some(0));
}

#[test]
fn every_global_reaches_the_model() {
    let lowered = run(GLOBALS);
    let said: Vec<_> =
        lowered.diagnostics.iter().filter(|d| d.class > Class::NotYet && !d.log_only).collect();
    // The one thing to say is that there is no iptables.
    assert_eq!(said.len(), 1, "{said:?}");
    let global = &lowered.config.global;
    let path = |path: &str| Some(std::path::PathBuf::from(path));
    let name = |process: &Process| process.name.clone().unwrap_or_default();
    let processes = &global.processes;
    assert_eq!(processes.supervisor_name.as_deref(), Some("boss"));
    assert_eq!(
        [&processes.vrrp, &processes.checker, &processes.bfd].map(name),
        ["keepalived_vrrp", "lb", "keepalived_bfd"]
    );
    assert_eq!((processes.vrrp.processors.as_slice(), processes.umask), (&[0, 1][..], Some(0o140)));
    let scripts = &global.scripts;
    let run_by = |command: &Option<Command>| command.as_ref().map(|command| command.argv.len());
    assert_eq!((run_by(&scripts.startup), run_by(&scripts.shutdown)), (Some(2), Some(1)));
    assert_eq!((scripts.startup_timeout, scripts.shutdown_timeout), (secs(3), secs(10)));
    let fifos = &global.fifos;
    assert!(fifos.all.as_ref().is_some_and(|fifo| fifo.owner.uid == 33 && fifo.script.is_some()));
    assert!(fifos.vrrp.is_none() && fifos.lvs.as_ref().is_some_and(|fifo| fifo.script.is_none()));
    let mail = &global.mail;
    assert_eq!(mail.to.iter().map(Mailbox::header).collect::<Vec<_>>(), ["a@b", "\"Night, Ops\" <c@d>"]);
    assert_eq!(mail.server, Some(Server { host: "10.0.0.9".into(), port: 587 }));
    assert_eq!(
        (mail.alerts.of_vrrp(), mail.alerts.of_checkers(), mail.connect_timeout),
        (false, Some(true), secs(30))
    );
    let vrrp = &global.vrrp;
    assert_eq!((vrrp.garp.repeat, vrrp.garp.lower_prio_repeat, vrrp.garp.delay), (3, 3, secs(5)));
    assert_eq!(vrrp.garp.extra, Some(ExtraGarp { interval: secs(60), all: true }));
    assert_eq!((vrrp.vmac_prefix.as_str(), vrrp.vmac_addr_prefix.as_str()), ("vm", "vm"));
    assert_eq!(vrrp.buffers.adverts, Some(AdvertBuffer::Mtu));
    assert_eq!((vrrp.buffers.netlink_command.bytes, vrrp.buffers.netlink_command.force), (1000, true));
    let lvs = &global.lvs;
    assert_eq!((lvs.timeouts.tcp, lvs.timeouts.tcp_fin, lvs.timeouts.udp), (secs(900), secs(0), secs(30)));
    assert_eq!(lvs.flush_on_stop, FlushOnStop::VirtualServers);
    let sync = lvs.sync_daemon.as_ref().unwrap();
    assert_eq!(
        (sync.instance.as_deref(), sync.id, sync.port, sync.ttl),
        (Some("VI"), Some(7), Some(8849), None)
    );
    let nftables = &global.nftables;
    assert_eq!((nftables.table.as_deref(), nftables.priority), (Some("keepalived"), -5));
    assert_eq!(nftables.sets.as_ref().map(|sets| sets.link_local.as_str()), Some("ka_if6"));
    assert!(global.snmp.rfc2787 && global.snmp.rfc6527 && !global.snmp.traps);
    assert_eq!((global.dbus.service.as_deref(), global.dumps.json_version), (Some("org.x"), 2));
    assert_eq!(
        (&global.lookups.iproute_etc, &global.reload.check_log),
        (&path("/etc/ip"), &path("/dev/null"))
    );
    assert_eq!(global.reload.marker, Marker::BesidePidFile);
    assert_eq!((global.instance.as_deref(), global.namespaces.ipvs.as_deref()), (Some("one"), Some("")));
}

/// Where they stand makes no difference, neither at a start nor at a reload (D10).
#[test]
fn globals_are_read_before_everything_else() {
    let instance =
        "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.5 }\n}\n";
    let globals = "global_defs {\nvrrp_garp_master_repeat 2\nvrrp_down_timer_adverts 7\nvrrp_version 3\n}\n";
    let before = run(format!("{globals}{instance}")).config;
    let after = run(format!("{instance}{globals}")).config;
    assert_eq!(before, after);
    assert_eq!((after.vrrp.instances[0].garp.repeat, after.vrrp.instances[0].down_timer_adverts), (2, 7));
}

fn secs(secs: u64) -> Micros {
    Micros::from_secs(secs)
}

const GLOBALS: &str = r#"
instance one
net_namespace_ipvs
global_defs {
    enable_script_security
    script_user root
    process_names
    process_name boss
    lvs_process_name lb
    vrrp_cpu_affinity 1 0
    umask IWGRP | IXUSR|IXGRP | IXUSR
    umask 0140
    startup_script "/etc/start.sh now"
    startup_script_timeout 3
    shutdown_script /etc/stop.sh
    notify_fifo /run/all web
    notify_fifo_script /etc/reader.sh
    vrrp_notify_fifo /run/all
    lvs_notify_fifo /run/lvs
    lvs_notify_fifo_script /missing/reader
    notification_email {
        a@b "Night, Ops <c@d>"
    }
    smtp_server 10.0.0.9 587
    smtp_alert
    smtp_alert_vrrp off
    vrrp_garp_master_repeat 3
    vrrp_garp_extra_if all 60
    vmac_prefix vm
    vrrp_rx_bufs_policy mtu
    vrrp_netlink_cmd_rcv_bufs 1000
    vrrp_netlink_cmd_rcv_bufs_force
    lvs_timeouts tcp 900 udp 30
    lvs_flush_on_stop VS
    lvs_sync_daemon eth0 inst VI port 8849 id 7
    vrrp_iptables
    nftables_priority -5
    vrrp_ipsets ka
    enable_snmp_rfc
    enable_dbus
    dbus_service_name org.x
    json_version 2
    iproute_etc_dir /etc/ip
    reload_check_config
    reload_file
}
"#;
