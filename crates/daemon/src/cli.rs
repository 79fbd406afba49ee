//! The command line: the original's options (`spec` runtime 1.9), read the way its users are used to.
//!
//! clap describes the options and types their values; [`Walk`] reads the words like getopt_long (bundled
//! letters, unique beginnings of long names, values that stick to their letter, options after stray words) and
//! reports mistakes in the original's words, which clap cannot.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::ArgAction;
use clap::{Arg, Command, CommandFactory, Parser};

use crate::compat::defaults;
use crate::compat::signal_names;
use crate::log;

/// What the operator asked for.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "keepalived",
    override_usage = "keepalived [OPTION...]",
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true
)]
pub struct Options {
    /// Use this configuration file instead of /etc/keepalived/keepalived.conf
    #[arg(short = 'f', long, value_name = "FILE")]
    pub use_file: Option<PathBuf>,
    /// Run only the VRRP engine
    #[arg(short = 'P', long)]
    pub vrrp: bool,
    /// Run only the health checkers
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Do not run the BFD engine
    #[arg(short = 'B', long = "no_bfd")]
    pub no_bfd: bool,
    /// Run every engine, whether or not it has something to do
    #[arg(long)]
    pub all: bool,
    /// Write messages to standard error as well
    #[arg(short = 'l', long)]
    pub log_console: bool,
    /// Write detailed messages; twice: even more
    #[arg(short = 'D', long, action = ArgAction::Count)]
    pub log_detail: u8,
    /// Syslog facility: 0 to 7, local0 to local7, user or daemon (default)
    #[arg(short = 'S', long, value_name = "FACILITY")]
    pub log_facility: Option<String>,
    /// Write messages to a file of their own; not built in
    #[arg(short = 'g', long, value_name = "FILE", num_args = 0..=1, require_equals = true, hide = true)]
    log_file: Option<Option<PathBuf>>,
    /// Do not use syslog
    #[arg(short = 'G', long)]
    pub no_syslog: bool,
    /// Permission bits that created files shall not have, octal
    #[arg(short = 'u', long, value_name = "MASK")]
    pub umask: Option<String>,
    /// Remove VIPs on every transition, recorded as set or not
    #[arg(short = 'X', long)]
    release_vips: bool,
    /// Leave VIPs and roles untouched when stopping
    #[arg(short = 'V', long)]
    pub dont_release_vrrp: bool,
    /// Leave the IPVS table untouched when stopping
    #[arg(short = 'I', long)]
    dont_release_ipvs: bool,
    /// End when an engine ends, instead of starting it again
    #[arg(short = 'R', long)]
    pub dont_respawn: bool,
    /// Stay in the foreground
    #[arg(short = 'n', long)]
    dont_fork: bool,
    /// Log the whole configuration at start
    #[arg(short = 'd', long)]
    pub dump_conf: bool,
    /// The same; ours
    #[arg(long, hide = true)]
    foreground: bool,
    /// Be supervisor and VRRP engine in one process, in the foreground: for tests and debuggers; ours
    #[arg(long)]
    pub in_process: bool,
    /// Pid file of the supervisor
    #[arg(short = 'p', long, value_name = "FILE")]
    pub pid: Option<PathBuf>,
    /// Pid file of the VRRP engine
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE")]
    pub vrrp_pid: Option<PathBuf>,
    /// Act as genhash; not built in
    #[arg(short = 'T', long)]
    pub genhash: bool,
    /// Pid file of the health checkers
    #[arg(short = 'c', long = "checkers_pid", value_name = "FILE")]
    checkers_pid: Option<PathBuf>,
    /// Log all addresses that come and go
    #[arg(short = 'a', long)]
    address_monitoring: bool,
    /// Pid file of the BFD engine
    #[arg(short = 'b', long = "bfd_pid", value_name = "FILE")]
    bfd_pid: Option<PathBuf>,
    /// Be an SNMP agent
    #[arg(short = 'x', long)]
    snmp: bool,
    /// Socket of the SNMP master agent
    #[arg(short = 'A', long, value_name = "SOCKET")]
    snmp_agent_socket: Option<String>,
    /// Run in this network namespace
    #[arg(short = 's', long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Leave a core file when crashing
    #[arg(short = 'm', long)]
    core_dump: bool,
    /// Leave core files with names of this pattern
    #[arg(short = 'M', long, value_name = "PATTERN", num_args = 0..=1, require_equals = true)]
    core_dump_pattern: Option<Option<String>>,
    /// Every included file must exist
    #[arg(short = 'e', long)]
    pub all_config: bool,
    /// Which lines that begin with @ID are meant; the host name unless given
    #[arg(short = 'i', long, value_name = "ID")]
    pub config_id: Option<String>,
    /// Leave SIGINT to a debugger
    #[arg(long)]
    pub ignore_sigint: bool,
    /// Print the number of a signal: STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON
    #[arg(long, value_name = "NAME")]
    signum: Option<String>,
    /// Check the configuration and say what is wrong with it, on standard error or into FILE
    #[arg(short = 't', long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub config_test: Option<Option<PathBuf>>,
    /// Internal to the original
    #[arg(long, value_name = "FD", hide = true)]
    config_fd: Option<String>,
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,
    /// Print this
    #[arg(short = 'h', long)]
    help: bool,
}

