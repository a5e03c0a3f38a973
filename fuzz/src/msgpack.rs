//! Msgpack from the wire: a value or an error; what we write of the value reads back as the same.

use minion_protocol::msgpack;

/// Tries one input.
///
/// # Panics
/// Something does not hold.
pub fn check(input: &[u8]) {
    let Ok(value) = msgpack::decode(input) else {
        return;
    };
    for written in [msgpack::encode(&value), msgpack::encode_new(&value)] {
        let again = msgpack::decode(&written).expect("our own bytes");
        // Bit patterns of floats that are no numbers are not equal to themselves.
        assert_eq!(format!("{again:?}"), format!("{value:?}"));
    }
}
