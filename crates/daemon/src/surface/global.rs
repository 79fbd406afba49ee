//! The section that the supervisor's and the engine's dump share (`spec` runtime 7.2).

use std::fmt::{Arguments, Display, Write};

use keepalived_model::Micros;
use keepalived_model::global::lvs::FlushOnStop;
use keepalived_model::global::vrrp::{AdvertBuffer, Buffer};
use keepalived_model::global::{Dynamic, Fifo, Fifos, Global, Marker, Process, Scheduling, Scripts};
use keepalived_model::link::Spacing;
use keepalived_model::notify::RunAs;
use keepalived_model::vrrp::Version;

use super::Delays;
use super::words::{self, seconds, yes};
use crate::compat::defaults;
use keepalived_sys::names;

/// Whose dump it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teller {
    /// The supervisor, which knows nothing of interfaces.
    Supervisor,
    /// The vrrp engine.
    VrrpEngine,
}

/// The whole section.
pub fn text(global: &Global, teller: Teller, delays: Delays) -> String {
    let mut list = List(String::from("------< Global definitions >------\n"));
    list.identity(global);
    list.mail(global);
    list.behavior(global, teller);
    list.vrrp(global, delays.spacing);
    list.processes(global);
    list.buffers(global, teller, delays.start);
    list.0
}

struct List(String);

