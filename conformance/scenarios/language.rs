//! The configuration language: what `-t` of both programs says of the same files.

use std::fmt::Write;

use crate::language::corpus::{Corpus, Scripts, samples};
use crate::language::known::{Known, Usage};
use crate::language::oracle::{Oracle, ask_both};
use crate::language::{Case, Verdict, cases, differences};
use crate::outcome::{Fault, Outcome, failed};
use crate::subject::{Subject, project_root};
use crate::table::{Cast, Context, Proves, Scenario, both};

const F: &str = "language";

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "of files from public repositories ours says what 2.4.3 says",
        family: F,
        proves: Proves::Original,
        cast: Cast::Fixed(Subject::Ours, Subject::Ours),
        run: corpus_recorded,
    },
    both(F, "of files from public repositories both say the same", corpus_live),
    both(F, "of the samples of Debian's package both say the same", samples_live),
    both(F, "every keyword with good and bad values draws the same lines from both", keywords),
];

/// Differences between 2.4.3 and ours.
const KNOWN_2_4_3: &str = include_str!("../language/known-2.4.3.txt");

/// Differences between the original at hand and ours.
const KNOWN: &str = include_str!("../language/known.txt");
const KNOWN_CORPUS: &str = include_str!("../language/known-corpus.txt");
const KNOWN_SAMPLES: &str = include_str!("../language/known-samples.txt");

/// What a comparison came to.
#[derive(Debug, Default)]
struct Count {
    equal: usize,
    listed: usize,
    unlisted: usize,
    /// What nobody has explained, one paragraph a case.
    report: String,
}

impl Count {
    fn enter(&mut self, case: &Case, theirs: &Verdict, ours: &Verdict, known: &Known) {
        let found = differences(theirs, ours);
        // How the original ended is part of the key: after some ends it says nothing more (D13), or anything (D9).
        let open = known.unexplained(&format!("{} [{}]", case.title, theirs.status), &found);
        if found.is_empty() {
            self.equal += 1;
        } else if open.is_empty() {
            self.listed += 1;
        } else {
            self.unlisted += 1;
            let _ = writeln!(self.report, "{}", case.title);
            for line in open {
                let _ = writeln!(self.report, "    {line}");
            }
        }
    }

    /// Prints the figures; fails when something is left unexplained, or when a row explains nothing.
    fn conclude(self, what: &str, known: &Known) -> Outcome {
        let all = self.equal + self.listed + self.unlisted;
        println!(
            "     {what}: {all} files, {} equal, {} listed, {} unlisted",
            self.equal, self.listed, self.unlisted
        );
        let mut report = self.report;
        for usage in known.usage() {
            let Usage { row, used, expected } = &usage;
            if usage.is_right() {
                println!("     {used:>4} x {row}");
            } else {
                let expected = expected.map_or("something".to_owned(), |expected| expected.to_string());
                let _ = writeln!(report, "explains {used}, not {expected}: {row}");
            }
        }
        if report.is_empty() {
            return Ok(());
        }
        let path = project_root().join("target/conformance").join(format!("{}.txt", what.replace(' ', "-")));
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above)?;
        }
        std::fs::write(&path, &report)?;
        let first: Vec<&str> = report.lines().take(12).collect();
        failed(format!("{} unlisted, all in {}:\n{}", self.unlisted, path.display(), first.join("\n")))
    }
}

fn table(text: &'static str) -> Result<Known, Fault> {
    Known::parse(text).map_err(Fault::Failed)
}

fn keywords(_: &Context) -> Outcome {
    let cases = cases::all().map_err(Fault::Failed)?;
    let known = table(KNOWN)?;
    let theirs = Oracle::new(Subject::Theirs, &["eth1"])?;
    let ours = Oracle::new(Subject::Ours, &["eth1"])?;
    let mut count = Count::default();
    for (case, (theirs, ours)) in cases.iter().zip(ask_both(&theirs, &ours, &cases)?) {
        count.enter(case, &theirs, &ours, &known);
    }
    count.conclude("keywords", &known)
}

/// The machine of the corpus' verdicts, with this subject.
fn repository_machine(corpus: &Corpus, subject: Subject) -> Result<Oracle, Fault> {
    let interfaces = corpus.interfaces()?;
    Oracle::new(subject, &interfaces.iter().map(String::as_str).collect::<Vec<_>>())
}

fn corpus_recorded(_: &Context) -> Outcome {
    let corpus = Corpus::find()?;
    let known = table(KNOWN_2_4_3)?;
    let ours = repository_machine(&corpus, Subject::Ours)?;
    let mut count = Count::default();
    for scripts in [Scripts::Absent, Scripts::Stubbed] {
        corpus.furnish(ours.host(), scripts)?;
        let verdicts = corpus.verdicts("2.4.3", scripts)?;
        for ((case, theirs), ours) in corpus.cases.iter().zip(verdicts).zip(ours.ask(&corpus.cases)?) {
            let case = Case { title: format!("{} {scripts:?}", case.title), ..case.clone() };
            count.enter(&case, &theirs, &ours, &known);
        }
    }
    count.conclude("corpus and 2.4.3", &known)
}

fn corpus_live(_: &Context) -> Outcome {
    let corpus = Corpus::find()?;
    let known = table(KNOWN_CORPUS)?;
    let theirs = repository_machine(&corpus, Subject::Theirs)?;
    let ours = repository_machine(&corpus, Subject::Ours)?;
    let mut count = Count::default();
    for scripts in [Scripts::Absent, Scripts::Stubbed] {
        corpus.furnish(theirs.host(), scripts)?;
        corpus.furnish(ours.host(), scripts)?;
        for (case, (theirs, ours)) in corpus.cases.iter().zip(ask_both(&theirs, &ours, &corpus.cases)?) {
            let case = Case { title: format!("{} {scripts:?}", case.title), ..case.clone() };
            count.enter(&case, &theirs, &ours, &known);
        }
    }
    count.conclude("corpus", &known)
}

fn samples_live(_: &Context) -> Outcome {
    let cases = samples()?;
    let known = table(KNOWN_SAMPLES)?;
    let theirs = Oracle::new(Subject::Theirs, &["eth1"])?;
    let ours = Oracle::new(Subject::Ours, &["eth1"])?;
    let mut count = Count::default();
    for (case, (theirs, ours)) in cases.iter().zip(ask_both(&theirs, &ours, &cases)?) {
        count.enter(case, &theirs, &ours, &known);
    }
    count.conclude("samples", &known)
}
