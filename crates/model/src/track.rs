//! What is tracked.

use crate::link::Polled;
use crate::notify::Command;
use crate::priority::Weight;
use crate::time::Micros;

/// A `vrrp_script` that at least one instance or group tracks and that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The name its users call it by.
    pub name: String,
    /// What to run.
    pub command: Command,
    /// From one start to the next; 1 ms–4294 s.
    pub interval: Micros,
    /// When a run is ended by force; the interval unless configured.
    pub timeout: Micros,
    /// Weight for users that name none of their own.
    pub weight: Weight,
    /// Successes in a row that turn down into up; at least 1.
    pub rise: u32,
    /// Failures in a row that turn up into down; at least 1.
    pub fall: u32,
    /// Starts as down and needs `rise` successes, instead of letting the first result decide.
    pub init_fail: bool,
}

/// A script that some instance should run and that cannot be run: they go on without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrunnable {
    /// Its name.
    pub name: String,
    /// Why not, for people.
    pub reason: String,
}

/// One line of a `track_script`, `track_interface`, `track_file`, `track_process` or `track_bfd` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Name of an interface, or of a [`Script`], [`File`], [`Process`] or BFD session of the same configuration.
    pub name: String,
    /// The line's own or the tracker's; zero (but for files): down is a fault.
    pub weight: Weight,
}

/// What an instance or a sync group tracks, by lines of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trackers {
    /// `track_interface` lines.
    pub interfaces: Vec<Tracked>,
    /// `track_script` lines whose script exists.
    pub scripts: Vec<Tracked>,
    /// `track_file` lines whose file exists in the configuration.
    pub files: Vec<Tracked>,
    /// `track_process` lines whose process exists in the configuration.
    pub processes: Vec<Tracked>,
    /// `track_bfd` lines whose session exists in the configuration and tells virtual routers.
    pub bfds: Vec<Tracked>,
}

/// What there is to track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackerKind {
    /// A link by its name.
    Interface,
    /// A [`Script`].
    Script,
    /// A [`File`].
    File,
    /// A [`Process`].
    Process,
    /// A BFD session.
    Bfd,
}

impl TrackerKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Interface, Self::Script, Self::File, Self::Process, Self::Bfd];
}

impl Trackers {
    /// The lines of a kind.
    pub fn of(&self, kind: TrackerKind) -> &[Tracked] {
        match kind {
            TrackerKind::Interface => &self.interfaces,
            TrackerKind::Script => &self.scripts,
            TrackerKind::File => &self.files,
            TrackerKind::Process => &self.processes,
            TrackerKind::Bfd => &self.bfds,
        }
    }

    /// What an instance tracks together with its sync group, each name once: of two weights the group's counts,
    /// unless the instance's own says that it is a fault (`spec` config 4.8).
    pub fn with<'a>(&'a self, group: Option<&'a Self>, kind: TrackerKind) -> Vec<(&'a str, Weight)> {
        let (own, group) = (self.of(kind), group.map(|group| group.of(kind)).unwrap_or_default());
        let of_group = |name: &str| group.iter().find(|tracked| tracked.name == name);
        let own_or_group = own.iter().map(|tracked| {
            let shared = of_group(&tracked.name).filter(|_| tracked.weight.amount != 0);
            (tracked.name.as_str(), shared.unwrap_or(tracked).weight)
        });
        let others = group.iter().filter(|tracked| !own.iter().any(|other| other.name == tracked.name));
        own_or_group.chain(others.map(|tracked| (tracked.name.as_str(), tracked.weight))).collect()
    }

    /// Gives back the room that lists have left.
    pub fn shrink(&mut self) {
        let Self { interfaces, scripts, files, processes, bfds } = self;
        [interfaces, scripts, files, processes, bfds].into_iter().for_each(Vec::shrink_to_fit);
    }
}

/// A `track_file` whose number acts on priorities (`spec` config 3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The name its users call it by.
    pub name: String,
    /// The file; an unreadable one counts as zero.
    pub path: Vec<u8>,
    /// What the number is multiplied with where users name no weight of their own; −254–254. With zero, any
    /// number but zero is a fault.
    pub weight: Weight,
    /// What is written into it at the start.
    pub init: Option<FileInit>,
}

/// What a start writes into a tracked file (`init_file`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInit {
    /// The number.
    pub value: i32,
    /// Also where the file exists already.
    pub overwrite: bool,
}

/// A `vrrp_track_process`: so many processes have to run (`spec` config 3.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The name its users call it by.
    pub name: String,
    /// Which processes count.
    pub command: ProcessPattern,
    /// Weight for users that name none of their own; −254–254.
    pub weight: Weight,
    /// Fewest processes that make it up; zero only where none may run.
    pub quorum: u32,
    /// Most processes that leave it up; none: any number.
    pub quorum_max: Option<u32>,
    /// From the end of a process until it counts; up to an hour.
    pub terminate_delay: Micros,
    /// From the start of a process until it counts; up to an hour.
    pub fork_delay: Micros,
}

impl Process {
    /// Whether that many processes are neither too few nor too many.
    pub fn has_quorum(&self, count: u32) -> bool {
        self.quorum <= count && self.quorum_max.is_none_or(|most| count <= most)
    }
}

/// Something outside of the engine whose number is watched on behalf of trackers. Trackers of the same thing share
/// it, and its number stays known as long as anybody tracks it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watch {
    /// The number in the file of this path.
    File(Vec<u8>),
    /// How many processes there are of this kind.
    Processes(ProcessPattern),
    /// Whether this link has a beat: one, or zero. What was seen says how it was asked; if that was impossible, nobody
    /// knows, whatever the number.
    Link(Polled),
}

/// What somebody saw of a [`Watch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which.
    pub watch: Watch,
    /// Its number.
    pub number: i64,
}

/// Which processes a [`Process`] counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessPattern {
    /// Name or path as the configuration gives it, to the letter.
    pub path: Vec<u8>,
    /// Compared with `argv[0]` instead of the kernel's name of the process.
    pub full_command: bool,
    /// How the further arguments are compared.
    pub arguments: Arguments,
}

/// How the arguments of a process are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arguments {
    /// They do not matter.
    Any,
    /// These and no others.
    Exact(Vec<Vec<u8>>),
    /// These come first, the last one perhaps cut off (`param_match initial`).
    Initial(Vec<Vec<u8>>),
    /// These come first (`param_match partial`).
    Partial(Vec<Vec<u8>>),
}
