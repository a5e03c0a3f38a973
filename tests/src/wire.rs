//! One ZMTP connection from the minion's side, over a plain blocking socket.
//!
//! It can be used properly, or left half way, or fed with nonsense: it is a test's end of the wire.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use minion_protocol::zmtp::{Frame, FrameDecoder, FrameLimits, GREETING, encode_frame};
use rustix::net::{AddressFamily, SocketType};

use crate::wait::{self, PATIENCE};

/// Before something is published once more for whoever has not heard it.
const AGAIN: Duration = Duration::from_millis(500);

/// Which socket of libzmq the connection plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Asks on the return port.
    Req,
    /// Listens on the publish port.
    Sub,
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    decoder: FrameDecoder,
    input: BytesMut,
}

impl Wire {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// Nobody listens, or the other side closes.
    pub fn connect(address: SocketAddr, kind: Kind) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&address, PATIENCE)?, kind)
    }

    /// Connects from another address of the loopback, as another machine does, and shakes hands.
    ///
    /// # Errors
    /// Nobody listens, or the other side closes.
    pub fn connect_from(from: Ipv4Addr, port: u16) -> io::Result<Self> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::bind(&socket, &SocketAddrV4::new(from, 0))?;
        rustix::net::connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        Self::over(TcpStream::from(socket), Kind::Req)
    }

    fn over(stream: TcpStream, kind: Kind) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let limits = FrameLimits {
            message_bytes_max: 256 * 1024 * 1024,
            parts_max: 8,
            command_bytes_max: 4096,
        };
        let (decoder, input) = (FrameDecoder::new(limits), BytesMut::new());
        let mut wire = Self {
            stream,
            decoder,
            input,
        };
        wire.stream.write_all(&GREETING)?;
        let mut greeting = [0; 64];
        wire.stream.read_exact(&mut greeting)?;
        let mut ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03".to_vec();
        ready.extend_from_slice(match kind {
            Kind::Req => b"REQ",
            Kind::Sub => b"SUB",
        });
        wire.stream.write_all(&ready)?;
        match wire.frame()? {
            Frame::Command { name, .. } if &name[..] == b"READY" => {}
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        if kind == Kind::Sub {
            // Everything, in the form that all versions understand.
            wire.send(&[b"\x01"])?;
        }
        Ok(wire)
    }

    /// Lets [`Wire::receive`] give up earlier.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(patience))
    }

    /// Sends one message.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.send_each(parts, parts.len())
    }

    /// Sends messages of so many parts each, in one piece.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn send_each(&mut self, parts: &[&[u8]], of_each: usize) -> io::Result<()> {
        let mut output = BytesMut::new();
        for message in parts.chunks(of_each) {
            for (index, part) in message.iter().enumerate() {
                encode_frame(part, index + 1 < message.len(), &mut output);
            }
        }
        self.stream.write_all(&output)
    }

    /// Waits for one message.
    ///
    /// # Errors
    /// The connection is gone, or there was none for as long as the patience; then it can be asked
    /// again.
    pub fn receive(&mut self) -> io::Result<Vec<Bytes>> {
        let mut parts = Vec::new();
        loop {
            match self.frame()? {
                Frame::Part { body, has_more } => {
                    parts.push(body);
                    if !has_more {
                        return Ok(parts);
                    }
                }
                Frame::Command { name, body } if &name[..] == b"PING" => {
                    let context = body.get(2..).unwrap_or_default();
                    let mut pong = vec![4, (5 + context.len()) as u8];
                    pong.extend_from_slice(b"\x04PONG");
                    pong.extend_from_slice(context);
                    self.stream.write_all(&pong)?;
                }
                Frame::Command { .. } => {}
            }
        }
    }

    /// Gives the first message that a subscriber hears of what is published. The subscription may
    /// be on its way still, so it is published again and again.
    ///
    /// # Panics
    /// Nothing is heard.
    pub fn hear_first(&mut self, mut publish: impl FnMut()) -> Vec<Bytes> {
        self.set_patience(AGAIN).expect("a connection");
        let first = wait::until("a job", || {
            publish();
            self.receive().ok()
        });
        self.set_patience(PATIENCE).expect("a connection");
        first
    }

    fn frame(&mut self) -> io::Result<Frame> {
        loop {
            let frame = self.decoder.next(&mut self.input);
            if let Some(frame) = frame.map_err(io::Error::other)? {
                return Ok(frame);
            }
            let mut bytes = [0; 65_536];
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.input.extend_from_slice(&bytes[..read]),
            }
        }
    }
}
