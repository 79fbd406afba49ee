//! A configuration as the supervisor sees it: what it acts on itself, and the bytes for the engines.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use keepalived_conf::{Answers, Conditions, Diagnostic, Lines, Lowered, Pass, Recorder, Uses, render};
use keepalived_model::global::Global;
use keepalived_sys::{memfd, process};

use crate::cli::Options;
use crate::handoff::{self, Parts};
use crate::host::{Disk, Machine};
use crate::surface::Delays;

use super::place::Place;

/// One reading of the configuration.
#[derive(Debug)]
pub struct Plan {
    /// What engines get.
    pub config: File,
    /// Which engines have something to do.
    pub uses: Uses,
    /// What concerns the processes.
    pub global: Global,
    /// What dumps show of the times that the engine keeps.
    pub delays: Delays,
}

/// Reads configurations under the conditions of this start.
#[derive(Debug)]
pub struct Reader {
    file: PathBuf,
    conditions: Conditions,
    /// `--namespace`.
    namespace: Option<String>,
}

impl Reader {
    /// Remembers what would change by daemonising: the directory, the environment.
    pub fn new(options: &Options) -> Self {
        let conditions = conditions(options.config_id.clone(), options.all_config);
        Self { file: options.config_file(), conditions, namespace: options.namespace.clone() }
    }

    /// The configuration file, as it was named.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// Reads the files and asks the machine; may block.
    pub fn read(&self) -> Reading {
        self.read_keeping(Keep::Lines)
    }

    fn read_keeping(&self, keep: Keep) -> Reading {
        let sourced = keepalived_conf::read(&Disk, &self.file, &self.conditions);
        let recorder = Recorder::new(&Machine);
        let drafted = keepalived_conf::draft(&sourced.lines, &recorder);
        let lines = match keep {
            Keep::Lines => sourced.lines,
            Keep::Nothing => {
                drop(sourced.lines);
                Lines::default()
            }
        };
        let Lowered { mut config, mut diagnostics, uses, .. } = drafted.complete(&recorder);
        diagnostics.splice(..0, sourced.diagnostics);
        let network = &mut config.global.namespaces.network;
        let overridden = self.namespace.clone().and_then(|name| network.replace(name));
        Reading {
            lines,
            answers: recorder.into_answers(),
            uses,
            delays: Delays::of(&config.vrrp),
            global: config.global,
            overridden,
            diagnostics,
        }
    }
}

/// Which part of what was read is needed afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The lines, for engines.
    Lines,
    /// Only what there is to say.
    Nothing,
}

impl Reader {
    /// Reads in the network namespace that the configuration asks for, and leaves this process there. Where that
    /// cannot be, it is read here, and a sentence says so: interfaces may be missing then.
    pub fn read_in_place(&self, keep: Keep) -> (Reading, Option<String>) {
        let reading = self.read_keeping(keep);
        let place = reading.place();
        match place.enter_network() {
            Ok(true) => (self.read_keeping(keep), None),
            Ok(false) => (reading, None),
            Err(_) => (reading, place.not_there()),
        }
    }
}

/// What a file says, before it is made ready for travelling.
#[derive(Debug)]
pub struct Reading {
    lines: Lines,
    answers: Answers,
    uses: Uses,
    global: Global,
    delays: Delays,
    /// The network namespace that the command line's takes the place of.
    overridden: Option<String>,
    /// Everything there is to say about it.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// With the bytes for the engines in a file that nobody can change.
    pub fn into_plan(self) -> io::Result<Plan> {
        let suffix = self.place().suffix();
        let Self { lines, answers, uses, global, delays, .. } = self;
        let (lines, answers) = (lines.to_bytes(), answers.to_bytes());
        let bytes = handoff::join_config(&Parts { suffix: &suffix, lines: &lines, answers: &answers });
        let config = memfd::sealed(CONFIG_NAME, &bytes)?.into();
        drop((lines, answers, bytes));
        process::return_free_memory();
        Ok(Plan { config, uses, global, delays })
    }

    /// The exit status with which the supervisor itself does not start: a file that cannot be had, or a word
    /// missing in what it reads itself (`spec` config 0.3). What engines refuse, they refuse themselves.
    pub fn refusal(&self) -> Option<u8> {
        refusal(self.diagnostics.iter().filter(|diagnostic| diagnostic.pass == Pass::Parent))
    }

    /// What concerns the processes.
    pub fn global(&self) -> &Global {
        &self.global
    }

    /// All its lines as one file.
    pub fn consolidated(&self) -> String {
        self.lines.consolidated()
    }

    /// Where it wants to be run.
    pub fn place(&self) -> Place {
        Place::of(&self.global)
    }

    /// What the command line has changed in it, as a sentence.
    pub fn overridden(&self) -> Option<String> {
        let (old, new) = (self.overridden.as_ref()?, self.global.namespaces.network.as_ref()?);
        Some(format!("Overriding config net_namespace '{old}' with command line namespace '{new}'"))
    }

    /// The exit status with which anybody would refuse it.
    pub fn any_refusal(&self) -> Option<u8> {
        refusal(self.diagnostics.iter())
    }
}

impl Plan {
    /// Whether the VRRP engine has something to do, and may.
    pub fn wants_vrrp(&self, options: &Options) -> bool {
        let others_only = options.check && !options.vrrp;
        options.all || (self.uses.vrrp && !others_only)
    }

    /// How long an engine may take to stop.
    pub fn child_wait(&self) -> Duration {
        Duration::from_micros(self.global.processes.child_wait.0)
    }
}

/// The lines one process logs about a configuration.
pub fn log_lines(diagnostics: &[Diagnostic], pass: Pass) -> impl Iterator<Item = String> + '_ {
    render::keepalived::log(diagnostics, pass)
}

fn refusal<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>) -> Option<u8> {
    diagnostics.filter_map(|diagnostic| diagnostic.stops).max()
}

/// What a configuration that is read here and now depends on besides its files.
pub fn conditions(config_id: Option<String>, all_files: bool) -> Conditions {
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Conditions {
        config_id: config_id.unwrap_or_else(short_host_name),
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        seed: u64::from(seed.subsec_nanos()) ^ seed.as_secs(),
        all_files,
        directory: std::env::current_dir().unwrap_or_else(|_| "/".into()),
    }
}

/// The host name up to its first dot.
fn short_host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().split('.').next().unwrap_or_default().to_owned()
}

/// How `/proc` shows the file, as in the original.
const CONFIG_NAME: &str = "/keepalived/consolidated_configuration";
