//! Content decoding as the bytes arrive, bounded in size at every layer.
//!
//! A layer writes what it decoded to the next one, the last into [`Sink`]. Every layer counts, so that neither the
//! result nor what lies between two layers can grow past 200 times the bytes that came over the wire (after a first
//! 64 KiB), nor the result past the body limit.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brotli::DecompressorWriter;
use bytes::Bytes;
use flate2::write::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use zstd::stream::raw::DParameter;

/// Encodings that may lie on top of each other.
const LAYERS_MAX: usize = 2;
/// How many times larger a body may get by decoding.
const RATIO_MAX: u64 = 200;
/// Decoded bytes before the ratio counts.
const RATIO_FREE_BYTES: u64 = 64 << 10;
/// RFC 9659: a zstd body may ask for a window of at most 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Decoded bytes that a layer hands on at once.
const CHUNK_BYTES: usize = 16 << 10;

/// Why a body could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DecodeFault {
    /// More than the body limit. The bytes up to the limit are kept.
    Overflow,
    /// It grows too much: a decompression bomb.
    Ratio,
    /// An encoding that nobody asked for.
    UnknownEncoding(String),
    /// More encodings on top of each other than are decoded.
    TooManyLayers,
    /// The encoded bytes are wrong or end too early.
    Corrupt(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Decodes one body.
pub(super) struct Decoder {
    first: Box<dyn Layer>,
    wire: Arc<AtomicU64>,
    any: bool,
}

impl Decoder {
    /// Returns the decoder for the content encodings of a response, `None` for a body that is not encoded.
    pub(super) fn new(headers: &HeaderMap, limit: usize) -> Result<Option<Self>, DecodeFault> {
        let encodings = encodings(headers)?;
        if encodings.is_empty() {
            return Ok(None);
        }
        let wire = Arc::new(AtomicU64::new(0));
        let mut layer: Box<dyn Layer> = Box::new(Sink {
            bytes: Vec::new(),
            limit,
            fault: None,
        });
        // The last encoding was applied last, so it is undone first: it becomes the outermost.
        for encoding in encodings {
            let counted = Counted {
                next: layer,
                seen: 0,
                wire: Arc::clone(&wire),
            };
            layer = encoding.layer(counted)?;
        }
        Ok(Some(Self {
            first: layer,
            wire,
            any: false,
        }))
    }

    /// Decodes the next bytes from the wire.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeFault> {
        self.any |= !bytes.is_empty();
        self.wire.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.first
            .write_all(bytes)
            .map_err(|error| self.fault(&error))
    }

    /// Ends the body, which must be complete. A body of no bytes is fine.
    pub(super) fn finish(&mut self) -> Result<(), DecodeFault> {
        if !self.any {
            return Ok(());
        }
        self.first.finish().map_err(|error| self.fault(&error))
    }

    /// Returns what was decoded.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.first.sink().bytes).into()
    }

    fn fault(&mut self, error: &io::Error) -> DecodeFault {
        match self.first.sink().fault.take() {
            Some(fault) => fault,
            None if error.kind() == io::ErrorKind::WriteZero => {
                DecodeFault::Corrupt("bytes follow its end".to_owned())
            }
            None => DecodeFault::Corrupt(error.to_string()),
        }
    }
}

/// Returns the encodings in the order they were applied.
fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>, DecodeFault> {
    let mut found = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = String::from_utf8_lossy(value.as_bytes());
        for name in text.split(',') {
            let name = name.trim().to_ascii_lowercase();
            found.push(match name.as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Encoding::Gzip,
                "deflate" => Encoding::Deflate,
                "br" => Encoding::Brotli,
                "zstd" => Encoding::Zstd,
                _ => return Err(DecodeFault::UnknownEncoding(name)),
            });
            if found.len() > LAYERS_MAX {
                return Err(DecodeFault::TooManyLayers);
            }
        }
    }
    Ok(found)
}

impl Encoding {
    fn layer(self, next: Counted) -> Result<Box<dyn Layer>, DecodeFault> {
        Ok(match self {
            Self::Gzip => Box::new(Gzip::new(next)),
            Self::Deflate => Box::new(Deflate::new(next)),
            Self::Brotli => Box::new(DecompressorWriter::new(next, CHUNK_BYTES)),
            Self::Zstd => {
                let zstd = || -> io::Result<_> {
                    let mut raw = zstd::stream::raw::Decoder::new()?;
                    raw.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
                    Ok(raw)
                };
                let raw = zstd().map_err(|error| DecodeFault::Corrupt(error.to_string()))?;
                let writer = zstd::stream::zio::Writer::new(next, raw);
                Box::new(Zstd(zstd::stream::write::Decoder::with_writer(writer)))
            }
        })
    }
}

/// One step of decoding: takes encoded bytes by `Write`.
trait Layer: Write + Send {
    /// Checks that the encoded bytes were complete, and passes on what is left of them.
    fn finish(&mut self) -> io::Result<()>;
    /// Returns the end of the chain.
    fn sink(&mut self) -> &mut Sink;
}

/// The end of the chain: keeps the decoded bytes, up to the limit.
struct Sink {
    bytes: Vec<u8>,
    limit: usize,
    fault: Option<DecodeFault>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.limit - self.bytes.len().min(self.limit);
        match bytes.get(..room) {
            Some(fitting) if fitting.len() < bytes.len() => {
                self.bytes.extend_from_slice(fitting);
                self.fault.get_or_insert(DecodeFault::Overflow);
                Err(io::Error::other("the body is too large"))
            }
            _ => {
                self.bytes.extend_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Layer for Sink {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn sink(&mut self) -> &mut Sink {
        self
    }
}

/// Passes bytes on as long as they are not too many for what came over the wire.
struct Counted {
    next: Box<dyn Layer>,
    seen: u64,
    wire: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.seen += bytes.len() as u64;
        let wire = self.wire.load(Ordering::Relaxed);
        if self.seen > RATIO_FREE_BYTES.max(wire.saturating_mul(RATIO_MAX)) {
            self.next.sink().fault.get_or_insert(DecodeFault::Ratio);
            return Err(io::Error::other("the body grows too much"));
        }
        self.next.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

/// One gzip member after the other; whatever else follows is not taken.
struct Gzip {
    /// Decodes into memory, at most a chunk for each write.
    member: GzDecoder<Vec<u8>>,
    next: Counted,
}

/// What a gzip member begins with.
const GZIP_MAGIC: u8 = 0x1f;

impl Gzip {
    fn new(next: Counted) -> Self {
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

impl Layer for DecompressorWriter<Counted> {
    fn finish(&mut self) -> io::Result<()> {
        self.close()?;
        self.get_mut().next.finish()
    }

    fn sink(&mut self) -> &mut Sink {
        self.get_mut().next.sink()
    }
}

struct Zstd(zstd::stream::write::Decoder<'static, Counted>);

impl Write for Zstd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Layer for Zstd {
    fn finish(&mut self) -> io::Result<()> {
        self.0.do_finish()?;
        self.0.get_mut().next.finish()
    }

    fn sink(&mut self) -> &mut Sink {
        self.0.get_mut().next.sink()
    }
}

/// What `deflate` means: zlib by the standard, raw DEFLATE by some servers. The first two bytes tell.
struct Deflate {
    head: Vec<u8>,
    inflate: Option<Decompress>,
    ended: bool,
    next: Counted,
}

impl Deflate {
    fn new(next: Counted) -> Self {
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

#[cfg(test)]
mod tests;
