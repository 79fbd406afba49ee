//! What lowering must ask of the machine.
//!
//! Answers may block (user database, name service), so only the supervisor asks. It records what it was told
//! ([`Recorder`]) and every engine lowers the same lines from the record ([`Answers`]).

mod elsewhere;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use keepalived_model::notify::RunAs;

use crate::codec::{Malformed, Reader, Writer};
use crate::lint::{Surroundings, Weak, Weakness};
use crate::text;

pub use elsewhere::Elsewhere;

/// The machine a configuration is meant for.
pub trait Host {
    /// An interface of the network namespace the daemon will run in.
    fn interface(&self, name: &str) -> Option<InterfaceFacts>;
    /// A user by name or number, with the primary group.
    fn user(&self, name: &str) -> Option<RunAs>;
    /// A group by name or number.
    fn group(&self, name: &str) -> Option<u32>;
    /// All groups of a user, this primary one included; none where only that one is known.
    fn groups(&self, _user: &RunAs) -> Vec<u32> {
        Vec::new()
    }
    /// The user the daemon itself runs as.
    fn own(&self) -> RunAs;
    /// The first executable of that name in `PATH`.
    fn search_path(&self, program: &str) -> Option<PathBuf>;
    /// What a script would meet when this user runs it.
    fn script(&self, path: &Path, user: &RunAs) -> ScriptFacts;
    /// Whether changes of a tracked file can be noticed.
    fn watch(&self, path: &Path) -> Watch;
    /// A file with a secret in it.
    fn key_file(&self, path: &Path) -> KeyFile;
    /// Whether the name of a mail server can be resolved (addresses always can).
    fn address(&self, host: &str) -> bool;
    /// How many processors there are; at least one.
    fn processors(&self) -> u32;
    /// What a directory to write into would meet.
    fn directory(&self, path: &Path) -> DirectoryFacts;
    /// A small file outside the configuration that gives names to numbers.
    fn file(&self, path: &Path) -> Option<Vec<u8>>;
    /// Existing paths that match a pattern, sorted by name.
    fn matches(&self, pattern: &str) -> Vec<PathBuf>;
    /// What only judgements ask ([`crate::lint`]); nobody where the configuration is meant for another machine, or
    /// where answers are replayed.
    fn surroundings(&self) -> Option<&dyn Surroundings> {
        None
    }
}

/// What lowering has to know of a directory to write into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DirectoryFacts {
    /// It is there, or can be made where its parent is.
    Usable,
    /// Something else has its name.
    Other,
    /// Neither it nor its parent is there.
    #[default]
    Missing,
}

/// What lowering has to know of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// `IFF_LOOPBACK`.
    pub loopback: bool,
    /// `IFF_MULTICAST`.
    pub multicast: bool,
    /// Bytes of payload a frame may carry.
    pub mtu: u32,
    /// It stands for a routing domain (VRF).
    pub vrf: bool,
    /// Frames on it are Ethernet's.
    pub ethernet: bool,
    /// It is a macvlan or an ipvlan: perhaps one of ours, from an earlier run.
    pub stacked: bool,
}

/// What lowering has to know of a script's file. `weak` speaks of the resolved path (D10): some component
/// is not root's, or may be written by others (`spec` config 4.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptFacts {
    /// The path with all links followed; none if there is no such file.
    pub resolved: Option<PathBuf>,
    /// A regular file that the user may execute.
    pub executable: bool,
    /// By which step of the path others than root could change what runs as root, if they can.
    pub weak: Option<Weak>,
    /// Starts with `#!`, or is a program the kernel knows.
    pub has_interpreter: bool,
}

/// What is in a file with a secret (`spec` config 3.12, `auth_hmac`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyFile {
    /// It cannot be opened or read.
    #[default]
    Unreadable,
    /// It has more bytes than a secret may have.
    TooLarge,
    /// Its bytes.
    Read {
        /// All of them.
        bytes: Vec<u8>,
        /// Others than its owner may read it.
        exposed: bool,
    },
}

