//! Blocks about interfaces: `linkbeat_interfaces`, `interface_up_down_delays`, `garp_group` (`spec` config 3.4).

use keepalived_model::link::{GarpGroup, Polled, Polling, UpDownDelay};
use keepalived_model::time::Micros;
use keepalived_model::vrrp::Instance;

use super::context::{Context, Place};
use super::interfaces::Interfaces;
use super::track::lacks;
use crate::diag::Class;
use crate::lex::number::{self, Range};
use crate::tree::{Item, Statement};

/// The longest delay in microseconds.
const DELAY_MAX: i64 = 255_000_000;
/// An interval as long as this is told to be one.
const LONG: Micros = Micros::from_secs(1);

/// Everything said about interfaces, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub polled: Vec<Polled>,
    pub delays: Vec<UpDownDelay>,
    pub garp_groups: Vec<GarpGroup>,
}

impl Links {
    /// Polls an interface, in some way if none was said.
    pub fn poll(&mut self, name: &str) {
        if self.polled.iter().all(|polled| polled.name != name) {
            self.polled.push(Polled { name: name.to_owned(), by: None });
        }
    }

    /// A delay must be over before a master is given up for dead: one as long as that is cut.
    pub fn settle(&mut self, cx: &mut Context<'_>, instances: &[Instance]) {
        for delay in &mut self.delays {
            let on_it = |instance: &&Instance| instance.interface_name() == delay.name;
            for instance in instances.iter().filter(on_it) {
                let adverts = u64::from(instance.down_timer_adverts.saturating_sub(1));
                let most = Micros(instance.advert_interval.times(adverts).0.saturating_sub(1));
                if delay.down <= most && delay.up <= most {
                    continue;
                }
                let (interface, name) = (&delay.name, &instance.name);
                cx.conclude_log(format!(
                    "({name}) up/down delays of interface {interface} are too long - reducing to {most}s"
                ));
                (delay.down, delay.up) = (delay.down.min(most), delay.up.min(most));
            }
        }
    }

    /// One of the blocks; false if it is another keyword.
    pub fn block(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, statement: &Statement<'_>) -> bool {
        match statement.row.name {
            "linkbeat_interfaces" => {
                statement.items().iter().for_each(|item| self.polled(cx, known, item));
            }
            "interface_up_down_delays" => {
                statement.items().iter().for_each(|item| self.delay(cx, known, item));
            }
            "garp_group" => self.garp_group(cx, known, statement),
            _ => return false,
        }
        true
    }

    /// `IF [MII|ETHTOOL|IOCTL]`.
    fn polled(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, item: &Item<'_>) {
        let word = |n: usize| item.words.get(n).map(|word| word.text);
        let Some(name) = word(0) else { return };
        if !known.exists(cx, name) {
            let place = cx.item_place(item, 0);
            let text = format!("unknown interface {name} specified for linkbeat interface");
            return cx.say(&place, Class::BadInterface, text);
        }
        let by = word(1).and_then(|word| Polling::ALL.into_iter().find(|by| by.word() == word));
        if word(if by.is_some() { 2 } else { 1 }).is_some() {
            let place = cx.item_place(item, 1);
            let text = format!("extra characters {} in linkbeat interface", word(1).unwrap_or(""));
            cx.say(&place, Class::General, text);
        }
        match self.polled.iter_mut().find(|polled| polled.name == name) {
            Some(polled) => polled.by = by,
            None => self.polled.push(Polled { name: name.to_owned(), by }),
        }
    }

    /// `IF DOWN [UP]`. Most of what is wrong is for the log only.
    fn delay(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, item: &Item<'_>) {
        let word = |n: usize| item.words.get(n).map(|word| word.text);
        let Some(name) = word(0) else { return };
        let place = cx.item_place(item, 0);
        if !known.exists(cx, name) {
            let text = format!("unknown interface {name} specified for up/down delay");
            return cx.say(&place, Class::BadInterface, text);
        }
        if word(1).is_none() {
            return cx.log(&place, format!("no up/down delay specified for interface {name} - ignoring"));
        }
        let mut times = [Micros::ZERO, Micros::ZERO];
        for (time, position) in times.iter_mut().zip(1..) {
            let Some(word) = word(position) else { break };
            let place = cx.item_place(item, position);
            let read = number::decimal(word, 6, Range { min: 0, max: DELAY_MAX });
            match cx.read_number(&place, read, true).and_then(|micros| u64::try_from(micros).ok()) {
                Some(micros) => *time = Micros(micros),
                None => {
                    let text = format!("up/down delay {word} for interface {name} is invalid - ignoring");
                    return cx.log(&place, text);
                }
            }
        }
        let [down, up] = times;
        let delay = UpDownDelay { name: name.to_owned(), down, up };
        match self.delays.iter_mut().find(|standing| standing.name == name) {
            Some(standing) => *standing = delay,
            None => self.delays.push(delay),
        }
    }

    fn garp_group(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, statement: &Statement<'_>) {
        let mut group = GarpGroup { garp_interval: None, gna_interval: None, interfaces: Vec::new() };
        for inner in statement.block() {
            match inner.row.name {
                "garp_interval" => group.garp_interval = interval(cx, inner).or(group.garp_interval),
                "gna_interval" => group.gna_interval = interval(cx, inner).or(group.gna_interval),
                "interface" => {
                    if let Some(name) = cx.word(inner, "") {
                        let place = cx.place(inner, 1);
                        self.join(cx, known, &mut group, &place, name);
                    }
                }
                _ => self.join_all(cx, known, &mut group, inner),
            }
        }
        if group.garp_interval.is_none() && group.gna_interval.is_none() {
            // It is numbered by those that count.
            let number = self.garp_groups.len();
            lacks(cx, statement, format!("garp group {number} does not have any delay set - removing"));
            return;
        }
        if !group.interfaces.is_empty() {
            self.garp_groups.push(group);
        }
    }

    fn join_all(
        &self,
        cx: &mut Context<'_>,
        known: &mut Interfaces,
        group: &mut GarpGroup,
        statement: &Statement<'_>,
    ) {
        if statement.items().is_empty() {
            let end = cx.end_place(statement);
            return cx.say(&end, Class::Warning, "Warning - empty garp_group interfaces block");
        }
        // The original looks at them where the list ends; we point at the words.
        for item in statement.items() {
            for (position, word) in item.words.iter().enumerate() {
                let place = cx.item_place(item, position);
                self.join(cx, known, group, &place, word.text);
            }
        }
    }

    fn join(
        &self,
        cx: &mut Context<'_>,
        known: &mut Interfaces,
        group: &mut GarpGroup,
        place: &Place,
        name: &str,
    ) {
        let unknown =
            |name: &str| format!("WARNING - interface {name} specified for garp_group doesn't exist");
        if known.find(cx, place, name, unknown).is_none() {
            return;
        }
        let groups = self.garp_groups.iter().chain([&*group]);
        if groups.flat_map(|group| &group.interfaces).any(|member| member == name) {
            let text = format!("garp_group already specified for {name} - ignoring");
            return cx.say(place, Class::General, text);
        }
        group.interfaces.push(name.to_owned());
    }
}

fn interval(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Micros> {
    let micros = cx.decimal(statement, "").and_then(|n| u64::try_from(n).ok()).map(Micros)?;
    if micros >= LONG {
        let place = cx.place(statement, 1);
        let name = statement.row.name;
        cx.log(&place, format!("The garp_group {name} is very large - {} seconds", micros.as_secs()));
    }
    Some(micros)
}
