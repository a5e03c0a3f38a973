//! Large values: on the disk before the ledger hears of them.
//!
//! A return of 100 MB takes the disk a third of a second, in which nobody else could be answered.
//! So whoever brings it writes its large values beside the log ([`Large::put`]), and the record
//! that has them is appended without ([`entry`]). Decisions see the whole, as do readers.

use std::io::{self, Write};
use std::sync::Arc;

use model::{Map, Timestamp, Value};
use serde::Serialize as _;
use storage::{Entry, Inset, LargePart, LargeParts, Sum};

use super::{Input, Record};

/// Text or bytes of this size or more are written beside the log. Less is appended sooner than a
/// file is made.
pub const LARGE_BYTES_MIN: usize = 1024 * 1024;

/// A large value that is on the disk.
#[derive(Debug, Clone)]
pub struct Large {
    part: Arc<LargePart>,
    sum: Sum,
}

impl Large {
    /// Writes large values to the disk; the same one is written once. Two that only look the same
    /// (as long, with the same checksum), which somebody must have made so, stay in the log with
    /// all others. Blocks.
    ///
    /// # Errors
    /// The disk is full or broken; nothing is left of them.
    pub fn put(parts: &dyn LargeParts, values: &[&[u8]]) -> Result<Vec<Self>, storage::Error> {
        let mut put = Vec::<(&[u8], Self)>::new();
        for bytes in values {
            let sum = Sum::of(bytes);
            match put.iter().find(|(_, large)| large.sum == sum) {
                Some((known, _)) if known == bytes => {}
                Some(_) => return Ok(Vec::new()),
                None => {
                    let part = Arc::new(parts.put(bytes)?);
                    put.push((bytes, Self { part, sum }));
                }
            }
        }
        Ok(put.into_iter().map(|(_, large)| large).collect())
    }
}

/// Gives the large values of an input that minions bring.
pub fn values(input: &Input) -> Vec<&[u8]> {
    let mut found = Vec::new();
    match input {
        Input::Return(ret) => of_map(&ret.load, &mut found),
        Input::SelfStarted { load, .. } => of_map(load, &mut found),
        Input::Events(events) => events.iter().for_each(|(_, data)| of_map(data, &mut found)),
        _ => {}
    }
    found
}

fn of_map<'a>(map: &'a Map, found: &mut Vec<&'a [u8]>) {
    map.values().for_each(|value| of_value(value, found));
}

/// As deep as the value is, which msgpack bounds.
fn of_value<'a>(value: &'a Value, found: &mut Vec<&'a [u8]>) {
    match value {
        Value::List(list) => list.iter().for_each(|value| of_value(value, found)),
        Value::Map(map) => of_map(map, found),
        value => found.extend(
            value
                .as_bytes()
                .filter(|bytes| bytes.len() >= LARGE_BYTES_MIN),
        ),
    }
}

/// Makes the entry of a record, without the large values that are on the disk.
pub(super) fn entry(at: Timestamp, record: &Record, large: &[Large]) -> Entry {
    if large.is_empty() {
        return Entry::new(at, record.encode());
    }
    let mut sparing = Sparing {
        large,
        body: Vec::new(),
        insets: Vec::new(),
    };
    let mut serializer = rmp_serde::Serializer::new(&mut sparing).with_struct_map();
    record
        .serialize(&mut serializer)
        .expect("records hold only types that msgpack can write");
    Entry {
        insets: sparing.insets,
        ..Entry::new(at, sparing.body)
    }
}

/// Takes what is written, and notes places instead of large values: msgpack's head of a text stays,
/// its bytes come in one piece.
struct Sparing<'a> {
    large: &'a [Large],
    body: Vec<u8>,
    insets: Vec<Inset>,
}

