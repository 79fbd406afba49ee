//! Keywords of load balancing (`spec` lvs 1).

mod checkers;
mod http;
mod real;
mod server;

use super::*;
use crate::lex::number::UNLIMITED;

pub use checkers::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, MISC_CHECK, PING_CHECK, SMTP_CHECK, SMTP_HOST, TCP_CHECK, UDP_CHECK,
};
pub use http::{HTTP_GET, HTTP_URL, SSL_GET, SSL_URL};
pub use real::REAL_SERVER;
pub use server::VIRTUAL_SERVER;

/// Keywords of `SSL`.
pub static SSL: Table = Table {
    block: "SSL",
    keywords: &[
        later("password", Takes::Words(Miss::Says("SSL password missing")), "Password of the key."),
        later("ca", Takes::Words(Miss::Says("SSL cafile missing")), "File with certificates of authorities."),
        later("certificate", Takes::Words(Miss::Says("SSL certfile missing")), "File with our certificate."),
        later("key", Takes::Words(Miss::Says("SSL keyfile missing")), "File with our key."),
    ],
};

/// Seconds without an upper limit.
const fn any_seconds(min: i64, bad: &'static str) -> Takes {
    seconds(min, UNLIMITED, bad)
}

/// What several blocks have in common, in one list.
const fn join<const A: usize, const B: usize, const N: usize>(
    first: [Keyword; A],
    second: [Keyword; B],
) -> [Keyword; N] {
    assert!(A + B == N);
    let mut all = [first[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < A { first[at] } else { second[at - A] };
        at += 1;
    }
    all
}