/// What a command line comes to.
#[derive(Debug)]
pub enum Wish {
    /// Print the version and end.
    Version,
    /// Print the options and end.
    Help,
    /// Print the number of a signal and end.
    SignalNumber(String),
    /// Do not start: there were mistakes.
    Refuse,
    /// Start, or check the configuration.
    Go(Box<Options>),
}

/// A command line, read.
#[derive(Debug)]
pub struct Reading {
    /// Sentences for standard error.
    pub mistakes: Vec<String>,
    /// Words that belong to no option.
    pub stray: Vec<String>,
    /// What to do.
    pub wish: Wish,
}

impl Options {
    /// Reads the words after the program's name. Never fails.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Reading {
        let mut walk = Walk::new(words.into_iter().map(|word| word.to_string_lossy().into_owned()));
        let shortcut = walk.all();
        let Walk { mistakes, stray, canonical, .. } = walk;
        let wish = match shortcut {
            Some(wish) => wish,
            None if !mistakes.is_empty() => Wish::Refuse,
            None => match Self::try_parse_from([defaults::PROGRAM.to_owned()].into_iter().chain(canonical)) {
                Ok(options) => Wish::Go(Box::new(options)),
                Err(_) => Wish::Refuse,
            },
        };
        Reading { mistakes, stray, wish }
    }

    /// The options in words for an operator.
    pub fn help_text() -> String {
        Self::command().render_help().to_string()
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.use_file.clone().unwrap_or_else(|| defaults::CONFIG_FILE.into())
    }

    /// Whether the terminal is kept.
    pub fn stays_in_foreground(&self) -> bool {
        self.dont_fork || self.foreground
    }

    /// Where the log of a process goes.
    pub fn log_settings(&self, ident: &'static str) -> log::Settings {
        let facility = self.log_facility.as_deref().and_then(facility).unwrap_or(DAEMON);
        log::Settings {
            ident,
            facility: (!self.no_syslog).then_some(facility),
            console: self.log_console,
            detail: self.log_detail > 0,
        }
    }

    /// `--umask`, if it was given and makes sense.
    pub fn umask_value(&self) -> Option<u32> {
        self.umask.as_deref().and_then(umask)
    }

    /// Whether the facility makes no sense; `-t` counts that as a mistake.
    pub fn has_refused_facility(&self) -> bool {
        self.log_facility.as_deref().is_some_and(|given| facility(given).is_none())
    }

    /// Sentences about values that are ignored because they make no sense.
    pub fn refused_values(&self) -> Vec<String> {
        let log_facility = self.log_facility.as_ref().filter(|given| facility(given).is_none());
        let umask = self.umask.as_ref().filter(|given| umask(given).is_none());
        let log_facility = log_facility.map(|given| format!("Invalid log facility '{given}'"));
        let umask = umask.map(|given| format!("Invalid --umask option {given}"));
        log_facility.into_iter().chain(umask).collect()
    }

    /// What core files are to be called, if there are to be any: an empty name leaves that to the host.
    pub fn core_files(&self) -> Option<&str> {
        match &self.core_dump_pattern {
            Some(pattern) => Some(pattern.as_deref().unwrap_or(defaults::CORE_PATTERN)),
            None => self.core_dump.then_some(""),
        }
    }

    /// The long names of given options that do nothing yet.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let given = [
            ("dont-release-ipvs", self.dont_release_ipvs),
            ("checkers_pid", self.checkers_pid.is_some()),
            ("address-monitoring", self.address_monitoring),
            ("bfd_pid", self.bfd_pid.is_some()),
            ("snmp", self.snmp),
            ("snmp-agent-socket", self.snmp_agent_socket.is_some()),
            ("config-fd", self.config_fd.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

/// The number of a syslog facility (RFC 3164 §4.1.1): `0` to `7` are short for `local0` to `local7`.
fn facility(name: &str) -> Option<u8> {
    match name {
        "user" => Some(1),
        "daemon" => Some(DAEMON),
        name => {
            let number: u8 = name.strip_prefix("local").unwrap_or(name).parse().ok()?;
            (number <= 7).then_some(LOCAL0 + number)
        }
    }
}

/// Permission bits in octal.
fn umask(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits, 8).ok().filter(|mask| *mask <= 0o777)
}