impl Write for Sparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // One checksum, however many values there are; none for what is small.
        let sum = (bytes.len() >= LARGE_BYTES_MIN).then(|| Sum::of(bytes));
        let known = sum.and_then(|sum| self.large.iter().find(|large| large.sum == sum));
        match known {
            Some(large) => self.insets.push(Inset {
                at: self.body.len(),
                part: Arc::clone(&large.part),
            }),
            None => self.body.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::{JobReturn, Tag};
    use storage::Store;

    use super::*;

    fn text(letter: &str) -> Value {
        Value::str(letter.repeat(LARGE_BYTES_MIN))
    }

    fn ret(load: Map) -> JobReturn {
        JobReturn {
            id: "web1".parse().unwrap(),
            jid: "20261121081655861002".parse().unwrap(),
            fun: "cmd.run".into(),
            ret: load.get("return").cloned().unwrap_or_default(),
            retcode: 0.into(),
            success: Some(true.into()),
            out: None,
            load,
        }
    }

    /// Appends a record without its large values; gives what is read, and the bytes in the log.
    fn through(input: &Input, record: &Record) -> (Record, usize) {
        let mut store: Store = storage::memory::open();
        let large = Large::put(store.large.as_ref(), &values(input)).unwrap();
        let entry = entry(Timestamp(1), record, &large);
        let kept = entry.body.len();
        store.log.append(&[entry]).unwrap();
        let (_, read) = store.reader.read(model::Cursor(0), 1).unwrap().remove(0);
        assert_eq!(read.body, record.encode());
        (Record::decode(&read.body).unwrap(), kept)
    }

    #[test]
    fn a_record_is_read_as_if_its_large_values_had_been_in_it() {
        let states = Map::from([
            ("one", Value::List(vec![text("a"), "small".into()])),
            (
                "two",
                Map::from([("stdout", text("b")), ("again", text("a"))]).into(),
            ),
        ]);
        let loads = [
            Map::from([("return", text("a"))]),
            Map::from([
                ("return", Value::Map(states)),
                ("fun", "state.apply".into()),
            ]),
            Map::from([("return", Value::Bytes(vec![0xfe; LARGE_BYTES_MIN + 1]))]),
            // One byte less is in the log.
            Map::from([("return", Value::Bytes(vec![0xfe; LARGE_BYTES_MIN - 1]))]),
        ];
        let mut kept = Vec::new();
        for load in loads {
            let ret = Box::new(ret(load.clone()));
            let record = Record::JobReturned(ret.clone());
            let (read, bytes) = through(&Input::Return(ret), &record);
            assert_eq!(read, record);
            kept.push(bytes);
            let event = Record::Event {
                tag: Tag::new("salt/job/1/ret/web1"),
                data: load.clone(),
            };
            let id = "web1".parse().unwrap();
            let (read, _) = through(&Input::SelfStarted { id, load }, &event);
            assert_eq!(read, event);
        }
        let last = kept.pop().unwrap();
        assert!(kept.iter().all(|bytes| *bytes < 300), "{kept:?}");
        assert!(last >= LARGE_BYTES_MIN - 1);
    }

    #[test]
    fn values_that_only_look_the_same_stay_in_the_log() {
        // CRC-32 is linear: a change that is a multiple of its polynomial leaves it as it was.
        let one = vec![0; LARGE_BYTES_MIN];
        let mut other = one.clone();
        let polynomial = 0x1_04c1_1db7_u64.reverse_bits() >> 31;
        other[100..105].copy_from_slice(&polynomial.to_le_bytes()[..5]);
        assert_eq!(Sum::of(&one), Sum::of(&other));
        let data = Map::from([("x", Value::Bytes(one)), ("y", Value::Bytes(other))]);
        let tag = Tag::new("a");
        let input = Input::Events(vec![(tag.clone(), data.clone())]);
        let record = Record::Event { tag, data };
        let (read, bytes) = through(&input, &record);
        assert_eq!(read, record);
        assert!(bytes > 2 * LARGE_BYTES_MIN);
    }

    #[test]
    fn what_is_not_in_the_record_is_not_taken_out_of_it() {
        let own = Input::Events(vec![(Tag::new("a"), Map::from([("x", text("a"))]))]);
        // As large, and something else.
        let record = Record::Event {
            tag: Tag::new("a"),
            data: Map::from([("x", text("b"))]),
        };
        let (read, bytes) = through(&own, &record);
        assert_eq!(read, record);
        assert!(bytes > LARGE_BYTES_MIN);
    }
}
