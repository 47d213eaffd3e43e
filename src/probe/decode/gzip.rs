//! gzip.

use std::io::{self, Write};

use flate2::write::GzDecoder;

use super::{Counted, Layer, Sink};

/// One gzip member after the other; whatever else follows is not taken.
pub(super) struct Gzip {
    /// Decodes into memory, at most a chunk for each write.
    member: GzDecoder<Vec<u8>>,
    next: Counted,
}

/// What a gzip member begins with.
const GZIP_MAGIC: u8 = 0x1f;

impl Gzip {
    pub(super) fn new(next: Counted) -> Self {
        Self {
            member: GzDecoder::new(Vec::new()),
            next,
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let decoded = self.member.get_mut();
        self.next.write_all(decoded)?;
        decoded.clear();
        Ok(())
    }

    fn end_member(&mut self) -> io::Result<()> {
        self.member.try_finish()?;
        self.pass_on()
    }
}

impl Write for Gzip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = self.member.write(bytes)?;
        if taken == 0 && bytes.first() == Some(&GZIP_MAGIC) {
            self.end_member()?;
            self.member = GzDecoder::new(Vec::new());
            taken = self.member.write(bytes)?;
        }
        self.pass_on()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Layer for Gzip {
    fn finish(&mut self) -> io::Result<()> {
        self.end_member()?;
        self.next.next.finish()
    }

    fn sink(&mut self) -> &mut Sink {
        self.next.next.sink()
    }
}
