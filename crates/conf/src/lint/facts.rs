//! What rules look at: the statements with their places, what they mean, and the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepalived_model::Config;
use keepalived_model::notify::RunAs;
use keepalived_model::{track, vrrp};

use super::{Interface, Surroundings};
use crate::diag::Pass;
use crate::host::{DirectoryFacts, Elsewhere, Host, InterfaceFacts, KeyFile, ScriptFacts, Watch};
use crate::lines::{Line, Lines, Physical, Piece, Span};
use crate::schema::{TABLES, Table};
use crate::tree::{Item, Roots, Statement};

/// One configuration, ready to be judged.
pub struct Facts<'a> {
    pub(super) lines: &'a Lines,
    pub(super) host: &'a dyn Host,
    /// None where the configuration is meant for another machine.
    pub(super) around: Option<&'a dyn Surroundings>,
    /// What is meant: as if every interface, user and script it names existed.
    pub(super) config: Config,
    /// Places in its lists by name.
    names: Names,
    /// Interfaces of the machine; empty where `around` is none.
    pub(super) interfaces: Vec<Interface>,
    /// Statements outside blocks, in order.
    roots: Vec<Statement<'a>>,
    /// Where the first of a keyword and a name stands among them.
    named: BTreeMap<(&'static str, &'a str), usize>,
}

impl std::fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<'a> Facts<'a> {
    /// Looks at lines with the facts of a machine.
    pub fn new(lines: &'a Lines, host: &'a dyn Host) -> Self {
        let around = host.surroundings();
        let passes = [Pass::Parent, Pass::Vrrp, Pass::Checker, Pass::Bfd];
        let mut roots: Vec<_> = passes.iter().flat_map(|pass| Roots::new(lines, *pass)).collect();
        roots.sort_by_key(|statement| statement.at);
        let mut named = BTreeMap::new();
        for (number, root) in roots.iter().enumerate() {
            named.entry((root.row.name, root.word(1).unwrap_or(""))).or_insert(number);
        }
        let config = crate::lower(lines, &Obliging(host)).config;
        let interfaces = around.map(Surroundings::interfaces).unwrap_or_default();
        let names = Names::new(&config.vrrp);
        Self { lines, host, around, config, names, interfaces, roots, named }
    }

    /// All blocks of one keyword.
    pub(super) fn roots<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Statement<'a>> {
        self.roots.iter().filter(move |statement| statement.row.name == name)
    }

    /// The first block of this keyword and name.
    pub(super) fn root(&self, keyword: &'static str, name: &str) -> Option<&Statement<'a>> {
        self.roots.get(*self.named.get(&(keyword, name))?)
    }

    /// The statements of all blocks of one keyword.
    pub(super) fn within<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Statement<'a>> {
        self.roots(name).flat_map(|block| block.block())
    }

    /// Every statement with the root block it stands in.
    pub(super) fn owned_statements(&self) -> impl Iterator<Item = (&Statement<'a>, &Statement<'a>)> {
        self.roots.iter().flat_map(|root| flattened(root).into_iter().map(move |statement| (root, statement)))
    }

    /// Every statement there is, at any depth.
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement<'a>> {
        self.roots.iter().flat_map(flattened)
    }

    /// The table a statement's keyword stands in.
    pub(super) fn table_of(&self, statement: &Statement<'_>) -> Option<&'static Table> {
        TABLES.iter().copied().find(|table| table.keywords.iter().any(|row| std::ptr::eq(row, statement.row)))
    }

    /// Whether this machine has an address in a subnet of this one.
    pub(super) fn is_connected(&self, address: IpAddr) -> bool {
        self.interfaces.iter().any(|interface| interface.reaches(address))
    }

    /// What an instance means.
    pub(super) fn instance(&self, name: &str) -> Option<&vrrp::Instance> {
        self.config.vrrp.instances.get(*self.names.instances.get(name)?).map(Arc::as_ref)
    }

    /// The sync group an instance is in.
    pub(super) fn group_of(&self, instance: &str) -> Option<&vrrp::SyncGroup> {
        self.config.vrrp.groups.get(*self.names.groups.get(instance)?)
    }

    /// What a script means; nothing if nobody tracks it.
    pub(super) fn script(&self, name: &str) -> Option<&track::Script> {
        self.config.vrrp.scripts.get(*self.names.scripts.get(name)?)
    }

    /// The virtual routers. Of two with one name, the original takes the first.
    pub(super) fn routers(&self) -> Vec<Router<'_, 'a>> {
        let mut names = BTreeSet::new();
        let named = self.roots("vrrp_instance").filter_map(|block| Some((block.word(1)?, block)));
        let first = named.filter(|(name, _)| names.insert(*name));
        first.map(|(name, block)| Router { name, block, model: self.instance(name) }).collect()
    }

    /// The place of a word of a statement.
    pub(super) fn word(&self, statement: &Statement<'_>, position: usize) -> Option<Span> {
        let word = statement.words.get(position).or(statement.words.first())?;
        self.lines.span(statement.line, word.start, word.text)
    }

    /// The place of a word of an item.
    pub(super) fn item(&self, item: &Item<'_>, position: usize) -> Option<Span> {
        let word = item.words.get(position).or(item.words.first())?;
        self.lines.span(item.line, word.start, word.text)
    }

    /// The place of a piece of a line's text, wherever it stands in it.
    pub(super) fn piece(&self, line: Line<'_>, piece: &str) -> Option<Span> {
        self.lines.span(line, line.text().find(piece).unwrap_or(0), piece)
    }

    /// The lines as they stand in the files.
    pub(super) fn physical(&self) -> impl Iterator<Item = (usize, Physical<'_>)> {
        self.lines.physical_lines()
    }

    /// A piece of such a line, by where it starts in bytes.
    pub(super) fn spot(&self, line: usize, start: usize, text: &str) -> Option<Span> {
        let line = Line { piece: Piece::Open, origin: line, column: start, through: None };
        self.lines.span(line, 0, text)
    }
}

