//! Two logs side by side: what must differ from run to run is replaced, the rest is compared.

use crate::lab::syslog::Line;

/// A line as text in which process numbers, times, versions and descriptors are replaced by marks.
pub fn normalised(line: &Line) -> String {
    let text = &line.text;
    let text = if text.starts_with("Starting Keepalived v") || text.starts_with("Stopped Keepalived v") {
        let words: Vec<&str> = text.split(' ').collect();
        format!("{} Keepalived <version>", words.first().unwrap_or(&""))
    } else if text.starts_with("Running on Linux") || text.starts_with("WARNING - keepalived was built for") {
        "<kernel>".to_owned()
    } else if text.starts_with("Stopped - used") || text.starts_with("CPU usage") {
        digits_to_mark(text).replace("(self/children) #/#", "#").replace("#/#", "#").replace("(self) #", "#")
    } else if text.starts_with("VRRP sockpool") || text.contains(", pid=") || text.contains("fe80::") {
        digits_to_mark(&hex_tail_to_mark(text))
    } else {
        text.clone()
    };
    format!("{}<{}> {text}", line.ident, line.priority)
}

/// `12.345` and `12` become `#`.
fn digits_to_mark(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let numeric = letter.is_ascii_digit() || (letter == '.' && out.ends_with('#'));
        if !numeric {
            out.push(letter);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

/// A link-local address depends on the lab's MAC addresses.
fn hex_tail_to_mark(text: &str) -> String {
    text.split(' ')
        .map(|word| if word.starts_with("fe80::") { "<link-local>" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

/// The lines that one side has and the other does not, in order; equal lines are paired as far as possible.
pub fn difference(left: &[String], right: &[String]) -> (Vec<String>, Vec<String>) {
    let mut spare = right.to_vec();
    let mut only_left = Vec::new();
    for line in left {
        match spare.iter().position(|other| other == line) {
            Some(place) => {
                spare.remove(place);
            }
            None => only_left.push(line.clone()),
        }
    }
    (only_left, spare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_marks_and_words_stay() {
        assert_eq!(digits_to_mark("fd(14,15) at 1.250 s"), "fd(#,#) at # s");
    }

    #[test]
    fn what_both_have_is_no_difference_however_often() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (left, right) = difference(&lines("a b b c"), &lines("b a b d"));
        assert_eq!((left, right), (lines("c"), lines("d")));
    }
}
