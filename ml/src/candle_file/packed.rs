//! The bytes of a file, unpacked where it is packed: what is in the file decides, not its name. The
//! reader of recordings, in a crate that this one does not know, treats the end of gzip data alike.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;

/// The first bytes of a member of a gzip file (RFC 1952, section 2.3.1).
static GZIP: [u8; 2] = [0x1f, 0x8b];

/// Contents of a packed file.
pub(super) struct Unpacked {
    /// Its text.
    pub(super) text: Box<dyn Read>,
    /// True if bytes behind the packed data were ignored, which is known once all was read.
    pub(super) junk: Rc<Cell<bool>>,
}

/// Begins to read a file.
pub(super) fn open(file: File) -> io::Result<Unpacked> {
    let mut file = BufReader::new(file);
    let junk = Rc::new(Cell::new(false));
    if file.fill_buf()?.starts_with(&GZIP) {
        let members = Members {
            state: State::Between(file),
            junk: Rc::clone(&junk),
        };
        return Ok(Unpacked {
            text: Box::new(members),
            junk,
        });
    }
    Ok(Unpacked {
        text: Box::new(file),
        junk,
    })
}

/// The members of a gzip file one after another. Behind the last, zero bytes are padding and anything
/// else is ignored, as gzip itself has it.
struct Members {
    state: State,
    junk: Rc<Cell<bool>>,
}

type Member = GzDecoder<Chain<&'static [u8], BufReader<File>>>;

enum State {
    Within(Box<Member>),
    Between(BufReader<File>),
    End,
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::End) {
                State::Within(mut member) => {
                    let read = member.read(out)?;
                    if read > 0 || out.is_empty() {
                        self.state = State::Within(member);
                        return Ok(read);
                    }
                    self.state = State::Between(member.into_inner().into_inner().1);
                }
                State::Between(file) => self.state = self.next_member(file)?,
                State::End => return Ok(0),
            }
        }
    }
}

impl Members {
    fn next_member(&self, mut file: BufReader<File>) -> io::Result<State> {
        let first = loop {
            match next_byte(&mut file)? {
                Some(0) => {}
                other => break other,
            }
        };
        match first {
            None => return Ok(State::End),
            Some(byte) if byte == GZIP[0] => match next_byte(&mut file)? {
                Some(byte) if byte == GZIP[1] => {
                    let member = GzDecoder::new((&GZIP[..]).chain(file));
                    return Ok(State::Within(Box::new(member)));
                }
                // Cut off within the first bytes of another member.
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(_) => {}
            },
            Some(_) => {}
        }
        self.junk.set(true);
        Ok(State::End)
    }
}

fn next_byte(file: &mut BufReader<File>) -> io::Result<Option<u8>> {
    let byte = file.fill_buf()?.first().copied();
    if byte.is_some() {
        file.consume(1);
    }
    Ok(byte)
}
