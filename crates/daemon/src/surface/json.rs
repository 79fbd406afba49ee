//! `keepalived.json`: keys, order and types of the original, both layouts (`spec` runtime 7.5).

use std::sync::Arc;
use std::time::SystemTime;

use keepalived_core::report::State;
use keepalived_core::view::{AddressView, InstanceView};
use keepalived_model::Micros;
use keepalived_model::notify::{Command, Notifications};
use keepalived_model::vrrp::{Auth, Preempt, Version};
use serde::Serialize;
use serde_json::value::RawValue;

use super::stats::Named;
use super::{Epoch, Picture, readings, words};
use crate::compat::routing_text::{RouteText, RuleText};

/// One line: an array of instances, or with version 2 an object of arrays.
pub fn text(picture: &Picture<'_>) -> String {
    let instances: Vec<Object<'_>> = picture
        .view
        .instances
        .iter()
        .map(|instance| Object { data: data(instance, picture), stats: statistics(instance) })
        .collect();
    let text = match picture.global.dumps.json_version {
        2 => {
            let processes = picture.view.processes.iter();
            let track_process = processes.map(|view| readings::Object::new(view, seconds)).collect();
            serde_json::to_string(&Everything { vrrp: instances, track_process })
        }
        _ => serde_json::to_string(&instances),
    };
    // The original's writer escapes slashes; they occur in strings only.
    text.unwrap_or_default().replace('/', "\\/") + "\n"
}

#[derive(Serialize)]
struct Everything<'a> {
    vrrp: Vec<Object<'a>>,
    track_process: Vec<readings::Object<'a>>,
}

#[derive(Serialize)]
struct Object<'a> {
    data: Data<'a>,
    stats: Statistics,
}

/// A number with just the decimals it needs.
type Number = Box<RawValue>;

#[derive(Serialize)]
struct Data<'a> {
    iname: &'a str,
    dont_track_primary: u8,
    skip_check_adv_addr: u8,
    strict_mode: u8,
    vmac_ifname: &'a str,
    ifp_ifname: &'a str,
    master_priority: u8,
    last_transition: Number,
    garp_delay: Number,
    garp_refresh: u64,
    garp_rep: u32,
    garp_refresh_rep: u32,
    garp_lower_prio_delay: u64,
    garp_lower_prio_rep: u32,
    lower_prio_no_advert: u8,
    higher_prio_send_advert: u8,
    vrid: u8,
    base_priority: u8,
    effective_priority: u8,
    vipset: bool,
    promote_secondaries: bool,
    adver_int: Number,
    master_adver_int: Number,
    accept: u8,
    nopreempt: bool,
    preempt_delay: u64,
    state: u8,
    wantstate: u8,
    version: u8,
    smtp_alert: bool,
    notify_deleted: bool,
    #[serde(flatten)]
    scripts: Scripts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vroutes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vrules: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_ifp: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_script: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_process: Vec<&'a str>,
    auth_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_data: Option<&'static str>,
}

#[derive(Serialize)]
struct Scripts {
    #[serde(skip_serializing_if = "Option::is_none")]
    script_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_deleted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master_rx_lower_pri: Option<String>,
}

#[derive(Serialize)]
struct Statistics {
    advert_rcvd: u64,
    advert_sent: u64,
    become_master: u64,
    release_master: u64,
    packet_len_err: u64,
    advert_interval_err: u64,
    ip_ttl_err: u64,
    invalid_type_rcvd: u64,
    addr_list_err: u64,
    invalid_authtype: u64,
    authtype_mismatch: u64,
    auth_failure: u64,
    auth_ext_missing: u64,
    auth_ext_malformed: u64,
    auth_ext_unknown_key: u64,
    auth_ext_invalid_hmac: u64,
    auth_ext_stale: u64,
    auth_ext_replay: u64,
    pri_zero_rcvd: u64,
    pri_zero_sent: u64,
}

