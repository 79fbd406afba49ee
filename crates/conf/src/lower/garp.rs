//! Announcement values, global and of an instance (`spec` config 3.2, 3.12, 4.10).

use keepalived_model::time::Micros;
use keepalived_model::vrrp::{ExtraGarp, Garp};

use super::context::{Context, Reading};
use super::global::seconds;
use crate::diag::Class;
use crate::lex::number::{self, Range};
use crate::tree::Statement;

const DELAY_DEFAULT: Micros = Micros::from_secs(5);
const REPEAT_DEFAULT: u32 = 5;
/// A day.
const EXTRA_SECONDS_MAX: i64 = 86_400;

/// Announcement values as far as they are written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Garps {
    delay: Option<Micros>,
    repeat: Option<u32>,
    refresh: Option<Micros>,
    refresh_repeat: Option<u32>,
    lower_prio_delay: Option<Micros>,
    lower_prio_repeat: Option<u32>,
}

impl Garps {
    /// A `vrrp_garp_…` keyword of `global_defs`; false if it is none.
    pub fn global(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        if statement.row.name == "vrrp_min_garp" {
            if cx.boolean(statement, "") == Some(true) {
                // What was written before stands; what is written later wins (`spec` config 3.2).
                self.repeat.get_or_insert(1);
                self.delay.get_or_insert(Micros::ZERO);
                self.refresh.get_or_insert(Micros::ZERO);
                self.refresh_repeat.get_or_insert(1);
            }
            return true;
        }
        statement.row.name.strip_prefix("vrrp_").is_some_and(|name| self.set(cx, statement, name, ""))
    }

    /// A `garp_…` keyword of an instance; false if it is none.
    pub fn instance(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> bool {
        self.set(cx, statement, statement.row.name, owner)
    }

    fn set(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>, name: &str, owner: &str) -> bool {
        let read = |cx: &mut Context<'_>| cx.integer(statement, owner);
        match name {
            "garp_master_delay" => self.delay = read(cx).map(seconds).or(self.delay),
            "garp_master_repeat" => self.repeat = at_least_one(cx, statement, owner).or(self.repeat),
            // The only one that falls back to nothing.
            "garp_master_refresh" => self.refresh = Some(read(cx).map_or(Micros::ZERO, seconds)),
            "garp_master_refresh_repeat" => {
                self.refresh_repeat = at_least_one(cx, statement, owner).or(self.refresh_repeat);
            }
            "garp_lower_prio_delay" => {
                self.lower_prio_delay = read(cx).map(seconds).or(self.lower_prio_delay)
            }
            "garp_lower_prio_repeat" => {
                let count = read(cx).and_then(|n| u32::try_from(n).ok());
                self.lower_prio_repeat = count.or(self.lower_prio_repeat);
            }
            _ => return false,
        }
        true
    }

    /// These values, with the global ones behind them. The lower-priority ones never follow the instance's
    /// own burst (`spec` config 4.10).
    pub fn complete(&self, global: &Self) -> Garp {
        let global_delay = global.delay.unwrap_or(DELAY_DEFAULT);
        let global_repeat = global.repeat.unwrap_or(REPEAT_DEFAULT);
        Garp {
            repeat: self.repeat.unwrap_or(global_repeat),
            delay: self.delay.unwrap_or(global_delay),
            refresh: self.refresh.or(global.refresh).unwrap_or(Micros::ZERO),
            refresh_repeat: self.refresh_repeat.or(global.refresh_repeat).unwrap_or(1),
            lower_prio_repeat: self.lower_prio_repeat.or(global.lower_prio_repeat).unwrap_or(global_repeat),
            lower_prio_delay: self.lower_prio_delay.or(global.lower_prio_delay).unwrap_or(global_delay),
            extra: None,
        }
    }

    /// Strict mode has no bursts after a weaker router; what was written is said to be reset (`spec` config 4.5).
    pub fn strict(&self, cx: &mut Context<'_>, name: &str, garp: &mut Garp) {
        if self.lower_prio_repeat.is_some_and(|n| n > 0) {
            cx.conclude(Class::General, format!("({name}) Strict mode requires no repeat garps. resetting"));
        }
        if self.lower_prio_delay.is_some_and(|delay| !delay.is_zero()) {
            cx.conclude(
                Class::General,
                format!("({name}) Strict mode requires no repeat garp delay. resetting"),
            );
        }
        garp.lower_prio_repeat = 0;
        garp.lower_prio_delay = Micros::ZERO;
    }
}

/// `[all] SECONDS`, which may say that there is no such thing (`spec` config 3.2 and 3.12).
pub(super) fn extra_interfaces(
    cx: &mut Context<'_>,
    statement: &Statement<'_>,
    owner: &str,
) -> Option<Option<ExtraGarp>> {
    let position = if statement.word(1) == Some("all") { 2 } else { 1 };
    let name = statement.word(0).unwrap_or(statement.row.name);
    let prefix = if owner.is_empty() { String::new() } else { format!("({owner}): ") };
    let place = cx.place(statement, position);
    let Some(word) = statement.word(position) else {
        cx.say(&place, Class::Missing, format!("{prefix}{name} specified without time - ignoring"));
        return None;
    };
    // Zero turns the global default off again, so an instance may say it.
    let range = Range { min: i64::from(owner.is_empty()), max: EXTRA_SECONDS_MAX };
    let bad = format!("{prefix}{name} '{word}' invalid - ignoring");
    let how = Reading { range, lenient: true };
    let secs = cx.number_word(&place, word, how, Some(bad))?;
    if secs == 0 {
        return Some(None);
    }
    Some(Some(ExtraGarp { interval: seconds(secs), all: position == 2 }))
}

fn at_least_one(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<u32> {
    let count = cx.integer(statement, owner).and_then(|n| u32::try_from(n).ok())?;
    if count == 0 {
        let place = cx.place(statement, 1);
        let name = statement.row.name;
        let prefix = if owner.is_empty() { String::new() } else { format!("({owner}): ") };
        let text = format!("{prefix}{name} must be greater than 0, setting to 1");
        // Of `0x1` the daemon takes the zero, and `-t` nothing.
        let word = statement.word(1).unwrap_or("");
        let whole = number::integer(word, Range { min: 0, max: i64::from(u32::MAX) }).value.is_some();
        cx.tell(&place, |told| if whole { told } else { told.log_only() }, Class::General, text);
    }
    Some(count.max(1))
}
