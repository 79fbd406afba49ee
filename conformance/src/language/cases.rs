//! Configurations with one point each: every row of the keyword tables with good and bad values, and what the
//! rows cannot say, written by hand in `language/values.txt`.

use std::collections::BTreeSet;

use keepalived_conf::schema::{Keyword, TABLES, Table, Takes};

use super::Case;

/// Lines by hand: `[block]`, then one line for each case.
const VALUES: &str = include_str!("../../language/values.txt");

/// An instance that nothing can be said about, and what opens one.
const INSTANCE: &str =
    "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress { 10.0.0.5 }\n";
/// The same with words on both sides of what is tried.
const SERVER: &str = "virtual_server 10.0.0.1 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n";
const REAL: &str = "real_server 10.0.0.2 80 {\n";
/// Things that can be tracked or named.
const NAMED: &str = "vrrp_script chk {\n script \"/usr/bin/test -e /tmp/ok\"\n}\nvrrp_script light {\n script \
                     \"/usr/bin/test -e /tmp/ok\"\n weight 5\n}\ntrack_file tf {\n file /tmp/tf\n}\n\
                     vrrp_track_process tp {\n process sshd\n}\nbfd_instance b1 {\n neighbor_ip 10.0.0.9\n}\n";
const SECURE: &str = "global_defs {\n enable_script_security\n script_user root\n}\n";

/// The file around a line of a block, as what stands before and behind it; none for a block nobody knows.
fn frame(block: &str, line: &str) -> Option<(String, String)> {
    let checker =
        |name: &str, url: &str| (format!("{SERVER}{REAL}{name} {{\n"), format!("{url}}}\n}}\n}}\n"));
    let url = "url {\n path /\n }\n";
    Some(match block {
        "" | "file" => (String::new(), String::new()),
        "global_defs" => ("global_defs {\n".into(), "}\n".into()),
        "vrrp_instance" => (format!("{SECURE}{NAMED}{INSTANCE}"), "}\n".into()),
        "authentication" | "auth_hmac" => (format!("{INSTANCE}{block} {{\n"), "}\n}\n".into()),
        "vrrp_script" => {
            (format!("{SECURE}vrrp_script S {{\nscript \"/usr/bin/test -e /tmp/ok\"\n"), "}\n".into())
        }
        "vrrp_track_process" => ("vrrp_track_process P {\n".into(), "process sshd\n}\n".into()),
        "track_file" => ("track_file T {\n".into(), "file /tmp/tf\n}\n".into()),
        "track_group" => (format!("{INSTANCE}}}\ntrack_group G {{\n"), "}\n".into()),
        "garp_group" => ("garp_group {\n".into(), "garp_interval 0.1\n interface eth1\n}\n".into()),
        "vrrp_sync_group" => {
            let other = "vrrp_instance W {\n interface eth1\n virtual_router_id 2\n virtual_ipaddress { 10.0.1.5 }\n}\n";
            (
                format!("{SECURE}{NAMED}{INSTANCE}}}\n{other}vrrp_sync_group G {{\n"),
                if line.starts_with("group") { "}\n" } else { "group {\n V\n W\n}\n}\n" }.into(),
            )
        }
        "bfd_instance" => ("bfd_instance B {\n".into(), "neighbor_ip 10.0.0.9\n}\n".into()),
        "SSL" => ("SSL {\n".into(), "}\n".into()),
        "virtual_server_group" => ("virtual_server_group G {\n".into(), "10.0.0.1 80\n}\n".into()),
        "virtual_server" => (SERVER.into(), format!("{REAL}weight 1\n}}\n}}\n")),
        "real_server" => (format!("{SERVER}{REAL}"), "}\n}\n".into()),
        "HTTP_GET" | "SSL_GET" => checker(block, url),
        "url" => (format!("{SERVER}{REAL}HTTP_GET {{\nurl {{\n"), "path /\n}\n}\n}\n}\n".into()),
        "host" => (format!("{SERVER}{REAL}SMTP_CHECK {{\nhost {{\n"), "}\n}\n}\n}\n".into()),
        "MISC_CHECK" => {
            let (before, after) = checker(block, "misc_path /usr/bin/test\n");
            (SECURE.to_owned() + &before, after)
        }
        "FILE_CHECK" => {
            let (before, after) = checker(block, "track_file tf\n");
            (NAMED.to_owned() + &before, after)
        }
        "BFD_CHECK" => {
            let (before, after) = checker(block, "");
            (NAMED.to_owned() + &before, after)
        }
        "TCP_CHECK" | "SMTP_CHECK" | "DNS_CHECK" | "UDP_CHECK" | "PING_CHECK" => checker(block, ""),
        _ => return None,
    })
}

/// All of them, each title once.
///
/// # Errors
/// A block has no frame, so that its rows cannot be tried.
pub fn all() -> Result<Vec<Case>, String> {
    let mut seen = BTreeSet::new();
    let mut cases = Vec::new();
    let mut add = |block: &str, line: &str| {
        let name = if block.is_empty() { "root" } else { block };
        let title = format!("{name}: {}", line.replace('\n', "\\n"));
        let (before, after) =
            frame(block, line).ok_or_else(|| format!("no frame for the block '{block}'"))?;
        if seen.insert(title.clone()) {
            cases.push(Case { title, text: format!("{before}{line}\n{after}").into_bytes() });
        }
        Ok::<(), String>(())
    };
    for table in TABLES {
        for row in table.keywords {
            for line in lines(row) {
                add(table.block, &line)?;
            }
            add(elsewhere(table), &sample(row))?;
        }
    }
    for (block, line) in by_hand() {
        add(block, &line)?;
    }
    Ok(cases)
}

