//! What virtual servers and BFD sessions come to in the model.

mod common;

use common::run;
use keepalived_model::bfd::Receivers;
use keepalived_model::check::{Checker, Kind};
use keepalived_model::lvs::VirtualServer;
use keepalived_model::time::Micros;

fn services(text: &str) -> Vec<VirtualServer> {
    run(text).config.lvs.services
}

fn checkers(inner: &str) -> Vec<Checker> {
    let text = format!("virtual_server 10.0.0.1 80 {{\nprotocol TCP\n{inner}\n}}\n");
    services(&text).remove(0).servers.remove(0).checkers
}

#[test]
fn times_are_handed_down_wherever_they_stand_and_each_kind_has_defaults_of_its_own() {
    let found = checkers(
        "real_server 10.1.0.1 80 {\nTCP_CHECK {\n}\nDNS_CHECK {\nretry 0\n}\nHTTP_GET {\nurl {\npath /\n}\n}\nretry 7\n}\n\
         delay_loop 6\nconnect_timeout 2",
    );
    let pace: Vec<_> =
        found.iter().map(|c| (c.pace.delay_loop, c.pace.retries, c.pace.delay_before_retry)).collect();
    let secs = Micros::from_secs;
    assert_eq!(pace, [(secs(6), 7, secs(1)), (secs(6), 0, secs(6)), (secs(6), 7, secs(3))]);
    assert!(found.iter().all(|checker| checker.pace.warmup == secs(6)));
    assert!(matches!(&found[0].kind, Kind::Tcp(to) if to.timeout == secs(2)));
}

#[test]
fn a_check_connects_to_the_port_in_effect() {
    let found = checkers("real_server 10.1.0.1 {\nTCP_CHECK {\n}\nTCP_CHECK {\nconnect_port 81\n}\n}");
    let ports: Vec<_> = found
        .iter()
        .map(|checker| match &checker.kind {
            Kind::Tcp(to) => to.port,
            _ => None,
        })
        .collect();
    assert_eq!(ports, [Some(80), Some(81)]);
}

#[test]
fn every_host_of_a_mail_check_is_a_checker_and_the_block_one_only_if_it_says_where_to() {
    let hosts = "host {\nconnect_ip 10.2.0.1\n}\nhost {\nconnect_ip 10.2.0.2\n}\nretry 4\nhelo_name me";
    let addresses = |inner: &str| -> Vec<String> {
        let found = checkers(&format!("real_server 10.1.0.1 25 {{\nSMTP_CHECK {{\n{inner}\n}}\n}}"));
        assert!(found.iter().all(|checker| checker.pace.retries == 4));
        let address = |checker: &Checker| match &checker.kind {
            Kind::Smtp(smtp) => format!("{} {}", smtp.connection.ip, smtp.helo),
            other => format!("{other:?}"),
        };
        found.iter().map(address).collect()
    };
    assert_eq!(addresses(hosts), ["10.2.0.1 me", "10.2.0.2 me"]);
    assert_eq!(
        addresses(&format!("{hosts}\nconnect_port 26")),
        ["10.2.0.1 me", "10.2.0.2 me", "10.1.0.1 me"]
    );
}

#[test]
fn a_plain_no_turns_a_flag_off_and_a_quorum_of_nothing_is_always_there() {
    let found = services(
        "virtual_server 10.0.0.1 80 {\nprotocol UDP\nops no\ninhibit_on_failure no\nalpha no\n\
         real_server 10.1.0.1 80 {\nweight 0\nTCP_CHECK {\n}\n}\n}\n",
    );
    let [service] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((service.one_packet, service.quorum, service.hysteresis), (false, 0, 0));
    assert!(!service.servers[0].inhibit_on_failure && !service.servers[0].checkers[0].alpha);
}

#[test]
fn the_name_for_tls_is_never_the_real_servers() {
    let found = services(
        "virtual_server 10.0.0.1 443 {\nprotocol TCP\nvirtualhost service\nreal_server 10.1.0.1 443 {\n\
         virtualhost server\nSSL_GET {\nenable_sni\nurl {\npath /\n}\nurl {\npath /a\nvirtualhost url\n}\n}\n}\n}\n",
    );
    let Kind::Http(http) = &found[0].servers[0].checkers[0].kind else { panic!("{found:?}") };
    let names: Vec<_> =
        http.urls.iter().map(|url| (url.host.as_deref(), url.server_name.as_deref())).collect();
    assert_eq!(names, [(Some("server"), Some("service")), (Some("url"), Some("url"))]);
}

#[test]
fn a_bfd_session_has_its_defaults_and_its_receivers() {
    let lowered = run("bfd_instance b {\nneighbor_ip fd00::1\nmin_rx 1.5\nvrrp\nweight -5 reverse\n}\n");
    let [session] = lowered.config.bfd.sessions.as_slice() else { panic!("{lowered:?}") };
    assert_eq!((session.ttl, session.multiplier, session.hops_max), (64, 5, 0));
    assert_eq!((session.min_rx, session.min_tx), (Micros(1500), Micros::from_millis(10)));
    assert_eq!(
        (session.receivers, session.weight.amount, session.weight.reverse),
        (Receivers::Vrrp, -5, true)
    );
}
