//! Decrypts PGP messages with the program `gpg`, for the renderer `gpg` and `decrypt_pillar`.
//!
//! The keys are those of `gpg_keydir`; the master's user must be able to read them. With
//! `gpg_cache`, what was decrypted is kept in memory for `gpg_cache_ttl`.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{Map, Timestamp, Value};
use pillar::Decrypt;
use states::context::{Context, Functions};
use states::renderers::gpg::decrypt_all;
use states::sources::hash;

use crate::config::Opts;
use crate::programs::{self, Limits};
use crate::world::Clock;

/// What one message may take: gpg may have to start its agent first.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    output_bytes: 16 * 1024 * 1024,
};

/// Most messages that are kept.
const KEPT_MAX: usize = 10_000;

/// The keys and the program.
pub(crate) struct Gpg {
    keydir: String,
    /// Seconds for which a decrypted message is kept; `None`: it is not.
    ttl: Option<u64>,
    kept: Mutex<HashMap<String, (Timestamp, Value)>>,
    clock: Arc<dyn Clock>,
}

impl Gpg {
    pub(crate) fn new(opts: &Opts, clock: Arc<dyn Clock>) -> Self {
        Self {
            keydir: opts.gpg_keydir.clone().unwrap_or_default(),
            ttl: opts.gpg_cache.then_some(opts.gpg_cache_ttl),
            kept: Mutex::default(),
            clock,
        }
    }

    /// Gives what a message says; the error is what gpg says.
    pub(crate) fn decrypt(&self, message: &str) -> Result<Value, String> {
        let Some(ttl) = self.ttl else {
            return self.run(message);
        };
        let key = hash(message.as_bytes());
        let now = self.clock.now();
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh =
            |since: Timestamp| now.0.saturating_sub(since.0) <= ttl.saturating_mul(1_000_000);
        if let Some((_, value)) = lock().get(&key).filter(|(since, _)| is_fresh(*since)) {
            return Ok(value.clone());
        }
        let value = self.run(message)?;
        let mut kept = lock();
        kept.retain(|_, (since, _)| is_fresh(*since));
        if kept.len() < KEPT_MAX {
            kept.insert(key, (now, value.clone()));
        }
        Ok(value)
    }

    fn run(&self, message: &str) -> Result<Value, String> {
        let mut command = Command::new("gpg");
        command.args([
            "--homedir",
            &self.keydir,
            "--status-fd",
            "2",
            "--no-tty",
            "-d",
        ]);
        let finished = programs::run(command, message.as_bytes().to_vec(), LIMITS)
            .map_err(|error| format!("GPG unavailable: {error}"))?;
        if finished.stdout.is_empty() {
            let said = String::from_utf8_lossy(&finished.stderr);
            let said = said.lines().filter(|line| !line.starts_with("[GNUPG:]"));
            let said = said.collect::<Vec<_>>().join("; ");
            tracing::warn!(keydir = self.keydir, said, "gpg cannot decrypt a message");
            return Err(said);
        }
        Ok(String::from_utf8(finished.stdout)
            .map_or_else(|error| Value::Bytes(error.into_bytes()), Value::Str))
    }
}

/// Decrypts pillar values as `decrypt_pillar` asks for it.
pub(super) struct Decryptor {
    /// Whose `outside` decrypts.
    pub(super) functions: Arc<dyn Functions>,
    /// The master's options.
    pub(super) opts: Arc<Map>,
}

impl Decrypt for Decryptor {
    fn decrypt(&self, renderer: &str, value: &Value) -> Result<Value, String> {
        let valid = self.opts.get("decrypt_pillar_renderers");
        let valid = valid.and_then(Value::as_list).unwrap_or_default();
        let valid: Vec<String> = valid.iter().map(Value::to_text).collect();
        if !valid.is_empty() && !valid.iter().any(|name| name == renderer) {
            let valid = valid.join(", ");
            return Err(format!(
                "'{renderer}' is not a valid decryption renderer. Valid choices are: {valid}"
            ));
        }
        if renderer != "gpg" {
            return Err(format!("Decryption renderer '{renderer}' is not available"));
        }
        let context = Context {
            opts: Map::clone(&self.opts),
            functions: Arc::clone(&self.functions),
            ..Context::empty()
        };
        decrypt_all(value.clone(), &context).map_err(|error| error.message().to_owned())
    }
}
