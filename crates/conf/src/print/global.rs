//! `global_defs` and the root keywords.

mod lvs;
mod process;
mod vrrp;

use keepalived_model::Config;
use keepalived_model::global::files::IncludeCheck;
use keepalived_model::global::mail::{Mail, Mailbox};
use keepalived_model::global::{
    Dbus, Dumps, Dynamic, Fifo, Fifos, Global, Interfaces, Lookups, Marker, Reload, Scripts, Snmp,
};
use keepalived_model::time::Micros;

use super::block::Block;
use super::runner::Runner;
use super::words;
use crate::schema::GLOBAL_DEFS;

/// Keywords outside blocks.
pub(super) fn root(root: &mut Block, global: &Global) {
    let namespaces = &global.namespaces;
    root.word("net_namespace", namespaces.network.as_deref());
    if let Some(name) = &namespaces.ipvs {
        root.line("net_namespace_ipvs", (!name.is_empty()).then(|| words::quoted(name)));
    }
    root.flag("namespace_with_ipsets", namespaces.with_ipsets);
    root.flag("use_pid_dir", namespaces.pid_directory);
    root.word("instance", global.instance.as_deref());
    let usual = Global::default().processes.child_wait;
    root.value("child_wait_time", global.processes.child_wait.as_secs(), usual.as_secs());
}

/// What stands in `global_defs`.
pub(super) fn block(config: &Config, runner: &Runner<'_>) -> Block {
    let global = &config.global;
    let mut block = Block::of(&GLOBAL_DEFS);
    let out = &mut block;
    out.word("router_id", global.router_id.as_deref());
    process::print(out, &global.processes);
    interfaces(out, &global.interfaces);
    scripts(out, &global.scripts, runner);
    fifos(out, &global.fifos, runner);
    mail(out, &global.mail);
    vrrp::print(out, config);
    lvs::print(out, &global.lvs);
    lvs::packet_filter(out, &global.nftables);
    agents(out, &global.snmp, &global.dbus);
    dumps(out, &global.dumps);
    lookups(out, &global.lookups);
    reload(out, &global.reload);
    block
}

fn interfaces(out: &mut Block, interfaces: &Interfaces) {
    match interfaces.dynamic {
        Dynamic::No => {}
        Dynamic::Yes => out.line("dynamic_interfaces", []),
        Dynamic::MayChangeKind => out.line("dynamic_interfaces", ["allow_if_changes".to_owned()]),
    }
    let usual = Interfaces::default().default;
    out.word("default_interface", Some(interfaces.default.as_str()).filter(|name| **name != usual));
    out.flag("disable_local_igmp", interfaces.no_local_igmp);
}

fn scripts(out: &mut Block, scripts: &Scripts, runner: &Runner<'_>) {
    if let Some(user) = &scripts.user {
        out.line("script_user", runner.user(user));
    }
    out.flag("enable_script_security", scripts.security);
    out.flag("set_supplementary_groups", scripts.supplementary_groups);
    out.flag("use_symlink_paths", scripts.keep_symlinks);
    runner.command(out, "startup_script", scripts.startup.as_ref());
    runner.command(out, "shutdown_script", scripts.shutdown.as_ref());
    let usual = Scripts::default();
    let secs = |time: Micros| time.as_secs();
    out.value("startup_script_timeout", secs(scripts.startup_timeout), secs(usual.startup_timeout));
    out.value("shutdown_script_timeout", secs(scripts.shutdown_timeout), secs(usual.shutdown_timeout));
}

fn fifos(out: &mut Block, fifos: &Fifos, runner: &Runner<'_>) {
    let Fifos { all, vrrp, lvs, states_on_reload } = fifos;
    let kinds = [
        ("notify_fifo", "notify_fifo_script", all),
        ("vrrp_notify_fifo", "vrrp_notify_fifo_script", vrrp),
        ("lvs_notify_fifo", "lvs_notify_fifo_script", lvs),
    ];
    for (name, script_name, fifo) in kinds {
        let Some(Fifo { path, owner, script }) = fifo else { continue };
        out.line(name, std::iter::once(words::path(path)).chain(runner.unusual(owner)));
        runner.command(out, script_name, script.as_ref());
    }
    out.flag("fifo_write_vrrp_states_on_reload", *states_on_reload);
}

