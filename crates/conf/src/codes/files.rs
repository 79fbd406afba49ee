//! Files that are read.

use super::{Code, Severity};

pub(super) const CODES: &[Code] = &[
    Code {
        number: 1,
        name: "file-not-found",
        severity: Severity::Error,
        title: "a configuration file is not there",
        says: &["Config files missing '{}'.", "Some config files missing: \"{}\"."],
        why: "The file named on the command line, or a file that an include line names without a pattern, does not \
              exist. Often the path is relative, and relative to another directory than expected: an include is \
              looked for beside the file that includes it.",
        does: "",
        fix: "Correct the path, or create the file. For files that may be absent write a pattern: no match is no \
              mistake then.",
        example: "include /etc/keepalived/conf.d/*.conf",
    },
    Code {
        number: 2,
        name: "include",
        severity: Severity::Error,
        title: "a file that has to be there cannot be used",
        says: &[],
        why: "With include_check, includer, includem, includew, includeb or the option -e a file that cannot be read \
              is fatal. A main file that is a directory, a device or executable is refused in the same way.",
        does: "The daemon does not start.",
        fix: "Correct the path or the mode (0644, not executable), or use a plain include where the file may be absent.",
        example: "chmod 0644 /etc/keepalived/keepalived.conf",
    },
    Code {
        number: 3,
        name: "multiple-files",
        severity: Severity::Warning,
        title: "the main file's name is a pattern that matches several files",
        says: &[],
        why: "Their order is the order of their names, and a file that an editor left behind is read too.",
        does: "All of them are read, one after the other.",
        fix: "Name one file, and include the others from it.",
        example: "keepalived -f /etc/keepalived/keepalived.conf",
    },
    Code {
        number: 4,
        name: "line-too-long",
        severity: Severity::Error,
        title: "a line is longer than 1022 bytes",
        says: &["line too long - ignoring"],
        why: "The original has a fixed buffer; what does not fit is cut into pieces.",
        does: "The first 1023 bytes are ignored, the rest is read as if it were a line of its own.",
        fix: "Spread the line over several with a backslash at the end, or give a long value a name.",
        example: "$HOSTS=10.0.0.1 10.0.0.2",
    },
    Code {
        number: 5,
        name: "embedded-nul",
        severity: Severity::Error,
        title: "the file contains zero bytes",
        says: &["configuration appears to have embedded NULs - ignoring line"],
        why: "This is no text: a file saved as UTF-16, or damaged by a crash of the machine while it was written.",
        does: "The line is ignored.",
        fix: "Save the file as UTF-8 or ASCII, or restore it from a copy.",
        example: "iconv -f UTF-16 -t UTF-8 keepalived.conf",
    },
    Code {
        number: 6,
        name: "nested-too-deeply",
        severity: Severity::Error,
        title: "files or definitions contain themselves",
        says: &[
            "include of '{}' is nested too deeply - ignoring",
            "definitions are nested too deeply - ignoring line",
            "Configuration file '{}' includes itself - skipping",
        ],
        why: "A file that includes itself, or a definition that names itself, would never end.",
        does: "The include or the line is ignored.",
        fix: "Break the circle.",
        example: "$A=10.0.0.1        # and not $A=$A",
    },
    Code {
        number: 7,
        name: "too-many-lines",
        severity: Severity::Error,
        title: "the configuration has too many lines",
        says: &[
            "configuration has too many lines - ignoring the rest",
            "configuration repeats too many lines - ignoring the rest",
        ],
        why: "A ~SEQ with a slip of the finger asks for billions of lines.",
        does: "The rest is ignored.",
        fix: "Look for a ~SEQ whose end is too large.",
        example: "~SEQ(N, 1, 20) 10.0.0.$N",
    },
    Code {
        number: 8,
        name: "bad-sequence",
        severity: Severity::Error,
        title: "~SEQ or ~LST cannot be read",
        says: &["Invalid ~SEQ specification '{}'", "Invalid ~LST specification '{}'"],
        why: "The variable and the numbers stand in parentheses, separated by commas, directly behind the word.",
        does: "The line is ignored.",
        fix: "Write ~SEQ(name, from, to) or ~SEQ(name, from, step, to), or ~LST(name, word, word).",
        example: "~SEQ(N, 1, 20) 10.0.0.$N",
    },
];

/// A diagnostic whose class has no row would be a mistake of ours that a test finds; this keeps it harmless.
pub(super) static UNNAMED: Code = Code {
    number: 0,
    name: "unnamed",
    severity: Severity::Error,
    title: "a complaint without an explanation",
    says: &[],
    why: "",
    does: "",
    fix: "",
    example: "",
};
