//! The model back into text: what was understood, in the grammar it came in.
//!
//! ```text
//! model::Config ─► blocks of statements, in the order of the tables ─► text, with origins if wanted
//! ```
//!
//! The form is canonical: one statement a line, values in the units of their keywords, present spellings, nothing
//! that would be so anyway. Reading the text again gives the same model, and printing that the same text.

mod address;
mod bfd;
mod block;
mod garp;
mod global;
mod group;
mod instance;
mod lasting;
mod links;
mod lvs;
mod notify;
mod origins;
mod route;
mod rule;
mod runner;
mod track;
mod words;

use keepalived_model::Config;

use crate::expand::Sourced;
use crate::host::Answers;
use crate::schema::{Keyword, ROOT};
use block::Block;
use runner::Runner;

/// A configuration as statements.
#[derive(Clone, Debug)]
pub struct Printed {
    statements: Vec<Statement>,
}

/// A keyword with what stands behind it, word by word as it is written.
#[derive(Clone, Debug)]
struct Statement {
    row: &'static Keyword,
    words: Vec<String>,
    body: Body,
}

/// What stands between a statement's braces.
#[derive(Clone, Debug)]
enum Body {
    None,
    Items(Vec<Vec<String>>),
    Block(Vec<Statement>),
}

/// Puts a configuration into statements. `answers` are those it was lowered with: who runs a command that names
/// nobody, and how users are called.
pub fn print(config: &Config, answers: &Answers) -> Printed {
    let runner = Runner::new(config, answers);
    let mut root = Block::of(&ROOT);
    global::root(&mut root, &config.global);
    root.block("global_defs", [], global::block(config, &runner));
    links::print(&mut root, &config.vrrp);
    track::print(&mut root, &config.vrrp, &runner);
    bfd::print(&mut root, &config.bfd);
    lasting::print(&mut root, &config.vrrp.lasting);
    for group in &config.vrrp.groups {
        group::print(&mut root, group, config, &runner);
    }
    for instance in &config.vrrp.instances {
        instance::print(&mut root, instance, config, &runner);
    }
    lvs::print(&mut root, config, &runner);
    // What is named stands before the line that names it, which the table does not care about.
    Printed { statements: root.in_order_of_use() }
}

impl Printed {
    /// The text. Bytes that are not UTF-8 are as in [`crate::text`].
    pub fn text(&self) -> String {
        block::text(&self.statements, |_, _| None)
    }

    /// The text with a comment behind every statement that says where it comes from.
    pub fn traced(&self, sourced: &Sourced) -> String {
        origins::text(&self.statements, sourced)
    }
}
