//! Rules between the fields of one instance (`spec` config 4.3–4.5, 4.8).

use keepalived_model::time::Micros;
use keepalived_model::track::{Tracked, Trackers};
use keepalived_model::vrrp::{Auth, Family, Preempt, Version};

use super::context::Context;
use super::group;
use super::instance::Scheme;
use super::router::Router;
use crate::diag::Class;

/// The longest interval version 3 can say (RFC 5798 §5.2.7), and its unit, in microseconds.
const V3_INTERVAL_MAX: u64 = 40_950_000;
const V3_UNIT: u64 = 10_000;
/// The same of version 2 (RFC 3768 §5.3.7).
const V2_INTERVAL_MAX: u64 = 255_000_000;
const V2_UNIT: u64 = 1_000_000;
/// RFC 5798 §6.1.
const STRICT_DOWN_TIMER_ADVERTS: u32 = 3;

impl Router<'_> {
    /// The first rule that applies decides (`spec` config 4.4).
    pub fn auth(&mut self, cx: &mut Context<'_>, advert_interval: Micros) -> Auth {
        let name = self.name.clone();
        let hmac = self.draft.hmac.take();
        let hmac = hmac.and_then(|written| written.complete(cx, &name, advert_interval, self.strict));
        let Some(scheme) = self.draft.auth else { return hmac.map_or(Auth::None, Auth::Hmac) };
        let password = self.draft.password.take().unwrap_or_default();
        let complaint = if let Some(hmac) = hmac {
            let text =
                format!("({name}) auth_hmac cannot be combined with authentication, dropping legacy auth");
            cx.conclude(Class::General, text);
            return Auth::Hmac(hmac);
        } else if self.strict {
            "Strict mode does not support authentication. Ignoring."
        } else if self.version == Version::V3 {
            "VRRP version 3 does not support authentication. Ignoring."
        } else if password.is_empty() {
            "Authentication specified but no password given. Ignoring"
        } else if scheme == Scheme::Ah && self.family == Family::V6 {
            "Cannot use AH authentication with IPv6. ignoring"
        } else {
            let mut key = [0; 8];
            for (byte, written) in key.iter_mut().zip(password) {
                *byte = written;
            }
            if scheme == Scheme::Pass {
                return Auth::Pass(key);
            }
            if self.wants_master && !self.priority.is_owner() {
                let text = format!(
                    "({name}) Initial state master is incompatible with AH authentication - clearing"
                );
                cx.conclude(Class::General, text);
                self.wants_master = false;
            }
            return Auth::Ah(key);
        };
        cx.conclude(Class::General, format!("({name}) {complaint}"));
        Auth::None
    }

    /// Combinations that make no sense are said and resolved (`spec` config 4.3).
    pub fn preempt(&mut self, cx: &mut Context<'_>) -> Preempt {
        let name = &self.name;
        let mut say = |text: &str| cx.conclude(Class::General, format!("({name}) {text}"));
        let (draft, wants_master) = (&mut self.draft, self.wants_master);
        if draft.nopreempt && self.priority.is_owner() {
            say("nopreempt is incompatible with priority 255. resetting nopreempt");
            draft.nopreempt = false;
        }
        if wants_master && draft.nopreempt {
            say("Warning - nopreempt will not work with initial state MASTER - clearing");
            draft.nopreempt = false;
        }
        if wants_master && !draft.preempt_delay.is_zero() {
            say("Warning - preempt delay will not work with initial state MASTER - clearing");
            draft.preempt_delay = Micros::ZERO;
        }
        let delayed = !draft.preempt_delay.is_zero();
        if delayed && self.strict {
            say("preempt_delay is incompatible with strict mode - resetting");
            draft.preempt_delay = Micros::ZERO;
        }
        if delayed && draft.nopreempt {
            say("preempt_delay is incompatible with nopreempt mode - resetting");
            draft.preempt_delay = Micros::ZERO;
        }
        match (draft.nopreempt, draft.preempt_delay) {
            (true, _) => Preempt::Never,
            (false, Micros::ZERO) => Preempt::Always,
            (false, delay) => Preempt::After(delay),
        }
    }

    /// Stepping back is for those that may not take over.
    pub fn late_timer(&self, cx: &mut Context<'_>) -> Option<u8> {
        let highest = self.draft.late_timer_backup?;
        if !self.draft.nopreempt {
            let text = format!("({}) expired_timer_backup requires nopreempt - resetting", self.name);
            cx.conclude(Class::General, text);
            return None;
        }
        Some(highest)
    }

    pub fn down_timer(&mut self, cx: &mut Context<'_>) {
        if self.strict && self.draft.down_timer_adverts != STRICT_DOWN_TIMER_ADVERTS {
            let text =
                format!("({}) down_timer_adverts is incompatible with strict mode - resetting", self.name);
            cx.conclude(Class::General, text);
            self.draft.down_timer_adverts = STRICT_DOWN_TIMER_ADVERTS;
        }
    }

    /// Strict mode drops packets to the addresses unless they are its own or `accept` allows it
    /// (`spec` config 4.5).
    pub fn accept(&self, cx: &mut Context<'_>) -> bool {
        let name = &self.name;
        let owner = self.priority.is_owner();
        let mut accept = owner || self.draft.accept.unwrap_or(!self.strict);
        if self.strict && !owner && self.draft.accept == Some(true) && self.version == Version::V2 {
            let text = format!(
                "({name}) warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting"
            );
            cx.conclude(Class::Warning, text);
            accept = false;
        }
        accept
    }

    /// Strict mode does not answer a weaker router.
    pub fn lower_priority(&self, cx: &mut Context<'_>, global: bool) -> bool {
        if self.strict && self.draft.lower_prio_no_advert == Some(false) {
            let text = format!("({}) Strict mode requires no lower priority advert. resetting", self.name);
            cx.conclude(Class::General, text);
        }
        self.strict || self.draft.lower_prio_no_advert.unwrap_or(global)
    }

    /// And sends none before it yields.
    pub fn higher_priority(&self, cx: &mut Context<'_>, global: bool) -> bool {
        if self.strict && self.draft.higher_prio_send_advert == Some(true) {
            let text = format!(
                "({}) strict mode requires higher_prio_send_advert to be clear. resetting",
                self.name
            );
            cx.conclude(Class::General, text);
        }
        !self.strict && self.draft.higher_prio_send_advert.unwrap_or(global)
    }

    /// Whether an owner listens to nobody. The original says so of every `no`; we mean strict mode only (D10).
    pub fn deaf_owner(&self, cx: &mut Context<'_>, global: bool) -> bool {
        let name = &self.name;
        let written = self.draft.owner_ignore_adverts;
        let complaint = match (self.priority.is_owner(), written) {
            (false, Some(_)) => "ignoring owner_ignore_adverts since priority is not 255",
            (true, Some(false)) if self.strict => {
                "strict_mode with priority 255 requires owner_ignore_adverts"
            }
            (owner, written) => return owner && (self.strict || written.unwrap_or(global)),
        };
        cx.conclude(Class::General, format!("({name}) {complaint}"));
        self.priority.is_owner()
    }

    /// What rounding made of the interval (`spec` config 4.4).
    pub fn say_interval(&self, cx: &mut Context<'_>, meant: Micros) {
        let (name, written) = (&self.name, self.draft.advert_interval);
        let Micros(micros) = written;
        if meant == written {
            return;
        }
        let text = match self.version {
            Version::V2 => {
                format!("({name}) VRRPv2 advertisement interval {written}s must be an integer. rounding")
            }
            Version::V3 if micros >= V3_INTERVAL_MAX + V3_UNIT => {
                let secs = format!("{}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000);
                format!(
                    "({name}) VRRPv3 advertisement interval {secs}s is out of range. Must be less than 40.96s. Setting to 40.95s"
                )
            }
            Version::V3 => {
                format!(
                    "({name}) VRRPv3 advertisement interval {written}s must be in units of 10ms - rounding"
                )
            }
        };
        cx.conclude(Class::General, text);
    }

    /// Trackers that cannot have an effect (`spec` config 4.8).
    pub fn trackers(&mut self, cx: &mut Context<'_>, group: Option<&group::Draft>) {
        let name = &self.name;
        let interface = self.draft.interface.as_deref();
        let track = &mut self.draft.track;
        track.interfaces.retain(|tracked| {
            let own = interface == Some(tracked.name.as_str());
            if own {
                let interface = &tracked.name;
                let text = format!("({name}) Ignoring track_interface {interface} since own interface");
                cx.conclude(Class::General, text);
            }
            !own
        });
        let grouped = group.is_some_and(|group| !group.member_weights);
        if grouped {
            for tracked in track.interfaces.iter_mut().filter(|tracked| tracked.weight.amount != 0) {
                let text =
                    format!("({name}) ignoring {} tracked interface weight due to SYNC group", tracked.name);
                cx.conclude(Class::General, text);
                tracked.weight.amount = 0;
            }
        }
        if self.priority.is_owner() {
            drop_weighted(cx, &mut track.interfaces, |tracked| {
                format!("({name}) ignoring {} tracked interface due to address owner", tracked.name)
            });
        }
        let why = if grouped {
            "SYNC group"
        } else if self.priority.is_owner() {
            "address_owner"
        } else {
            return;
        };
        drop_weighted(cx, &mut track.scripts, |script| {
            format!("({name}) ignoring tracked script {} with weights due to {why}", script.name)
        });
        for file in track.files.iter_mut().filter(|file| file.weight.amount == 1) {
            let file_name = &file.name;
            let text = format!(
                "({name}) ignoring weight from tracked file {file_name} due to {why}. specify weight 0"
            );
            cx.conclude(Class::General, text);
            file.weight.amount = 0;
        }
        drop_weighted(cx, &mut track.files, |file| {
            let amount = file.weight.amount;
            format!("({name}) ignoring tracked file {} with weight {amount} due to {why}", file.name)
        });
        drop_weighted(cx, &mut track.bfds, |bfd| {
            let amount = bfd.weight.amount;
            format!("({name}) ignoring tracked bfd {} with weight {amount} due to {why}", bfd.name)
        });
    }
}

