//! Interfaces that lines name (`spec` config 4.2).

use std::collections::BTreeMap;

use super::context::{Context, Place};
use crate::diag::Class;
use crate::host::InterfaceFacts;

/// Interfaces by name, and whether one was named that does not exist.
#[derive(Default)]
pub(super) struct Interfaces {
    asked: BTreeMap<String, Option<InterfaceFacts>>,
    /// `dynamic_interfaces`.
    dynamic: bool,
    /// One does not exist although it has to.
    pub missing: bool,
}

impl Interfaces {
    /// None was named yet. With `dynamic`, they need not exist.
    pub fn new(dynamic: bool) -> Self {
        Self { dynamic, ..Self::default() }
    }

    /// Facts of an interface that a line names. One that does not exist is said with `unknown`, or has no
    /// facts yet where interfaces may appear later (`spec` config 4.2).
    pub fn find(
        &mut self,
        cx: &mut Context<'_>,
        place: &Place,
        name: &str,
        unknown: impl Fn(&str) -> String,
    ) -> Option<InterfaceFacts> {
        let known = *self.asked.entry(name.to_owned()).or_insert_with(|| cx.host.interface(name));
        if known.is_none() && self.dynamic {
            let text = format!(
                "Configuration specifies interface {name} which doesn't currently exist - will use if created"
            );
            cx.log(place, text);
            return Some(ASSUMED);
        }
        if known.is_none() {
            self.missing = true;
            cx.tell(place, |d| d.coded("unknown-interface"), Class::General, unknown(name));
        }
        known
    }

    /// The interface of what names none, if it exists or may appear. The caller says it if not.
    pub fn usual(&mut self, cx: &Context<'_>, name: &str) -> Option<String> {
        let known = *self.asked.entry(name.to_owned()).or_insert_with(|| cx.host.interface(name));
        let usable = known.is_some() || self.dynamic;
        self.missing |= !usable;
        usable.then(|| name.to_owned())
    }

    /// Whether there is one of that name; the caller says it if not.
    pub fn exists(&mut self, cx: &Context<'_>, name: &str) -> bool {
        self.asked.entry(name.to_owned()).or_insert_with(|| cx.host.interface(name)).is_some()
    }

    /// Facts of an interface that was named before.
    pub fn facts(&self, name: &str) -> InterfaceFacts {
        self.asked.get(name).copied().flatten().unwrap_or(ASSUMED)
    }
}

/// What an interface that does not exist yet is taken to be: Ethernet.
const ASSUMED: InterfaceFacts = InterfaceFacts {
    loopback: false,
    multicast: true,
    mtu: 1500,
    vrf: false,
    ethernet: true,
    stacked: false,
};