fn mail(out: &mut Block, mail: &Mail) {
    let usual = Mail::default();
    out.items("notification_email", mail.to.iter().map(|to| vec![mailbox(to)]).collect());
    out.maybe("notification_email_from", mail.from.as_ref().map(mailbox));
    if let Some(server) = &mail.server {
        let port = (server.port != SMTP_PORT).then(|| server.port.to_string());
        out.line("smtp_server", std::iter::once(words::quoted(&server.host)).chain(port));
    }
    out.word("smtp_helo_name", mail.helo.as_deref());
    out.value("smtp_connect_timeout", mail.connect_timeout.as_secs(), usual.connect_timeout.as_secs());
    let alerts = [
        ("smtp_alert", mail.alerts.all),
        ("smtp_alert_vrrp", mail.alerts.vrrp),
        ("smtp_alert_checker", mail.alerts.checker),
    ];
    for (name, written) in alerts {
        if let Some(on) = written {
            out.switch(name, on, !on);
        }
    }
    out.flag("no_email_faults", mail.no_faults);
    out.switch("no_checker_emails", mail.no_checkers, usual.no_checkers);
}

/// Where mail goes unless configured.
const SMTP_PORT: u16 = 25;

/// As one word. A name in the way of being read back gets brackets of its own.
fn mailbox(mailbox: &Mailbox) -> String {
    let Mailbox { name, address } = mailbox;
    match name {
        Some(name) => words::quoted(&format!("{name} <{address}>")),
        None if Mailbox::parse(address) == *mailbox => words::quoted(address),
        None => words::quoted(&format!("<{address}>")),
    }
}

fn agents(out: &mut Block, snmp: &Snmp, dbus: &Dbus) {
    let usual = Snmp::default();
    out.word("snmp_socket", snmp.socket.as_deref());
    out.flag("enable_traps", snmp.traps);
    out.flag("enable_snmp_vrrp", snmp.vrrp);
    out.flag("enable_snmp_checker", snmp.checker);
    let both = snmp.rfc2787 && snmp.rfc6527;
    out.flag("enable_snmp_rfc", both);
    out.flag("enable_snmp_rfcv2", snmp.rfc2787 && !both);
    out.flag("enable_snmp_rfcv3", snmp.rfc6527 && !both);
    let intervals = [
        ("snmp_vs_stats_update_interval", snmp.virtual_server_interval, usual.virtual_server_interval),
        ("snmp_rs_stats_update_interval", snmp.real_server_interval, usual.real_server_interval),
    ];
    for (name, interval, usual) in intervals {
        out.value(name, words::seconds(interval), words::seconds(usual));
    }
    out.flag("enable_dbus", dbus.enabled);
    out.word("dbus_service_name", dbus.service.as_deref());
    out.word("dbus_no_interface_name", dbus.no_interface.as_deref());
}

fn dumps(out: &mut Block, dumps: &Dumps) {
    out.switch("data_use_instance", dumps.named_by_instance, false);
    out.value("json_version", dumps.json_version, Dumps::default().json_version);
    out.maybe("state_dump_file", dumps.state.as_deref().map(words::path));
    out.maybe("stats_dump_file", dumps.statistics.as_deref().map(words::path));
    out.maybe("json_dump_file", dumps.json.as_deref().map(words::path));
}

fn lookups(out: &mut Block, lookups: &Lookups) {
    out.maybe("iproute_usr_dir", lookups.iproute_usr.as_deref().map(words::path));
    out.maybe("iproute_etc_dir", lookups.iproute_etc.as_deref().map(words::path));
    out.maybe("tmp_config_directory", lookups.temporary.as_deref().map(words::path));
    out.maybe("config_save_dir", lookups.saved_configurations.as_deref().map(words::path));
    out.maybe("random_seed", lookups.random_seed);
    if let Some(check) = &lookups.include_check {
        out.line("include_check", include_check(check));
    }
}

/// Nothing means everything. The first word puts away what was said before, so it has no sign; every one turns
/// `read` on as well.
fn include_check(check: &IncludeCheck) -> Vec<String> {
    let IncludeCheck { read, matched, wildcard, brace } = *check;
    if *check == IncludeCheck::ALL {
        return Vec::new();
    }
    let kinds = [("match", matched), ("wildcard_match", wildcard), ("brace_match", brace)];
    let wanted: Vec<&str> = kinds.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
    let signed = |(at, name): (usize, &&str)| if at == 0 { (*name).to_owned() } else { format!("+{name}") };
    let words = wanted.iter().enumerate().map(signed);
    let last = match (read, wanted.is_empty()) {
        (true, false) => None,
        (true, true) => Some("read"),
        (false, _) => Some("-read"),
    };
    words.chain(last.map(str::to_owned)).collect()
}

fn reload(out: &mut Block, reload: &Reload) {
    if let Some(log) = &reload.check_log {
        let log = words::path(log);
        out.line("reload_check_config", (log != "/dev/null").then_some(log));
    }
    out.maybe("reload_time_file", reload.time_file.as_deref().map(words::path));
    out.flag("reload_repeat", reload.keep_time_file);
    match &reload.marker {
        Marker::None => {}
        Marker::BesidePidFile => out.line("reload_file", []),
        Marker::At(path) => out.line("reload_file", [words::path(path)]),
    }
}
