//! [`Value`] ⇄ msgpack, with the quirks minions rely on.
//!
//! Peers pack text and bytes alike as *raw*, so a raw that is UTF-8 is text here and any other is
//! bytes. Decoding is bounded in depth, count and memory; it never trusts a length it has not seen.

use model::{Map, Value};
use rmp::Marker;

use crate::limits::{DEPTH_MAX, NODES_MAX};

/// Why bytes are not one msgpack value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The value ends before it is complete, or claims more than there is.
    #[error("msgpack ends early at byte {0}")]
    Short(usize),
    /// The byte begins nothing.
    #[error("byte {0} begins no msgpack value")]
    Marker(usize),
    /// Lists and maps are nested deeper than [`DEPTH_MAX`].
    #[error("msgpack is nested too deeply at byte {0}")]
    Deep(usize),
    /// There are more than [`NODES_MAX`] values.
    #[error("msgpack holds too many values at byte {0}")]
    Many(usize),
    /// A list or map is the key of a map, which Python cannot hold either.
    #[error("a container is a map key at byte {0}")]
    Key(usize),
    /// Bytes follow the value.
    #[error("bytes follow the msgpack value at byte {0}")]
    Trailing(usize),
}

/// Reads exactly one value.
///
/// # Errors
/// The bytes are malformed, go on after the value, or break a limit.
pub fn decode(bytes: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader {
        bytes,
        place: 0,
        nodes_left: NODES_MAX,
    };
    let value = reader.value(0)?;
    if reader.place == bytes.len() {
        Ok(value)
    } else {
        Err(Error::Trailing(reader.place))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    place: usize,
    nodes_left: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        if self.nodes_left == 0 {
            return Err(Error::Many(self.place));
        }
        self.nodes_left -= 1;
        let marker = Marker::from_u8(self.fixed::<1>()?[0]);
        Ok(match marker {
            Marker::Null => Value::Nil,
            Marker::True => Value::Bool(true),
            Marker::False => Value::Bool(false),
            Marker::F32 => Value::Float(f32::from_be_bytes(self.fixed()?).into()),
            Marker::F64 => Value::Float(f64::from_be_bytes(self.fixed()?)),
            Marker::FixArray(length) => self.list(length.into(), depth)?,
            Marker::Array16 => self.length::<2>().and_then(|n| self.list(n, depth))?,
            Marker::Array32 => self.length::<4>().and_then(|n| self.list(n, depth))?,
            Marker::FixMap(length) => self.map(length.into(), depth)?,
            Marker::Map16 => self.length::<2>().and_then(|n| self.map(n, depth))?,
            Marker::Map32 => self.length::<4>().and_then(|n| self.map(n, depth))?,
            Marker::FixStr(length) => raw(self.take(length.into())?),
            Marker::Str8 | Marker::Bin8 => self.raw_of::<1>()?,
            Marker::Str16 | Marker::Bin16 => self.raw_of::<2>()?,
            Marker::Str32 | Marker::Bin32 => self.raw_of::<4>()?,
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => self.length::<1>().and_then(|n| self.ext(n))?,
            Marker::Ext16 => self.length::<2>().and_then(|n| self.ext(n))?,
            Marker::Ext32 => self.length::<4>().and_then(|n| self.ext(n))?,
            Marker::Reserved => return Err(Error::Marker(self.place - 1)),
            number => Value::Int(self.int(number)?),
        })
    }

    fn int(&mut self, marker: Marker) -> Result<i128, Error> {
        Ok(match marker {
            Marker::FixPos(int) => int.into(),
            Marker::FixNeg(int) => int.into(),
            Marker::U8 => u8::from_be_bytes(self.fixed()?).into(),
            Marker::U16 => u16::from_be_bytes(self.fixed()?).into(),
            Marker::U32 => u32::from_be_bytes(self.fixed()?).into(),
            Marker::U64 => u64::from_be_bytes(self.fixed()?).into(),
            Marker::I8 => i8::from_be_bytes(self.fixed()?).into(),
            Marker::I16 => i16::from_be_bytes(self.fixed()?).into(),
            Marker::I32 => i32::from_be_bytes(self.fixed()?).into(),
            Marker::I64 => i64::from_be_bytes(self.fixed()?).into(),
            _ => return Err(Error::Marker(self.place - 1)),
        })
    }

    fn list(&mut self, length: usize, depth: usize) -> Result<Value, Error> {
        self.enter(length, depth)?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(self.value(depth + 1)?);
        }
        Ok(Value::List(list))
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value, Error> {
        self.enter(length.saturating_mul(2), depth)?;
        let mut map = Map::new();
        for _ in 0..length {
            let key_place = self.place;
            let key = self.value(depth + 1)?;
            // Such keys would also hash alike and make a small message slow to read.
            if matches!(key, Value::List(_) | Value::Map(_)) {
                return Err(Error::Key(key_place));
            }
            let value = self.value(depth + 1)?;
            map.insert(key, value);
        }
        Ok(Value::Map(map))
    }

    /// Refuses a container that is too deep, or claims more values than bytes or budget are left.
    fn enter(&self, values: usize, depth: usize) -> Result<(), Error> {
        if depth >= DEPTH_MAX {
            Err(Error::Deep(self.place))
        } else if values > self.bytes.len() - self.place {
            Err(Error::Short(self.place))
        } else if values > self.nodes_left {
            Err(Error::Many(self.place))
        } else {
            Ok(())
        }
    }

    fn ext(&mut self, length: usize) -> Result<Value, Error> {
        let code = i8::from_be_bytes(self.fixed()?);
        Ok(Value::Ext(code, self.take(length)?.to_vec()))
    }

    fn raw_of<const N: usize>(&mut self) -> Result<Value, Error> {
        let length = self.length::<N>()?;
        Ok(raw(self.take(length)?))
    }

    fn length<const N: usize>(&mut self) -> Result<usize, Error> {
        let bytes = self.fixed::<N>()?;
        Ok(bytes
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let place = self.place;
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| Error::Short(place))
    }

    fn take(&mut self, length: usize) -> Result<&[u8], Error> {
        let rest = &self.bytes[self.place..];
        let taken = rest.get(..length).ok_or(Error::Short(self.place))?;
        self.place += length;
        Ok(taken)
    }
}

