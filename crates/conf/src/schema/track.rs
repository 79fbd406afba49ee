//! Keywords of `vrrp_script`, `vrrp_track_process` and `track_file` (`spec` config 3.5–3.7).

use super::*;

/// Three decimals of a second up to 4294.
const fn script_seconds(bad: &'static str) -> Takes {
    Takes::Decimal { places: 3, number: lenient(0, SECONDS_MAX * 1000, bad) }
}

/// Keywords of `vrrp_script`.
pub static SCRIPT: Table = Table {
    block: "vrrp_script",
    keywords: &[
        works("script", Takes::Command(Miss::Fine), "The command; started without a shell."),
        works(
            "interval",
            script_seconds("({o}): vrrp script interval '{v}' must be between 0.001 and 4294 - ignoring"),
            "Seconds from one start to the next.",
        )
        .default("1"),
        works(
            "timeout",
            script_seconds("({o}): vrrp script timeout '{v}' invalid - ignoring"),
            "Seconds until a run is ended by force.",
        )
        .default("the interval"),
        works("weight", WORD, "What the result does to priorities, -253 to 253, with `reverse`.")
            .args("WEIGHT [reverse]")
            .default("0"),
        works(
            "rise",
            Takes::Integer(lenient(1, I32, "({o}): vrrp script rise value '{v}' invalid, defaulting to 1")),
            "Successes in a row that make it up.",
        )
        .default("1"),
        works(
            "fall",
            Takes::Integer(lenient(1, I32, "({o}): vrrp script fall value '{v}' invalid, defaulting to 1")),
            "Failures in a row that make it down.",
        )
        .default("1"),
        works("user", WORD, "User and group that run it.").args("USER [[:]GROUP]").default("script_user"),
        works("init_fail", Takes::Nothing, "Starts as failed."),
    ],
};

/// Most processes that are counted.
const PROCESSES_MAX: i64 = 65_535;
const QUORUM_BAD: &str =
    "Quorum ({v}) for vrrp_track_process {o} must be between [1..65535] inclusive. Ignoring...";
const QUORUM_MAX_BAD: &str =
    "quorum_max ({v}) for vrrp_track_process {o} must be between [0..65535] inclusive. Ignoring...";
const DELAY: &str =
    "delay ({v}) for vrrp_track_process {o} must be between [0.000001..3600] inclusive. Ignoring...";

/// Keywords of `vrrp_track_process`.
pub static TRACK_PROCESS: Table = Table {
    block: "vrrp_track_process",
    keywords: &[
        works("process", WORD, "Name of the program, with parameters.").args("PATH [PARAMETER ...]"),
        works("param_match", WORDS, "How parameters are compared.").args("[initial | partial]").default("exact"),
        works("weight", WORDS, "What it does to priorities.").args("WEIGHT [reverse]").default("0"),
        works("quorum", Takes::Integer(lenient(1, PROCESSES_MAX, QUORUM_BAD)), "Fewest processes.").default("1"),
        works("quorum_max", Takes::Integer(lenient(0, PROCESSES_MAX, QUORUM_MAX_BAD)), "Most processes; zero: none may run.")
            .default("no limit"),
        works("delay", seconds(1, 3_600_000_000, DELAY), "Seconds before a change counts.").default("0"),
        works(
            "terminate_delay",
            seconds(
                1,
                3_600_000_000,
                "terminate_delay ({v}) for vrrp_track_process {o} must be between [0.000001..3600] inclusive. Ignoring...",
            ),
            "Seconds before an end counts.",
        ).default("0"),
        works(
            "fork_delay",
            seconds(
                1,
                3_600_000_000,
                "fork_delay ({v}) for vrrp_track_process {o} must be between [0.000001..3600] inclusive. Ignoring...",
            ),
            "Seconds before a start counts.",
        ).default("0"),
        works("full_command", Takes::Nothing, "Compares the whole command line."),
    ],
};

/// Keywords of `track_file`.
pub static TRACK_FILE: Table = Table {
    block: "track_file",
    keywords: &[
        works("file", Takes::Words(Miss::Says("track file file name missing")), "Path of the file.")
            .args("PATH"),
        works("weight", WORDS, "Multiplies the number in the file.").args("WEIGHT [reverse]").default("1"),
        works("init_file", WORDS, "Creates the file at start.")
            .args("[VALUE] [overwrite]")
            .default("not created"),
    ],
};
