//! The bytes of a recording, plain or gzipped, in blocks of whole lines and within bounded memory.
//! Knows nothing of what lines mean, but for whether a last one without a line end is all there.

use std::io::{self, BufRead, BufReader, Read};
use std::mem;

use flate2::bufread::GzDecoder;

use super::line;

/// Bytes in one line at most, its receive time included: far more than any venue sends at once.
pub const MAX_LINE_BYTES: u64 = 16 << 20;

/// A block has about this many bytes; more only where a line does.
const BLOCK: usize = 1 << 17;

/// The first bytes of a member of a gzip file (RFC 1952): its magic and the one compression method.
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// End of a recording.
#[derive(Debug)]
pub(super) enum End {
    /// All was read.
    Whole {
        /// Bytes that are no gzip data follow the last member.
        junk: bool,
    },
    /// In the middle of a line or of gzip data.
    Truncated,
    /// With a line of more than [`MAX_LINE_BYTES`].
    LineTooLong,
    /// It cannot be read on.
    Failed(io::Error),
}

/// The lines of a recording.
pub(super) struct Source {
    input: Input,
    /// Bytes read beyond the last block: the beginning of a line.
    rest: Vec<u8>,
    /// Why no more can be read, once that is known.
    end: Option<End>,
}

impl Source {
    /// Reads from `source`, which is unpacked if its first bytes are those of a gzip file.
    pub(super) fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let plain: Box<dyn Read + Send> = Box::new(source);
        let mut input = Peeked::new(BufReader::with_capacity(BLOCK, plain));
        let input = if input.begins_with(&GZIP_MAGIC[..2])? {
            Input::Gzip(Box::new(Members {
                member: Some(GzDecoder::new(input)),
                junk: false,
            }))
        } else {
            Input::Plain(input)
        };
        Ok(Self {
            input,
            rest: Vec::new(),
            end: None,
        })
    }

    /// The next lines: whole ones, but for the line end of the last.
    pub(super) fn next_block(&mut self) -> Result<Vec<u8>, End> {
        let mut block = mem::take(&mut self.rest);
        while self.end.is_none() {
            let start = block.len();
            let wanted = BLOCK.saturating_sub(start).max(BLOCK / 2);
            block.reserve_exact(wanted);
            match (&mut self.input)
                .take(wanted as u64)
                .read_to_end(&mut block)
            {
                Ok(0) => self.end = Some(self.at_the_end(&mut block)),
                Ok(_) => {}
                Err(error) => {
                    block.truncate(whole_lines(&block, 0));
                    self.end = Some(match error.kind() {
                        io::ErrorKind::UnexpectedEof => End::Truncated,
                        _ => End::Failed(error),
                    });
                }
            }
            if self.end.is_some() {
                break;
            }
            let lines = whole_lines(&block, start);
            if lines > 0 {
                self.rest = block.split_off(lines);
                return Ok(block);
            }
            if block.len() as u64 > MAX_LINE_BYTES {
                self.end = Some(End::LineTooLong);
                block.clear();
            }
        }
        if block.is_empty() {
            let read = End::Whole { junk: false };
            return Err(self.end.replace(read).unwrap_or(End::Truncated));
        }
        Ok(block)
    }

    /// Returns whether no more lines come.
    pub(super) const fn is_at_end(&self) -> bool {
        self.end.is_some() && self.rest.is_empty()
    }

    /// Nothing follows `block`: a recorder killed in the middle of a line leaves half of one.
    fn at_the_end(&self, block: &mut Vec<u8>) -> End {
        let lines = whole_lines(block, 0);
        if !line::is_whole(&block[lines..]) {
            block.truncate(lines);
            return End::Truncated;
        }
        End::Whole {
            junk: match &self.input {
                Input::Plain(_) => false,
                Input::Gzip(members) => members.junk,
            },
        }
    }
}

/// Number of bytes up to the end of the last line that ends after `from`.
fn whole_lines(block: &[u8], from: usize) -> usize {
    let last = block[from..].iter().rposition(|byte| *byte == b'\n');
    last.map_or(0, |last| from + last + 1)
}

enum Input {
    Plain(Peeked),
    Gzip(Box<Members>),
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.read(buffer),
            Self::Gzip(members) => members.read(buffer),
        }
    }
}

/// The members of a gzip file, one after the other. As gzip itself does, it overlooks what follows the
/// last one: zero bytes, with which tapes and some tools fill up blocks, and other junk.
struct Members {
    member: Option<GzDecoder<Peeked>>,
    junk: bool,
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if let Some(member) = self.member.take() {
                let mut input = member.into_inner();
                input.skip_zeros()?;
                if input.begins_with(&GZIP_MAGIC)? {
                    self.member = Some(GzDecoder::new(input));
                } else if input.is_beginning_of(&GZIP_MAGIC) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                } else {
                    self.junk = !input.start().is_empty();
                }
            }
        }
        Ok(0)
    }
}

/// An input whose next few bytes can be looked at, however they arrive.
struct Peeked {
    start: [u8; GZIP_MAGIC.len()],
    next: usize,
    filled: usize,
    input: BufReader<Box<dyn Read + Send>>,
}

impl Peeked {
    const fn new(input: BufReader<Box<dyn Read + Send>>) -> Self {
        Self {
            start: [0; GZIP_MAGIC.len()],
            next: 0,
            filled: 0,
            input,
        }
    }

    /// The bytes looked at and not yet read.
    fn start(&self) -> &[u8] {
        &self.start[self.next..self.filled]
    }

    /// Returns whether the next bytes are these.
    fn begins_with(&mut self, bytes: &[u8]) -> io::Result<bool> {
        self.start.copy_within(self.next..self.filled, 0);
        self.filled -= self.next;
        self.next = 0;
        while self.filled < bytes.len() {
            let read = self.input.read(&mut self.start[self.filled..bytes.len()])?;
            if read == 0 {
                break;
            }
            self.filled += read;
        }
        Ok(self.start().starts_with(bytes))
    }

    /// Returns whether all that is left are the first of these bytes. To be asked after `begins_with`.
    fn is_beginning_of(&self, bytes: &[u8]) -> bool {
        !self.start().is_empty()
            && self.start().len() < bytes.len()
            && bytes.starts_with(self.start())
    }

    fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let available = self.fill_buf()?;
            let zeros = available.iter().take_while(|byte| **byte == 0).count();
            let more = zeros > 0 && zeros == available.len();
            self.consume(zeros);
            if !more {
                return Ok(());
            }
        }
    }
}

impl Read for Peeked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start().is_empty() {
            return self.input.read(buffer);
        }
        let read = self.start().read(buffer)?;
        self.next += read;
        Ok(read)
    }
}

impl BufRead for Peeked {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.next < self.filled {
            return Ok(&self.start[self.next..self.filled]);
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if self.next < self.filled {
            self.next += amount;
        } else {
            self.input.consume(amount);
        }
    }
}
