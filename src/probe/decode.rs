//! Content decoding as the bytes arrive, bounded in size at every layer.
//!
//! A layer writes what it decoded to the next one, the last into [`Sink`]. Every layer counts, so that neither the
//! result nor what lies between two layers can grow past 200 times the bytes that came over the wire (after a first
//! 64 KiB), nor the result past the body limit.

mod deflate;
mod gzip;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brotli::DecompressorWriter;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use zstd::stream::raw::DParameter;

use self::deflate::Deflate;
use self::gzip::Gzip;

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

#[cfg(test)]
mod tests;
