//! Lines of an input of any length.

use std::io::{self, BufRead};

/// Longest line, in bytes: a longer one is a sign of something else than text.
const LONGEST: usize = 16 << 20;

/// Reads lines and knows where it is.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    /// Lines that were given back and come again, from a place on.
    back: Vec<u8>,
    back_at: usize,
    /// Bytes and lines before the next one.
    pub(super) offset: u64,
    pub(super) number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), back: Vec::new(), back_at: 0, offset: 0, number: 0 }
    }

    /// Skips to a place where a line begins.
    pub(super) fn skip_to(&mut self, offset: u64, number: u64) -> io::Result<()> {
        let mut left = offset;
        while left > 0 {
            let ready = self.reader.fill_buf()?.len() as u64;
            if ready == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let taken = ready.min(left);
            self.reader.consume(taken as usize);
            left -= taken;
        }
        (self.offset, self.number) = (offset, number);
        Ok(())
    }

    /// The next line without its line feed; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        if self.read_more()? { Ok(Some(self.current())) } else { Ok(None) }
    }

    /// Adds the next line to this one, the line feed between them; `false` at the end.
    pub(super) fn extend(&mut self) -> io::Result<bool> {
        self.read_more()
    }

    /// Leaves the first of the lines that were put together; the others come again, each alone.
    pub(super) fn give_back(&mut self) {
        let Some(first) = self.line.iter().position(|&byte| byte == b'\n') else { return };
        let mut back = self.line.split_off(first + 1);
        self.offset -= back.len() as u64;
        // The last line of an input may have no line feed.
        self.number -= back.split_inclusive(|&byte| byte == b'\n').count() as u64;
        back.extend_from_slice(&self.back[self.back_at..]);
        (self.back, self.back_at) = (back, 0);
    }

    /// The line that was read last.
    pub(super) fn current(&self) -> &[u8] {
        self.line.strip_suffix(b"\n").unwrap_or(&self.line)
    }

    fn read_more(&mut self) -> io::Result<bool> {
        let room = (LONGEST - self.line.len().min(LONGEST)) as u64;
        let mut back = &self.back[self.back_at..];
        let read = if back.is_empty() {
            io::Read::take(&mut self.reader, room).read_until(b'\n', &mut self.line)?
        } else {
            let read = io::Read::take(&mut back, room).read_until(b'\n', &mut self.line)?;
            self.back_at += read;
            read
        };
        if self.line.len() >= LONGEST {
            let what = "a line is longer than 16 MiB";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        self.offset += read as u64;
        self.number += u64::from(read > 0);
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_joined_and_skipped() {
        let text = b"one\ntwo\n\nlast";
        let mut lines = Lines::new(&text[..]);
        assert_eq!(lines.next().unwrap(), Some(&b"one"[..]));
        assert_eq!((lines.offset, lines.number), (4, 1));
        assert!(lines.extend().unwrap());
        assert_eq!(lines.current(), b"one\ntwo");
        assert_eq!(lines.next().unwrap(), Some(&b""[..]));
        let (offset, number) = (lines.offset, lines.number);
        assert_eq!(lines.next().unwrap(), Some(&b"last"[..]));
        assert_eq!(lines.next().unwrap(), None);
        let mut back = Lines::new(&text[..]);
        back.next().unwrap();
        while back.extend().unwrap() {}
        back.give_back();
        assert_eq!((back.current(), back.offset, back.number), (&b"one"[..], 4, 1));
        assert_eq!(back.next().unwrap(), Some(&b"two"[..]));
        assert!(back.extend().unwrap());
        back.give_back();
        assert_eq!(back.next().unwrap(), Some(&b""[..]));
        assert_eq!(back.next().unwrap(), Some(&b"last"[..]));
        assert_eq!((back.offset, back.number), (text.len() as u64, 4));
        assert_eq!(back.next().unwrap(), None);
        let mut again = Lines::new(&text[..]);
        again.skip_to(offset, number).unwrap();
        assert_eq!(again.next().unwrap(), Some(&b"last"[..]));
        assert_eq!(again.number, 4);
        assert!(Lines::new(&text[..]).skip_to(99, 1).is_err());
    }
}
