//! Files and processes that the routers of a plan track.

use keepalived_model::track::{Arguments, File, Process, ProcessPattern, Tracked};
use keepalived_model::{Micros, Weight};

use crate::rng::Rng;

/// Files and processes of all nodes.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Their numbers add to priorities.
    pub files: Vec<File>,
    /// Their counts do, or are faults.
    pub processes: Vec<Process>,
}

impl Watched {
    /// Some, or none.
    pub fn draw(rng: &mut Rng) -> Self {
        let (files, processes) = (rng.pick(&[0, 0, 0, 1, 2]), rng.pick(&[0, 0, 0, 1, 2]));
        let file = |number: usize| File {
            name: format!("f{number}"),
            path: format!("/f{number}").into_bytes(),
            weight: Weight::default(),
            init: None,
        };
        let delay = |rng: &mut Rng| Micros::from_millis(rng.pick(&[0, 0, 100, 1500]));
        let mut process = |number: usize| Process {
            name: format!("p{number}"),
            command: ProcessPattern {
                path: format!("p{number}").into_bytes(),
                full_command: false,
                arguments: Arguments::Any,
            },
            weight: Weight::default(),
            quorum: rng.pick(&[0, 1, 2]),
            quorum_max: rng.one_in(3).then_some(2),
            terminate_delay: delay(rng),
            fork_delay: delay(rng),
        };
        Self { files: (0..files).map(file).collect(), processes: (0..processes).map(&mut process).collect() }
    }

    /// Lines of one instance or group; without weights what they name can only be a fault.
    pub fn track(&self, rng: &mut Rng, weighted: bool) -> (Vec<Tracked>, Vec<Tracked>) {
        let mut line = |name: &String| {
            let amount = if weighted { rng.pick(&[0, 1, -1, 3, 60, -60, 254]) } else { 0 };
            let weight = Weight { amount, reverse: rng.one_in(5) };
            rng.one_in(2).then(|| Tracked { name: name.clone(), weight })
        };
        let files = self.files.iter().filter_map(|file| line(&file.name)).collect();
        (files, self.processes.iter().filter_map(|process| line(&process.name)).collect())
    }
}
