//! Which keepalived a lab host runs: ours or the original's.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// The two programs the suite knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// This project's binary: `KEEPALIVED_BIN`, or what cargo built, release before debug.
    Ours,
    /// The original: `KEEPALIVED_THEIRS`, or `/usr/sbin/keepalived`.
    Theirs,
}

impl Subject {
    /// The binary, if it is there.
    pub fn binary(self) -> Option<PathBuf> {
        let candidates = match self {
            Self::Ours => match env::var_os("KEEPALIVED_BIN") {
                Some(path) => vec![PathBuf::from(path)],
                None => {
                    let target = env::var_os("CARGO_TARGET_DIR")
                        .map_or_else(|| project_root().join("target"), PathBuf::from);
                    vec![target.join("release/keepalived"), target.join("debug/keepalived")]
                }
            },
            Self::Theirs => {
                let path = env::var_os("KEEPALIVED_THEIRS").unwrap_or("/usr/sbin/keepalived".into());
                vec![PathBuf::from(path)]
            }
        };
        candidates.into_iter().find(|path| path.is_file()).and_then(|path| path.canonicalize().ok())
    }

    /// The init script that belongs to the binary.
    pub fn init_script(self) -> Option<PathBuf> {
        let own = project_root().join("packaging/debian/keepalived.init");
        let packaged = PathBuf::from("/etc/init.d/keepalived");
        let order = match self {
            Self::Ours => [own, packaged],
            Self::Theirs => [packaged, own],
        };
        order.into_iter().find(|path| path.is_file())
    }

    /// The unit of systemd that belongs to the binary, where it is not the one that is installed.
    pub fn unit(self) -> Option<PathBuf> {
        let own = || project_root().join("packaging/systemd/keepalived.service");
        (self == Self::Ours).then(own).filter(|path| path.is_file())
    }

    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "ours" => Ok(Self::Ours),
            "theirs" => Ok(Self::Theirs),
            other => Err(format!("'{other}' is no subject: say ours or theirs")),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        })
    }
}

/// Who plays box A (usually the stronger one) and box B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Box A.
    pub a: Subject,
    /// Box B.
    pub b: Subject,
}

impl Pair {
    /// From `SUBJECT` (default theirs), `SUBJECT_A` and `SUBJECT_B`.
    ///
    /// # Errors
    /// A variable holds another word than `ours` or `theirs`.
    pub fn from_environment() -> Result<Self, String> {
        let word = |name: &str, default: Subject| match env::var(name) {
            Ok(word) => Subject::parse(&word),
            Err(_) => Ok(default),
        };
        let both = word("SUBJECT", Subject::Theirs)?;
        Ok(Self { a: word("SUBJECT_A", both)?, b: word("SUBJECT_B", both)? })
    }

    /// Whether either box runs this subject.
    pub fn includes(self, subject: Subject) -> bool {
        self.a == subject || self.b == subject
    }
}

/// The directory that holds the workspace, or what there is of it elsewhere (`CONFORMANCE_ROOT`).
pub fn project_root() -> PathBuf {
    if let Some(elsewhere) = env::var_os("CONFORMANCE_ROOT") {
        return PathBuf::from(elsewhere);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

/// Where the users' articles are: `KEEPALIVED_RS_SHARED`, or `shared` beside the project.
pub fn shared() -> Option<PathBuf> {
    let path =
        env::var_os("KEEPALIVED_RS_SHARED").map_or_else(|| project_root().join("../shared"), PathBuf::from);
    path.join("articles").is_dir().then_some(path)
}