fn raw(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Str(text.to_owned()),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

/// Writes a value in the old raw format, which every peer reads: no str8, no bin.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut output = Vec::with_capacity(encoded_bytes(value));
    encode_onto(value, &mut output);
    output
}

/// As [`encode`], behind what stands in `output` already.
pub fn encode_onto(value: &Value, output: &mut Vec<u8>) {
    write(value, Format::Raw, output);
}

/// As [`encode_onto`], of a map.
pub fn encode_map_onto(map: &Map, output: &mut Vec<u8>) {
    write_map(map, Format::Raw, output);
}

/// Says how many bytes [`encode`] makes of a value.
pub fn encoded_bytes(value: &Value) -> usize {
    let mut count = Count(0);
    write(value, Format::Raw, &mut count);
    count.0
}

/// Writes what stands before the bytes of a text or of bytes, in the old raw format.
pub fn encode_raw_head(length: usize, output: &mut Vec<u8>) {
    write_text_head(length, Format::Raw, output);
}

/// Writes what stands before the keys and values of a map.
pub fn encode_map_head(pairs: usize, output: &mut Vec<u8>) {
    write_small_head(pairs, 0x80, 0xde, output);
}

/// Writes a value in the new format, with str8 and bin. Minions sign this form of their returns.
pub fn encode_new(value: &Value) -> Vec<u8> {
    let mut output = Vec::new();
    write(value, Format::New, &mut output);
    output
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Raw,
    New,
}

/// Where bytes are written to, or only counted.
trait Output {
    fn put(&mut self, bytes: &[u8]);
}

impl Output for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

struct Count(usize);

impl Output for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

