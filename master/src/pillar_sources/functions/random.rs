//! `random.*`: chance, and with a seed the same numbers as Python's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Value;

use super::mersenne::Mersenne;
use super::{Answer, Arguments, Family, MinionFunctions, bad, failed, hashing};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "random",
    functions: &[
        "get_str",
        "hash",
        "rand_int",
        "sample",
        "seed",
        "shuffle",
        "str_encode",
    ],
    call,
};

const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const WHITESPACE: &str = " \t\n\r\x0b\x0c";

/// Longest text that is made.
const LENGTH_MAX: i64 = 1 << 20;
/// What `random_hash` draws below, unless it is told.
const HASHED_BELOW: i64 = 9_999_999_999;

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    Some(match fun {
        "get_str" => get_str(of, arguments),
        "hash" => arguments.required(0, "value").and_then(|value| {
            let algorithm = arguments.text(1, "algorithm", "sha512");
            hashing::checksum(&hashing::bytes(value), &algorithm)
        }),
        "str_encode" => arguments.required(0, "value").and_then(|value| {
            match arguments.text(1, "encoder", "base64").as_str() {
                "base64" => Ok(Value::Str(STANDARD.encode(hashing::bytes(value)))),
                "utf-8" | "utf8" => Ok(value.clone()),
                other => Err(bad(format!(
                    "the encoder '{other}' is not supported; use base64"
                ))),
            }
        }),
        "rand_int" => rand_int(of, arguments),
        "seed" => seed(of, arguments),
        "sample" => arguments
            .number(1, "size", 0)
            .and_then(|size| sample(of, arguments, Some(size), arguments.given(2, "seed"))),
        "shuffle" => sample(of, arguments, None, arguments.given(1, "seed")),
        _ => return None,
    })
}

/// Gives a number below `end` that nobody can guess.
fn below(of: &MinionFunctions, end: u64) -> u64 {
    // The last, incomplete round of the whole range would make small numbers likelier.
    let fair = u64::MAX - u64::MAX % end;
    loop {
        let mut bytes = [0; 8];
        of.tools.world.entropy.fill(&mut bytes);
        let drawn = u64::from_le_bytes(bytes);
        if drawn < fair {
            return drawn % end;
        }
    }
}

fn seeded(seed: &Value) -> Result<Mersenne, FunctionError> {
    match seed {
        Value::Int(number) => Ok(Mersenne::of_number(*number)),
        Value::Bool(bool) => Ok(Mersenne::of_number(i128::from(*bool))),
        Value::Str(text) => Ok(Mersenne::of_text(text.as_bytes())),
        Value::Bytes(bytes) => Ok(Mersenne::of_text(bytes)),
        other => Err(bad(format!(
            "a seed must be text or a whole number, not {}",
            other.repr()
        ))),
    }
}

fn range(start: i64, end: i64) -> Result<u64, FunctionError> {
    let count = end
        .checked_sub(start)
        .and_then(|count| u64::try_from(count).ok());
    let count = count.filter(|count| *count > 0);
    count.ok_or_else(|| bad(format!("the range from {start} to {end} is empty")))
}

fn seed(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let end = range(0, arguments.number(0, "range", 10)?)?;
    let own = Value::str(of.id.as_str());
    let id = of.grains.get("id").unwrap_or(&own);
    let mut chance = seeded(arguments.given(1, "hash").unwrap_or(id))?;
    Ok(Value::Int(i128::from(chance.below(end))))
}

fn rand_int(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let start = arguments.number(0, "start", 1)?;
    let end = arguments.number(1, "end", 10)?;
    let count = range(start, end.saturating_add(1))?;
    let drawn = match arguments.given(2, "seed") {
        Some(seed) => seeded(seed)?.below(count),
        None => below(of, count),
    };
    Ok(Value::Int(i128::from(start) + i128::from(drawn)))
}

/// Draws some of a list, or all of it in another order.
fn sample(
    of: &MinionFunctions,
    arguments: &Arguments,
    size: Option<i64>,
    seed: Option<&Value>,
) -> Answer {
    let list = arguments.required(0, "value")?;
    let list = list
        .as_list()
        .ok_or_else(|| bad("'value' must be a list"))?;
    let size = size.map_or(Some(list.len()), |size| usize::try_from(size).ok());
    let size = size.filter(|size| *size <= list.len());
    let size = size.ok_or_else(|| bad("Sample larger than population or is negative"))?;
    let places = match seed {
        // Salt seeds with the checksum of the seed here.
        Some(seed) => {
            let sum = hashing::checksum(&hashing::bytes(seed), "sha512")?;
            seeded(&sum)?.sample(list.len(), size)
        }
        None => {
            let mut places: Vec<usize> = (0..list.len()).collect();
            for i in 0..size {
                let left = (list.len() - i) as u64;
                places.swap(i, i + below(of, left) as usize);
            }
            places.truncate(size);
            places
        }
    };
    Ok(places
        .into_iter()
        .map(|place| list[place].clone())
        .collect())
}

fn get_str(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let length = arguments.number(0, "length", 20)?;
    if !(0..=LENGTH_MAX).contains(&length) {
        return Err(bad(format!(
            "a length from 0 to {LENGTH_MAX} is possible, not {length}"
        )));
    }
    let mut letters = String::new();
    if let Some(given) = arguments.given(1, "chars") {
        letters.push_str(&given.to_text());
    } else {
        let all = arguments.is_on(7, "printable");
        let classes = [
            (2, "lowercase", true, LOWERCASE),
            (3, "uppercase", true, UPPERCASE),
            (4, "digits", true, DIGITS),
            (5, "punctuation", true, PUNCTUATION),
            (6, "whitespace", false, WHITESPACE),
        ];
        for (place, name, default, class) in classes {
            if all || arguments.is_on_or(place, name, default) {
                letters.push_str(class);
            }
        }
    }
    let letters: Vec<char> = letters.chars().collect();
    if letters.is_empty() {
        return Err(failed("there are no characters to choose from"));
    }
    let draw = |_| letters[below(of, letters.len() as u64) as usize];
    Ok(Value::Str((0..length).map(draw).collect()))
}

/// `test.random_hash`: a checksum of a number nobody can guess.
pub(super) fn random_hash(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let size = arguments.number(0, "size", HASHED_BELOW)?;
    let own = of.opts.get("hash_type").map(Value::to_text);
    let name = arguments.text(1, "hash_type", own.as_deref().unwrap_or("sha256"));
    let drawn = below(of, range(0, size.saturating_add(1))?);
    hashing::checksum(drawn.to_string().as_bytes(), &name)
}
