//! How much a hostile crowd disturbs those who work: a scan, a flood of nonsense and half-open
//! connections for a minute beside 50 minions. A measurement, not a test: it is run by hand and
//! prints a ratio.
//!
//! `cargo test --release -p tests --test journeys flood -- --ignored --nocapture`

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use minion_protocol::Version;
use minion_protocol::zmtp::GREETING;
use tests::random::Random;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

/// Minions at work.
const MINIONS: usize = 50;

/// Connections that begin a handshake and never end it.
const HALF_OPEN: usize = 500;

/// How long each half of the measurement takes.
const PHASE: Duration = Duration::from_secs(60);

/// Publishes to all and waits for every return, again and again; gives each job's milliseconds.
fn latencies(master: &TestMaster, workers: &[Worker]) -> Vec<f64> {
    let (end, mut taken) = (Instant::now() + PHASE, Vec::new());
    while Instant::now() < end {
        let start = Instant::now();
        let jid = master.publish("*", "test.ping", &[]).expect("a job");
        wait::until("all returns", || {
            let has_returned = |worker: &Worker| worker.acknowledged().contains(&jid);
            workers.iter().all(has_returned).then_some(())
        });
        taken.push(start.elapsed().as_secs_f64() * 1000.0);
        wait::pause(200);
    }
    taken.sort_by(f64::total_cmp);
    taken
}

fn at(sorted: &[f64], part: f64) -> f64 {
    let index = (sorted.len() as f64 * part) as usize;
    sorted[index.min(sorted.len() - 1)]
}

/// Sends nonsense on connection after connection.
fn flood(port: u16, seed: u64, is_over: &AtomicBool, sent: &AtomicU64) {
    let mut random = Random::new(seed);
    let mut noise = vec![0; 4096];
    while !is_over.load(Ordering::Relaxed) {
        random.fill(&mut noise);
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
            continue;
        };
        let ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ";
        let bytes = match random.within(0..4) {
            0 => noise.clone(),
            1 => [&GREETING[..], &noise].concat(),
            2 => [&GREETING[..], ready, b"\x02\0\0\x01\0\0\0\0\0", &noise].concat(),
            _ => [&GREETING[..], ready, b"\x01\0\x00\x40", &noise[..64]].concat(),
        };
        let _ = stream.write_all(&bytes);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(5)));
        let _ = stream.read(&mut [0; 256]);
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// Opens connections that stay in the middle of their greeting, and opens them again when they are
/// closed.
fn half_open(port: u16, is_over: &AtomicBool) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while !is_over.load(Ordering::Relaxed) {
        let begin = |_| {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.write_all(&GREETING[..10]).ok()?;
            Some(stream)
        };
        let held: Vec<_> = (0..HALF_OPEN).filter_map(begin).collect();
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until && !is_over.load(Ordering::Relaxed) {
            wait::pause(100);
        }
        drop(held);
    }
}

/// What a scanner of versions says to a port that it does not know: nothing, a greeting it breaks
/// off, and the first words of other protocols.
const PROBES: [&[u8]; 10] = [
    b"",
    b"\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"OPTIONS / RTSP/1.0\r\n\r\n",
    b"HELP\r\n",
    b"SSH-2.0-scan\r\n",
    // A client's hello of TLS 1.2.
    b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03\
      abcdefghijklmnopqrstuvwxyz012345\x00\x00\x04\xc0\x2f\x00\x35\x01\x00",
    // A question about names over TCP.
    b"\x00\x1e\x00\x06\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\
      \x07version\x04bind\x00\x00\x10\x00\x03",
    // Half a greeting of ours, and a whole one of a version that does not exist.
    &GREETING_BEGUN,
    b"\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x09NULL",
];

const GREETING_BEGUN: [u8; 10] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f];

/// Scans both ports as nmap does for versions, again and again: each probe on a connection of its
/// own, whose answer is waited for. Gives the number of connections.
fn scan((publish, ret): (u16, u16), is_over: &AtomicBool) -> u64 {
    let mut probed = 0;
    while !is_over.load(Ordering::Relaxed) {
        for (port, probe) in [publish, ret]
            .into_iter()
            .flat_map(|port| PROBES.map(|probe| (port, probe)))
        {
            let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
                continue;
            };
            let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
            let _ = stream.write_all(probe);
            let mut answer = [0; 256];
            while matches!(stream.read(&mut answer), Ok(read) if read > 0) {}
            probed += 1;
        }
    }
    probed
}

#[test]
#[ignore = "a measurement of two minutes"]
fn flood_of_strangers_beside_fifty_minions() {
    let master = TestMaster::start_with("auto_accept: True\ntimeout: 60");
    let versions = [Version::V0, Version::V2, Version::V3];
    let workers: Vec<Worker> = (0..MINIONS)
        .map(|number| {
            let version = versions[number % versions.len()];
            Worker::start(&format!("w{number}"), version, master.ports())
        })
        .collect();
    let before = latencies(&master, &workers);
    let (is_over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let (during, probed) = std::thread::scope(|scope| {
        let (publish, ret) = master.ports();
        let scanner = scope.spawn(|| scan(master.ports(), &is_over));
        for port in [publish, ret] {
            scope.spawn({
                let is_over = &is_over;
                move || half_open(port, is_over)
            });
            for seed in 1..3 {
                let (is_over, sent) = (&is_over, &sent);
                scope.spawn(move || flood(port, seed, is_over, sent));
            }
        }
        let during = latencies(&master, &workers);
        is_over.store(true, Ordering::Relaxed);
        (during, scanner.join().expect("the scanner ends"))
    });
    let refused = master.api().get("/health")["refused"].clone();
    println!("jobs of {MINIONS} minions, milliseconds from the command to the last return");
    for (name, taken) in [("before", &before), ("during", &during)] {
        let (half, most) = (at(taken, 0.5), at(taken, 0.95));
        println!(
            "{name}: {} jobs, median {half:.0}, 95% {most:.0}",
            taken.len()
        );
    }
    let half = at(&during, 0.5) / at(&before, 0.5);
    let most = at(&during, 0.95) / at(&before, 0.95);
    println!("ratio: median {half:.2}, 95% {most:.2}");
    println!(
        "connections of nonsense: {}, of the scan: {probed}; refused: {refused}",
        sent.load(Ordering::Relaxed)
    );
}