/// Whether changes of a file can be noticed (`spec` config 3.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// Whether it exists or not.
    #[default]
    Possible,
    /// Its directory cannot be found.
    NoDirectory {
        /// The kernel's errno.
        errno: u32,
        /// The same in words.
        text: String,
    },
    /// Its file system is read-only, or does not tell who writes.
    Impossible,
}

/// A record of everything that was asked; answers by replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    interfaces: BTreeMap<String, Option<InterfaceFacts>>,
    users: BTreeMap<String, Option<RunAs>>,
    groups: BTreeMap<String, Option<u32>>,
    memberships: BTreeMap<(u32, u32), Vec<u32>>,
    own: RunAs,
    programs: BTreeMap<String, Option<PathBuf>>,
    scripts: BTreeMap<(PathBuf, u32, u32), ScriptFacts>,
    watches: BTreeMap<PathBuf, Watch>,
    keys: BTreeMap<PathBuf, KeyFile>,
    addresses: BTreeMap<String, bool>,
    processors: u32,
    directories: BTreeMap<PathBuf, DirectoryFacts>,
    files: BTreeMap<PathBuf, Option<Vec<u8>>>,
    patterns: BTreeMap<String, Vec<PathBuf>>,
}

impl Host for Answers {
    fn interface(&self, name: &str) -> Option<InterfaceFacts> {
        self.interfaces.get(name).copied().flatten()
    }

    fn user(&self, name: &str) -> Option<RunAs> {
        self.users.get(name).cloned().flatten()
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.groups.get(name).copied().flatten()
    }

    fn groups(&self, user: &RunAs) -> Vec<u32> {
        self.memberships.get(&(user.uid, user.gid)).cloned().unwrap_or_default()
    }

    fn own(&self) -> RunAs {
        self.own.clone()
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        self.programs.get(program).cloned().flatten()
    }

    fn script(&self, path: &Path, user: &RunAs) -> ScriptFacts {
        self.scripts.get(&(path.to_owned(), user.uid, user.gid)).cloned().unwrap_or_default()
    }

    fn key_file(&self, path: &Path) -> KeyFile {
        self.keys.get(path).cloned().unwrap_or_default()
    }

    fn watch(&self, path: &Path) -> Watch {
        self.watches.get(path).cloned().unwrap_or_default()
    }

    fn address(&self, host: &str) -> bool {
        self.addresses.get(host).copied().unwrap_or(false)
    }

    fn processors(&self) -> u32 {
        self.processors
    }

    fn directory(&self, path: &Path) -> DirectoryFacts {
        self.directories.get(path).copied().unwrap_or_default()
    }

    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        self.files.get(path).cloned().flatten()
    }

    fn matches(&self, pattern: &str) -> Vec<PathBuf> {
        self.patterns.get(pattern).cloned().unwrap_or_default()
    }
}

/// Asks another host and remembers what it said.
pub struct Recorder<'a> {
    host: &'a dyn Host,
    answers: RefCell<Answers>,
}

impl<'a> Recorder<'a> {
    /// Nothing was asked yet but who and on what we are.
    pub fn new(host: &'a dyn Host) -> Self {
        let (own, processors) = (host.own(), host.processors());
        Self { host, answers: RefCell::new(Answers { own, processors, ..Answers::default() }) }
    }

    /// Everything that was asked.
    pub fn into_answers(self) -> Answers {
        self.answers.into_inner()
    }
}

impl Recorder<'_> {
    /// The answer to a question, which is asked once: one configuration has one truth, and ten thousand instances
    /// with one script look at one file.
    fn ask<K: Ord, V: Clone>(
        &self,
        table: impl Fn(&mut Answers) -> &mut BTreeMap<K, V>,
        question: K,
        answer: impl FnOnce(&dyn Host, &K) -> V,
    ) -> V {
        if let Some(known) = table(&mut self.answers.borrow_mut()).get(&question) {
            return known.clone();
        }
        let answer = answer(self.host, &question);
        table(&mut self.answers.borrow_mut()).insert(question, answer.clone());
        answer
    }
}

