//! The daemon `keepalived`: one program that is a supervisor, its engines, and their helpers, by turns
//! ([`handoff`]).

mod check;
mod cli;
mod compat;
mod config_test;
mod engine;
mod glob;
mod handoff;
mod host;
mod in_process;
mod launcher;
mod log;
mod mail;
mod memory_store;
mod reload;
mod supervisor;
mod surface;

use std::ffi::OsString;
use std::process::ExitCode;

use keepalived_sys::process;

use cli::{Options, Reading, Wish};
use compat::process_names::VRRP_IDENT;
use compat::{defaults, exit_codes, signal_names};
use engine::{Farewell, Settings};
use handoff::Role;

fn main() -> ExitCode {
    let role = Role::take();
    process::return_large_blocks();
    // Started through /proc, a process would be called "exe", and killall would miss it.
    process::set_name(c"keepalived");
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let status = match role {
        Ok(Role::Outermost) => match subcommand(&words) {
            Some(status) => status,
            None => outermost(Options::read(words)),
        },
        Ok(Role::Vrrp(handoff)) => engine::run(handoff, &engine_settings(Options::read(words))),
        Ok(Role::Release(handoff)) => engine::release(&handoff, &engine_settings(Options::read(words))),
        Err(error) => {
            eprintln!("{}: not started by a supervisor: {error}", defaults::PROGRAM);
            exit_codes::FATAL
        }
    };
    ExitCode::from(status)
}

/// Ours, beyond the original: a first word that is none of these stays a stray word.
fn subcommand(words: &[OsString]) -> Option<u8> {
    match words.split_first() {
        Some((first, rest)) if first == check::COMMAND => Some(check::run(rest.iter().cloned())),
        Some((first, rest)) if first == reload::COMMAND => Some(reload::run(rest.iter().cloned())),
        _ => None,
    }
}

/// What an operator started.
fn outermost(Reading { mistakes, stray, wish }: Reading) -> u8 {
    mistakes.iter().for_each(|sentence| eprintln!("{sentence}"));
    if !stray.is_empty() {
        println!("Unexpected argument(s): {} ", stray.join(" "));
    }
    match wish {
        Wish::Version => {
            version();
            exit_codes::OK
        }
        Wish::Help => {
            eprint!("{}", Options::help_text());
            exit_codes::OK
        }
        Wish::SignalNumber(name) => {
            signal_names::number(&name).iter().for_each(|number| println!("{number}"));
            exit_codes::OK
        }
        Wish::Refuse => exit_codes::FATAL,
        Wish::Go(options) if options.genhash => {
            eprintln!("genhash is not supported yet");
            exit_codes::FATAL
        }
        Wish::Go(options) => match &options.config_test {
            Some(into) => config_test::run(&options, into.as_deref()),
            None if options.in_process => in_process::run(&options, &settings_of(&options)),
            None => supervisor::run(*options),
        },
    }
}

fn version() {
    eprintln!("{}", defaults::VERSION_LINE);
    eprintln!("\nA replacement for keepalived, compatible with version {}.", defaults::COMPATIBILITY);
    eprintln!("Licence: MIT OR Apache-2.0");
}

/// What the same command line means for an engine. Mistakes were reported by whoever started it.
fn engine_settings(reading: Reading) -> Settings {
    match reading.wish {
        Wish::Go(options) => settings_of(&options),
        Wish::Version | Wish::Help | Wish::SignalNumber(_) | Wish::Refuse => settings_of(&Options::default()),
    }
}

fn settings_of(options: &Options) -> Settings {
    let farewell = if options.dont_release_vrrp { Farewell::Leave } else { Farewell::Release };
    let namespace = options.namespace.clone();
    Settings {
        log: options.log_settings(VRRP_IDENT),
        umask: options.umask_value(),
        farewell,
        namespace,
        dump: options.dump_conf,
    }
}
