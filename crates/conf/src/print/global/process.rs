//! Names, scheduling and limits of the processes.

use keepalived_model::global::{Process, Processes};

use crate::print::block::Block;

/// All processes but for what stands outside blocks.
pub(super) fn print(out: &mut Block, processes: &Processes) {
    let usual = Processes::default();
    out.word("process_name", processes.supervisor_name.as_deref());
    for (owner, process) in
        [("vrrp", &processes.vrrp), ("checker", &processes.checker), ("bfd", &processes.bfd)]
    {
        engine(out, owner, process);
    }
    out.maybe("umask", processes.umask.map(|mask| format!("0{mask:o}")));
    out.maybe("max_auto_priority", processes.max_auto_priority);
    let delay = processes.min_auto_priority_delay;
    out.value("min_auto_priority_delay", delay.0, usual.min_auto_priority_delay.0);
}

/// The keywords of one kind of engine, which begin with its name.
fn engine(out: &mut Block, owner: &str, process: &Process) {
    let keyword = |name: &str| format!("{owner}_{name}");
    let Process { name, scheduling, processors } = process;
    out.word(&keyword("process_name"), name.as_deref());
    out.maybe(&keyword("priority"), scheduling.nice);
    out.flag(&keyword("no_swap"), scheduling.no_swap);
    out.maybe(&keyword("rt_priority"), scheduling.realtime);
    if !processors.is_empty() {
        out.line(&keyword("cpu_affinity"), processors.iter().map(ToString::to_string));
    }
    out.maybe(&keyword("rlimit_rttime"), scheduling.rlimit_rttime.map(|time| time.0));
}
