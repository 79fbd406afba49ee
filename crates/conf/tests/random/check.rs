//! Checks of real servers at random.

use keepalived_model::Micros;
use keepalived_model::check::{
    Checker, Connection, Dns, File, FileWeight, Http, HttpVersion, Kind, Masked, Misc, Pace, Program, Record,
    Regex, RegexOptions, Reply, Smtp, StatusCodes, Udp, Url,
};
use keepalived_model::lvs::RealServer;

use super::Maker;

/// What checks may name, and what they inherit.
pub struct Around {
    pub files: Vec<String>,
    pub sessions: Vec<String>,
    pub log_all_failures: bool,
}

/// `virtualhost` of the service and of the server.
type Hosts = (Option<String>, Option<String>);

impl Maker<'_> {
    pub fn host(&mut self) -> String {
        self.pick(&["a.example", "b.example", "odd #host"]).to_owned()
    }

    pub fn delay(&mut self) -> Micros {
        self.or(Micros::from_secs(60), |maker| maker.micros(1, 99_999_999_999))
    }

    /// All of one server. `odd` is a delay of the service that scripts take for their timeout.
    pub fn checkers(
        &mut self,
        server: &RealServer,
        around: &Around,
        hosts: Hosts,
        usual: Micros,
        odd: Option<Micros>,
    ) -> Vec<Checker> {
        let count = self.dice.roll(4);
        // What has no times of its own takes those of the server.
        let silent = self.pace(1, Micros::from_secs(1), usual);
        let mut found: Vec<Checker> = Vec::new();
        for _ in 0..count {
            let kind = self.kind(server, around, &hosts, odd);
            let named =
                |other: &Checker| matches!((&other.kind, &kind), (Kind::Bfd(a), Kind::Bfd(b)) if a == b);
            if found.iter().any(named) {
                continue;
            }
            let quiet = matches!(kind, Kind::File(_) | Kind::Bfd(_));
            let (retries, delay) = match kind {
                Kind::Dns(_) => (3, None),
                Kind::Misc(_) => (0, Some(1)),
                Kind::Http(_) => (1, Some(3)),
                _ => (1, Some(1)),
            };
            let pace = if quiet {
                Pace { retries: silent.retries.max(1), ..silent }
            } else {
                let delay = delay.map_or(usual, Micros::from_secs);
                self.pace(retries, delay, usual)
            };
            found.push(Checker {
                pace,
                alpha: !matches!(kind, Kind::File(_)) && self.chance(3),
                log_all_failures: if quiet { around.log_all_failures } else { self.chance(2) },
                kind,
            });
        }
        found
    }

    fn pace(&mut self, retries: u32, delay: Micros, usual: Micros) -> Pace {
        let delay_loop = self.or(usual, Self::delay);
        Pace {
            delay_loop,
            warmup: self.or(delay_loop, |maker| maker.micros(0, 99_999_999)),
            retries: self.or(retries, |maker| maker.number(0, u32::MAX)),
            delay_before_retry: self.or(delay, |maker| maker.micros(0, 99_999_999)),
        }
    }

    fn kind(&mut self, server: &RealServer, around: &Around, hosts: &Hosts, odd: Option<Micros>) -> Kind {
        let connection = self.connection(server);
        match self.dice.roll(10) {
            0 => Kind::Tcp(connection),
            1 => Kind::Ping(Connection { port: None, ..connection }),
            2 => Kind::Udp(self.datagram(connection)),
            3 | 4 => Kind::Http(self.http(connection, hosts)),
            5 => Kind::Smtp(Smtp {
                connection,
                helo: self.or("smtpchecker.keepalived.org".into(), Self::word),
            }),
            6 => Kind::Dns(Dns {
                connection,
                record: self.pick(&Record::ALL),
                name: self.pick(&["", "example.org", "a.b", "x#y"]).to_owned(),
            }),
            7 if !around.files.is_empty() => Kind::File(File {
                name: self.pick(&around.files),
                weight: FileWeight {
                    amount: i32::try_from(self.signed(-i64::from(i32::MAX), i32::MAX.into())).unwrap(),
                    reverse: self.chance(2),
                },
            }),
            8 if !around.sessions.is_empty() => Kind::Bfd(self.pick(&around.sessions)),
            _ => Kind::Misc(Misc {
                program: if self.chance(3) {
                    let more = self.some(2, |_| b"a b".to_vec());
                    let argv = std::iter::once(b"/missing/x".to_vec()).chain(more).collect();
                    Program::Unrunnable { argv, user: self.user() }
                } else {
                    Program::Runs(self.command())
                },
                timeout: match odd {
                    Some(odd) if self.chance(2) => odd,
                    _ => self.seconds(1, 4294),
                },
                dynamic: self.chance(2),
            }),
        }
    }

    fn connection(&mut self, server: &RealServer) -> Connection {
        let v4 = server.ip.is_ipv4();
        let ip = self.or(server.ip, |maker| maker.ip(v4, 110));
        let port = |maker: &mut Self| u16::try_from(maker.number(1, 65_535)).unwrap();
        let bind = self.maybe(|maker| maker.ip(v4, 111));
        Connection {
            ip,
            port: self.maybe(port).or(server.port),
            bind,
            bind_port: bind.and_then(|_| self.maybe(port)),
            interface: self.maybe(Self::interface),
            mark: self.or(0, |maker| maker.number(0, u32::MAX)),
            timeout: self.or(Micros::from_secs(5), |maker| maker.micros(1, u32::MAX.into())),
        }
    }

    fn datagram(&mut self, connection: Connection) -> Udp {
        let usual = b"keepalived check - keepalived ch".to_vec();
        let nibble = |maker: &mut Self| {
            let mask = if maker.chance(3) { 0 } else { 0xf };
            (maker.byte(0, 15) & mask, mask)
        };
        let masked = |maker: &mut Self| {
            let ((high, high_mask), (low, low_mask)) = (nibble(maker), nibble(maker));
            Masked { value: high << 4 | low, mask: high_mask << 4 | low_mask }
        };
        let count = 1 + self.dice.roll(20);
        let length = |maker: &mut Self| u16::try_from(maker.number(0, 65_535)).unwrap();
        Udp {
            connection,
            payload: self.or(usual, |maker| maker.several(count, |maker| maker.byte(0, 255))),
            reply: match self.dice.roll(3) {
                0 => Reply::NotNeeded,
                1 => Reply::Any,
                _ => Reply::Matching {
                    pattern: self.several(count, masked),
                    length_min: self.or(0, length),
                    length_max: self.or(255, length),
                },
            },
        }
    }

    /// Names of hosts as lowering finds them.
    fn http(&mut self, connection: Connection, hosts: &Hosts) -> Http {
        let (service, server) = hosts;
        let tls = self.chance(2);
        let own = self.maybe(Self::host);
        let sni = tls && self.chance(2);
        let sni_name = self.maybe(Self::host);
        let count = 1 + self.dice.roll(3);
        let urls = self.several(count, |maker| {
            let written = maker.maybe(Self::host).or(own.clone());
            let server_name = sni_name.clone().or(written.clone()).or(service.clone()).filter(|_| sni);
            let host = written.or(server.clone()).or(service.clone());
            maker.url(host, server_name, tls)
        });
        Http {
            connection,
            tls,
            version: self.pick(&[HttpVersion::V1_0, HttpVersion::V1_0Close, HttpVersion::V1_1]),
            fast_recovery: self.chance(2),
            urls,
        }
    }

    fn url(&mut self, host: Option<String>, server_name: Option<String>, tls: bool) -> Url {
        let mut status = StatusCodes::range(200, 299);
        if self.chance(2) {
            let ranges = self.several(3, |maker| {
                let first = u16::try_from(maker.number(100, 599)).unwrap();
                StatusCodes::range(first, first + u16::from(maker.byte(0, 60)))
            });
            status = ranges.into_iter().fold(StatusCodes::default(), StatusCodes::union);
        }
        Url {
            path: self.pick(&["/", "/a b", "/x#y?a={b}", ""]).to_owned(),
            host,
            server_name,
            tls_compliant: tls && self.chance(2),
            digest: self.maybe(|maker| [maker.byte(0, 255); 16]),
            status,
            regex: self.maybe(Self::regex),
        }
    }

    fn regex(&mut self) -> Regex {
        let patterns: [&[u8]; 6] =
            [b"ok", b"a \"b\" 'c'", b"^\\d+\\\\$", b"", "“é”\u{1}".as_bytes(), b"\xff{2}#!"];
        let mut options = RegexOptions::default();
        for name in RegexOptions::NAMES {
            if self.chance(8) {
                options.set(name);
            }
        }
        let offset_min = self.or(0, |maker| maker.number(0, 9).into());
        Regex {
            pattern: self.pick(&patterns).to_vec(),
            options,
            no_match: self.chance(2),
            offset_min,
            offset_max: self.maybe(|maker| offset_min + u64::from(maker.number(0, 9))),
            stack: self.maybe(|maker| (maker.number(0, 9).into(), maker.number(9, 99).into())),
        }
    }
}
