//! Nexthops, which end a route's line.

use super::*;
use crate::schema::NEXTHOP;

impl Draft {
    /// Behind the first `nexthop`. A bad one is left out, and nothing behind it is read.
    pub(super) fn nexthops(&mut self, line: &mut Line<'_, '_, '_>) -> Result<(), Dropped> {
        loop {
            match self.nexthop(line)? {
                Some(nexthop) => self.nexthops.push(nexthop),
                None => {
                    line.skip_rest();
                    return Ok(());
                }
            }
            if !line.take_if("nexthop") {
                break;
            }
        }
        if let Some(word) = line.take() {
            line.say(Class::General, format!("Route has trailing nonsense after nexthops - {word}"));
            line.skip_rest();
        }
        Ok(())
    }

    /// Nothing if it is bad.
    fn nexthop(&mut self, line: &mut Line<'_, '_, '_>) -> Result<Option<Nexthop>, Dropped> {
        let mut nexthop = Nexthop::default();
        while let Some(row) = line.peek().and_then(|word| NEXTHOP.find(word)) {
            line.take();
            // A value that is missing costs the route, as everywhere.
            let value = match row.name {
                "onlink" | "via" | "encap" => "",
                _ => line.value()?,
            };
            let read = match row.name {
                "via" => self.nexthop_via(line)?.map(|ip| nexthop.via = Some(ip)),
                "dev" => interface(line, value).ok().map(|name| nexthop.interface = Some(name)),
                "weight" => weight(line, value).map(|weight| nexthop.weight = Some(weight)),
                "realms" => self.nexthop_realms(line, value).map(|realms| nexthop.realms = Some(realms)),
                "encap" => {
                    match encap::read(line)? {
                        encap::Found::Nothing => {}
                        encap::Found::Encap(encap) => nexthop.encap = Some(encap),
                        encap::Found::Broken => self.broken = true,
                    }
                    Some(())
                }
                "as" => {
                    skip_as(line, "'as [to]' (nat) not supported");
                    None
                }
                _ => {
                    nexthop.onlink = true;
                    Some(())
                }
            };
            if read.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(nexthop))
    }

    fn nexthop_via(&mut self, line: &mut Line<'_, '_, '_>) -> Result<Option<IpAddr>, Dropped> {
        let said = family_word(line);
        if said.is_some() && self.family.is_some() && said != self.family {
            line.say(Class::General, "IPv4/6 mismatch for nexthop");
            return Ok(None);
        }
        let value = line.value()?;
        let Some(ip) = line.ip(value) else {
            line.say(Class::General, format!("invalid nexthop address {value}"));
            return Ok(None);
        };
        let family = Family::of(ip);
        if said.or(self.family).is_some_and(|expected| expected != family) {
            line.say(Class::General, "Address family mismatch for next hop");
            return Ok(None);
        }
        self.family = Some(family);
        Ok(Some(ip))
    }

    fn nexthop_realms(&mut self, line: &mut Line<'_, '_, '_>, value: &str) -> Option<Realms> {
        if self.family == Some(Family::V6) {
            line.say(Class::General, "realms are only supported for IPv4");
            return None;
        }
        let realms = realms(line, value);
        if realms.is_none() {
            line.say(Class::General, format!("Invalid realms {value} for route"));
        }
        realms
    }
}

fn weight(line: &mut Line<'_, '_, '_>, value: &str) -> Option<u16> {
    let bad = format!("Invalid weight {value} specified for route");
    let weight = line.number(value, WEIGHT_MAX, bad.clone()).ok()?;
    if weight == 0 {
        line.say(Class::General, bad);
    }
    u16::try_from(weight).ok().filter(|weight| *weight != 0)
}

/// The kernel keeps a weight less one in a byte.
const WEIGHT_MAX: u32 = 256;
