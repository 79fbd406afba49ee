//! Bytes as text without losing any.
//!
//! Configurations are bytes; ours are handled as text. A byte that is not UTF-8 becomes a character of the
//! last private plane and comes back as the byte it was, so that GBK comments, passwords and paths survive.

const ESCAPE: u32 = 0x10_FF00;

/// The bytes as text; every invalid byte becomes one private character.
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(ESCAPE + u32::from(*byte))));
    }
    text
}

/// The bytes the text was made of.
pub fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for c in text.chars() {
        match u32::from(c).checked_sub(ESCAPE).and_then(|low| u8::try_from(low).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    bytes
}

/// For human eyes: bytes that are not text show as replacement characters.
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if u32::from(c) >= ESCAPE { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives() {
        let all: Vec<u8> = (0..=255).chain(*b"\xd6\xd0 \xe4\xb8\xad").collect();
        assert_eq!(encode(&decode(&all)), all);
        assert_eq!(decode("é中".as_bytes()), "é中");
    }
}
