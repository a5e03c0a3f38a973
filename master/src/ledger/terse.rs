//! The load of a return in few bytes: the words that minions use for its fields are numbers here.
//!
//! A thousand returns of `test.ping` are a thousand times the same nine words, which take more than
//! what they say. The order of the fields stays. A number is for ever: the list only grows at its
//! end.

use model::{Map, Value};
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Stands for `cmd: _return`, which all returns have; nil beside it.
const RETURN: u64 = 0;

/// Stands for `jid`, with the twenty digits as a number beside it.
const DIGITS: u64 = 1;

/// The first number of a word of [`WORDS`].
const FIRST_WORD: u64 = 2;

/// The fields of a return; the value is beside the number.
const WORDS: [&str; 19] = [
    "cmd", "id", "jid", "fun", "fun_args", "return", "retcode", "success", "out", "ts", "_stamp",
    "metadata", "tgt", "tgt_type", "ret", "user", "arg", "schedule", "pid",
];

/// Taken from a jid's twenty digits, so that they fit into 64 bits until the year 2844.
const DIGITS_LEAST: u128 = 10_000_000_000_000_000_000;

/// A load, to be written with numbers for words.
pub(super) struct Terse<'a>(&'a Map);

impl<'a> Terse<'a> {
    /// Gives the load so, if all its fields have names: a number of its own would be read as one of
    /// ours.
    pub(super) fn of(load: &'a Map) -> Option<Self> {
        let are_named = load.keys().all(|key| key.as_str().is_some());
        are_named.then_some(Self(load))
    }
}

impl Serialize for Terse<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0.iter() {
            match (key.as_str().unwrap_or_default(), value.as_str()) {
                ("cmd", Some("_return")) => out.serialize_entry(&RETURN, &())?,
                ("jid", Some(text)) if number(text).is_some() => {
                    out.serialize_entry(&DIGITS, &number(text))?;
                }
                (word, _) => match WORDS.iter().position(|known| *known == word) {
                    Some(place) => out.serialize_entry(&(FIRST_WORD + place as u64), value)?,
                    None => out.serialize_entry(word, value)?,
                },
            }
        }
        out.end()
    }
}

fn number(jid: &str) -> Option<u64> {
    let is_plain = jid.len() == 20 && jid.bytes().all(|byte| byte.is_ascii_digit());
    let digits: u128 = jid.parse().ok().filter(|_| is_plain)?;
    digits.checked_sub(DIGITS_LEAST)?.try_into().ok()
}

/// A load that was written as [`Terse`].
pub(super) struct Told(pub(super) Map);

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let terse = Map::deserialize(from)?;
        let pair = |(key, value): (Value, Value)| match key {
            Value::Int(key) => whole(key, value),
            key => Some((key, value)),
        };
        let pairs = terse.into_iter().map(pair);
        let whole = pairs.collect::<Option<Map>>();
        whole
            .map(Self)
            .ok_or_else(|| D::Error::custom("a return has a field that this release does not know"))
    }
}

fn whole(key: i128, value: Value) -> Option<(Value, Value)> {
    let key = u64::try_from(key).ok()?;
    Some(match (key, value) {
        (RETURN, _) => ("cmd".into(), "_return".into()),
        (DIGITS, Value::Int(digits)) => {
            let digits = DIGITS_LEAST.checked_add(u128::try_from(digits).ok()?)?;
            ("jid".into(), digits.to_string().into())
        }
        (key, value) => {
            let place = usize::try_from(key.checked_sub(FIRST_WORD)?).ok()?;
            (Value::str(*WORDS.get(place)?), value)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(load: &Map) -> (usize, Map) {
        let bytes = rmp_serde::to_vec_named(&Terse::of(load).unwrap()).unwrap();
        let Told(read) = rmp_serde::from_slice(&bytes).unwrap();
        (bytes.len(), read)
    }

    fn load() -> Map {
        Map::from([
            ("cmd", Value::str("_return")),
            ("id", "web1".into()),
            ("jid", "20261121081655861002".into()),
            ("fun", "test.ping".into()),
            ("fun_args", Value::List(Vec::new())),
            ("return", true.into()),
            ("retcode", 0.into()),
            ("success", true.into()),
            ("x_of_ours", "x".into()),
        ])
    }

    #[test]
    fn a_load_is_read_as_it_was_in_its_order_and_is_short() {
        let (bytes, read) = back(&load());
        assert_eq!(read, load());
        assert!(read.keys().eq(load().keys()));
        let plain = rmp_serde::to_vec_named(&load()).unwrap().len();
        assert!(bytes + 50 < plain, "{bytes} of {plain}");
    }

    #[test]
    fn a_jid_that_is_no_twenty_digits_is_read_as_it_was() {
        let odd = [
            "20261121081655861002_x",
            "00000000000000000001",
            "28450101000000000000",
            "99999999999999999999",
            "+2026112108165586100",
            "",
        ];
        for jid in odd {
            let mut load = load();
            load.insert("jid", jid);
            assert_eq!(back(&load).1, load, "{jid}");
        }
        let mut other = load();
        other.insert("cmd", "_other");
        other.insert("jid", Value::Int(7));
        assert_eq!(back(&other).1, other);
    }

    #[test]
    fn a_load_with_a_number_for_a_name_is_not_written_so() {
        let mut load = load();
        load.insert(Value::Int(3), "x");
        assert!(Terse::of(&load).is_none());
    }

    #[test]
    fn a_number_that_nobody_gave_is_refused() {
        let bytes = rmp_serde::to_vec(&Map::from([(Value::Int(200), "x")])).unwrap();
        assert!(rmp_serde::from_slice::<Told>(&bytes).is_err());
    }
}
