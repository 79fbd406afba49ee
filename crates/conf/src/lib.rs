//! `keepalived.conf`: text to model.
//!
//! ```text
//! files ─► source ─► expand ─► Lines ─► lex ─► tree ─► lower ─► model::Config
//!             └──────────┴────────────────┴──────┴───────┴────► Diagnostics ─► render
//! ```
//!
//! Nothing here fails and nothing here touches the machine: files and facts are asked of the traits
//! [`Files`] and [`Host`], and every step returns what it understood next to what it did not.

pub mod check;
pub mod codec;
pub mod codes;
pub mod diag;
pub mod expand;
pub mod files;
pub mod host;
pub mod lex;
pub mod lines;
pub mod lint;
mod lower;
pub mod print;
pub mod render;
pub mod schema;
mod source;
mod suggest;
pub mod text;
mod tree;
pub mod unacted;

pub use codes::{Code, Severity};
pub use diag::{Class, Diagnostic, Label, Pass, Suggestion, start_refusal, summary, test_status};
pub use expand::{Origins, Sourced, read};
pub use files::{Conditions, FileKind, Files};
pub use host::{
    Answers, DirectoryFacts, Elsewhere, Host, InterfaceFacts, KeyFile, Recorder, ScriptFacts, Watch,
};
pub use lines::{Lines, Span};
pub use lower::{Drafted, Lowered, Uses, draft, lower};
