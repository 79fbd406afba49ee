//! What texts mean.

mod common;

use std::net::{IpAddr, Ipv4Addr};

use common::{lines, run};
use keepalived_conf::{Answers, Lines, Pass, Recorder, lower, start_refusal, test_status};
use keepalived_model::Micros;
use keepalived_model::vrrp::{Auth, Preempt, Transport, Version};

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
    let group = Ipv4Addr::new(224, 0, 0, 18);
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
    assert_eq!(instance.track_scripts.first().map(|tracked| tracked.weight.amount), Some(-20));
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
    let log = |pass| keepalived_conf::render::keepalived::log(&lowered.diagnostics, pass).collect::<Vec<_>>();
    assert_eq!(log(Pass::Parent), ["(Line 1) Unknown keyword 'bogus'", "(Line 3) Unknown keyword 'bogus2'"]);
    assert!(log(Pass::Vrrp).first().unwrap().ends_with("Line 6) Unknown keyword 'bogus3'"));
}
