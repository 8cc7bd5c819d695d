//! Cassandra's Murmur3 partitioner token and the composite partition key.
//!
//! Owns the hash. Never does: choose which columns are the key.
//!
//! Two quirks are kept because every client and real cluster has them: tail bytes are sign-extended
//! before they are shifted, and `i64::MIN` is mapped to `i64::MAX`.

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// The token of a serialised partition key. An empty key has the token `i64::MIN` in Cassandra.
pub fn token(key: &[u8]) -> i64 {
    if key.is_empty() {
        return i64::MIN;
    }
    match hash(key) {
        i64::MIN => i64::MAX,
        token => token,
    }
}

/// The partition key of one column is its bytes; of several, each is `u16 length, bytes, 0x00`.
/// `None` when a component is longer than 65,535 bytes.
pub fn partition_key(components: &[&[u8]]) -> Option<Vec<u8>> {
    if let [single] = components {
        return (single.len() <= usize::from(u16::MAX)).then(|| single.to_vec());
    }
    let mut key = Vec::with_capacity(components.iter().map(|c| c.len() + 3).sum());
    for component in components {
        key.extend_from_slice(&u16::try_from(component.len()).ok()?.to_be_bytes());
        key.extend_from_slice(component);
        key.push(0);
    }
    Some(key)
}

/// The inverse of [`partition_key`] for `count` components; `None` when the bytes do not fit.
pub fn split_partition_key(key: &[u8], count: usize) -> Option<Vec<&[u8]>> {
    if count == 1 {
        return Some(vec![key]);
    }
    let mut rest = key;
    let mut components = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        components.push(after.get(..length)?);
        if after.get(length) != Some(&0) {
            return None;
        }
        rest = after.get(length + 1..)?;
    }
    (components.len() == count).then_some(components)
}

fn mix1(k: u64) -> u64 {
    k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn mix2(k: u64) -> u64 {
    k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn fmix(mut h: u64) -> u64 {
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

/// Sign-extends each byte before the shift, as the Java code does.
fn signed_tail(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .enumerate()
        .fold(0, |k, (i, byte)| k ^ (i64::from(byte.cast_signed()).cast_unsigned() << (8 * i)))
}

fn hash(data: &[u8]) -> i64 {
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let (blocks, tail) = data.as_chunks::<16>();
    for block in blocks {
        let whole = u128::from_le_bytes(*block);
        h1 ^= mix1(whole as u64);
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= mix2((whole >> 64) as u64);
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    if tail.len() > 8 {
        h2 ^= mix2(signed_tail(&tail[8..]));
    }
    if !tail.is_empty() {
        h1 ^= mix1(signed_tail(&tail[..tail.len().min(8)]));
    }
    h1 ^= data.len() as u64;
    h2 ^= data.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = fmix(h1);
    h2 = fmix(h2);
    h1.wrapping_add(h2).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_cassandra() {
        let cases: &[(&[u8], i64)] = &[
            (b"test", -6_017_608_668_500_074_083),
            (b"xd", 4_507_812_186_440_344_727),
            (b"primary_key", -1_632_642_444_691_073_360),
            ("krem\u{f3}wki".as_bytes(), 4_354_931_215_268_080_151),
        ];
        for (key, expected) in cases {
            assert_eq!(token(key), *expected, "{key:?}");
        }
        assert_eq!(token(b""), i64::MIN);
        assert_eq!(token(&1_i32.to_be_bytes()), -4_069_959_284_402_364_209);
    }

    #[test]
    fn composite_keys_carry_length_and_end_byte() {
        let key = partition_key(&[b"ab", b""]).unwrap();
        assert_eq!(key, [0, 2, b'a', b'b', 0, 0, 0, 0]);
        assert_eq!(split_partition_key(&key, 2).unwrap(), [b"ab".as_slice(), b""]);
        assert_eq!(split_partition_key(&key, 3), None);
        assert_eq!(partition_key(&[&vec![0; 70_000]]), None);
    }
}
