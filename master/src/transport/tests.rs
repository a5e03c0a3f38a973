//! The two ports as libzmq finds them, through pyzmq; and what needs no judge.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use minion_protocol::zmtp::GREETING;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

use super::*;

fn local() -> TcpListener {
    listen(([127, 0, 0, 1], 0).into()).expect("a free port")
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("an address").port()
}

/// Finds a python that has pyzmq: `BRINE_PYZMQ` names one, else it is the system's.
async fn python() -> Option<String> {
    let python = std::env::var("BRINE_PYZMQ").unwrap_or_else(|_| "python3".into());
    let mut import = Command::new(&python);
    import.args(["-c", "import zmq"]).stderr(Stdio::null());
    import
        .status()
        .await
        .is_ok_and(|status| status.success())
        .then_some(python)
}

// Items 1 to 11, as far as they concern sockets.
#[tokio::test(flavor = "multi_thread")]
async fn libzmq_finds_every_promise_kept() {
    let Some(python) = python().await else {
        println!(
            "skipped: libzmq_finds_every_promise_kept needs BRINE_PYZMQ=<a python with pyzmq>"
        );
        return;
    };
    let (publish, request) = (local(), local());
    let ports = [port(&publish), port(&request)].map(|port| port.to_string());
    let publisher = PublishServer::start(publish, Limits::default(), Arc::default());
    let mut requests = RequestServer::start(request, Limits::default(), Arc::default());
    let echo = tokio::spawn(async move {
        while let Some(incoming) = requests.recv().await {
            incoming.reply.send(incoming.body.to_vec());
        }
    });
    let ticker = tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(2));
        for number in 0u64.. {
            ticks.tick().await;
            let body = Bytes::from(format!("tick {number}"));
            publisher.publish(&["one".into(), "two".into()], &body);
        }
    });
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/src/transport/judge.py");
    let judge = std::env::var("BRINE_JUDGE").unwrap_or_else(|_| judge.into());
    let output = Command::new(python).arg(judge).args(ports).output().await;
    let output = output.expect("python runs");
    echo.abort();
    ticker.abort();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[tokio::test]
async fn a_port_in_use_names_the_address_and_the_next_step() {
    let listener = local();
    let address = listener.local_addr().expect("an address");
    let error = listen(address).expect_err("in use").to_string();
    assert!(
        error.contains(&address.to_string()) && error.contains("ret_port"),
        "{error}"
    );
    let elsewhere = listen(([192, 0, 2, 1], 0).into()).expect_err("not ours");
    assert!(matches!(elsewhere, ListenError::NotOurs { .. }));
}

#[tokio::test]
async fn a_connection_has_the_options_of_the_socket_that_listened() {
    let listener = local();
    let address = listener.local_addr().expect("an address");
    let (accepted, peer) = tokio::join!(accept(&listener), TcpStream::connect(address));
    peer.expect("connects");
    let socket = socket2::SockRef::from(&accepted.0);
    assert!(socket.tcp_nodelay().expect("an option"));
    assert!(socket.keepalive().expect("an option"));
    assert_eq!(socket.tcp_keepalive_time().ok(), Some(KEEPALIVE_IDLE));
    let interval = socket.tcp_keepalive_interval().ok();
    assert_eq!(interval, Some(KEEPALIVE_INTERVAL));
    assert_eq!(socket.tcp_keepalive_retries().ok(), Some(KEEPALIVE_RETRIES));
}

// Item 12: a greeting that is never finished is not waited for.
#[tokio::test]
async fn half_a_greeting_is_closed() {
    let listener = local();
    let address = listener.local_addr().expect("an address");
    let limits = Limits {
        handshake_timeout: Duration::from_millis(20),
        ..Limits::default()
    };
    let _requests = RequestServer::start(listener, limits, Arc::default());
    let mut peer = TcpStream::connect(address).await.expect("connects");
    let mut input = BytesMut::new();
    let closed = async { while read_more(&mut peer, &mut input, READ_BYTES).await.is_ok() {} };
    timeout(Duration::from_secs(60), closed)
        .await
        .expect("closed");
    assert_eq!(input, opening(Role::Router));
}