impl List {
    fn line(&mut self, text: Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, " {text}");
    }

    fn value(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name} = {value}"));
    }

    fn known(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    fn identity(&mut self, global: &Global) {
        let namespaces = &global.namespaces;
        self.value("Network namespace", namespaces.network.as_deref().unwrap_or("(default)"));
        let ipvs = match namespaces.ipvs.as_deref() {
            None => "(main namespace)",
            Some("") => "(default)",
            Some(name) => name,
        };
        self.value("Network namespace ipvs", ipvs);
        self.known("Instance name", global.instance.as_deref());
        self.known("Parent process name", global.processes.supervisor_name.as_deref());
        self.known("VRRP process name", global.processes.vrrp.name.as_deref());
        self.known("LVS process name", global.processes.checker.name.as_deref());
        self.known("BFD process name", global.processes.bfd.name.as_deref());
        let links = if global.scripts.keep_symlinks { "Keep" } else { "Replace" };
        self.line(format_args!("{links} symlinks in script paths"));
        let groups = if global.scripts.supplementary_groups { "Set" } else { "Don't set" };
        self.line(format_args!("{groups} supplementary groups for all scripts"));
        // A name server would know the whole of it, but may take its time to say so.
        self.known("Router ID", global.router_id.clone().or_else(names::own));
    }

    fn mail(&mut self, global: &Global) {
        let mail = &global.mail;
        if let Some(server) = &mail.server {
            self.value("Smtp server", &server.host);
            self.value("Smtp server port", server.port);
        }
        let host = mail.server.as_ref().and_then(|_| names::own());
        self.known("Smtp HELO name", mail.helo.clone().or_else(|| host.clone()));
        if mail.server.is_some() {
            self.value("Smtp server connection timeout", seconds(mail.connect_timeout));
        }
        let sender = mail.from.as_ref().map(|from| from.header().to_string());
        let user = || names::own_user().unwrap_or_else(|| "root".into());
        self.known("Email notification from", sender.or_else(|| Some(format!("{}@{}", user(), host?))));
        if !mail.to.is_empty() {
            self.line(format_args!("Email notification to:"));
            mail.to.iter().for_each(|to| self.line(format_args!("  {}", to.header())));
        }
        let alerts = [("", mail.alerts.all), ("_vrrp", mail.alerts.vrrp), ("_checker", mail.alerts.checker)];
        for (which, alert) in alerts {
            let set = alert.map_or("unset", |on| if on { "on" } else { "off" });
            self.value(&format!("Default smtp_alert{which}"), set);
        }
    }

    fn behavior(&mut self, global: &Global, teller: Teller) {
        self.value("Checkers log all failures", yes(global.lvs.log_all_failures));
        match &global.reload.check_log {
            None => self.line(format_args!("No test config before reload")),
            Some(path) => {
                self.line(format_args!("Test config before reload, log to {}", path.display()));
            }
        }
        if teller == Teller::Supervisor {
            self.hooks(&global.scripts);
        }
        self.files(global);
        let dynamic = global.interfaces.dynamic;
        self.value("Dynamic interfaces", yes(dynamic.may_be_missing()));
        if dynamic.may_be_missing() {
            self.value("Allow interface changes", yes(dynamic == Dynamic::MayChangeKind));
        }
        if global.mail.no_faults {
            self.value("Send emails for fault transitions", "off");
        }
        if teller == Teller::VrrpEngine {
            self.value("Default interface", &global.interfaces.default);
        }
        let no_yes = |value| if value { "yes" } else { "no" };
        self.value("Disable local IGMP", no_yes(global.interfaces.no_local_igmp));
        self.value("Use VRRPv2 checksum for VRRPv3 IPv4", no_yes(global.vrrp.v3_checksum_as_v2));
        self.value("LVS flush", yes(global.lvs.flush));
        let flush_on_stop = match global.lvs.flush_on_stop {
            FlushOnStop::No => "disabled",
            FlushOnStop::All => "full",
            FlushOnStop::VirtualServers => "VS",
        };
        self.value("LVS flush on stop", flush_on_stop);
        self.fifos(&global.fifos, teller);
        self.value("FIFO write vrrp states on reload", yes(global.fifos.states_on_reload));
    }

    /// Files and directories of reloads and dumps.
    fn files(&mut self, global: &Global) {
        let reload = &global.reload;
        if let Some(path) = &reload.time_file {
            let repeat = if reload.keep_time_file { " (repeat)" } else { "" };
            self.value("Reload time file", format_args!("{}{repeat}", path.display()));
        }
        match &reload.marker {
            Marker::None => {}
            Marker::BesidePidFile => self.value("Reload_file", defaults::RELOAD_MARKER),
            Marker::At(path) => self.value("Reload_file", path.display()),
        }
        let temporary = global.lookups.temporary.as_ref();
        self.known("config save directory", temporary.map(|directory| directory.display()));
        if global.dumps.named_by_instance {
            self.line(format_args!("Use instance name in data dumps"));
        }
    }

    /// The supervisor's commands (2.2.7, with and without a comma).
    fn hooks(&mut self, scripts: &Scripts) {
        let all = [
            ("Startup", &scripts.startup, ", timeout", scripts.startup_timeout),
            ("Shutdown", &scripts.shutdown, " timeout", scripts.shutdown_timeout),
        ];
        for (name, command, timeout, limit) in all {
            if let Some(command) = command {
                let (text, account, limit) =
                    (words::command(command), account(&command.user), seconds(limit));
                self.value(&format!("{name} script"), format_args!("{text}, {account}{timeout} {limit}"));
            }
        }
    }

    /// Pipes. What reads them has their path as its last word for whoever starts it.
    fn fifos(&mut self, fifos: &Fifos, teller: Teller) {
        for (name, fifo) in [("Global", &fifos.all), ("VRRP", &fifos.vrrp), ("LVS", &fifos.lvs)] {
            let Some(Fifo { path, owner, script }) = fifo else { continue };
            let path = path.display();
            self.value(&format!("{name} notify fifo"), format_args!("{path}, {}", account(owner)));
            if let Some(command) = script {
                let started = teller == Teller::VrrpEngine && name != "LVS";
                let last = if started { format!(" '{path}'") } else { String::new() };
                let (text, account) = (words::command(command), account(&command.user));
                self.value(&format!("{name} notify fifo script"), format_args!("{text}{last}, {account}"));
            }
        }
    }

    fn vrrp(&mut self, global: &Global, spacing: Spacing) {
        let vrrp = &global.vrrp;
        self.value("VRRP notify priority changes", yes(vrrp.notify_priority_changes));
        self.value("VRRP IPv4 mcast group", vrrp.group4);
        self.value("VRRP IPv6 mcast group", vrrp.group6);
        self.value("Gratuitous ARP delay", seconds(vrrp.garp.delay));
        self.value("Gratuitous ARP repeat", vrrp.garp.repeat);
        self.value("Gratuitous ARP refresh timer", seconds(vrrp.garp.refresh));
        self.value("Gratuitous ARP refresh repeat", vrrp.garp.refresh_repeat);
        self.value("Gratuitous ARP lower priority delay", seconds(vrrp.garp.lower_prio_delay));
        self.value("Gratuitous ARP lower priority repeat", vrrp.garp.lower_prio_repeat);
        self.value("Num adverts before down", vrrp.down_timer_adverts);
        let extra = vrrp.garp.extra.map_or(0, |extra| seconds(extra.interval));
        self.value("Gratuitous ARP for each secondary VMAC", format_args!("{extra}s"));
        self.value("Send advert after receive lower priority advert", yes(!vrrp.lower_prio_no_advert));
        self.value("Send advert after receive higher priority advert", yes(vrrp.higher_prio_send_advert));
        self.value("Gratuitous ARP interval", six(spacing.garp));
        self.value("Gratuitous NA interval", six(spacing.advertisement));
        self.value("VRRP default protocol version", if vrrp.version == Version::V2 { 2 } else { 3 });
        if let Some(table) = &global.nftables.table {
            self.value("nftables table name", table);
            self.value("nftables base chain priority", global.nftables.priority);
            let force = if global.nftables.by_index { "force" } else { "don't force" };
            self.line(format_args!("nftables {force} use ifindex for link local IPv6"));
        }
        let counters = if global.nftables.counters { "with" } else { "without" };
        self.line(format_args!("nftables {counters} counters"));
        self.value("VRRP check unicast_src", yes(vrrp.check_unicast_src));
        self.value("VRRP skip check advert addresses", yes(vrrp.skip_check_adv_addr));
        self.value("VRRP strict mode", yes(vrrp.strict));
    }

    fn processes(&mut self, global: &Global) {
        let processes = &global.processes;
        match processes.max_auto_priority.unwrap_or(0) {
            ..0 => self.value("Max auto priority", "Disabled"),
            priority => self.value("Max auto priority", priority),
        }
        let delay = processes.min_auto_priority_delay.0;
        self.value("Min auto priority delay", format_args!("{delay} usecs"));
        let all = [("VRRP", &processes.vrrp), ("Checker", &processes.checker), ("BFD", &processes.bfd)];
        for (name, Process { scheduling, processors, .. }) in all {
            self.value(&format!("{name} process priority"), scheduling.nice.unwrap_or(0));
            self.value(&format!("{name} don't swap"), yes(scheduling.no_swap));
            self.value(&format!("{name} realtime priority"), scheduling.realtime.unwrap_or(0));
            if !processors.is_empty() {
                let list: String = processors.iter().map(|processor| format!("{processor} ")).collect();
                self.value(&format!("{name} CPU Affinity"), list);
            }
            self.value(&format!("{name} realtime limit"), realtime_limit(scheduling));
        }
        let security = if global.scripts.security { "enabled" } else { "disabled" };
        self.line(format_args!("Script security {security}"));
        // With security and without a user there may be nobody (2.2.7).
        if !global.scripts.security || global.scripts.user.is_some() {
            let user = global.scripts.user.clone().unwrap_or_default();
            self.line(format_args!("Default script {}", account(&user)));
        }
    }

    fn buffers(&mut self, global: &Global, teller: Teller, start_delay: Micros) {
        let (vrrp, lvs) = (&global.vrrp.buffers, &global.lvs);
        let all = [
            ("vrrp_netlink_cmd", vrrp.netlink_command),
            ("vrrp_netlink_monitor", vrrp.netlink_monitor),
            ("process_monitor", vrrp.process_monitor),
            ("lvs_netlink_cmd", lvs.netlink_command),
            ("lvs_netlink_monitor", lvs.netlink_monitor),
        ];
        for (name, Buffer { bytes, force }) in all {
            self.value(&format!("{name}_rcv_bufs"), bytes);
            self.value(&format!("{name}_rcv_bufs_force"), u8::from(force));
        }
        self.value("rs_init_notifies", u8::from(lvs.initial_notifications));
        self.value("no_checker_emails", u8::from(global.mail.no_checkers));
        match vrrp.adverts {
            None => {}
            Some(AdvertBuffer::Mtu) => self.value("rx_bufs_policy", "MTU"),
            Some(AdvertBuffer::Advert) => self.value("rx_bufs_policy", "ADVERT"),
            Some(AdvertBuffer::Bytes(bytes)) => self.value("rx_bufs_size", bytes),
        }
        self.value("rx_bufs_multiples", vrrp.adverts_multiplier.unwrap_or(3));
        let umask = global.processes.umask.unwrap_or(defaults::UMASK);
        self.value("umask", format_args!("0{umask:o}"));
        if !start_delay.is_zero() {
            self.value("vrrp_startup_delay", words::seconds_short(start_delay));
        }
        if global.vrrp.log_unknown_vrids {
            self.line(format_args!("log_unknown_vrids"));
        }
        self.realtime(global, teller);
        self.line(format_args!("json_version {}", global.dumps.json_version));
        for (name, path) in [("usr", &global.lookups.iproute_usr), ("etc", &global.lookups.iproute_etc)] {
            let path = path.as_deref().map_or("/etc/iproute2".into(), |path| path.to_string_lossy());
            self.line(format_args!("iproute {name} directory {path}"));
        }
    }

    /// What the engine was given of what is configured.
    fn realtime(&mut self, global: &Global, teller: Teller) {
        let scheduling = &global.processes.vrrp.scheduling;
        if let (Teller::VrrpEngine, Some(priority @ 1..)) = (teller, scheduling.realtime) {
            self.value("current realtime priority", priority);
            self.value("current realtime time limit", realtime_limit(scheduling));
        }
    }
}

fn account(user: &RunAs) -> String {
    format!("uid:gid {}:{}", user.uid, user.gid)
}

fn realtime_limit(scheduling: &Scheduling) -> u64 {
    scheduling.rlimit_rttime.map_or(REALTIME_LIMIT, |limit| limit.0)
}

/// Microseconds of real time, unless configured.
const REALTIME_LIMIT: u64 = 10_000;

fn six(length: Micros) -> String {
    format!("{}.{:06}", length.0 / 1_000_000, length.0 % 1_000_000)
}
