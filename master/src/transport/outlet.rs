//! The writing end of one requester's connection, for its own task and for whoever has an answer.
//!
//! An answer is written where it is made, without waking the task of the connection: that costs
//! more than the writing. Whole frames are put in line under one lock, so that no two mix; what the
//! kernel has no room for is left to the task, which waits for it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Parts that one system call writes: an answer has two at most, its head and its body.
const PARTS_AT_ONCE: usize = 4;

/// Bytes of a large answer that one system call takes. Before the next one another thread may have
/// the processor: the kernel gives it to nobody in the middle of a call.
const TURN_BYTES: usize = 64 * 1024;

/// An answer, as the task of the connection is told of it.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is to be written, and this one told when the socket has it.
    Whole(Vec<u8>, Option<oneshot::Sender<()>>),
    /// It stands in line, and the rest of it is to be written.
    Begun,
}

/// The writing end.
#[derive(Debug)]
pub(super) struct Outlet {
    writer: OwnedWriteHalf,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// What the socket has not taken yet, in order.
    parts: VecDeque<Bytes>,
    /// Which request the peer waits for the answer to. Those before it are past.
    turn: u64,
    /// Of the request that was answered past the task: kept, so that the task is not woken by its
    /// end, until the peer asks again.
    answered: Option<oneshot::Sender<Answer>>,
}

impl Outlet {
    pub(super) fn new(writer: OwnedWriteHalf) -> Self {
        Self {
            writer,
            line: Mutex::default(),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the turn of the next request: answers to those before it are not written any more.
    pub(super) fn next_turn(&self) -> u64 {
        let mut line = self.line();
        line.turn += 1;
        line.answered = None;
        line.turn
    }

    /// Writes the answer to a request, from any thread, if its turn is not over. The task is told
    /// only if there is more to write, or an error to meet.
    pub(super) fn answer(
        &self,
        turn: u64,
        parts: impl IntoIterator<Item = Bytes>,
        task: oneshot::Sender<Answer>,
    ) {
        let mut line = self.line();
        if line.turn != turn {
            return;
        }
        line.parts.extend(parts);
        if !matches!(self.write(line), Ok(true)) {
            drop(task.send(Answer::Begun));
            return;
        }
        let mut line = self.line();
        if line.turn == turn {
            line.answered = Some(task);
        }
    }

    /// Puts something in line, for [`Outlet::send`] to write.
    pub(super) fn put(&self, parts: impl IntoIterator<Item = Bytes>) {
        self.line().parts.extend(parts);
    }

    /// Puts something in line and waits until the socket has everything.
    pub(super) async fn send(
        &self,
        parts: impl IntoIterator<Item = Bytes>,
        stall: Duration,
    ) -> io::Result<()> {
        self.put(parts);
        loop {
            let is_written = self.write(self.line())?;
            if is_written {
                return Ok(());
            }
            timeout(stall, self.writer.writable()).await??;
        }
    }

    /// Writes as much as the socket takes now; says whether that was all. Between two turns of a
    /// large answer nobody has the lock, so that whoever is given the processor does not wait for
    /// it; it may go on with the writing as well.
    fn write<'a>(&'a self, mut line: MutexGuard<'a, Line>) -> io::Result<bool> {
        while let Some(first) = line.parts.front() {
            let is_large = first.len() > TURN_BYTES;
            let written = if is_large {
                self.writer.try_write(&first[..TURN_BYTES])
            } else if line.parts.len() == 1 {
                self.writer.try_write(first)
            } else {
                let mut slices = [IoSlice::new(&[]); PARTS_AT_ONCE];
                for (slice, part) in slices.iter_mut().zip(&line.parts) {
                    *slice = IoSlice::new(part.get(..TURN_BYTES).unwrap_or(part));
                    if slice.len() < part.len() {
                        break;
                    }
                }
                self.writer.try_write_vectored(&slices)
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => line.advance(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            if is_large {
                drop(line);
                std::thread::yield_now();
                line = self.line();
            }
        }
        Ok(true)
    }

    /// Ends the connection without a goodbye of its own: the end of the socket is one.
    pub(super) fn end(self) {
        self.writer.forget();
    }
}

impl Line {
    /// Takes out what was written.
    fn advance(&mut self, mut bytes: usize) {
        while let Some(first) = self.parts.front_mut() {
            let taken = bytes.min(first.len());
            first.advance(taken);
            bytes -= taken;
            if !first.is_empty() {
                return;
            }
            self.parts.pop_front();
        }
        // A connection that rests keeps no memory for answers.
        self.parts = VecDeque::new();
    }
}
