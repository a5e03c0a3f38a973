//! Signatures and sealed keys, against each other and against vectors.

use proptest::prelude::*;

use super::*;
use crate::testdata::{master, minion, minion_public, text, vector};

#[test]
fn x931_is_that_of_the_definition() {
    assert_eq!(minion().x931_sign(b"salt").expect("signs"), vector("tok"));
    let digest = text("key_digest");
    let signed = master().x931_sign(digest.as_bytes()).expect("signs");
    assert_eq!(signed, vector("x931_digest"));
    // Item 30.
    let public = master().public_key().expect("a key");
    assert_eq!(
        public.x931_recover(&signed).as_deref(),
        Some(digest.as_bytes())
    );
    assert!(master().x931_sign(&[1; 255]).is_err());
}

#[test]
fn a_token_is_the_word_salt_under_the_minions_key() {
    let public = minion_public();
    assert!(public.accepts_token(&vector("tok")));
    assert!(public.accepts_token(&vector("tok")), "known by now");
    for bad in ["tok_other_word", "tok_of_master", "sig_sha1"] {
        assert!(!public.accepts_token(&vector(bad)), "{bad}");
    }
    for bad in [&b""[..], &[0; 256], &[0xff; 256], &[0; 255]] {
        assert!(!public.accepts_token(bad));
    }
}

#[test]
fn signatures_are_those_of_another_implementation() {
    let raw = vector("load_raw");
    let public = master().public_key().expect("a key");
    for (algo, name) in [
        (SigAlgo::Pkcs1v15Sha1, "sig_sha1"),
        (SigAlgo::Pkcs1v15Sha224, "sig_sha224"),
    ] {
        assert_eq!(master().sign(&raw, algo).expect("signs"), vector(name));
        assert!(public.verify(&raw, &vector(name), algo));
        assert!(!public.verify(b"other", &vector(name), algo));
        assert!(!minion_public().verify(&raw, &vector(name), algo));
    }
}

// Items 31 and 32.
#[test]
fn oaep_takes_both_hashes_and_refuses_the_wrong_one() {
    for (algo, name) in [
        (EncAlgo::OaepSha1, "oaep_sha1"),
        (EncAlgo::OaepSha224, "oaep_sha224"),
    ] {
        let wrapped = vector(name);
        let plain = master().oaep_decrypt(&wrapped, algo).expect("tries");
        assert_eq!(plain.as_deref(), Some(&b"challenge"[..]));
        assert_eq!(minion().oaep_decrypt(&wrapped, algo).expect("tries"), None);
        let own = minion_public().oaep_encrypt(b"secret", algo).expect("fits");
        let plain = minion().oaep_decrypt(&own, algo).expect("tries");
        assert_eq!(plain.as_deref(), Some(&b"secret"[..]));
    }
    let crossed = master().oaep_decrypt(&vector("oaep_sha1"), EncAlgo::OaepSha224);
    assert_eq!(crossed.expect("tries"), None);
    let short = master().oaep_decrypt(b"short", EncAlgo::OaepSha1);
    assert!(!matches!(short, Ok(Some(_))));
}

#[test]
fn a_key_is_wrapped_again_only_when_it_is_another() {
    let public = minion_public();
    let key = || {
        let key = Crypticle::generate(&mut |bytes: &mut [u8]| {
            openssl::rand::rand_bytes(bytes).expect("chance");
        });
        Arc::new(key)
    };
    let sha1 = EncAlgo::OaepSha1;
    let wrap = |key, of, algo| public.wrap(key, of, algo).expect("fits");
    let (first, second) = (key(), key());
    let wrapped = wrap(&first, Wrap::Shared, sha1);
    assert_eq!(wrap(&first, Wrap::Shared, sha1), wrapped);
    for (key, of, algo) in [
        (&first, Wrap::Session, sha1),
        (&second, Wrap::Shared, sha1),
        (&second, Wrap::Shared, EncAlgo::OaepSha224),
    ] {
        let other = wrap(key, of, algo);
        assert_ne!(other, wrapped);
        let plain = minion().oaep_decrypt(&other, algo).expect("tries");
        assert_eq!(plain.as_deref(), Some(key.key_string().as_bytes()));
    }
}

#[test]
fn key_text_and_fingerprint_are_salts() {
    let pem = text("minion_pub");
    let public = PublicKey::from_pem(&pem).expect("a key");
    assert_eq!(public.text(), pem.trim_end());
    assert_eq!(minion().public_pem(), pem.trim_end());
    assert_eq!(
        public.fingerprint().replace(':', ""),
        text("minion_fingerprint")
    );
    let written = master().to_pem().expect("writes");
    assert!(written.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_eq!(written, include_str!("../../../testdata/master.pem"));
}

#[test]
fn what_is_no_key_is_refused() {
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    for text in ["", "ssh-rsa AAAA", certificate, &"x".repeat(100_000)] {
        assert!(matches!(PublicKey::from_pem(text), Err(Error::NotAKey)));
        assert!(matches!(MasterKey::from_pem(text), Err(Error::NotAKey)));
    }
    let small = Rsa::generate(512).and_then(|rsa| rsa.public_key_to_pem());
    let small = String::from_utf8(small.expect("a key")).expect("text");
    assert!(matches!(PublicKey::from_pem(&small), Err(Error::Size(512))));
}

#[test]
fn a_private_key_does_not_print() {
    assert_eq!(format!("{:?}", master()), "MasterKey(***)");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = PublicKey::from_pem(&text);
        let _ = MasterKey::from_pem(&text);
    }
}
