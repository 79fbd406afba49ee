//! Interfaces to other programs.

use super::{Effect, Globals, on, set_word, time};
use crate::diag::Class;
use crate::lower::context::Context;
use crate::tree::Statement;

impl Globals {
    pub(super) fn agent_keyword(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let snmp = &mut self.model.snmp;
        let dbus = &mut self.model.dbus;
        match statement.row.name {
            "snmp_socket" => return socket(cx, statement, &mut snmp.socket),
            "enable_traps" => return on(&mut snmp.traps),
            "enable_snmp_vrrp" => return on(&mut snmp.vrrp),
            "enable_snmp_checker" => return on(&mut snmp.checker),
            "enable_snmp_rfcv2" => return on(&mut snmp.rfc2787),
            "enable_snmp_rfcv3" => return on(&mut snmp.rfc6527),
            "enable_snmp_rfc" => (snmp.rfc2787, snmp.rfc6527) = (true, true),
            "snmp_vs_stats_update_interval" => {
                snmp.virtual_server_interval = time(cx, statement).unwrap_or(snmp.virtual_server_interval);
            }
            "snmp_rs_stats_update_interval" => {
                snmp.real_server_interval = time(cx, statement).unwrap_or(snmp.real_server_interval);
            }
            "enable_dbus" => return on(&mut dbus.enabled),
            "dbus_service_name" => return set_word(cx, statement, &mut dbus.service),
            "dbus_no_interface_name" => return set_word(cx, statement, &mut dbus.no_interface),
            _ => return Effect::NotMine,
        }
        Effect::Asked
    }
}

fn socket(cx: &mut Context<'_>, statement: &Statement<'_>, slot: &mut Option<String>) -> Effect {
    if statement.word(2).is_some() {
        let text = "Too many parameters specified for snmp_socket - ignoring";
        cx.say(&cx.place(statement, 2), Class::General, text);
        return Effect::None;
    }
    if let (Some(old), Some(_)) = (slot.as_ref(), statement.word(1)) {
        let text = format!("SNMP socket already set to {old} - ignoring");
        cx.say(&cx.place(statement, 1), Class::General, text);
        return Effect::None;
    }
    set_word(cx, statement, slot)
}
