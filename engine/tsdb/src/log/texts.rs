//! Many short pieces of text between numbers.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use crate::bytes::{Malformed, Parsed, Reader};

/// Reads pieces of text and the numbers between them.
///
/// Whether bytes are UTF-8 is asked once for as many as possible, not for each piece: lengths and
/// small numbers are ASCII, so most of a list of label sets is one text. A piece of a text that
/// begins and ends between two characters is a text.
#[derive(Debug)]
pub(super) struct Texts<'a> {
    pub(super) reader: Reader<'a>,
    /// A stretch that is known to be text.
    known: &'a str,
    /// What the reader had left where it begins.
    from: usize,
}

impl<'a> Texts<'a> {
    pub(super) fn new(reader: Reader<'a>) -> Self {
        Self { reader, known: "", from: reader.remaining() }
    }

    /// The next piece: its length, then its bytes.
    pub(super) fn next(&mut self) -> Parsed<&'a str> {
        let len = self.reader.count(1)?;
        let begin = self.from - self.reader.remaining();
        let piece = match self.known.get(begin..begin + len) {
            Some(piece) => piece,
            None => self.look(len)?,
        };
        self.reader.take(len)?;
        Ok(piece)
    }

    /// Looks how far there is text from here on. No byte is looked at a third time: either this
    /// piece is in what is found, or it is the last one.
    fn look(&mut self, len: usize) -> Parsed<&'a str> {
        self.from = self.reader.remaining();
        self.known = text_ahead(self.reader.0);
        self.known.get(..len).ok_or(Malformed("text is not UTF-8"))
    }
}

/// The longest text that the bytes begin with.
fn text_ahead(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let text = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(text).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::bytes::{put_bytes, put_varint};

    #[test]
    fn pieces_of_any_length_are_found_among_numbers() {
        let long = "ö".repeat(9000);
        let pieces = ["a", "", "ö", &long[..128], "b", &long, "€", &long[..200], "c"];
        let mut bytes = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            put_varint(&mut bytes, (i as u64) << (7 * i));
            put_bytes(&mut bytes, piece.as_bytes());
        }
        bytes.extend([0xFF; 3]);
        let mut texts = Texts::new(Reader(&bytes));
        for (i, piece) in pieces.iter().enumerate() {
            assert_eq!(texts.reader.varint(), Ok((i as u64) << (7 * i)));
            assert_eq!(texts.next(), Ok(*piece));
        }
        assert_eq!(texts.reader.remaining(), 3);
    }

    #[test]
    fn pieces_that_are_no_text_are_refused() {
        // Half a character, the other half of which follows; a byte that is in no text.
        for bytes in [&[1, b'a', 1, 0xC3, 0xB6][..], &[1, b'a', 2, b'b', 0xFF, b'c']] {
            let mut texts = Texts::new(Reader(bytes));
            assert_eq!(texts.next(), Ok("a"));
            assert_eq!(texts.next(), Err(Malformed("text is not UTF-8")));
        }
        Texts::new(Reader(&[2, b'a'])).next().unwrap_err();
    }

    #[derive(Debug, Clone)]
    enum Item {
        Number(u64),
        Piece(String),
    }

    fn items() -> impl Strategy<Value = Vec<Item>> {
        // Small numbers are text, larger ones end it.
        let number = prop_oneof![0..0x80_u64, any::<u64>()].prop_map(Item::Number);
        let piece = prop_oneof!["[a-c]{0,3}", "[aö€😀]{0,5}", "[ö€]{60,70}"].prop_map(Item::Piece);
        vec(prop_oneof![1 => number, 3 => piece], 0..12)
    }

    /// Changes bytes into those of which texts are made, alone or in wrong places, and cuts the rest off.
    fn corrupt(bytes: &mut Vec<u8>, changes: &[(Index, u8)], cut: Option<Index>) {
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len() + 1)));
    }

    fn encoded(items: &[Item]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for item in items {
            match item {
                Item::Number(number) => put_varint(&mut bytes, *number),
                Item::Piece(piece) => put_bytes(&mut bytes, piece.as_bytes()),
            }
        }
        bytes
    }

    /// Reads what the items say up to the first error, with both readers.
    fn agree(bytes: &[u8], items: &[Item]) -> Result<(), TestCaseError> {
        let (mut plain, mut texts) = (Reader(bytes), Texts::new(Reader(bytes)));
        for item in items {
            let is_good = if matches!(item, Item::Number(_)) {
                let expected = plain.varint();
                prop_assert_eq!(texts.reader.varint(), expected);
                expected.is_ok()
            } else {
                let expected = plain.text();
                prop_assert_eq!(texts.next(), expected);
                expected.is_ok()
            };
            if !is_good {
                break;
            }
            prop_assert_eq!(texts.reader.0, plain.0);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn texts_checked_as_one_are_those_checked_one_by_one(
            items in items(),
            changes in vec((any::<Index>(), prop_oneof![0..12_u8, 0x7E..=0xFF_u8, any::<u8>()]), 0..4),
            cut in proptest::option::weighted(0.3, any::<Index>()),
        ) {
            let mut bytes = encoded(&items);
            agree(&bytes, &items)?;
            corrupt(&mut bytes, &changes, cut);
            agree(&bytes, &items)?;
        }
    }
}