fn write(value: &Value, format: Format, output: &mut impl Output) {
    match value {
        Value::Nil => output.put(&[0xc0]),
        Value::Bool(false) => output.put(&[0xc2]),
        Value::Bool(true) => output.put(&[0xc3]),
        Value::Int(int) => write_int(*int, output),
        Value::Float(float) => {
            output.put(&[0xcb]);
            output.put(&float.to_be_bytes());
        }
        Value::Str(text) => write_text(text.as_bytes(), format, output),
        Value::Bytes(bytes) if format == Format::New => {
            write_head(bytes.len(), &[(0xff, 0xc4), (0xffff, 0xc5)], 0xc6, output);
            output.put(bytes);
        }
        Value::Bytes(bytes) => write_text(bytes, format, output),
        Value::List(list) => {
            write_small_head(list.len(), 0x90, 0xdc, output);
            list.iter().for_each(|item| write(item, format, output));
        }
        Value::Map(map) => write_map(map, format, output),
        Value::Ext(code, bytes) => {
            match bytes.len() {
                1 => output.put(&[0xd4]),
                2 => output.put(&[0xd5]),
                4 => output.put(&[0xd6]),
                8 => output.put(&[0xd7]),
                16 => output.put(&[0xd8]),
                length => write_head(length, &[(0xff, 0xc7), (0xffff, 0xc8)], 0xc9, output),
            }
            output.put(&code.to_be_bytes());
            output.put(bytes);
        }
    }
}

fn write_map(map: &Map, format: Format, output: &mut impl Output) {
    write_small_head(map.len(), 0x80, 0xde, output);
    for (key, value) in map.iter() {
        write(key, format, output);
        write(value, format, output);
    }
}

fn write_text(bytes: &[u8], format: Format, output: &mut impl Output) {
    write_text_head(bytes.len(), format, output);
    output.put(bytes);
}

fn write_text_head(length: usize, format: Format, output: &mut impl Output) {
    match (length, format) {
        (length @ 0..32, _) => output.put(&[0xa0 | length as u8]),
        (length, Format::Raw) => write_head(length, &[(0xffff, 0xda)], 0xdb, output),
        (length, Format::New) => {
            write_head(length, &[(0xff, 0xd9), (0xffff, 0xda)], 0xdb, output);
        }
    }
}

/// Writes the head of a list or map: up to 15 in one byte, then with two or four bytes of length.
fn write_small_head(length: usize, fix: u8, marker16: u8, output: &mut impl Output) {
    if length < 16 {
        output.put(&[fix | length as u8]);
    } else {
        write_head(length, &[(0xffff, marker16)], marker16 + 1, output);
    }
}

/// Writes the first marker of `shorter` whose largest length suffices, else `marker32`.
fn write_head(length: usize, shorter: &[(usize, u8)], marker32: u8, output: &mut impl Output) {
    match shorter.iter().find(|(most, _)| length <= *most) {
        Some((0xff, marker)) => output.put(&[*marker, length as u8]),
        Some((_, marker)) => {
            output.put(&[*marker]);
            output.put(&(length as u16).to_be_bytes());
        }
        None => {
            let length = u32::try_from(length).expect("payloads are bounded far below 4 GiB");
            output.put(&[marker32]);
            output.put(&length.to_be_bytes());
        }
    }
}

/// Writes an integer as short as it goes; one that msgpack has no room for becomes decimal text.
fn write_int(int: i128, output: &mut impl Output) {
    // A marker and eight bytes at most.
    let mut bytes = [0; 9];
    let mut rest = &mut bytes[..];
    let written = match (u64::try_from(int), i64::try_from(int)) {
        (Ok(int), _) => rmp::encode::write_uint(&mut rest, int),
        (_, Ok(int)) => rmp::encode::write_sint(&mut rest, int),
        _ => return write_text(int.to_string().as_bytes(), Format::Raw, output),
    };
    written.expect("writing to memory does not fail");
    let rest_bytes = rest.len();
    output.put(&bytes[..bytes.len() - rest_bytes]);
}

#[cfg(test)]
mod tests;
