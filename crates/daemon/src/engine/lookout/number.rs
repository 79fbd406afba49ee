//! The number at the beginning of a text.

/// What C's `strtol` makes of a text with base 0: blanks, a sign, `0x` for sixteen, `0` for eight, as many digits as
/// there are; zero where there are none, the nearest number where it is too large (`spec` runtime 4.3).
pub fn leading(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"\x0b").map_or(text, <[u8]>::trim_ascii_start);
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let is_hex = |digit: &u8| digit.is_ascii_hexdigit();
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(is_hex) => (16, rest),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    let values = digits.iter().map_while(|digit| char::from(*digit).to_digit(base));
    values.fold(0_i64, |number, digit| {
        let digit = if negative { -i64::from(digit) } else { i64::from(digit) };
        number.saturating_mul(i64::from(base)).saturating_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_strtol_reads_them() {
        let table: [(&[u8], i64); 18] = [
            (b"7\n", 7),
            (b"  \t\n-12", -12),
            (b"+3", 3),
            (b"5 trailing", 5),
            (b"5trailing", 5),
            (b"0x1F", 31),
            (b"0xg", 0),
            (b"-0x10", -16),
            (b"010", 8),
            (b"08", 0),
            (b"", 0),
            (b"garbage", 0),
            (b"- 5", 0),
            (b"--5", 0),
            (b"2147483648", 2_147_483_648),
            (b"99999999999999999999", i64::MAX),
            (b"-99999999999999999999", i64::MIN),
            (b"\xff7", 0),
        ];
        for (text, number) in table {
            assert_eq!(leading(text), number, "{}", String::from_utf8_lossy(text));
        }
    }
}