// A port test of a minion is no attack: it is counted apart from broken handshakes.
#[tokio::test]
async fn who_closes_without_a_word_is_counted_apart() {
    let listener = local();
    let address = listener.local_addr().expect("an address");
    let refusals = Arc::new(Refusals::default());
    let _requests = RequestServer::start(listener, Limits::default(), refusals.clone());
    let silent = TcpStream::connect(address).await.expect("connects");
    drop(silent);
    let mut rude = TcpStream::connect(address).await.expect("connects");
    rude.write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("written");
    let mut input = BytesMut::new();
    let counted = async {
        while read_more(&mut rude, &mut input, READ_BYTES).await.is_ok() {}
        while refusals.counts().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), counted)
        .await
        .expect("counted");
    let expected = model::Map::from([("knock", 1_u64), ("handshake", 1_u64)]);
    assert_eq!(refusals.counts(), expected);
}

/// Shakes hands as a REQ socket.
async fn req(address: std::net::SocketAddr) -> TcpStream {
    let mut peer = TcpStream::connect(address).await.expect("connects");
    let mut hello = GREETING.to_vec();
    hello.extend_from_slice(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ");
    peer.write_all(&hello).await.expect("writes");
    peer
}

/// Starts a server, and shakes hands with it as a REQ socket.
async fn served() -> (mpsc::Receiver<Incoming>, TcpStream) {
    let listener = local();
    let address = listener.local_addr().expect("an address");
    let requests = RequestServer::start(listener, Limits::default(), Arc::default());
    (requests, req(address).await)
}

/// Reads until what came ends with these bytes; gives all of it.
async fn read_to(peer: &mut TcpStream, end: &[u8]) -> BytesMut {
    let mut input = BytesMut::new();
    let read = async {
        while !input.ends_with(end) {
            read_more(peer, &mut input, READ_BYTES)
                .await
                .expect("reads");
        }
    };
    timeout(Duration::from_secs(60), read)
        .await
        .expect("an answer");
    input
}

// The runtime of this test stands still meanwhile: nobody but the thread can have written.
#[tokio::test]
async fn an_answer_is_written_by_the_thread_that_has_it() {
    use std::io::Read;

    let (mut requests, mut peer) = served().await;
    for number in b'0'..=b'9' {
        peer.write_all(&[1, 0, 0, 1, number]).await.expect("writes");
        let asked = requests.recv().await.expect("a request");
        assert_eq!(&asked.body[..], [number]);
        let end = [1, 0, 0, 2, b'a', number];
        let mut blocking = peer.into_std().expect("a socket");
        blocking.set_nonblocking(false).expect("blocks");
        let patience = Some(Duration::from_secs(60));
        blocking.set_read_timeout(patience).expect("not for ever");
        let answering = std::thread::spawn(move || asked.reply.send(vec![b'a', number]));
        let mut input = Vec::new();
        while !input.ends_with(&end) {
            let mut byte = [0];
            blocking.read_exact(&mut byte).expect("reads");
            input.extend(byte);
        }
        answering.join().expect("answers");
        blocking.set_nonblocking(true).expect("does not block");
        peer = TcpStream::from_std(blocking).expect("a socket");
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_the_next_request_is_not_written() {
    let (mut requests, mut peer) = served().await;
    peer.write_all(b"\x01\0\0\x01a").await.expect("writes");
    let first = requests.recv().await.expect("a request");
    peer.write_all(b"\x01\0\0\x01b").await.expect("writes");
    let second = requests.recv().await.expect("a request");
    first.reply.send(b"first".to_vec());
    second.reply.send(b"second".to_vec());
    let came = read_to(&mut peer, b"second").await;
    assert!(!came.windows(5).any(|part| part == b"first"), "{came:?}");
    peer.write_all(b"\x01\0\0\x01c").await.expect("writes");
    drop(requests.recv().await.expect("a request"));
    let broken = minion_protocol::Reply::broken();
    assert_eq!(
        read_to(&mut peer, &broken).await.len(),
        broken.len() + 4,
        "one answer, and it is the one of a master in trouble"
    );
}

#[tokio::test]
async fn an_answer_that_finds_no_room_is_brought_to_its_end() {
    let (mut requests, mut peer) = served().await;
    // More than the kernel holds between two sockets.
    let large = Bytes::from((0..64 << 20).map(|byte| byte as u8).collect::<Vec<u8>>());
    for _ in 0..2 {
        peer.write_all(b"\x01\0\0\x01a").await.expect("writes");
        let asked = requests.recv().await.expect("a request");
        asked.reply.send(large.to_vec());
        let came = read_to(&mut peer, &large).await;
        assert!(came.len() <= large.len() + 200, "{}", came.len());
        peer.write_all(b"\x01\0\0\x01b").await.expect("writes");
        let asked = requests.recv().await.expect("a request");
        asked.reply.send(b"small".to_vec());
        assert_eq!(read_to(&mut peer, b"small").await.len(), 9);
    }
}

/// Starts a server that waits a moment for a peer that stalls, and shakes hands with it.
async fn impatient() -> (mpsc::Receiver<Incoming>, TcpStream, Arc<Refusals>) {
    let listener = local();
    let address = listener.local_addr().expect("an address");
    let limits = Limits {
        stall_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let refusals = Arc::<Refusals>::default();
    let requests = RequestServer::start(listener, limits, refusals.clone());
    (requests, req(address).await, refusals)
}

async fn counted_as_a_stall(refusals: &Refusals) {
    let counted = async {
        while refusals.counts().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), counted)
        .await
        .expect("counted");
    assert_eq!(refusals.counts(), model::Map::from([("stall", 1_u64)]));
}

#[tokio::test]
async fn half_a_request_is_not_waited_for() {
    let (mut requests, mut peer, refusals) = impatient().await;
    // A connection that rests is no stall.
    let asked = timeout(Duration::from_millis(200), requests.recv()).await;
    assert!(asked.is_err() && refusals.counts().is_empty());
    peer.write_all(b"\x01\0\0\x09half").await.expect("writes");
    counted_as_a_stall(&refusals).await;
    let mut input = BytesMut::new();
    let closed = async { while read_more(&mut peer, &mut input, READ_BYTES).await.is_ok() {} };
    timeout(Duration::from_secs(60), closed)
        .await
        .expect("closed");
}

// As many slow readers as may connect would hold as many answers.
#[tokio::test]
async fn who_does_not_read_its_answer_loses_the_connection() {
    let (mut requests, mut peer, refusals) = impatient().await;
    peer.write_all(b"\x01\0\0\x01a").await.expect("writes");
    let asked = requests.recv().await.expect("a request");
    // More than the kernel holds between two sockets.
    asked.reply.send(vec![0; 64 << 20]);
    counted_as_a_stall(&refusals).await;
}

#[tokio::test]
async fn who_asks_again_or_goes_away_is_not_waited_for() {
    let (mut requests, mut peer) = served().await;
    peer.write_all(b"\x01\0\0\x01a").await.expect("writes");
    let first = requests.recv().await.expect("a request");
    assert!(!first.reply.is_given_up(Duration::MAX));
    assert!(
        first.reply.is_given_up(Duration::ZERO),
        "it waited too long"
    );
    peer.write_all(b"\x01\0\0\x01b").await.expect("writes");
    let second = requests.recv().await.expect("a request");
    assert_eq!(&second.body[..], b"b");
    while !first.reply.is_abandoned() {
        tokio::task::yield_now().await;
    }
    assert!(!second.reply.is_abandoned());
    drop(peer);
    while !second.reply.is_abandoned() {
        tokio::task::yield_now().await;
    }
}

// A restart must find its ports free.
#[tokio::test]
async fn a_dropped_server_gives_its_port_back() {
    // An address of its own: a port of 127.0.0.1 may be somebody's as soon as it is free.
    let listener = listen(([127, 77, 0, 2], 0).into()).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = PublishServer::start(listener, Limits::default(), Arc::default());
    let mut peer = TcpStream::connect(address).await.expect("connects");
    drop(server);
    let mut input = BytesMut::new();
    let closed = async { while read_more(&mut peer, &mut input, READ_BYTES).await.is_ok() {} };
    timeout(Duration::from_secs(60), closed)
        .await
        .expect("closed");
    let again = async {
        while listen(address).is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), again)
        .await
        .expect("a free port");
}