impl Host for Recorder<'_> {
    fn interface(&self, name: &str) -> Option<InterfaceFacts> {
        self.ask(|known| &mut known.interfaces, name.to_owned(), |host, name| host.interface(name))
    }

    fn user(&self, name: &str) -> Option<RunAs> {
        self.ask(|known| &mut known.users, name.to_owned(), |host, name| host.user(name))
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.ask(|known| &mut known.groups, name.to_owned(), |host, name| host.group(name))
    }

    fn groups(&self, user: &RunAs) -> Vec<u32> {
        let answer = self.host.groups(user);
        self.answers.borrow_mut().memberships.insert((user.uid, user.gid), answer.clone());
        answer
    }

    fn own(&self) -> RunAs {
        self.host.own()
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        self.ask(|known| &mut known.programs, program.to_owned(), |host, name| host.search_path(name))
    }

    fn script(&self, path: &Path, user: &RunAs) -> ScriptFacts {
        let question = (path.to_owned(), user.uid, user.gid);
        self.ask(|known| &mut known.scripts, question, |host, (path, ..)| host.script(path, user))
    }

    fn key_file(&self, path: &Path) -> KeyFile {
        self.ask(|known| &mut known.keys, path.to_owned(), |host, path| host.key_file(path))
    }

    fn watch(&self, path: &Path) -> Watch {
        self.ask(|known| &mut known.watches, path.to_owned(), |host, path| host.watch(path))
    }

    fn address(&self, host: &str) -> bool {
        self.ask(|known| &mut known.addresses, host.to_owned(), |machine, host| machine.address(host))
    }

    fn processors(&self) -> u32 {
        self.host.processors()
    }

    fn directory(&self, path: &Path) -> DirectoryFacts {
        self.ask(|known| &mut known.directories, path.to_owned(), |host, path| host.directory(path))
    }

    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        self.ask(|known| &mut known.files, path.to_owned(), |host, path| host.file(path))
    }

    fn matches(&self, pattern: &str) -> Vec<PathBuf> {
        self.ask(|known| &mut known.patterns, pattern.to_owned(), |host, pattern| host.matches(pattern))
    }

    fn surroundings(&self) -> Option<&dyn Surroundings> {
        self.host.surroundings()
    }
}

impl Answers {
    /// What was said of a user, if that was asked.
    pub fn asked_user(&self, name: &str) -> Option<Option<&RunAs>> {
        self.users.get(name).map(Option::as_ref)
    }

    /// Users that were asked for and exist, those with names before those with numbers.
    pub fn user_names(&self) -> impl Iterator<Item = (&str, &RunAs)> {
        let found = || self.users.iter().filter_map(|(name, user)| Some((name.as_str(), user.as_ref()?)));
        let named = found().filter(|(name, _)| !is_number(name));
        named.chain(found().filter(|(name, _)| is_number(name)))
    }

    /// The same of groups.
    pub fn group_names(&self) -> impl Iterator<Item = (&str, &u32)> {
        let found = || self.groups.iter().filter_map(|(name, group)| Some((name.as_str(), group.as_ref()?)));
        let named = found().filter(|(name, _)| !is_number(name));
        named.chain(found().filter(|(name, _)| is_number(name)))
    }