const DAEMON: u8 = 3;
const LOCAL0: u8 = 16;

/// Names the original does not have. They have to be written out, so that every beginning that means something
/// to the original goes on to mean it.
const OURS: [&str; 2] = ["foreground", "in-process"];

/// How much a getopt option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// Only what sticks to it.
    Maybe,
    /// What sticks to it, or the next word.
    Value,
}

impl Takes {
    fn of(option: &Arg) -> Self {
        match (option.get_action().takes_values(), option.is_require_equals_set()) {
            (false, _) => Self::Nothing,
            (true, true) => Self::Maybe,
            (true, false) => Self::Value,
        }
    }
}

/// A walk along the words.
struct Walk {
    known: Command,
    words: VecDeque<String>,
    mistakes: Vec<String>,
    stray: Vec<String>,
    /// What was understood, as `--name` and `--name=value`.
    canonical: Vec<String>,
}

impl Walk {
    fn new(words: impl Iterator<Item = String>) -> Self {
        Self {
            known: Options::command(),
            words: words.collect(),
            mistakes: Vec::new(),
            stray: Vec::new(),
            canonical: Vec::new(),
        }
    }

    /// Reads up to the end, or to a word that is answered at once.
    fn all(&mut self) -> Option<Wish> {
        while let Some(word) = self.words.pop_front() {
            let shortcut = if word == "--" {
                self.stray.extend(self.words.drain(..));
                None
            } else if let Some(long) = word.strip_prefix("--") {
                self.long(&word, long)
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                self.letters(letters)
            } else {
                self.stray.push(word);
                None
            };
            if shortcut.is_some() {
                return shortcut;
            }
        }
        None
    }

    fn long(&mut self, word: &str, long: &str) -> Option<Wish> {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        let Some((name, takes)) = self.by_long(name) else {
            return self.mistake(format!("Unknown option {word}"));
        };
        match (takes, value) {
            (Takes::Nothing, Some(_)) => self.mistake(format!("Unknown option {word}")),
            (Takes::Value, None) => match self.words.pop_front() {
                Some(value) => self.accept(&name, Some(value)),
                None => self.mistake(format!("Missing parameter for option --{name}")),
            },
            (Takes::Nothing | Takes::Maybe | Takes::Value, value) => self.accept(&name, value),
        }
    }

