//! The frames of HTTP/2 as they pass, as far as telling interim responses needs it: hyper does not show these.

/// Bytes of a frame's header: 3 of length, 1 of type, 1 of flags, 4 of stream.
const HEADER_BYTES: usize = 9;
/// The type of a frame that begins a response head.
const HEADERS: u8 = 1;

/// Reads frame headers out of a stream that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: Vec<u8>,
    payload_left: usize,
}

impl Frames {
    /// Takes the next bytes, and returns how many response heads began in them.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> usize {
        let mut heads = 0;
        while !bytes.is_empty() {
            let wanted = match self.payload_left {
                0 => HEADER_BYTES - self.header.len(),
                left => left,
            };
            let (piece, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.payload_left > 0 {
                self.payload_left -= piece.len();
                continue;
            }
            self.header.extend_from_slice(piece);
            if let [a, b, c, kind, _, _, _, _, _] = *self.header.as_slice() {
                self.payload_left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.header.clear();
                heads += usize::from(kind == HEADERS);
            }
        }
        heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_counted_however_the_stream_is_cut() {
        let settings = b"\0\0\0\x04\0\0\0\0\0";
        let head = b"\0\0\x01\x01\x04\0\0\0\x01\x88";
        // A payload that looks like a head.
        let data = [b"\0\0\x0a\0\0\0\0\0\x01", &head[..]].concat();
        let stream = [&settings[..], head, &data, head, head].concat();
        for step in 1..=stream.len() {
            let mut frames = Frames::default();
            let heads: usize = stream.chunks(step).map(|piece| frames.take(piece)).sum();
            assert_eq!(heads, 3, "in pieces of {step}");
        }
    }
}
