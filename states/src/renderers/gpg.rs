//! The renderer `gpg`: PGP messages inside texts are replaced by what they say.
//!
//! The key and the program belong to the caller ([`Outside::Decrypt`]). A message that cannot be
//! decrypted stays as it is unless `gpg_decrypt_must_succeed` is set, as in Salt 3006.

use model::{Map, Value};

use crate::context::{Context, Outside};
use crate::error::{Error, ErrorKind};

const BEGIN: &str = "-----BEGIN PGP MESSAGE-----";
const END: &str = "-----END PGP MESSAGE-----";

/// Decrypts all texts of some data, in lists and maps too. Keys are left alone.
pub fn decrypt_all(value: Value, context: &Context) -> Result<Value, Error> {
    Ok(match value {
        Value::Str(text) => decrypted(&text, context)?,
        Value::List(list) => {
            let list: Result<Vec<Value>, Error> = list
                .into_iter()
                .map(|item| decrypt_all(item, context))
                .collect();
            Value::List(list?)
        }
        Value::Map(map) => {
            let mut made = Map::new();
            for (key, value) in map {
                made.insert(key, decrypt_all(value, context)?);
            }
            Value::Map(made)
        }
        other => other,
    })
}

/// Decrypts the messages in a text that is still to be rendered.
pub(super) fn decrypt_text(text: &str, context: &Context) -> Result<String, Error> {
    decrypted(text, context).map(|value| value.to_text())
}

fn decrypted(text: &str, context: &Context) -> Result<Value, Error> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut was_found = false;
    while let Some((before, message, behind)) = next_message(rest) {
        was_found = true;
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(&open_message(message, context)?);
        rest = behind;
    }
    if !was_found {
        return Ok(Value::str(text));
    }
    out.extend_from_slice(rest.as_bytes());
    // A message in a YAML block would otherwise leave line breaks behind.
    while out.last() == Some(&b'\n') {
        out.pop();
    }
    Ok(String::from_utf8(out).map_or_else(|error| Value::Bytes(error.into_bytes()), Value::Str))
}

fn next_message(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find(BEGIN)?;
    let end = start + text[start..].find(END)? + END.len();
    Some((&text[..start], &text[start..end], &text[end..]))
}

fn open_message(message: &str, context: &Context) -> Result<Vec<u8>, Error> {
    let refuse = |reason: String| Err(Error::new(ErrorKind::Renderer, reason));
    let message = message.replace("\\n", "\n");
    match context.functions.outside(Outside::Decrypt(&message)) {
        None => refuse("GPG unavailable: no key and no gpg program are offered here".to_owned()),
        Some(Ok(value)) => Ok(value.as_bytes().map(<[u8]>::to_vec).unwrap_or_default()),
        Some(Err(error)) => {
            let must_succeed = context.opts.get("gpg_decrypt_must_succeed");
            if must_succeed.is_some_and(Value::is_truthy) {
                return refuse(format!("Could not decrypt a PGP message: {error}"));
            }
            Ok(message.into_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::context::{FunctionError, Functions};
    use crate::file_client::MemoryFiles;
    use crate::renderers::render;

    struct Opener;

    impl Functions for Opener {
        fn call(&self, fun: &str, _: Vec<Value>, _: Map) -> Result<Value, FunctionError> {
            Err(FunctionError::BadArguments(fun.to_owned()))
        }

        fn names(&self) -> Vec<String> {
            Vec::new()
        }

        fn outside(&self, request: Outside<'_>) -> Option<Result<Value, FunctionError>> {
            match request {
                Outside::Decrypt(message) if message.contains("bad") => {
                    Some(Err(FunctionError::Failed("no secret key".to_owned())))
                }
                Outside::Decrypt(_) => Some(Ok(Value::str("secret\n"))),
                Outside::Python { .. } => None,
            }
        }
    }

    fn context() -> Context {
        Context {
            functions: Arc::new(Opener),
            ..Context::empty()
        }
    }

    #[test]
    fn messages_in_data_are_opened() {
        let text = "#!jinja|yaml|gpg\na:\n  - |\n    -----BEGIN PGP MESSAGE-----\n\n    x\n    \
            -----END PGP MESSAGE-----\nb: plain\n";
        let value = render(text, "jinja|yaml", &context(), &MemoryFiles::new());
        assert_eq!(
            value.expect("renders").repr(),
            "{'a': ['secret'], 'b': 'plain'}"
        );
    }

    #[test]
    fn a_message_that_cannot_be_opened_stays_unless_it_must() {
        let text = Value::str(format!("{BEGIN}\nbad\n{END}"));
        let mut context = context();
        let kept = decrypt_all(text.clone(), &context).expect("stays");
        assert_eq!(kept, text);
        context.opts.insert("gpg_decrypt_must_succeed", true);
        assert!(decrypt_all(text, &context).is_err());
    }

    #[test]
    fn without_gpg_a_message_is_an_error() {
        let text = Value::str(format!("{BEGIN}\nx\n{END}"));
        let error = decrypt_all(text, &Context::empty()).expect_err("no gpg");
        assert!(error.message().contains("GPG unavailable"));
    }
}
