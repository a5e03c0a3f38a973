//! Addresses, answers, and servers of HTTPS whose certificates come from a throw-away authority.

use std::net::TcpListener;
use std::thread::JoinHandle;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::SslAcceptor;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use tempfile::TempDir;

use super::*;

#[test]
fn an_address_is_taken_apart() {
    let parse = |url: &str| Address::parse(url).map(|a| (a.is_secure, a.host, a.port, a.path));
    let parts =
        |secure, host: &str, port, path: &str| Ok((secure, host.to_owned(), port, path.to_owned()));
    assert_eq!(parse("http://h/a?b#c"), parts(false, "h", 80, "/a?b"));
    assert_eq!(parse("https://[::1]:8443"), parts(true, "[::1]", 8443, "/"));
    assert_eq!(parse("http://h?x=1"), parts(false, "h", 80, "/?x=1"));
    for bad in [
        "h/a",
        "ftp://h",
        "http://",
        "http://u:p@h/",
        "http://h:x/",
        "http://h/a b",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_answer_is_whole_or_an_error() {
    let whole = |text: &str| answer(text.as_bytes(), false).map_err(|error| error.to_string());
    let here = |status, reason: &str, body: &str| {
        Ok(Answer::Here(Reply {
            status,
            reason: reason.to_owned(),
            body: body.as_bytes().to_vec(),
        }))
    };
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na: \r\n1\r\n1\r\n";
    assert_eq!(
        whole(&format!("{chunked}0\r\n\r\n")),
        here(200, "OK", "a: 1")
    );
    assert!(whole(chunked).is_err());
    assert!(whole("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").is_err());
    assert_eq!(
        whole("HTTP/1.1 404 Not Found\r\n\r\nx"),
        here(404, "Not Found", "x")
    );
    assert!(whole("SSH-2.0-x\r\n").is_err());
}

/// An authority made for one test.
struct Authority {
    key: PKey<Private>,
    certificate: X509,
}

impl Authority {
    fn new() -> Self {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let certificate = certificate("Throw-away authority", &key, None);
        Self { key, certificate }
    }

    /// Writes its certificate to a file, as `ca_bundle` names one.
    #[expect(clippy::disallowed_methods, reason = "an operator's file")]
    fn bundle(&self, dir: &TempDir) -> PathBuf {
        let file = dir.path().join("authority.pem");
        std::fs::write(&file, self.certificate.to_pem().unwrap()).unwrap();
        file
    }

    /// Serves one connection of HTTPS as `localhost`; gives its port, and what was asked.
    fn serve(&self, reply: &'static str) -> (u16, JoinHandle<Option<String>>) {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let own = certificate("localhost", &key, Some(self));
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        builder.set_private_key(&key).unwrap();
        builder.set_certificate(&own).unwrap();
        let acceptor = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            // A client that does not believe the certificate goes away here.
            let mut stream = acceptor.accept(stream).ok()?;
            let mut asked = Vec::new();
            let mut piece = [0; 1024];
            while !asked.ends_with(b"\r\n\r\n") && !asked.ends_with(b"the end") {
                let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
                asked.extend_from_slice(&piece[..read]);
            }
            stream.write_all(reply.as_bytes()).ok()?;
            let _ = stream.shutdown();
            String::from_utf8(asked).ok()
        });
        (port, serving)
    }
}

/// Makes a certificate for a year: an authority's own, or one that an authority signs.
fn certificate(name: &str, key: &PKey<Private>, by: Option<&Authority>) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(if by.is_some() { 2 } else { 1 }).unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&subject).unwrap();
    let issuer = by.map_or(&*subject, |by| by.certificate.subject_name());
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    let (from, to) = (Asn1Time::days_from_now(0), Asn1Time::days_from_now(365));
    builder.set_not_before(&from.unwrap()).unwrap();
    builder.set_not_after(&to.unwrap()).unwrap();
    let extension = if by.is_some() {
        let context = builder.x509v3_context(None, None);
        let mut names = SubjectAlternativeName::new();
        names.dns(name).build(&context).unwrap()
    } else {
        BasicConstraints::new().critical().ca().build().unwrap()
    };
    builder.append_extension(extension).unwrap();
    let signer = by.map_or(key, |by| &by.key);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    builder.build()
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const TIME: Duration = Duration::from_secs(30);

