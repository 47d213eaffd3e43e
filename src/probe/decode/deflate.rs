//! DEFLATE, with and without the wrapping of zlib.

use std::io::{self, Write};

use flate2::{Decompress, FlushDecompress, Status};

use super::{CHUNK_BYTES, Counted, Layer, Sink};

/// What `deflate` means: zlib by the standard, raw DEFLATE by some servers. The first two bytes tell.
pub(super) struct Deflate {
    head: Vec<u8>,
    inflate: Option<Decompress>,
    ended: bool,
    next: Counted,
}

impl Deflate {
    pub(super) fn new(next: Counted) -> Self {
        Self {
            head: Vec::new(),
            inflate: None,
            ended: false,
            next,
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        let head = std::mem::take(&mut self.head);
        let is_zlib = matches!(
            *head.as_slice(),
            [method, flags] if method & 0x0f == 8 && u16::from_be_bytes([method, flags]) % 31 == 0
        );
        self.inflate = Some(Decompress::new(is_zlib));
        self.inflate(&head)
    }

    fn inflate(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let Some(inflate) = &mut self.inflate else {
            return Ok(());
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            if self.ended {
                return match bytes {
                    [] => Ok(()),
                    _ => Err(io::ErrorKind::WriteZero.into()),
                };
            }
            let (taken, given) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(bytes, &mut chunk, FlushDecompress::None)?;
            let taken = usize::try_from(inflate.total_in() - taken).unwrap_or(usize::MAX);
            let given = usize::try_from(inflate.total_out() - given).unwrap_or(usize::MAX);
            self.next
                .write_all(chunk.get(..given).unwrap_or_default())?;
            bytes = bytes.get(taken..).unwrap_or_default();
            self.ended = status == Status::StreamEnd;
            if !self.ended && given < chunk.len() && (bytes.is_empty() || taken == 0) {
                return Ok(());
            }
        }
    }
}

impl Write for Deflate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while self.inflate.is_none() {
            let Some((byte, after)) = rest.split_first() else {
                return Ok(bytes.len());
            };
            self.head.push(*byte);
            rest = after;
            if self.head.len() == 2 {
                self.begin()?;
            }
        }
        self.inflate(rest)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Layer for Deflate {
    fn finish(&mut self) -> io::Result<()> {
        if self.inflate.is_none() {
            self.begin()?;
        }
        if !self.ended {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it ends too early",
            ));
        }
        self.next.next.finish()
    }

    fn sink(&mut self) -> &mut Sink {
        self.next.next.sink()
    }
}
