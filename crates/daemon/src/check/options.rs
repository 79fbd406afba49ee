//! The words after `keepalived check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};

use crate::compat::defaults;

/// Say what is wrong with configuration files, what keepalived will do about it, and what was probably meant.
///
/// Exit status: 0 nothing found, or notes only; 1 warnings or lints; 2 errors; 3 nothing could be checked.
#[derive(Clone, Debug, Parser)]
#[command(name = "keepalived check", disable_help_subcommand = true)]
pub struct CheckOptions {
    /// Configuration files, each checked on its own; /etc/keepalived/keepalived.conf unless given
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print JSON for editors and CI systems (docs/guide/check-json.md)
    #[arg(long)]
    pub json: bool,
    /// Paint the words
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub color: Color,
    /// Explain a code, a name or a line of the log; without one, list all codes
    #[arg(long, value_name = "CODE", num_args = 0..=1)]
    explain: Option<Option<String>>,
    /// Print what was understood of each file, in the grammar itself and in one canonical form: everything that is
    /// included, defined or repeated written out, present spellings, no defaults. Reading it again means the same.
    /// Passwords are part of a configuration and are printed with it. Findings are counted on standard error
    #[arg(long, conflicts_with_all = ["json", "pair"])]
    pub print: bool,
    /// With --print: say behind every line where it comes from, `# FILE:LINE`, and through which definition and
    /// includes
    #[arg(long, requires = "print")]
    pub origins: bool,
    /// Compare two files as the two routers of a pair
    #[arg(long)]
    pub pair: bool,
    /// Which lines that begin with @ID are meant; the host name unless given
    #[arg(short = 'i', long, value_name = "CONFIG_ID")]
    pub id: Option<String>,
    /// The files are meant for another machine: assume that it has all interfaces, users and scripts they name
    #[arg(long)]
    pub no_host: bool,
}

/// When words are painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the words come to.
pub enum Wish {
    /// Check files.
    Check(Box<CheckOptions>),
    /// Explain one code, or list all.
    Explain(Option<String>),
    /// Print this and end.
    Help(String),
    /// Complain with this.
    Mistake(String),
}

impl CheckOptions {
    /// Reads the words after `check`.
    pub fn read(words: impl Iterator<Item = OsString>) -> Wish {
        let mut options = match Self::try_parse_from(std::iter::once("check".into()).chain(words)) {
            Ok(options) => options,
            Err(error) if error.kind() == ErrorKind::DisplayHelp => return Wish::Help(error.to_string()),
            Err(error) => return Wish::Mistake(error.to_string()),
        };
        if let Some(asked) = options.explain {
            return Wish::Explain(asked);
        }
        if options.pair && options.files.len() != 2 {
            return Wish::Mistake("error: --pair takes exactly two files\n".into());
        }
        if options.files.is_empty() {
            options.files.push(defaults::CONFIG_FILE.into());
        }
        Wish::Check(Box::new(options))
    }
}
