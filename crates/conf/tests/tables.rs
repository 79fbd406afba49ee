//! Every row of every table, fed to the parser.

mod common;

use common::run;
use keepalived_conf::schema::{self, Keyword, Status, Table, Takes};
use keepalived_conf::{Class, Lowered};

/// Blocks that are not looked into yet.
const UNREAD: &[&str] = &["garp_group", "vrrp_track_process", "track_file", "auth_hmac"];

/// A line or block with this keyword that has something for every place.
fn sample(row: &Keyword) -> String {
    let name = row.name;
    match row.takes {
        Takes::Nothing | Takes::Bool { .. } => name.to_owned(),
        Takes::Words(_) | Takes::Command(_) => format!("{name} 1"),
        Takes::Integer(number) => format!("{name} {}", number.range.max),
        Takes::Decimal { places, number } => format!("{name} {}", number.range.max / 10_i64.pow(places)),
        Takes::Values => format!("{name} {{\n x\n}}"),
        Takes::Block(..) | Takes::NamedValues => format!("{name} X {{\n}}"),
    }
}

/// The row's sample where it belongs.
fn placed(table: &Table, text: &str) -> String {
    let instance = |inner: &str| {
        format!(
            "vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{ 10.0.0.5 }}\n{inner}\n}}\n"
        )
    };
    let service = |inner: &str| {
        format!(
            "virtual_server 10.0.0.1 80 {{\nprotocol UDP\nlvs_sched sh\nlvs_method NAT\n\
             real_server 10.1.0.1 80 {{\n}}\nsorry_server 10.1.0.2\n{inner}\n}}\n"
        )
    };
    let checker =
        |kind: &str, inner: &str| service(&format!("real_server 10.1.0.3 80 {{\n{kind} {{\n{inner}\n}}\n}}"));
    match table.block {
        "virtual_server" => service(text),
        "real_server" => service(&format!("real_server 10.1.0.3 80 {{\n{text}\n}}")),
        "host" => checker("SMTP_CHECK", &format!("host {{\n{text}\n}}")),
        // `SSL_GET` knows one word more.
        "url" if table.find("tls_compliant").is_some() => checker("SSL_GET", &format!("url {{\n{text}\n}}")),
        "url" => checker("HTTP_GET", &format!("url {{\n{text}\n}}")),
        kind if kind.ends_with("_CHECK") || kind.ends_with("_GET") => checker(kind, text),
        "" => format!("{text}\n"),
        "global_defs" => format!("global_defs {{\n{text}\n}}\n"),
        "vrrp_instance" => instance(text),
        "authentication" | "auth_hmac" => instance(&format!("{} {{\n{text}\n}}", table.block)),
        block => format!("{block} NAME {{\n{text}\n}}\n"),
    }
}

fn texts(lowered: &Lowered) -> Vec<&str> {
    lowered.diagnostics.iter().map(|d| d.text.as_str()).collect()
}

fn unknown(lowered: &Lowered) -> bool {
    lowered.diagnostics.iter().any(|d| matches!(d.class, Class::UnknownKeyword | Class::Brace))
}

#[test]
fn every_keyword_is_known_where_it_belongs() {
    for table in schema::TABLES {
        for row in table.keywords {
            let lowered = run(placed(table, &sample(row)));
            assert!(!unknown(&lowered), "{}/{}: {:?}", table.block, row.name, texts(&lowered));
            for old in row.was {
                let lowered = run(placed(table, &sample(row).replacen(row.name, old, 1)));
                assert!(!unknown(&lowered), "{}/{old}", table.block);
            }
        }
    }
}

/// One line, neither none nor two; rows inside a block that is not there yet are covered by the block's line.
#[test]
fn a_keyword_that_does_nothing_yet_says_so_once() {
    let whole =
        ["track_group", "garp_group", "vrrp_track_process", "track_file", "bfd_instance", "auth_hmac"];
    for table in schema::TABLES {
        for row in table.keywords.iter().filter(|row| row.status == Status::NotYet) {
            let lowered = run(placed(table, &sample(row)));
            let said = lowered.diagnostics.iter().filter(|d| d.class == Class::NotYet).count();
            let quiet = matches!(
                (table.block, row.name),
                ("global_defs", "notification_email" | "vrrp_mcast_group6")
            ) || (table.block == "vrrp_instance" && row.name == "vmac_xmit_base");
            let other_complaint =
                lowered.diagnostics.iter().any(|d| d.class > Class::NotYet && d.class != Class::Deprecated);
            assert!(
                said == 1 || (said == 0 && (quiet || other_complaint)),
                "{}/{}: {:?}",
                table.block,
                row.name,
                texts(&lowered)
            );
            assert!(!whole.contains(&table.block) || said == 1, "{}/{}", table.block, row.name);
        }
    }
}

#[test]
fn every_range_ends_where_its_table_says() {
    for table in schema::TABLES.iter().filter(|table| !UNREAD.contains(&table.block)) {
        for row in table.keywords {
            let (places, number) = match row.takes {
                Takes::Integer(number) => (0, number),
                Takes::Decimal { places, number } => (places, number),
                _ => continue,
            };
            let unit = 10_i64.pow(places);
            let width = usize::try_from(places).unwrap();
            let written = |value: i64| match places {
                0 => value.to_string(),
                _ => format!("{}.{:0width$}", value / unit, value % unit),
            };
            let complains = |value: i64| {
                let lowered = run(placed(table, &format!("{} {}", row.name, written(value))));
                lowered.diagnostics.iter().any(|d| d.class == Class::Number)
            };
            let range = number.range;
            assert!(!complains(range.min) && !complains(range.max), "{}/{}", table.block, row.name);
            let unlimited = range.max == i64::MAX;
            assert!(unlimited || complains(range.max + 1), "{}/{}", table.block, row.name);
            assert!(range.min == 0 || complains(range.min - 1), "{}/{}", table.block, row.name);
        }
    }
}

/// The words the original dies of.
#[test]
fn a_missing_word_is_told_once_for_every_keyword_and_hides_nothing() {
    for table in schema::TABLES {
        for row in table.keywords {
            let fatal = match row.takes {
                Takes::Words(miss) | Takes::Command(miss) | Takes::Block(_, miss) => {
                    miss == schema::Miss::Fatal
                }
                Takes::Integer(number) | Takes::Decimal { number, .. } => number.miss == schema::Miss::Fatal,
                _ => false,
            };
            if !fatal || UNREAD.contains(&table.block) {
                continue;
            }
            let lowered = run(placed(table, row.name));
            let told: Vec<_> = lowered.diagnostics.iter().filter(|d| d.class == Class::MissingWord).collect();
            let [told] = told.as_slice() else {
                panic!("{}/{}: {:?}", table.block, row.name, texts(&lowered))
            };
            let name = row.name;
            assert_eq!(
                told.text,
                format!(
                    "*** Configuration line starting `{name}` is missing a parameter after keyword `{name}` at word position 2"
                )
            );
            assert_eq!(told.stops, Some(2));
        }
    }
}