    /// For handing the record to another process.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.list(self.interfaces.iter(), |out, (name, facts)| {
            out.text(name);
            optional(out, facts.as_ref(), |out, facts| {
                out.flag(facts.loopback);
                out.flag(facts.multicast);
                out.number(facts.mtu);
                out.flag(facts.vrf);
                out.flag(facts.ethernet);
                out.flag(facts.stacked);
            });
        });
        out.list(self.users.iter(), |out, (name, user)| {
            out.text(name);
            optional(out, user.as_ref(), write_user);
        });
        out.list(self.groups.iter(), |out, (name, group)| {
            out.text(name);
            optional(out, group.as_ref(), |out, group| out.number(*group));
        });
        out.list(self.memberships.iter(), |out, ((uid, gid), groups)| {
            out.number(*uid);
            out.number(*gid);
            out.list(groups.iter(), |out, group| out.number(*group));
        });
        write_user(&mut out, &self.own);
        out.list(self.programs.iter(), |out, (name, path)| {
            out.text(name);
            optional(out, path.as_ref(), |out, path| write_path(out, path));
        });
        out.list(self.scripts.iter(), |out, ((path, uid, gid), facts)| {
            write_path(out, path);
            out.number(*uid);
            out.number(*gid);
            optional(out, facts.resolved.as_ref(), |out, path| write_path(out, path));
            out.flag(facts.executable);
            optional(out, facts.weak.as_ref(), write_weak);
            out.flag(facts.has_interpreter);
        });
        out.list(self.keys.iter(), |out, (path, key)| {
            write_path(out, path);
            write_key(out, key);
        });
        out.list(self.watches.iter(), |out, (path, watch)| {
            write_path(out, path);
            write_watch(out, watch);
        });
        out.list(self.addresses.iter(), |out, (name, known)| {
            out.text(name);
            out.flag(*known);
        });
        out.number(self.processors);
        out.list(self.directories.iter(), |out, (path, facts)| {
            write_path(out, path);
            out.number(match facts {
                DirectoryFacts::Usable => 0,
                DirectoryFacts::Other => 1,
                DirectoryFacts::Missing => 2,
            });
        });
        out.list(self.files.iter(), |out, (path, bytes)| {
            write_path(out, path);
            optional(out, bytes.as_ref(), |out, bytes| out.bytes(bytes));
        });
        out.list(self.patterns.iter(), |out, (pattern, paths)| {
            out.text(pattern);
            out.list(paths.iter(), |out, path| write_path(out, path));
        });
        out.0
    }

    /// What [`Answers::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        let interfaces = map(&mut from, |from| {
            let (loopback, multicast) = (from.flag()?, from.flag()?);
            let (mtu, vrf, ethernet, stacked) = (from.number()?, from.flag()?, from.flag()?, from.flag()?);
            Ok(InterfaceFacts { loopback, multicast, mtu, vrf, ethernet, stacked })
        })?;
        let users = map(&mut from, read_user)?;
        let groups = map(&mut from, |from| from.number())?;
        let memberships = from.list(|from| {
            let user = (from.number()?, from.number()?);
            Ok((user, from.list(|from| from.number())?))
        })?;
        let own = read_user(&mut from)?;
        let programs = map(&mut from, read_path)?;
        let scripts = from.list(|from| {
            let key = (read_path(from)?, from.number()?, from.number()?);
            let resolved = if from.flag()? { Some(read_path(from)?) } else { None };
            let executable = from.flag()?;
            let weak = if from.flag()? { Some(read_weak(from)?) } else { None };
            Ok((key, ScriptFacts { resolved, executable, weak, has_interpreter: from.flag()? }))
        })?;
        let keys = from.list(|from| Ok((read_path(from)?, read_key(from)?)))?;
        let watches = from.list(|from| Ok((read_path(from)?, read_watch(from)?)))?;
        let addresses = from.list(|from| Ok((from.text()?.to_owned(), from.flag()?)))?;
        let processors = from.number()?;
        let directories = from.list(|from| {
            let path = read_path(from)?;
            let facts = match from.number()? {
                0 => DirectoryFacts::Usable,
                1 => DirectoryFacts::Other,
                2 => DirectoryFacts::Missing,
                _ => return Err(Malformed),
            };
            Ok((path, facts))
        })?;
        let files = from.list(|from| {
            let path = read_path(from)?;
            Ok((path, if from.flag()? { Some(from.bytes()?.to_vec()) } else { None }))
        })?;
        let patterns = from.list(|from| Ok((from.text()?.to_owned(), from.list(read_path)?)))?;
        from.end()?;
        let (scripts, addresses) = (scripts.into_iter().collect(), addresses.into_iter().collect());
        let (watches, directories) = (watches.into_iter().collect(), directories.into_iter().collect());
        let (files, patterns) = (files.into_iter().collect(), patterns.into_iter().collect());
        Ok(Self {
            interfaces,
            users,
            groups,
            memberships: memberships.into_iter().collect(),
            own,
            programs,
            scripts,
            keys: keys.into_iter().collect(),
            watches,
            addresses,
            processors,
            directories,
            files,
            patterns,
        })
    }
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