fn data<'a>(instance: &InstanceView<'a>, picture: &Picture<'_>) -> Data<'a> {
    let config = instance.config;
    let garp = config.garp;
    let delay = if let Preempt::After(delay) = config.preempt { words::seconds(delay) } else { 0 };
    let auth_type = match config.auth {
        Auth::Pass(_) => 1,
        Auth::Ah(_) => 2,
        Auth::None | Auth::Hmac(_) => 0,
    };
    let addresses =
        |views: &[AddressView<'_>]| views.iter().map(|view| words::address(view, config)).collect::<Vec<_>>();
    Data {
        iname: instance.name,
        dont_track_primary: config.dont_track_primary.into(),
        skip_check_adv_addr: config.skip_check_adv_addr.into(),
        strict_mode: config.strict.into(),
        vmac_ifname: config.own_link.as_ref().map_or("", |link| link.name()),
        ifp_ifname: words::home(config),
        master_priority: if instance.state == State::Backup { instance.master_priority } else { 0 },
        last_transition: number(date(picture.epoch, instance)),
        garp_delay: number(words::seconds_short(garp.delay)),
        garp_refresh: words::seconds(garp.refresh),
        garp_rep: garp.repeat,
        garp_refresh_rep: garp.refresh_repeat,
        garp_lower_prio_delay: words::seconds(garp.lower_prio_delay),
        garp_lower_prio_rep: garp.lower_prio_repeat,
        lower_prio_no_advert: config.lower_prio_no_advert.into(),
        higher_prio_send_advert: config.higher_prio_send_advert.into(),
        vrid: instance.vrid.number(),
        base_priority: config.priority.number(),
        effective_priority: instance.priority,
        vipset: instance.addresses.iter().any(|address| address.set),
        promote_secondaries: config.promote_secondaries,
        adver_int: seconds(config.advert_interval),
        master_adver_int: seconds(instance.master_interval),
        accept: config.accept.into(),
        nopreempt: config.preempt == Preempt::Never,
        preempt_delay: delay,
        state: state(instance.state),
        wantstate: state(instance.aspires_to),
        version: if config.version == Version::V2 { 2 } else { 3 },
        smtp_alert: config.smtp_alert,
        notify_deleted: config.notify.deleted.is_some(),
        scripts: scripts(&config.notify),
        vips: addresses(&instance.addresses),
        evips: addresses(&instance.excluded),
        vroutes: config.routes.iter().map(|route| RouteText(route).to_string()).collect(),
        vrules: config.rules.iter().map(|rule| RuleText(rule).to_string()).collect(),
        track_ifp: config.track.interfaces.iter().map(|tracked| tracked.name.as_str()).collect(),
        track_script: tracked_commands(instance, picture),
        track_process: config.track.processes.iter().map(|tracked| tracked.name.as_str()).collect(),
        auth_type,
        auth_data: (auth_type != 0).then_some("********"),
    }
}

/// The original lists what scripts run, not what they are called.
fn tracked_commands(instance: &InstanceView<'_>, picture: &Picture<'_>) -> Vec<String> {
    let scripts = &picture.view.config.scripts;
    let of = |name: &str| scripts.iter().find(|script| script.name == name);
    let tracked = instance.config.track.scripts.iter().filter_map(|tracked| of(&tracked.name));
    tracked.map(|script| words::command(&script.command)).collect()
}

fn scripts(notify: &Notifications) -> Scripts {
    let text = |command: &Option<Arc<Command>>| command.as_deref().map(words::command);
    Scripts {
        script_backup: text(&notify.backup),
        script_master: text(&notify.master),
        script_fault: text(&notify.fault),
        script_stop: text(&notify.stop),
        script_deleted: notify.deleted.as_ref().and_then(|deleted| text(&deleted.command)),
        script: text(&notify.any),
        script_master_rx_lower_pri: text(&notify.lower_priority),
    }
}

fn statistics(instance: &InstanceView<'_>) -> Statistics {
    let counters = instance.counters;
    let named = Named::from(counters);
    Statistics {
        advert_rcvd: counters.accepted,
        advert_sent: counters.sent,
        become_master: counters.became_master,
        release_master: counters.released_master,
        packet_len_err: named.length,
        advert_interval_err: named.interval,
        ip_ttl_err: named.ttl,
        invalid_type_rcvd: named.packet_type,
        addr_list_err: named.address_list,
        invalid_authtype: named.auth_type_unknown,
        authtype_mismatch: named.auth_type_mismatch,
        auth_failure: named.auth_failure,
        auth_ext_missing: named.signature_missing,
        auth_ext_malformed: named.signature_malformed,
        auth_ext_unknown_key: named.signature_key_unknown,
        auth_ext_invalid_hmac: named.signature_wrong,
        auth_ext_stale: named.signature_stale,
        auth_ext_replay: named.signature_replayed,
        pri_zero_rcvd: counters.zero_received,
        pri_zero_sent: counters.zero_sent,
    }
}

/// Seconds since 1970 with six decimals.
fn date(epoch: Epoch, instance: &InstanceView<'_>) -> String {
    let since = epoch.date(instance.last_transition).duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default();
    format!("{}.{:06}", since.as_secs(), since.subsec_micros())
}

fn seconds(length: Micros) -> Number {
    number(words::seconds_short(length))
}

/// `digits` is a number as JSON has it.
fn number(digits: String) -> Number {
    RawValue::from_string(digits).unwrap_or_default()
}

fn state(state: State) -> u8 {
    match state {
        State::Init => 0,
        State::Backup => 1,
        State::Master => 2,
        State::Fault => 3,
    }
}
