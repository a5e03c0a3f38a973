//! The Crypticle: what it opens, and that all failures are alike.

use proptest::prelude::*;

use super::*;
use crate::testdata::{crypticle, text, vector};

fn known() -> Crypticle {
    Crypticle::from_key_string(&text("key_string")).expect("a key string")
}

fn iv(bytes: &mut [u8]) {
    (100..).zip(bytes).for_each(|(value, byte)| *byte = value);
}

// Item 43.
#[test]
fn what_another_implementation_sealed_opens_and_ours_are_its_bytes() {
    let (raw, nonce) = (vector("load_raw"), b"0123456789abcdef0123456789abcdef");
    assert_eq!(known().open(&vector("sealed")), Ok(raw.clone()));
    assert_eq!(known().seal(&raw, None, &mut iv), vector("sealed"));
    let with_nonce = vector("sealed_with_nonce");
    assert_eq!(known().seal(&raw, Some(nonce), &mut iv), with_nonce);
    let plain = known().open(&with_nonce).expect("opens");
    assert_eq!(plain, [&nonce[..], &raw].concat());
    assert_eq!(known().key_digest(), text("key_digest"));
}

#[test]
fn what_is_sealed_by_and_by_is_what_is_sealed_at_once() {
    let key = known();
    for length in (0..1200).chain([262_144, 262_145]) {
        let payload: Vec<u8> = (0..length).map(|place: u32| (place * 31) as u8).collect();
        let mut expected = vec![0; IV_BYTES];
        iv(&mut expected);
        let plain = [MAGIC, &payload].concat();
        let start: [u8; IV_BYTES] = expected[..].try_into().expect("an IV");
        expected.extend_from_slice(
            &cbc::Encryptor::<Aes192>::new(&key.aes_key.into(), &start.into())
                .encrypt_padded_vec::<Pkcs7>(&plain),
        );
        let mac = key.mac(&expected).finalize().into_bytes();
        expected.extend_from_slice(&mac);
        assert!(
            key.seal(&payload, None, &mut iv) == expected,
            "{length} bytes"
        );
    }
}

// Item 43.
#[test]
fn a_bit_flipped_anywhere_is_noticed() {
    let sealed = vector("sealed");
    for place in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[place] ^= 1 << (place % 8);
        assert_eq!(known().open(&flipped), Err(Undecryptable), "byte {place}");
    }
}

// Item 44.
#[test]
fn a_valid_mac_does_not_excuse_the_rest() {
    for name in [
        "sealed_bad_padding",
        "sealed_ragged",
        "sealed_without_magic",
    ] {
        assert_eq!(known().open(&vector(name)), Err(Undecryptable), "{name}");
    }
    let sealed = vector("sealed");
    for length in 0..64 {
        assert_eq!(known().open(&sealed[..length]), Err(Undecryptable));
    }
    assert_eq!(crypticle(9).open(&sealed), Err(Undecryptable));
}

// Item 30.
#[test]
fn a_key_string_is_76_characters_and_does_not_print() {
    let key = crypticle(7);
    assert_eq!(key.key_string().len(), 76);
    assert_eq!(
        Crypticle::from_key_string(key.key_string()).as_ref(),
        Ok(&*key)
    );
    assert_eq!(format!("{key:?}"), "Crypticle(***)");
    for text in ["", "AAAA", "no base64 at all!"] {
        assert_eq!(Crypticle::from_key_string(text), Err(BadKeyString));
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        for nonce in [None, Some(&[7; 32])] {
            let sealed = known().seal(&payload, nonce, &mut iv);
            prop_assert_eq!(sealed.len(), sealed_bytes(payload.len(), nonce.is_some()));
            let mut behind = b"head".to_vec();
            let write = |output: &mut Vec<u8>| output.extend_from_slice(&payload);
            known().seal_onto(&mut behind, nonce, write, &mut iv);
            prop_assert_eq!(&behind[4..], &sealed[..]);
        }
        let mut sealed = known().seal(&payload, None, &mut iv);
        prop_assert!(crypticle(9).open_in_place(&mut sealed).is_err());
        prop_assert_eq!(known().open(&sealed), Ok(payload.clone()));
        let plain = known().open_in_place(&mut sealed).expect("opens");
        prop_assert_eq!(&sealed[plain], &payload[..]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(known().open(&bytes).is_err());
    }
}