    fn letters(&mut self, letters: &str) -> Option<Wish> {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let Some((name, takes)) = self.by_letter(letter) else {
                self.mistakes.push(format!("Unknown option -{letter}"));
                continue;
            };
            let sticking = Some(rest.as_str()).filter(|rest| !rest.is_empty()).map(str::to_owned);
            let shortcut = match (takes, sticking) {
                (Takes::Nothing, _) => self.accept(&name, None),
                (Takes::Maybe, value) => return self.accept(&name, value),
                (Takes::Value, Some(value)) => return self.accept(&name, Some(value)),
                (Takes::Value, None) => match self.words.pop_front() {
                    Some(value) => return self.accept(&name, Some(value)),
                    None => return self.mistake(format!("Missing parameter for option -{letter}")),
                },
            };
            if shortcut.is_some() {
                return shortcut;
            }
        }
        None
    }

    fn accept(&mut self, name: &str, value: Option<String>) -> Option<Wish> {
        match (name, value) {
            ("version", _) => Some(Wish::Version),
            ("help", _) => Some(Wish::Help),
            ("signum", Some(function)) => match signal_names::number(&function) {
                Some(_) => Some(Wish::SignalNumber(function)),
                None => {
                    self.mistakes.push(format!("Unknown sigfunc {function}"));
                    Some(Wish::Refuse)
                }
            },
            ("log-file", _) => self.mistake("-g requires configure option --enable-log-file".into()),
            (_, Some(value)) => {
                self.canonical.push(format!("--{name}={value}"));
                None
            }
            (_, None) => {
                self.canonical.push(format!("--{name}"));
                None
            }
        }
    }

    fn mistake(&mut self, sentence: String) -> Option<Wish> {
        self.mistakes.push(sentence);
        None
    }

    /// An exact name, or the only one that begins so.
    fn by_long(&self, name: &str) -> Option<(String, Takes)> {
        let ours = |long: &str| OURS.contains(&long);
        let named = || self.known.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg)));
        let exact = named().find(|(long, _)| *long == name);
        let mut beginning = named().filter(|(long, _)| long.starts_with(name) && !ours(long));
        let (long, option) = match (exact, beginning.next(), beginning.next()) {
            (Some(exact), _, _) => exact,
            (None, Some(only), None) => only,
            (None, _, _) => return None,
        };
        Some((long.to_owned(), Takes::of(option)))
    }

    fn by_letter(&self, letter: char) -> Option<(String, Takes)> {
        let option = self.known.get_arguments().find(|arg| arg.get_short() == Some(letter))?;
        Some((option.get_long()?.to_owned(), Takes::of(option)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Reading {
        Options::read(line.split_whitespace().map(OsString::from))
    }

    fn go(line: &str) -> Options {
        match read(line).wish {
            Wish::Go(options) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn letters_may_be_bundled_and_values_may_stick_or_follow() {
        let options = go("-nlDDf/a.conf -p /b.pid");
        assert!(options.dont_fork && options.log_console);
        assert_eq!(options.log_detail, 2);
        assert_eq!(options.config_file(), PathBuf::from("/a.conf"));
        assert_eq!(options.pid, Some(PathBuf::from("/b.pid")));
    }

    #[test]
    fn long_names_may_be_cut_short_and_take_values_both_ways() {
        let options = go("--dont-f --use-file=/a.conf --vrrp_pid /b.pid --pid=/c.pid");
        assert!(options.dont_fork);
        assert_eq!(options.config_file(), PathBuf::from("/a.conf"));
        assert_eq!(options.vrrp_pid, Some(PathBuf::from("/b.pid")));
        assert_eq!(options.pid, Some(PathBuf::from("/c.pid")));
    }

    #[test]
    fn beginnings_go_on_to_mean_what_they_mean_to_the_original() {
        assert!(go("--i").ignore_sigint && !go("--i").in_process);
        assert!(go("--foreground --in-process").in_process);
        assert!(matches!(read("--in-proc").wish, Wish::Refuse));
    }

    #[test]
    fn the_last_of_several_values_counts() {
        assert_eq!(go("-f /a -f /b -n -n").config_file(), PathBuf::from("/b"));
    }

    #[test]
    fn the_log_of_a_test_must_stick_to_its_option() {
        let reading = read("-t /tmp/log");
        assert_eq!(reading.stray, ["/tmp/log"]);
        assert_eq!(go("-t").config_test, Some(None));
        assert_eq!(go("-t/tmp/log").config_test, Some(Some(PathBuf::from("/tmp/log"))));
        assert_eq!(go("--config-test=/tmp/log").config_test, Some(Some(PathBuf::from("/tmp/log"))));
        assert_eq!(go("--config-test").config_test, Some(None));
    }

    #[test]
    fn every_mistake_is_reported_in_the_originals_words() {
        let mistakes = |line| read(line).mistakes;
        assert_eq!(
            mistakes("--foo=3 -DZ -f"),
            ["Unknown option --foo=3", "Unknown option -Z", "Missing parameter for option -f"]
        );
        assert_eq!(mistakes("--dont-fork=yes"), ["Unknown option --dont-fork=yes"]);
        assert_eq!(mistakes("--log-"), ["Unknown option --log-"]);
        assert_eq!(mistakes("--signum=FOO"), ["Unknown sigfunc FOO"]);
        assert_eq!(mistakes("-g/tmp/x"), ["-g requires configure option --enable-log-file"]);
        assert!(matches!(read("-Z extra").wish, Wish::Refuse));
        assert_eq!(read("-Z extra").stray, ["extra"]);
    }

    #[test]
    fn version_help_and_signum_are_answered_where_they_stand() {
        let reading = read("--foo -v --bar");
        assert!(matches!(reading.wish, Wish::Version));
        assert_eq!(reading.mistakes, ["Unknown option --foo"]);
        assert!(matches!(read("-nh").wish, Wish::Help));
        let Wish::SignalNumber(name) = read("--signum JSON --foo").wish else { panic!("no number") };
        assert_eq!(name, "JSON");
    }

    #[test]
    fn stray_words_do_not_hinder() {
        let reading = read("stop -n -- -x");
        assert_eq!(reading.stray, ["stop", "-x"]);
        assert!(matches!(reading.wish, Wish::Go(options) if options.dont_fork && !options.snmp));
    }

    #[test]
    fn every_option_has_a_long_name_and_a_sentence() {
        for option in Options::command().get_arguments() {
            assert!(option.get_long().is_some() && option.get_help().is_some(), "{option}");
        }
    }

    #[test]
    fn facilities_and_masks_that_make_no_sense_are_named_and_ignored() {
        let settings = |line| go(line).log_settings("test");
        assert_eq!(settings("-S 7").facility, Some(23));
        assert_eq!(settings("-S local0 -D").facility, Some(16));
        assert_eq!(settings("-S user").facility, Some(1));
        assert_eq!(settings("").facility, Some(3));
        assert_eq!(settings("-S 9").facility, Some(3));
        assert_eq!(settings("-G").facility, None);
        assert_eq!(go("-u 022").umask_value(), Some(0o22));
        assert_eq!(go("-u 01777 -S local9").umask_value(), None);
        assert_eq!(
            go("-u abc -S local9").refused_values(),
            ["Invalid log facility 'local9'", "Invalid --umask option abc"]
        );
    }

    #[test]
    fn options_without_effect_are_named() {
        assert_eq!(go("-x -m -a --namespace=blue -n").without_effect(), ["address-monitoring", "snmp"]);
        assert!(go("-nlDPBVRX").without_effect().is_empty());
    }
}
