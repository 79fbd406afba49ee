//! Keywords of `HTTP_GET` and `SSL_GET` (`spec` lvs 1.6).

use super::checkers::COMMON;
use super::*;

/// Keywords of `HTTP_GET`.
pub static HTTP_GET: Table =
    Table { block: "HTTP_GET", keywords: &join::<7, 13, 20>(get(&HTTP_URL), COMMON) };

/// Keywords of `SSL_GET`.
pub static SSL_GET: Table = Table {
    block: "SSL_GET",
    keywords: &join::<1, 20, 21>([COMPLIANT], join::<7, 13, 20>(get(&SSL_URL), COMMON)),
};

/// Keywords of `url` in `HTTP_GET`.
pub static HTTP_URL: Table = Table { block: "url", keywords: &URL };

/// Keywords of `url` in `SSL_GET`.
pub static SSL_URL: Table = Table { block: "url", keywords: &join::<1, 10, 11>([COMPLIANT], URL) };

const COMPLIANT: Keyword = later(
    "tls_compliant",
    Takes::Bool { bad: "Invalid tls_compliant option {v}" },
    "Ends connections the way TLS demands.",
)
.default("off");

const fn get(url: &'static Table) -> [Keyword; 7] {
    [
        later("url", Takes::Block(url, Miss::Fine), "A document to get."),
        later(
            "nb_get_retry",
            Takes::Integer(lenient(0, U32, "Invalid nb_get_retry value '{v}'")),
            "The old name of retry.",
        ),
        later(
            "virtualhost",
            Takes::Words(Miss::Says("HTTP_GET virtualhost name missing")),
            "Host header of the request.",
        )
        .args("NAME")
        .default("the real server's"),
        later(
            "http_protocol",
            Takes::Words(Miss::Says("Missing http_protocol version")),
            "Version of the protocol: 1.0, 1.1 or 1.0C.",
        )
        .args("1.0|1.1|1.0C")
        .default("1.0"),
        later(
            "enable_sni",
            Takes::Bool { bad: "Invalid enable_sni parameter {v}" },
            "Tells the server which name we mean.",
        )
        .default("off"),
        later("sni_name", WORDS, "The name that is told.")
            .args("[NAME]")
            .default("the name in the Host header"),
        later(
            "fast_recovery",
            Takes::Bool { bad: "Invalid fast_recovery parameter {v}" },
            "Gets all documents without pauses after a failure.",
        )
        .default("off"),
    ]
}

const URL: [Keyword; 10] = [
    later("path", WORD, "Path of the document.").args("PATH"),
    later("digest", WORD, "MD5 of the document.").args("MD5").default("none"),
    later("status_code", WORDS, "Good status codes and ranges of them.")
        .args("CODE|CODE-CODE ...")
        .default("200-299"),
    later(
        "virtualhost",
        Takes::Words(Miss::Says("Missing HTTP_GET virtualhost name")),
        "Host header of the request.",
    ),
    later(
        "regex",
        Takes::Command(Miss::Says("regex missing or too many fields")),
        "What the document has to match.",
    )
    .args("EXPRESSION")
    .default("none"),
    later("regex_options", WORDS, "Switches of the expression.").args("OPTION...").default("none"),
    later("regex_no_match", Takes::Nothing, "A match is a failure."),
    later("regex_min_offset", WORDS, "First place a match may start at.").args("NUMBER").default("0"),
    later("regex_max_offset", WORDS, "Last place a match may start at.").args("NUMBER").default("none"),
    later("regex_stack", WORDS, "Stack of the expression: first and largest size.").args("START MAX"),
];
