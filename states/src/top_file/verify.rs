//! Says what is wrong with the shape of a merged top file, in Salt's words.

use model::{Map, Value};

pub(super) fn verify(top: &Map) -> Vec<String> {
    let mut errors = Vec::new();
    for (env, targets) in top.iter() {
        let name = env.to_text();
        match env.as_str() {
            None => {
                errors.push(format!(
                    "Environment {name} in top file is not formed as a string"
                ));
            }
            Some("") => errors.push("Empty saltenv statement in top file".to_owned()),
            Some(_) => {}
        }
        let Value::Map(targets) = targets else {
            errors.push(format!(
                "The top file matches for saltenv {name} are not formatted as a dict"
            ));
            continue;
        };
        for (tgt, entry) in targets.iter() {
            verify_entry(env, tgt, entry, &mut errors);
        }
    }
    errors
}

fn verify_entry(env: &Value, tgt: &Value, entry: &Value, errors: &mut Vec<String>) {
    let Value::List(items) = entry else {
        errors.push(format!(
            "Malformed topfile: state declarations for matcher {} in saltenv {} are not formed as \
            a \
             list (got {})",
            tgt.repr(),
            env.repr(),
            crate::high_data::type_name(entry)
        ));
        return;
    };
    for item in items {
        match item {
            Value::Map(map) => {
                for value in map.values().filter(|value| !value.is_truthy()) {
                    errors.push(format!(
                        "Improperly formatted top file matcher in saltenv {}: {} file",
                        item.to_text(),
                        value.to_text()
                    ));
                }
            }
            Value::Str(sls) if sls.is_empty() => {
                errors.push(format!(
                    "Environment {} contains an empty sls index",
                    env.to_text()
                ));
            }
            _ => {}
        }
    }
}