/// The interval in the unit of its version, half a unit rounding up (`spec` config 4.4).
pub(super) fn interval(written: Micros, version: Version) -> Micros {
    let Micros(micros) = written;
    let (unit, most) = match version {
        Version::V2 => (V2_UNIT, V2_INTERVAL_MAX),
        Version::V3 => (V3_UNIT, V3_INTERVAL_MAX),
    };
    Micros(((micros + unit / 2) / unit * unit).clamp(unit, most))
}

fn drop_weighted(cx: &mut Context<'_>, list: &mut Vec<Tracked>, text: impl Fn(&Tracked) -> String) {
    list.retain(|tracked| {
        if tracked.weight.amount != 0 {
            cx.conclude(Class::General, text(tracked));
        }
        tracked.weight.amount == 0
    });
}

/// Trackers of a group with an address owner, whose priority nothing can move (`spec` config 4.8).
pub(super) fn unweighted(cx: &mut Context<'_>, group: &str, track: &mut Trackers) {
    let lists = [
        ("script", "clearing weight", &mut track.scripts),
        ("file", "setting weight 0", &mut track.files),
        ("process", "setting weight 0", &mut track.processes),
        ("bfd", "setting weight 0", &mut track.bfds),
        ("interface", "clearing weight", &mut track.interfaces),
    ];
    for (kind, what, list) in lists {
        for tracked in list.iter_mut().filter(|tracked| tracked.weight.amount != 0) {
            let name = &tracked.name;
            let text = format!(
                "({group}) Cannot have weighted track {kind} '{name}' with member having priority 255 - {what}"
            );
            cx.conclude(Class::General, text);
            tracked.weight.amount = 0;
        }
    }
}