/// The hand-written lines with their blocks.
fn by_hand() -> impl Iterator<Item = (&'static str, String)> {
    let mut block = "";
    VALUES.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).filter_map(move |line| {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => {
                block = if name == "root" { "" } else { name };
                None
            }
            None => Some((block, line.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t"))),
        }
    })
}

/// A block in which a row of this one has no business.
fn elsewhere(table: &Table) -> &'static str {
    if table.block == "global_defs" { "vrrp_instance" } else { "global_defs" }
}

/// One line with a keyword and something that may follow it.
fn sample(row: &Keyword) -> String {
    let name = row.name;
    match row.takes {
        Takes::Nothing | Takes::Bool { .. } => name.to_owned(),
        Takes::Integer(number) => format!("{name} {}", number.range.max),
        Takes::Decimal { places, number } => format!("{name} {}", decimal(number.range.max, places)),
        Takes::Words(_) | Takes::Command(_) => format!("{name} 1"),
        Takes::Values => format!("{name} {{\n}}"),
        Takes::Block(..) | Takes::NamedValues => format!("{name} X {{\n}}"),
    }
}

/// The lines a row asks for by itself: every old spelling, nothing behind it, each bound and what lies beyond,
/// things that are no value, and the keyword twice.
fn lines(row: &Keyword) -> Vec<String> {
    let mut values: Vec<String> = match row.takes {
        Takes::Nothing => ["", "extra", "no"].map(str::to_owned).to_vec(),
        Takes::Bool { .. } => ["", "on", "true", "yes", "off", "false", "no", "TRUE", "1", "no more"]
            .map(str::to_owned)
            .to_vec(),
        Takes::Integer(number) => {
            let range = number.range;
            let inside = [range.min, range.max, range.min - 1, range.max.saturating_add(1)]
                .map(|value| value.to_string());
            let odd = ["", "x", "1x", "1.5", "0x1", "+1", "\"\"", "-1", "99999999999999999999"];
            inside.into_iter().chain(odd.map(str::to_owned)).chain([format!("{} more", range.max)]).collect()
        }
        Takes::Decimal { places, number } => {
            let range = number.range;
            let inside = [range.min, range.max, range.min - 1, range.max.saturating_add(1)];
            let odd = ["", "x", "1x", "1.5", "2.", ".5", "1,5", "1e1", "-1", "1.23456789", "99999999999999"];
            inside.map(|value| decimal(value, places)).into_iter().chain(odd.map(str::to_owned)).collect()
        }
        Takes::Words(_) => ["", "1", "no_such_word", "no_such_word and more"].map(str::to_owned).to_vec(),
        Takes::Command(_) => [
            "",
            "/no/such/file",
            "\"/usr/bin/test -e /tmp/ok\"",
            "/usr/bin/test root",
            "/usr/bin/test root root",
            "/usr/bin/test nosuchuser",
            "\"unfinished",
        ]
        .map(str::to_owned)
        .to_vec(),
        Takes::Values => ["{\n}", "extra {\n}", "{ no_such_word }", "{\n{\n}\n}"].map(str::to_owned).to_vec(),
        Takes::Block(..) | Takes::NamedValues => {
            ["{\n}", "A {\n}", "A B {\n}", "A {\n no_such_word\n}", "A {\n}\nno_such_word"]
                .map(str::to_owned)
                .to_vec()
        }
    };
    let mut lines: Vec<String> =
        values.drain(..).map(|value| format!("{} {value}", row.name).trim_end().to_owned()).collect();
    let good = sample(row);
    lines.push(format!("{good}\n{good}"));
    lines.extend(row.was.iter().map(|old| good.replacen(row.name, old, 1)));
    lines
}

/// A number that counts units of its last decimal, as it is written.
fn decimal(value: i64, places: u32) -> String {
    let unit = 10_u64.pow(places);
    let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let width = usize::try_from(places).unwrap_or(0);
    format!("{sign}{}.{:0width$}", size / unit, size % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_every_table_is_tried_with_something_behind_it() {
        let cases = all().expect("every block has a frame");
        assert!(cases.len() >= 600, "{}", cases.len());
        let bare: Vec<String> = TABLES
            .iter()
            .flat_map(|table| table.keywords.iter().map(|row| (table.block, row)))
            .filter(|(_, row)| matches!(row.takes, Takes::Words(_) | Takes::Values))
            .filter(|(block, row)| {
                !by_hand()
                    .any(|(place, line)| place == *block && line.split_whitespace().next() == Some(row.name))
            })
            .map(|(block, row)| format!("{block}/{}", row.name))
            .collect();
        assert!(bare.is_empty(), "no line in language/values.txt for {bare:?}");
    }

    #[test]
    fn decimals_are_written_with_all_their_places() {
        assert_eq!([decimal(-1, 3), decimal(4_294_967, 3)], ["-0.001", "4294.967"]);
    }
}
