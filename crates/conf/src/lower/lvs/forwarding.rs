//! Forwarding methods and tunnels (`spec` lvs 1.4).

use keepalived_model::lvs::{Forwarding, GueChecksum, Tunnel};

use crate::diag::Class;
use crate::lex::number::Range;
use crate::lower::context::{Context, Reading};
use crate::tree::Statement;

/// A method with its options; nothing if it is unknown. `whose` is `virtual`, `real` or `sorry`. A tunnel whose
/// options are wrong stays the tunnel it was.
pub(super) fn lower(
    cx: &mut Context<'_>,
    statement: &Statement<'_>,
    whose: &str,
    before: Option<Forwarding>,
) -> Option<Forwarding> {
    let word = cx.word(statement, "")?;
    if !matches!(word, "NAT" | "DR" | "TUN") {
        let text = format!("PARSER : unknown [{word}] routing method for {whose} server.");
        cx.say(&cx.place(statement, 1), Class::General, text);
        return None;
    }
    // Options are checked with every method.
    let tunnel = options(cx, statement, whose);
    Some(match (word, before) {
        ("NAT", _) => Forwarding::Nat,
        ("DR", _) => Forwarding::Direct,
        (_, Some(Forwarding::Tunnel(old))) => Forwarding::Tunnel(tunnel.unwrap_or(old)),
        _ => Forwarding::Tunnel(tunnel.unwrap_or_default()),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Ipip,
    Gue,
    Gre,
}

/// Nothing if something is wrong, which was said.
fn options(cx: &mut Context<'_>, statement: &Statement<'_>, whose: &str) -> Option<Tunnel> {
    let (mut kind, mut port, mut checksum) = (Type::Ipip, None, GueChecksum::None);
    let mut at = 2;
    while let Some(option) = statement.word(at) {
        let place = cx.place(statement, at);
        let value = statement.word(at + 1);
        let complaint = match (option, value) {
            ("type", None) => Some(format!("Missing tunnel type for {whose} server.")),
            ("type", Some(name)) => {
                at += 1;
                match name {
                    "ipip" => kind = Type::Ipip,
                    "gue" => kind = Type::Gue,
                    "gre" => kind = Type::Gre,
                    _ => {
                        return refuse(
                            cx,
                            statement,
                            at,
                            format!("Unknown tunnel type {name} for {whose} server."),
                        );
                    }
                }
                None
            }
            ("port", None) => Some(format!("Missing port for {whose} server gue tunnel.")),
            ("port", Some(word)) => {
                at += 1;
                let how = Reading { range: Range { min: 1, max: 65535 }, lenient: false };
                let place = cx.place(statement, at);
                let bad = format!("Invalid gue tunnel port {word} for {whose} server.");
                port = Some(
                    cx.number_word(&place, word, how, Some(bad)).and_then(|port| u16::try_from(port).ok())?,
                );
                None
            }
            ("nocsum", _) => {
                checksum = GueChecksum::None;
                None
            }
            ("csum", _) => {
                checksum = GueChecksum::Full;
                None
            }
            ("remcsum", _) => {
                checksum = GueChecksum::Remote;
                None
            }
            _ => Some(format!("Invalid tunnel option {option} for {whose} server.")),
        };
        if let Some(text) = complaint {
            cx.say(&place, Class::General, text);
            return None;
        }
        at += 1;
    }
    let text = match (kind, port, checksum) {
        (Type::Gue, Some(port), checksum) => return Some(Tunnel::Gue { port, checksum }),
        (Type::Gue, None, _) | (_, Some(_), _) => "gue tunnels require port, otherwise cannot have port.",
        (Type::Ipip, None, GueChecksum::None) => return Some(Tunnel::Ipip),
        (Type::Ipip, None, _) => "ipip tunnels do not support checksum option.",
        (Type::Gre, None, GueChecksum::Remote) => "gre tunnels do not support remote checksum option.",
        (Type::Gre, None, checksum) => return Some(Tunnel::Gre { checksum: checksum == GueChecksum::Full }),
    };
    refuse(cx, statement, 1, text.to_owned())
}

fn refuse(cx: &mut Context<'_>, statement: &Statement<'_>, at: usize, text: String) -> Option<Tunnel> {
    cx.say(&cx.place(statement, at), Class::General, text);
    None
}