fn optional<T>(out: &mut Writer, value: Option<&T>, write: impl Fn(&mut Writer, &T)) {
    out.flag(value.is_some());
    if let Some(value) = value {
        write(out, value);
    }
}

type Map<T> = BTreeMap<String, Option<T>>;

fn map<T>(
    from: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Map<T>, Malformed> {
    let pairs = from.list(|from| {
        let name = from.text()?.to_owned();
        let value = if from.flag()? { Some(read(from)?) } else { None };
        Ok((name, value))
    })?;
    Ok(pairs.into_iter().collect())
}

fn write_user(out: &mut Writer, user: &RunAs) {
    out.number(user.uid);
    out.number(user.gid);
}

fn read_user(from: &mut Reader<'_>) -> Result<RunAs, Malformed> {
    Ok(RunAs::new(from.number()?, from.number()?))
}

fn write_weak(out: &mut Writer, weak: &Weak) {
    write_path(out, &weak.path);
    out.number(match weak.weakness {
        Weakness::Owner => 0,
        Weakness::Group => 1,
        Weakness::Everybody => 2,
        Weakness::Hidden => 3,
    });
    out.number(weak.id);
    out.number(weak.mode);
}

fn read_weak(from: &mut Reader<'_>) -> Result<Weak, Malformed> {
    let path = read_path(from)?;
    let weakness = match from.number()? {
        0 => Weakness::Owner,
        1 => Weakness::Group,
        2 => Weakness::Everybody,
        3 => Weakness::Hidden,
        _ => return Err(Malformed),
    };
    Ok(Weak { path, weakness, id: from.number()?, mode: from.number()? })
}

fn write_key(out: &mut Writer, key: &KeyFile) {
    let (kind, bytes, exposed) = match key {
        KeyFile::Unreadable => (0, [].as_slice(), false),
        KeyFile::TooLarge => (1, [].as_slice(), false),
        KeyFile::Read { bytes, exposed } => (2, bytes.as_slice(), *exposed),
    };
    out.number(kind);
    out.bytes(bytes);
    out.flag(exposed);
}

fn read_key(from: &mut Reader<'_>) -> Result<KeyFile, Malformed> {
    let (kind, bytes, exposed) = (from.number()?, from.bytes()?.to_vec(), from.flag()?);
    match kind {
        0 => Ok(KeyFile::Unreadable),
        1 => Ok(KeyFile::TooLarge),
        2 => Ok(KeyFile::Read { bytes, exposed }),
        _ => Err(Malformed),
    }
}

fn write_watch(out: &mut Writer, watch: &Watch) {
    let (kind, errno, text) = match watch {
        Watch::Possible => (0, 0, ""),
        Watch::NoDirectory { errno, text } => (1, *errno, text.as_str()),
        Watch::Impossible => (2, 0, ""),
    };
    out.number(kind);
    out.number(errno);
    out.text(text);
}

fn read_watch(from: &mut Reader<'_>) -> Result<Watch, Malformed> {
    let (kind, errno, text) = (from.number()?, from.number()?, from.text()?.to_owned());
    match kind {
        0 => Ok(Watch::Possible),
        1 => Ok(Watch::NoDirectory { errno, text }),
        2 => Ok(Watch::Impossible),
        _ => Err(Malformed),
    }
}

/// Paths came out of the configuration as text and go back the same way; what the machine made of them may
/// be any bytes.
fn write_path(out: &mut Writer, path: &Path) {
    out.bytes(path.as_os_str().as_encoded_bytes());
}

fn read_path(from: &mut Reader<'_>) -> Result<PathBuf, Malformed> {
    use std::os::unix::ffi::OsStringExt;
    Ok(PathBuf::from(std::ffi::OsString::from_vec(from.bytes()?.to_vec())))
}

/// A path as the configuration writes it.
pub(crate) fn path(written: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(text::encode(written)))
}
