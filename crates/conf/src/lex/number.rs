//! Numbers as the original reads them: what is wrong is said, and often something is read all the same
//! (`spec` config 1.6).

/// What a word was worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The value where the word as a whole is fine, or was made so by rounding.
    pub value: Option<i64>,
    /// The value a lenient reader takes although it complained.
    pub lenient: Option<i64>,
    /// The complaint.
    pub complaint: Option<String>,
    /// What is said before it.
    pub first: Option<String>,
}

impl Read {
    fn fine(value: i64) -> Self {
        Self { value: Some(value), lenient: Some(value), complaint: None, first: None }
    }

    fn wrong(complaint: String, lenient: Option<i64>) -> Self {
        Self { value: None, lenient, complaint: Some(complaint), first: None }
    }
}

/// The largest value of a time without a limit of its own. The original keeps these in 64 bits without a sign
/// and names that limit in its messages.
pub const UNLIMITED: i64 = i64::MAX;
const UNLIMITED_SHOWN: &str = "18446744073709.551614";

/// The span of values a keyword allows, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Smallest, in the unit of the keyword's last decimal.
    pub min: i64,
    /// Largest.
    pub max: i64,
}

impl Range {
    fn has(self, value: i64) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

/// An integer, base 10, an optional sign, leading blanks; an empty word is zero. Whether it is signed follows
/// from the range.
pub fn integer(word: &str, range: Range) -> Read {
    read(word, range, range.min >= 0)
}

/// The same where the original reads a signed number although no negative one is allowed.
pub fn signed(word: &str, range: Range) -> Read {
    read(word, range, false)
}

fn read(word: &str, range: Range, unsigned: bool) -> Read {
    let (negative, rest) = sign(word);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let parsed = if digits.is_empty() { Ok(0) } else { digits.parse::<i64>() };
    let value = parsed.map(|value| if negative { -value } else { value }).ok();
    let within = value.filter(|value| range.has(*value));
    if unsigned && negative {
        return Read::wrong(format!("negative number '{word}'"), None);
    }
    if !tail.is_empty() || (digits.is_empty() && !word.trim_start_matches(super::is_blank).is_empty()) {
        return Read::wrong(format!("invalid number '{word}'"), within.filter(|_| !digits.is_empty()));
    }
    match value {
        Some(value) if unsigned && u32::try_from(value).is_err() => {
            Read::wrong(format!("number '{word}' outside unsigned integer range"), None)
        }
        Some(value) if !unsigned && i32::try_from(value).is_err() => {
            Read::wrong(format!("number '{word}' outside integer range"), None)
        }
        Some(value) if range.has(value) => Read::fine(value),
        Some(_) => Read::wrong(format!("number '{word}' outside range [{}, {}]", range.min, range.max), None),
        None if unsigned => Read::wrong(format!("number '{word}' outside unsigned integer range"), None),
        None => Read::wrong(format!("number '{word}' outside integer range"), None),
    }
}

/// A decimal with `places` decimals, in units of the last one. What follows the number breaks its scale, as it
/// does in the original: `5s` is 5 units.
pub fn decimal(word: &str, places: u32, range: Range) -> Read {
    let parts = Parts::of(word);
    if !parts.negative && !parts.tail.is_empty() {
        let unscaled = format!("0{}{}", parts.whole, parts.fraction).parse::<i64>().ok();
        let unscaled = unscaled.filter(|value| range.has(*value));
        return Read { value: unscaled, ..Read::wrong(format!("invalid number '{word}'"), unscaled) };
    }
    strict_decimal(word, places, range)
}

/// The same where nothing may follow the number.
pub fn strict_decimal(word: &str, places: u32, range: Range) -> Read {
    let Parts { negative, whole, fraction, tail } = Parts::of(word);
    if negative {
        return Read::wrong(format!("negative number '{word}'"), None);
    }
    if !tail.is_empty() {
        return Read::wrong(format!("invalid number '{word}'"), None);
    }
    let Some((value, rounded)) = scaled(whole, fraction, places) else {
        return Read::wrong(format!("number '{word}' outside unsigned decimal range"), None);
    };
    let complaint = rounded.then(|| format!("number '{word}' has too many decimal places"));
    if !range.has(value) {
        let (min, max) = (shown(range.min, places), shown(range.max, places));
        let outside = Read::wrong(format!("number '{word}' outside range [{min}, {max}]"), None);
        return Read { first: complaint, ..outside };
    }
    Read { complaint, ..Read::fine(value) }
}

/// What a decimal is made of.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    /// What does not belong to a number.
    tail: &'a str,
}

impl<'a> Parts<'a> {
    fn of(word: &'a str) -> Self {
        let (negative, rest) = sign(word);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, mut tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (whole, mut fraction) = number.split_once('.').unwrap_or((number, ""));
        if let Some((kept, dropped)) = fraction.split_once('.') {
            (fraction, tail) = (kept, if dropped.is_empty() { "." } else { dropped });
        }
        Self { negative, whole, fraction, tail }
    }
}

/// A whole word as C reads it with base 0: decimal, `0x…` or `0…`; a minus sign wraps around, and what is too
/// large is the largest.
pub fn any_base(word: &str) -> Option<u64> {
    let (negative, digits) = sign(word);
    let (digits, radix) = match (digits.strip_prefix("0x").or(digits.strip_prefix("0X")), digits) {
        (Some(hex), _) => (hex, 16),
        (None, "0") => (digits, 10),
        (None, _) => digits.strip_prefix('0').map_or((digits, 10), |octal| (octal, 8)),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).unwrap_or(u64::MAX);
    Some(if negative { value.wrapping_neg() } else { value })
}

