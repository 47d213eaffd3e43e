use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn encode(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "raw deflate" => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4_096, 3, 20);
            encoder.write_all(bytes).unwrap();
            encoder.into_inner()
        }
        "zstd" => zstd::stream::encode_all(bytes, 1).unwrap(),
        other => panic!("{other}"),
    }
}

fn headers(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
    headers
}

fn decode(value: &str, wire: &[u8], limit: usize, step: usize) -> Result<Vec<u8>, DecodeFault> {
    let mut decoder = Decoder::new(&headers(value), limit)?.unwrap();
    for chunk in wire.chunks(step.max(1)) {
        decoder.push(chunk)?;
    }
    decoder.finish()?;
    Ok(decoder.take().to_vec())
}

const ALL: [&str; 5] = ["gzip", "deflate", "raw deflate", "br", "zstd"];

fn header_of(encoding: &str) -> &str {
    encoding.trim_start_matches("raw ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_was_encoded_comes_back_however_it_is_cut(
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
        step in 1_usize..300,
        encoding in prop::sample::select(ALL.to_vec()),
    ) {
        let wire = encode(encoding, &bytes);
        prop_assert_eq!(decode(header_of(encoding), &wire, 10_000, step), Ok(bytes));
    }

    #[test]
    fn nonsense_is_a_fault_and_never_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        encoding in prop::sample::select(ALL.to_vec()),
    ) {
        drop(decode(header_of(encoding), &bytes, 10_000, 7));
    }
}

#[test]
fn every_cut_is_noticed() {
    let text = b"{\"price\": 1.28, \"name\": \"x\"}".repeat(5);
    for encoding in ALL {
        let wire = encode(encoding, &text);
        for end in 1..wire.len() {
            let cut = decode(header_of(encoding), &wire[..end], 10_000, 64);
            assert!(
                matches!(cut, Err(DecodeFault::Corrupt(_))),
                "{encoding} cut at {end} of {}: {cut:?}",
                wire.len()
            );
        }
    }
}

#[test]
fn two_layers_are_undone_and_three_are_not() {
    let wire = encode("br", &encode("gzip", b"hello"));
    assert_eq!(decode("gzip, br", &wire, 100, 3), Ok(b"hello".to_vec()));
    assert_eq!(
        decode("gzip, gzip, br", &wire, 100, 3),
        Err(DecodeFault::TooManyLayers)
    );
    assert_eq!(
        decode("compress", &wire, 100, 3),
        Err(DecodeFault::UnknownEncoding("compress".to_owned()))
    );
    assert!(Decoder::new(&headers("identity"), 1).unwrap().is_none());
}

#[test]
fn the_limit_is_exact() {
    let bytes: Vec<u8> = (0..1_000_u32).flat_map(u32::to_le_bytes).collect();
    for encoding in ALL {
        let wire = encode(encoding, &bytes);
        let name = header_of(encoding);
        assert!(decode(name, &wire, 4_001, 100).is_ok(), "{encoding}");
        assert!(decode(name, &wire, 4_000, 100).is_ok(), "{encoding}");
        assert_eq!(
            decode(name, &wire, 3_999, 100),
            Err(DecodeFault::Overflow),
            "{encoding}"
        );
    }
}

#[test]
fn what_fits_is_kept_when_the_rest_does_not() {
    let mut decoder = Decoder::new(&headers("gzip"), 5).unwrap().unwrap();
    let pushed = decoder.push(&encode("gzip", b"0123456789"));
    // The layer may hand its last bytes on only at the end.
    assert_eq!(
        pushed.and_then(|()| decoder.finish()),
        Err(DecodeFault::Overflow)
    );
    assert_eq!(decoder.take(), Bytes::from_static(b"01234"));
}

#[test]
fn bombs_are_refused_in_every_encoding_and_between_two_layers() {
    let zeros = vec![0; 8 << 20];
    for encoding in ALL {
        let wire = encode(encoding, &zeros);
        let got = decode(header_of(encoding), &wire, 64 << 20, 512);
        // raw bytes of DEFLATE at its fastest level may stay under the ratio; then they are not a bomb
        match got {
            Err(fault) => assert_eq!(fault, DecodeFault::Ratio, "{encoding}"),
            Ok(_) => assert!(zeros.len() / wire.len() <= 200, "{encoding}"),
        }
    }
    let twice = encode("gzip", &encode("gzip", &zeros));
    assert_eq!(
        decode("gzip, gzip", &twice, 64 << 20, 512),
        Err(DecodeFault::Ratio)
    );
}

#[test]
fn bytes_after_the_end_are_a_fault() {
    for encoding in ALL {
        for more in ["\n", "more bytes than belong here"] {
            let mut wire = encode(encoding, b"hello");
            wire.extend_from_slice(more.as_bytes());
            for step in [1, 7, 1_000] {
                let got = decode(header_of(encoding), &wire, 1_000, step);
                // What follows a frame of zstd is another one.
                let said = match encoding {
                    "zstd" => "Unknown frame descriptor",
                    _ => "bytes follow its end",
                };
                assert_eq!(
                    got,
                    Err(DecodeFault::Corrupt(said.to_owned())),
                    "{encoding}"
                );
            }
        }
    }
}

#[test]
fn gzip_may_come_in_members() {
    let wire = [
        encode("gzip", b"hello, "),
        encode("gzip", b""),
        encode("gzip", b"world"),
    ]
    .concat();
    for step in [1, 5, 1_000] {
        assert_eq!(
            decode("gzip", &wire, 100, step),
            Ok(b"hello, world".to_vec())
        );
    }
}
