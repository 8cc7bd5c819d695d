//! Writes a batch of one record, as a producer without an id does.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::Header;

/// A batch of one record, not compressed.
pub(crate) fn encode(
    timestamp: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header],
) -> Bytes {
    let mut record = BytesMut::new();
    record.put_i8(0);
    put_varint(&mut record, 0);
    put_varint(&mut record, 0);
    put_bytes(&mut record, key);
    put_bytes(&mut record, value);
    put_varint(&mut record, length(headers.len()));
    for header in headers {
        put_bytes(&mut record, Some(header.key.as_bytes()));
        put_bytes(&mut record, header.value.as_deref());
    }
    let mut checked = BytesMut::new();
    checked.put_i16(0);
    checked.put_i32(0);
    checked.put_i64(timestamp);
    checked.put_i64(timestamp);
    // No producer id, no epoch, no sequence: the record may be appended twice if it is sent twice.
    checked.put_i64(-1);
    checked.put_i16(-1);
    checked.put_i32(-1);
    checked.put_i32(1);
    put_varint(&mut checked, length(record.len()));
    checked.put(record);
    let mut batch = BytesMut::new();
    batch.put_i64(0);
    // Leader epoch, magic and checksum are counted by the length too.
    batch.put_i32(i32::try_from(checked.len() + 9).unwrap_or(i32::MAX));
    batch.put_i32(-1);
    batch.put_i8(2);
    batch.put_u32(crc32c::crc32c(&checked));
    batch.put(checked);
    batch.freeze()
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn put_varint(out: &mut BytesMut, value: i64) {
    let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
    while rest >= 0x80 {
        out.put_u8((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
}

fn put_bytes(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, length(bytes.len()));
            out.put(bytes);
        }
    }
}