/// The same as an integer of a range, with the complaints of one.
pub fn any_base_integer(word: &str, range: Range) -> Read {
    let other_base = word.strip_prefix('0').and_then(|_| any_base(word));
    match other_base.and_then(|value| i64::try_from(value).ok()).filter(|value| range.has(*value)) {
        Some(value) => Read::fine(value),
        None => integer(word, range),
    }
}

/// A number of 64 bits, base 10, or the complaint about it.
pub fn unsigned64(word: &str) -> Result<u64, String> {
    let (negative, digits) = sign(word);
    match digits {
        _ if negative => Err(format!("negative number '{word}'")),
        "" => Ok(0),
        _ if !digits.bytes().all(|byte| byte.is_ascii_digit()) => Err(format!("invalid number '{word}'")),
        _ => digits.parse().map_err(|_| format!("number '{word}' outside unsigned 64 bit range")),
    }
}

fn sign(word: &str) -> (bool, &str) {
    let word = word.trim_start_matches(super::is_blank);
    match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    }
}

/// The digits in units of the last place, and whether digits had to be dropped (half rounds up).
fn scaled(whole: &str, fraction: &str, places: u32) -> Option<(i64, bool)> {
    let places = usize::try_from(places).ok()?;
    let kept = fraction.get(..places).unwrap_or(fraction);
    let dropped = fraction.get(places..).unwrap_or("");
    let value = format!("0{whole}{kept:0<places$}").parse::<i64>().ok()?;
    let half_up = i64::from(dropped.starts_with(['5', '6', '7', '8', '9']));
    Some((value.checked_add(half_up)?, !dropped.is_empty()))
}

/// A limit the way the original prints it: with all its decimals.
fn shown(value: i64, places: u32) -> String {
    if value == UNLIMITED {
        return UNLIMITED_SHOWN.into();
    }
    let unit = 10_i64.pow(places);
    if places == 0 {
        return format!("{value}.");
    }
    let width = usize::try_from(places).unwrap_or(0);
    format!("{}.{:0width$}", value / unit, value % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_the_original_does() {
        let range = Range { min: 1, max: 255 };
        let table = [
            ("100", Some(100), Some(100), None),
            ("010", Some(10), Some(10), None),
            ("+5", Some(5), Some(5), None),
            (" 5", Some(5), Some(5), None),
            ("300", None, None, Some("number '300' outside range [1, 255]")),
            ("", None, None, Some("number '' outside range [1, 255]")),
            ("-1", None, None, Some("negative number '-1'")),
            ("0x5", None, None, Some("invalid number '0x5'")),
            ("7x", None, Some(7), Some("invalid number '7x'")),
            ("abc", None, None, Some("invalid number 'abc'")),
            ("4294967296", None, None, Some("number '4294967296' outside unsigned integer range")),
            (
                "99999999999999999999",
                None,
                None,
                Some("number '99999999999999999999' outside unsigned integer range"),
            ),
        ];
        for (word, value, lenient, complaint) in table {
            let read = integer(word, range);
            assert_eq!(
                (read.value, read.lenient, read.complaint.as_deref()),
                (value, lenient, complaint),
                "{word}"
            );
        }
        assert_eq!(integer("-253", Range { min: -253, max: 253 }), Read::fine(-253));
    }

    #[test]
    fn names_of_iproute2_are_numbers_of_any_base_too() {
        let table = [
            ("0", Some(0)),
            ("010", Some(8)),
            ("0x1F", Some(31)),
            ("254", Some(254)),
            ("-1", Some(u64::MAX)),
            ("99999999999999999999", Some(u64::MAX)),
            ("08", None),
            ("0x", None),
            ("", None),
            ("5x", None),
            ("main", None),
        ];
        for (word, value) in table {
            assert_eq!(any_base(word), value, "{word}");
        }
        assert_eq!(any_base_integer("0x10", Range { min: 0, max: 99 }), Read::fine(16));
        assert_eq!(any_base_integer("010", Range { min: 0, max: 99 }), Read::fine(8));
        assert_eq!(
            any_base_integer("-1", Range { min: 0, max: 99 }).complaint.as_deref(),
            Some("negative number '-1'")
        );
        assert_eq!(unsigned64("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(
            unsigned64("18446744073709551616"),
            Err("number '18446744073709551616' outside unsigned 64 bit range".into())
        );
    }

    #[test]
    fn decimals_round_half_up_and_lose_their_scale_to_a_suffix() {
        let range = Range { min: 1, max: 4_294_967_295 };
        let table = [
            ("1", Some(1_000_000), None),
            (".5", Some(500_000), None),
            ("5.", Some(5_000_000), None),
            ("+0.5", Some(500_000), None),
            ("0.0000015", Some(2), Some("number '0.0000015' has too many decimal places")),
            ("0", None, Some("number '0' outside range [0.000001, 4294.967295]")),
            ("1e-3", Some(1), Some("invalid number '1e-3'")),
            ("1,5", Some(1), Some("invalid number '1,5'")),
            ("5s", Some(5), Some("invalid number '5s'")),
            ("2.5s", Some(25), Some("invalid number '2.5s'")),
            ("x", None, Some("invalid number 'x'")),
            ("-1", None, Some("negative number '-1'")),
            ("1.2.3", Some(12), Some("invalid number '1.2.3'")),
        ];
        for (word, value, complaint) in table {
            let read = decimal(word, 6, range);
            assert_eq!((read.value, read.complaint.as_deref()), (value, complaint), "{word}");
        }
    }
}
