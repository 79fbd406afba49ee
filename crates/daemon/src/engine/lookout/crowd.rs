//! Which processes count, and how many there are. Pure: others look at processes.

use std::collections::BTreeMap;

use keepalived_model::track::{Arguments, ProcessPattern};

/// What a process looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// The kernel's name of it, at most 15 bytes.
    pub name: Vec<u8>,
    /// Its words; none for those of the kernel, and for those that have ended.
    pub words: Vec<Vec<u8>>,
}

/// What has to be known of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Their names.
    pub names: bool,
    /// Their words.
    pub words: bool,
}

/// All processes that count for something.
#[derive(Debug, Default)]
pub struct Crowd {
    patterns: Vec<ProcessPattern>,
    /// For what they count, by their numbers.
    members: BTreeMap<i32, Vec<usize>>,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(patterns: Vec<ProcessPattern>) -> Self {
        Self { patterns, members: BTreeMap::new() }
    }

    /// What is counted.
    pub fn patterns(&self) -> &[ProcessPattern] {
        &self.patterns
    }

    /// What has to be known to tell.
    pub fn interest(&self) -> Interest {
        let words = |pattern: &ProcessPattern| pattern.full_command;
        Interest {
            words: self.patterns.iter().any(words),
            names: self.patterns.iter().any(|pattern| !words(pattern)),
        }
    }

    /// For what a process like this counts.
    pub fn kinds(&self, looks: &Looks) -> Vec<usize> {
        let numbered = self.patterns.iter().enumerate();
        numbered.filter(|(_, pattern)| is_like(looks, pattern)).map(|(number, _)| number).collect()
    }

    /// A process counts for these from now on.
    pub fn put(&mut self, pid: i32, kinds: Vec<usize>) {
        if kinds.is_empty() {
            self.members.remove(&pid);
        } else {
            self.members.insert(pid, kinds);
        }
    }

    /// A process made another one, which looks like itself.
    pub fn forked(&mut self, parent: i32, child: i32) {
        let kinds = self.members.get(&parent).cloned().unwrap_or_default();
        self.put(child, kinds);
    }

    /// A process ended.
    pub fn ended(&mut self, pid: i32) {
        self.members.remove(&pid);
    }

    /// Those that are not here are gone.
    pub fn retain(&mut self, here: impl Fn(i32) -> bool) {
        self.members.retain(|pid, _| here(*pid));
    }

    /// Everybody who counts.
    pub fn members(&self) -> impl Iterator<Item = i32> {
        self.members.keys().copied()
    }

    /// How many count for each pattern.
    pub fn counts(&self) -> Vec<i64> {
        let mut counts = vec![0; self.patterns.len()];
        for kind in self.members.values().flatten() {
            if let Some(count) = counts.get_mut(*kind) {
                *count += 1;
            }
        }
        counts
    }
}

fn is_like(looks: &Looks, pattern: &ProcessPattern) -> bool {
    if !pattern.full_command {
        return looks.name == pattern.path;
    }
    let Some((first, rest)) = looks.words.split_first() else { return false };
    *first == pattern.path
        && match &pattern.arguments {
            Arguments::Any => true,
            Arguments::Exact(wanted) => rest == wanted.as_slice(),
            Arguments::Initial(wanted) => begins(rest, wanted),
            Arguments::Partial(wanted) => rest.starts_with(wanted),
        }
}

/// The last wanted word may be the beginning of one.
fn begins(words: &[Vec<u8>], wanted: &[Vec<u8>]) -> bool {
    let Some((last, before)) = wanted.split_last() else { return true };
    words.starts_with(before) && words.get(before.len()).is_some_and(|word| word.starts_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<u8>> {
        text.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn matches(pattern: ProcessPattern, name: &str, command: &str) -> bool {
        is_like(&Looks { name: name.into(), words: words(command) }, &pattern)
    }

    #[test]
    fn a_name_is_compared_to_the_letter() {
        let named =
            |path: &str| ProcessPattern { path: path.into(), full_command: false, arguments: Arguments::Any };
        assert!(matches(named("nginx"), "nginx", "nginx: master process"));
        assert!(!matches(named("/usr/sbin/nginx"), "nginx", "/usr/sbin/nginx"));
        assert!(!matches(named("nginx"), "nginx2", ""));
        assert!(!matches(named("a-name-of-more-than-fifteen"), "a-name-of-more-", ""));
    }

    #[test]
    fn words_are_compared_in_three_ways() {
        let pattern = |arguments: fn(Vec<Vec<u8>>) -> Arguments, text: &str| ProcessPattern {
            path: b"/bin/x".to_vec(),
            full_command: true,
            arguments: arguments(words(text)),
        };
        let rows: [(ProcessPattern, [bool; 5]); 7] = [
            (pattern(|_| Arguments::Any, ""), [true, true, true, true, false]),
            (pattern(Arguments::Exact, ""), [true, false, false, false, false]),
            (pattern(Arguments::Exact, "-a one"), [false, false, true, false, false]),
            (pattern(Arguments::Partial, "-a"), [false, true, true, true, false]),
            (pattern(Arguments::Partial, "-a on"), [false, false, false, false, false]),
            (pattern(Arguments::Initial, "-a on"), [false, false, true, true, false]),
            (pattern(Arguments::Partial, ""), [true, true, true, true, false]),
        ];
        let commands = ["/bin/x", "/bin/x -a", "/bin/x -a one", "/bin/x -a once more", "x -a one"];
        for (pattern, row) in rows {
            for (command, like) in commands.iter().zip(row) {
                assert_eq!(matches(pattern.clone(), "x", command), like, "{pattern:?} {command}");
            }
        }
    }

    #[test]
    fn processes_are_counted_through_forks_new_programs_and_ends() {
        let named =
            |path: &str| ProcessPattern { path: path.into(), full_command: false, arguments: Arguments::Any };
        let mut crowd = Crowd::new(vec![named("sh"), named("sleep")]);
        let looks = |name: &str| Looks { name: name.into(), words: Vec::new() };
        crowd.put(1, crowd.kinds(&looks("sh")));
        crowd.put(2, crowd.kinds(&looks("bash")));
        crowd.forked(1, 3);
        crowd.forked(2, 4);
        assert_eq!(crowd.counts(), [2, 0]);
        crowd.put(3, crowd.kinds(&looks("sleep")));
        assert_eq!(crowd.counts(), [1, 1]);
        crowd.ended(1);
        crowd.ended(4);
        assert_eq!(crowd.counts(), [0, 1]);
        crowd.retain(|pid| pid != 3);
        assert_eq!(crowd.members().count(), 0);
    }
}
