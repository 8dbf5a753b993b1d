//! JSON as Telegram writes it: every character beyond ASCII is a `\u` escape. A receiver that borrows strings
//! without unescaping them fails on it, as it would in earnest.

use std::io;

use bytes::Bytes;
use serde::Serialize as _;
use serde_json::{Value, ser::Formatter};

/// Telegram's form of a value.
pub(super) fn to_bytes(value: &Value) -> Bytes {
    let mut bytes = Vec::with_capacity(512);
    write_into(&mut bytes, value);
    Bytes::from(bytes)
}

/// Telegram's form of an update: its id stands first.
pub(super) fn update_bytes(id: i64, kind: &str, content: &Value) -> Bytes {
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend_from_slice(format!("{{\"update_id\":{id},\n\"{kind}\":").as_bytes());
    write_into(&mut bytes, content);
    bytes.push(b'}');
    Bytes::from(bytes)
}

fn write_into(bytes: &mut Vec<u8>, value: &Value) {
    let mut serializer = serde_json::Serializer::with_formatter(bytes, Ascii);
    value.serialize(&mut serializer).expect("a JSON value with string keys can always be written to memory");
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            if character.is_ascii() {
                writer.write_all(&[character as u8])?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                writer.write_all(&escape(*unit))?;
            }
        }
        Ok(())
    }
}

fn escape(unit: u16) -> [u8; 6] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u16| DIGITS[usize::from((unit >> shift) & 0xf)];
    [b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_beyond_ascii_is_escaped_and_reads_back() {
        let value = serde_json::json!({"text": "Гряг 🦉 \"так\"\n"});
        let bytes = to_bytes(&value);
        assert!(bytes.is_ascii());
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
    }
}
