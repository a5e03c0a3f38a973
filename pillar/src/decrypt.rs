//! `decrypt_pillar`: keys whose values are decrypted when everything is merged.

use model::{Map, Value};

/// Decrypts pillar values; the master does it with the gpg program.
pub trait Decrypt: Send + Sync {
    /// Decrypts a value (text, or text inside lists and maps) with a renderer such as `gpg`.
    ///
    /// # Errors
    /// The text that follows `Failed to decrypt pillar key 'KEY': ` in `_errors`.
    fn decrypt(&self, renderer: &str, value: &Value) -> Result<Value, String>;
}

/// What separates the parts of a key, unless `decrypt_pillar_delimiter` says otherwise.
const DELIMITER: &str = ":";

/// Decrypts what the option names, in place. Gives the errors.
pub(crate) fn decrypt_pillar(
    pillar: &mut Map,
    opts: &Map,
    decryptor: Option<&dyn Decrypt>,
) -> Vec<String> {
    let Some(option) = opts
        .get("decrypt_pillar")
        .filter(|option| option.is_truthy())
    else {
        return Vec::new();
    };
    let keys = keys(option);
    if keys.is_empty() {
        return vec!["decrypt_pillar config option is malformed".to_owned()];
    }
    let text = |key: &str, default: &str| {
        opts.get(key)
            .and_then(Value::as_str)
            .unwrap_or(default)
            .to_owned()
    };
    let delimiter = text("decrypt_pillar_delimiter", DELIMITER);
    let default_renderer = text("decrypt_pillar_default", "gpg");
    let mut errors = Vec::new();
    for (key, renderer) in keys {
        let Some(place) = find(pillar, &key, &delimiter) else {
            continue;
        };
        let renderer = renderer.as_deref().unwrap_or(&default_renderer);
        let decrypted = match decryptor {
            Some(decryptor) => decryptor.decrypt(renderer, place),
            None => Err(format!(
                "'{renderer}' is not a valid decryption renderer here"
            )),
        };
        match decrypted {
            Ok(value) => *place = value,
            Err(error) => errors.push(format!("Failed to decrypt pillar key '{key}': {error}")),
        }
    }
    errors
}

/// Reads `[key, {key: renderer}]` or `{key: renderer}`.
fn keys(option: &Value) -> Vec<(String, Option<String>)> {
    let pair = |(key, renderer): (&Value, &Value)| {
        (
            key.to_text(),
            Some(renderer)
                .filter(|value| value.is_truthy())
                .map(Value::to_text),
        )
    };
    match option {
        Value::Map(map) => map.iter().map(pair).collect(),
        Value::List(items) => {
            let entry = |item: &Value| match item {
                Value::Map(map) => map.get_index(0).map(pair),
                other => Some((other.to_text(), None)),
            };
            items.iter().filter_map(entry).collect()
        }
        _ => Vec::new(),
    }
}

fn find<'a>(pillar: &'a mut Map, key: &str, delimiter: &str) -> Option<&'a mut Value> {
    let mut parts = key.split(delimiter);
    let mut here = pillar.get_mut(parts.next()?)?;
    for part in parts {
        here = here.as_map_mut()?.get_mut(part)?;
    }
    Some(here).filter(|value| !value.is_nil())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Reverse;
    impl Decrypt for Reverse {
        fn decrypt(&self, renderer: &str, value: &Value) -> Result<Value, String> {
            match (renderer, value.as_str()) {
                ("gpg", Some(text)) => Ok(text.chars().rev().collect::<String>().into()),
                _ => Err("no".to_owned()),
            }
        }
    }

    #[test]
    fn named_keys_are_decrypted_and_failures_named() {
        let mut pillar: Map =
            serde_json::from_str(r#"{"a": {"b": "terces"}, "c": 5, "d": "plain"}"#).expect("a map");
        let opts: Map = serde_json::from_str(
            r#"{"decrypt_pillar": ["a:b", {"c": "gpg"}, "not:there", {"d": "other"}]}"#,
        )
        .expect("a map");
        let errors = decrypt_pillar(&mut pillar, &opts, Some(&Reverse));
        assert_eq!(
            serde_json::to_string(&pillar).expect("JSON"),
            r#"{"a":{"b":"secret"},"c":5,"d":"plain"}"#
        );
        assert_eq!(
            errors,
            [
                "Failed to decrypt pillar key 'c': no",
                "Failed to decrypt pillar key 'd': no"
            ]
        );
    }
}
