//! Asks a keepalived on a lab host for its verdicts, many files per shell.

use std::fmt::Write;

use super::{Case, Verdict};
use crate::lab::{Host, Lab};
use crate::outcome::{Fault, failed};
use crate::subject::Subject;

/// A host with interfaces and nothing else to do than to judge files.
pub struct Oracle {
    host: Host,
    /// Holds the host's cable.
    _lab: Lab,
}

/// Files judged by one shell: well within the half minute that a command on a host may take.
const BATCH: usize = 50;

/// Where the file to be judged lies.
const FILE: &str = "/etc/keepalived/keepalived.conf";

/// Starts an answer's end in the output of a batch.
const MARK: char = '\u{1}';

impl Oracle {
    /// A host of this subject that has these interfaces besides `eth0`.
    ///
    /// # Errors
    /// The host does not come up.
    pub fn new(subject: Subject, interfaces: &[&str]) -> Result<Self, Fault> {
        let mut lab = Lab::new()?;
        let host = lab.host(subject, "a", "eth0", [10, 9, 0, 1])?;
        for (at, name) in interfaces.iter().enumerate() {
            host.must(&format!("ip link add {name} type veth peer name peer{at} && ip link set {name} up"))?;
        }
        Ok(Self { host, _lab: lab })
    }

    /// The host itself, to put files on it.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The verdict of every case, in order.
    ///
    /// # Errors
    /// A file cannot be written, or a batch does not end.
    pub fn ask(&self, cases: &[Case]) -> Result<Vec<Verdict>, Fault> {
        let mut verdicts = Vec::with_capacity(cases.len());
        for batch in cases.chunks(BATCH) {
            let mut script = format!("ulimit -c 0; for n in $(seq 0 {}); do ", batch.len() - 1);
            let _ = write!(
                script,
                "cp /tmp/cases/$n {FILE}; timeout 2 keepalived -t -f {FILE} </dev/null 2>&1; "
            );
            let _ = write!(script, "printf '\\n\\001%s\\n' $?; done");
            for (at, case) in batch.iter().enumerate() {
                let path = self.host.path(&format!("/tmp/cases/{at}"));
                if let Some(above) = path.parent() {
                    std::fs::create_dir_all(above)?;
                }
                std::fs::write(path, &case.text)?;
            }
            let said = self.host.run(&script)?;
            let mut lines = Vec::new();
            let before = verdicts.len();
            for line in said.out.lines() {
                match line.strip_prefix(MARK) {
                    Some(status) => {
                        verdicts.push(Verdict::new(status.parse().unwrap_or(-1), FILE, lines.drain(..)));
                    }
                    None => lines.push(line),
                }
            }
            if verdicts.len() != before + batch.len() {
                return failed(format!("{} answers for {} files", verdicts.len() - before, batch.len()));
            }
        }
        Ok(verdicts)
    }
}

/// Both programs' verdicts, asked at the same time.
///
/// # Errors
/// As [`Oracle::ask`].
pub fn ask_both(theirs: &Oracle, ours: &Oracle, cases: &[Case]) -> Result<Vec<(Verdict, Verdict)>, Fault> {
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| theirs.ask(cases));
        let ours = ours.ask(cases);
        (theirs.join(), ours)
    });
    let Ok(theirs) = theirs else { return failed("the thread that asks the original panicked") };
    Ok(theirs?.into_iter().zip(ours?).collect())
}
