//! A ZMTP connection from the minion's side, as a task holds it.

use std::io;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use minion_protocol::zmtp::{Frame, FrameDecoder, FrameLimits, GREETING, encode_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes one message may have: more than any answer to what a swarm asks.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Which socket of libzmq the connection plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Asks on the return port.
    Req,
    /// Listens on the publish port.
    Sub,
}

/// A connection after its handshake.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    decoder: FrameDecoder,
    input: BytesMut,
}

impl Wire {
    /// Connects and shakes hands.
    pub(crate) async fn connect(address: SocketAddr, kind: Kind) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let decoder = FrameDecoder::new(FrameLimits {
            message_bytes_max: MESSAGE_BYTES_MAX,
            parts_max: 8,
            command_bytes_max: 4096,
        });
        let mut wire = Self {
            stream,
            decoder,
            input: BytesMut::new(),
        };
        wire.stream.write_all(&GREETING).await?;
        let mut greeting = [0; 64];
        wire.stream.read_exact(&mut greeting).await?;
        let mut ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03".to_vec();
        ready.extend_from_slice(match kind {
            Kind::Req => b"REQ",
            Kind::Sub => b"SUB",
        });
        wire.stream.write_all(&ready).await?;
        match wire.frame().await? {
            Frame::Command { name, .. } if &name[..] == b"READY" => {}
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        if kind == Kind::Sub {
            // Everything, in the form that all versions understand.
            wire.send(&[b"\x01"]).await?;
        }
        Ok(wire)
    }

    /// Sends one message.
    pub(crate) async fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let mut output = BytesMut::new();
        for (index, part) in parts.iter().enumerate() {
            encode_frame(part, index + 1 < parts.len(), &mut output);
        }
        self.stream.write_all(&output).await
    }

    /// Sends bytes that may be no message.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads so many bytes of whatever comes.
    pub(crate) async fn read(&mut self, bytes: usize) -> io::Result<()> {
        while self.input.len() < bytes {
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Ends the connection without a goodbye.
    pub(crate) fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }

    /// Waits for one message; answers the other side's heartbeats meanwhile.
    pub(crate) async fn receive(&mut self) -> io::Result<Vec<Bytes>> {
        let mut parts = Vec::new();
        loop {
            match self.frame().await? {
                Frame::Part { body, has_more } => {
                    parts.push(body);
                    if !has_more {
                        return Ok(parts);
                    }
                }
                Frame::Command { name, body } if &name[..] == b"PING" => {
                    let context = body.get(2..).unwrap_or_default();
                    // A command is at most 255 bytes here: the decoder refuses longer contexts.
                    let length = u8::try_from(5 + context.len()).unwrap_or(5);
                    let mut pong = vec![4, length];
                    pong.extend_from_slice(b"\x04PONG");
                    pong.extend_from_slice(&context[..usize::from(length) - 5]);
                    self.stream.write_all(&pong).await?;
                }
                Frame::Command { .. } => {}
            }
        }
    }

    /// Sends a request and waits for the body of its answer.
    pub(crate) async fn ask(&mut self, body: &[u8]) -> io::Result<Bytes> {
        self.send(&[b"", body]).await?;
        let mut parts = self.receive().await?;
        match parts.pop() {
            Some(answer) if parts.len() == 1 && parts[0].is_empty() => Ok(answer),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    async fn frame(&mut self) -> io::Result<Frame> {
        loop {
            let frame = self.decoder.next(&mut self.input);
            if let Some(frame) = frame.map_err(io::Error::other)? {
                return Ok(frame);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