/// Where things stand in the lists of the model. Of two with one name the first counts.
#[derive(Debug)]
struct Names {
    instances: BTreeMap<String, usize>,
    scripts: BTreeMap<String, usize>,
    /// Groups, by their members.
    groups: BTreeMap<String, usize>,
}

impl Names {
    fn new(config: &vrrp::Config) -> Self {
        let index = |names: Vec<&String>| {
            let backwards = names.into_iter().enumerate().rev();
            backwards.map(|(at, name)| (name.clone(), at)).collect()
        };
        Self {
            instances: index(config.instances.iter().map(|instance| &instance.name).collect()),
            scripts: index(config.scripts.iter().map(|script| &script.name).collect()),
            groups: config
                .groups
                .iter()
                .enumerate()
                .rev()
                .flat_map(|(at, group)| group.members.iter().map(move |member| (member.clone(), at)))
                .collect(),
        }
    }
}

/// A statement and all within it.
fn flattened<'s, 'a>(root: &'s Statement<'a>) -> Vec<&'s Statement<'a>> {
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(statement) = open.pop() {
        found.push(statement);
        open.extend(statement.block().iter().rev());
    }
    found
}

/// A virtual router: how it is written and what it means.
#[derive(Clone, Copy)]
pub(super) struct Router<'s, 'a> {
    pub name: &'s str,
    pub block: &'s Statement<'a>,
    /// None where even an obliging machine could not run it.
    pub model: Option<&'s vrrp::Instance>,
}

impl<'s, 'a> Router<'s, 'a> {
    /// The statement of this keyword that counts, which is the last for all but commands.
    pub fn says(&self, keyword: &str) -> Option<&'s Statement<'a>> {
        self.block.block().iter().rfind(|statement| statement.row.name == keyword)
    }

    /// The items of all blocks of this keyword.
    pub fn items(&self, keyword: &'s str) -> impl Iterator<Item = &'s Item<'a>> {
        self.block
            .block()
            .iter()
            .filter(move |inner| inner.row.name == keyword)
            .flat_map(|inner| inner.items())
    }
}

/// The host with everything a configuration could wish for.
struct Obliging<'a>(&'a dyn Host);

impl Host for Obliging<'_> {
    fn interface(&self, name: &str) -> Option<InterfaceFacts> {
        self.0.interface(name).or_else(|| Elsewhere.interface(name))
    }

    fn user(&self, name: &str) -> Option<RunAs> {
        Some(self.0.user(name).unwrap_or_else(|| self.0.own()))
    }

    fn group(&self, name: &str) -> Option<u32> {
        Some(self.0.group(name).unwrap_or_default())
    }

    fn own(&self) -> RunAs {
        self.0.own()
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        self.0.search_path(program).or_else(|| Elsewhere.search_path(program))
    }

    fn script(&self, path: &Path, _: &RunAs) -> ScriptFacts {
        ScriptFacts { resolved: Some(path.to_owned()), executable: true, weak: None, has_interpreter: true }
    }

    fn watch(&self, path: &Path) -> Watch {
        Elsewhere.watch(path)
    }

    fn address(&self, _: &str) -> bool {
        true
    }

    fn processors(&self) -> u32 {
        self.0.processors()
    }

    fn directory(&self, path: &Path) -> DirectoryFacts {
        Elsewhere.directory(path)
    }

    fn key_file(&self, path: &Path) -> KeyFile {
        self.0.key_file(path)
    }

    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        self.0.file(path)
    }

    fn matches(&self, pattern: &str) -> Vec<PathBuf> {
        self.0.matches(pattern)
    }
}
