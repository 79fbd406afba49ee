//! Names, scheduling and limits of the processes.

use keepalived_model::global::{Process, Processes};
use keepalived_model::time::Micros;

use super::{Effect, Globals, on, umask, whole};
use crate::diag::Class;
use crate::lex::number::{Range, integer};
use crate::lower::context::{Context, Reading};
use crate::text;
use crate::tree::Statement;

/// Longest name the kernel keeps, in bytes.
const NAME_MAX: usize = 15;
/// Highest real-time priority the kernel knows (`SCHED_RR`).
const REALTIME_MAX: i64 = 99;

/// `process_names`: every process gets a name of its own unless it has one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names {
    wanted: bool,
}

impl Globals {
    pub(super) fn process_keyword(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let processes = &mut self.model.processes;
        match statement.row.name {
            "process_names" => return on(&mut self.process.wanted),
            "process_name" => return name(cx, statement, &mut processes.supervisor_name),
            "max_auto_priority" => max_auto_priority(cx, statement, processes),
            "min_auto_priority_delay" => {
                if let Some(micros) = whole(cx, statement) {
                    processes.min_auto_priority_delay = Micros(micros);
                }
            }
            "umask" => {
                if let Some(mask) = umask::read(cx, statement) {
                    processes.umask = Some(mask);
                }
            }
            _ => return engine(cx, statement, processes),
        }
        Effect::Asked
    }

    pub(super) fn name_processes(&mut self) {
        let processes = &mut self.model.processes;
        if self.process.wanted {
            processes.vrrp.name.get_or_insert_with(|| "keepalived_vrrp".into());
            processes.checker.name.get_or_insert_with(|| "keepalived_lvs".into());
            processes.bfd.name.get_or_insert_with(|| "keepalived_bfd".into());
        }
    }
}

/// `vrrp_…`, `checker_…` and `bfd_…` keywords, which are alike.
fn engine(cx: &mut Context<'_>, statement: &Statement<'_>, processes: &mut Processes) -> Effect {
    let Some((owner, keyword)) = statement.row.name.split_once('_') else { return Effect::NotMine };
    let process: &mut Process = match owner {
        "vrrp" => &mut processes.vrrp,
        "checker" => &mut processes.checker,
        "bfd" => &mut processes.bfd,
        _ => return Effect::NotMine,
    };
    let scheduling = &mut process.scheduling;
    match keyword {
        "process_name" => {
            if statement.word(0) == Some("lvs_process_name") {
                let text = "'lvs_process_name' is deprecated - please use 'checker_process_name'";
                cx.log(&cx.place(statement, 0), text);
            }
            return name(cx, statement, &mut process.name);
        }
        "priority" => scheduling.nice = nice(cx, statement, owner).or(scheduling.nice),
        "no_swap" => scheduling.no_swap = true,
        "rt_priority" => scheduling.realtime = realtime(cx, statement, owner).or(scheduling.realtime),
        "cpu_affinity" => match processors(cx, statement, owner) {
            Some(list) => process.processors = list,
            None => return Effect::None,
        },
        "rlimit_rttime" => {
            if let Some(old) = statement.word(0).filter(|word| *word != statement.row.name) {
                let name = statement.row.name;
                let text = format!("Keyword '{old}' is deprecated - please use '{name}'");
                cx.log(&cx.place(statement, 0), text);
            }
            let micros: u64 = whole(cx, statement).unwrap_or(0);
            // One microsecond would be no time at all for the kernel's second limit.
            scheduling.rlimit_rttime = Some(Micros(if micros == 0 { 0 } else { micros.max(2) }));
        }
        _ => return Effect::NotMine,
    }
    Effect::Asked
}

fn name(cx: &mut Context<'_>, statement: &Statement<'_>, slot: &mut Option<String>) -> Effect {
    let Some(word) = cx.word(statement, "") else { return Effect::None };
    let mut name = word.to_owned();
    if text::encode(&name).len() > NAME_MAX {
        let text = format!("Process name {word} more than {NAME_MAX} characters, truncating");
        cx.say(&cx.place(statement, 1), Class::General, text);
        while text::encode(&name).len() > NAME_MAX {
            name.pop();
        }
    }
    *slot = Some(name);
    Effect::Asked
}

fn max_auto_priority(cx: &mut Context<'_>, statement: &Statement<'_>, processes: &mut Processes) {
    let Some(word) = statement.word(1) else {
        processes.max_auto_priority = Some(99);
        return;
    };
    let place = cx.place(statement, 1);
    let bad = format!("max_auto_priority '{word}' must be in [0, 99] (or -1 to disable) - ignoring");
    let how = Reading { range: Range { min: -1, max: REALTIME_MAX }, lenient: true };
    if let Some(value) = cx.number_word(&place, word, how, Some(bad)) {
        processes.max_auto_priority = i32::try_from(value).ok();
    }
}

fn nice(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<i32> {
    let word = cx.word(statement, "")?;
    let place = cx.place(statement, 1);
    let bad = format!("Invalid {owner} process priority specified");
    let how = Reading { range: Range { min: -20, max: 19 }, lenient: true };
    let nice = cx.number_word(&place, word, how, Some(bad)).unwrap_or(0);
    i32::try_from(nice).ok()
}

fn realtime(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<u32> {
    let word = cx.word(statement, "")?;
    let place = cx.place(statement, 1);
    let how = Reading { range: Range { min: i64::from(i32::MIN), max: i64::from(i32::MAX) }, lenient: true };
    let bad = format!("{owner} process real-time priority '{word}' invalid");
    let value = cx.number_word(&place, word, how, Some(bad))?;
    // Zero turns our own default off (D14); the original has no default and takes it for too small.
    if value == 0 && owner == "vrrp" {
        return Some(0);
    }
    let (limit, side) =
        if value < 1 { (1, "less than minimum") } else { (REALTIME_MAX, "greater than maximum") };
    if !(1..=REALTIME_MAX).contains(&value) {
        let edge = if value < 1 { "minimum" } else { "maximum" };
        let text = format!("{owner} process real-time priority {value} {side} {limit} - setting to {edge}");
        cx.say(&place, Class::General, text);
    }
    u32::try_from(value.clamp(1, REALTIME_MAX)).ok()
}

/// A list of processors; one bad number and there is none.
fn processors(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<Vec<u32>> {
    cx.word(statement, "")?;
    let max = i64::from(cx.host.processors().saturating_sub(1));
    let how = Reading { range: Range { min: 0, max }, lenient: true };
    let mut list = Vec::new();
    for (position, word) in statement.words.iter().enumerate().skip(1) {
        let place = cx.place(statement, position);
        // The original names the digits it could read.
        let any = integer(word.text, Range { min: i64::from(i32::MIN), max: i64::from(i32::MAX) });
        let shown = any.value.or(any.lenient).unwrap_or(0);
        let bad = format!("Invalid cpu_id:{shown} specified for {owner} process");
        if shown < 0 {
            let text = format!("number '{}' outside range [0, {max}]", word.text);
            cx.say(&place, Class::Number, text);
            cx.say(&place, Class::General, bad);
            return None;
        }
        let number = cx.number_word(&place, word.text, how, Some(bad))?;
        list.push(u32::try_from(number).ok()?);
    }
    list.sort_unstable();
    list.dedup();
    Some(list)
}