fn page(host: &str, port: u16, trust: Trust) -> Page {
    Page {
        url: format!("https://{host}:{port}/data"),
        trust,
        ..Page::default()
    }
}

#[test]
fn a_server_is_believed_whose_authority_is_named() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new());
    let (port, serving) = authority.serve(HELLO);
    let trust = Trust::Bundle(authority.bundle(&dir));
    assert_eq!(get(page("localhost", port, trust), TIME).unwrap(), b"hello");
    let asked = serving.join().unwrap().unwrap();
    assert!(asked.starts_with("GET /data HTTP/1.1\r\n"), "{asked}");
}

#[test]
fn a_body_and_a_method_reach_the_server() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new());
    let (port, serving) = authority.serve("HTTP/1.1 201 Created\r\n\r\n");
    let asking = Page {
        method: "PUT".into(),
        body: b"x=1 the end".to_vec(),
        ..page("localhost", port, Trust::Bundle(authority.bundle(&dir)))
    };
    assert_eq!(ask(asking, TIME).unwrap().status, 201);
    let asked = serving.join().unwrap().unwrap();
    assert!(asked.starts_with("PUT /data HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("Content-Length: 11\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\nx=1 the end"), "{asked}");
}

#[test]
fn a_stranger_is_not_believed() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new());
    let other = Authority::new();
    let trusts = [Trust::System, Trust::Bundle(other.bundle(&dir))];
    for trust in trusts {
        let (port, serving) = authority.serve(HELLO);
        let error = get(page("localhost", port, trust), TIME).unwrap_err();
        assert!(error.contains("no secure connection"), "{error}");
        assert!(error.contains("certificate verify failed"), "{error}");
        assert_eq!(serving.join().unwrap(), None);
    }
}

#[test]
fn a_certificate_of_another_name_is_not_believed() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new());
    let (port, serving) = authority.serve(HELLO);
    let trust = Trust::Bundle(authority.bundle(&dir));
    let error = get(page("127.0.0.1", port, trust), TIME).unwrap_err();
    assert!(error.contains("no secure connection"), "{error}");
    assert_eq!(serving.join().unwrap(), None);
}

#[test]
fn whoever_asks_for_it_believes_anybody() {
    let authority = Authority::new();
    let (port, serving) = authority.serve(HELLO);
    assert_eq!(
        get(page("127.0.0.1", port, Trust::Anybody), TIME).unwrap(),
        b"hello"
    );
    serving.join().unwrap();
}

#[test]
fn a_bundle_that_is_not_there_is_named() {
    let authority = Authority::new();
    let (port, serving) = authority.serve(HELLO);
    let trust = Trust::Bundle("/nowhere/authority.pem".into());
    let error = get(page("localhost", port, trust), TIME).unwrap_err();
    assert!(error.contains("/nowhere/authority.pem"), "{error}");
    assert_eq!(serving.join().unwrap(), None);
}

/// The way of an operator: `ca_bundle` and an external pillar, in the configuration.
#[test]
fn an_external_pillar_comes_over_https() {
    use crate::pillar_sources::tests::{configured, grains, id};
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new());
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nkey: safe";
    let (port, serving) = authority.serve(reply);
    let bundle = authority.bundle(&dir);
    let options = format!(
        "ca_bundle: {}\next_pillar:\n- http_yaml: 'https://localhost:{port}/%s'\n",
        bundle.display()
    );
    let (_dir, pillars) = configured(&options, &[]);
    let made = pillars.compile(&id("web1"), &grains("{}"));
    assert_eq!(
        made.get("key").map(model::Value::to_text).as_deref(),
        Some("safe")
    );
    let asked = serving.join().unwrap().unwrap();
    assert!(asked.starts_with("GET /web1 HTTP/1.1\r\n"), "{asked}");
}
