//! Server-sent events: bytes in, frames out.

/// A frame larger than this is no event of ours: the largest return that a minion may send is far
/// smaller.
const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One event of the stream. Comments (heartbeats) are no frames.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// `event:`, empty if absent.
    pub(super) event: String,
    /// `data:`, its lines joined.
    pub(super) data: String,
}

/// Collects bytes into frames.
#[derive(Debug, Default)]
pub(super) struct Parser {
    buffer: Vec<u8>,
    frame: Frame,
    has_data: bool,
}

/// The stream holds a frame beyond all limits.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Parser {
    /// Takes bytes; gives the frames that are complete now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLarge> {
        if self.buffer.len() + self.frame.data.len() + bytes.len() > FRAME_BYTES_MAX {
            return Err(TooLarge);
        }
        let searched = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        let mut frames = Vec::new();
        let mut start = 0;
        let mut from = searched;
        while let Some(length) = self
            .buffer
            .get(from..)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'\n'))
        {
            let end = from + length;
            let line = self.buffer.get(start..end).unwrap_or_default();
            let line = String::from_utf8_lossy(line).into_owned();
            frames.extend(self.line(line.trim_end_matches('\r')));
            start = end + 1;
            from = start;
        }
        self.buffer.drain(..start);
        Ok(frames)
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            let had_data = std::mem::take(&mut self.has_data);
            return (had_data || !frame.event.is_empty()).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.frame.event),
            "data" => {
                if self.has_data {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
                self.has_data = true;
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_do_not_depend_on_how_bytes_are_cut() {
        let text = ": beat\n\nid: 7\ndata: {\"a\":1}\n\nevent: end\ndata: x\ndata: y\r\n\r\n";
        let frame = |event: &str, data: &str| Frame {
            event: event.into(),
            data: data.into(),
        };
        let expected = [frame("", "{\"a\":1}"), frame("end", "x\ny")];
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let mut frames = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                frames.extend(parser.push(piece).unwrap());
            }
            assert_eq!(frames, expected, "pieces of {size}");
        }
    }
}
