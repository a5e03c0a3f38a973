//! Messages of a real key, made here with the program gpg (Debian: `apt install gnupg`).

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::pillar_sources::tests::{configured, grains, id};

/// A key ring that was made for one test; its agent ends with it.
struct Ring(TempDir);

impl Ring {
    fn gpg(&self, args: &[&str], input: &str) -> String {
        let mut child = Command::new("gpg")
            .args(["--homedir", &self.0.path().display().to_string(), "--batch"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program gpg is there (Debian: apt install gnupg)");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn new() -> Self {
        let ring = Self(TempDir::new().unwrap());
        let name = "pillar@example.org";
        ring.gpg(
            &[
                "--passphrase",
                "",
                "--quick-gen-key",
                name,
                "default",
                "default",
                "never",
            ],
            "",
        );
        ring
    }

    fn encrypt(&self, text: &str) -> String {
        let args = [
            "--trust-model",
            "always",
            "-a",
            "-r",
            "pillar@example.org",
            "-e",
        ];
        self.gpg(&args, text)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let home = self.0.path().display().to_string();
        let args = ["--homedir", &home, "--kill", "gpg-agent"];
        let _ = Command::new("gpgconf").args(args).status();
    }
}

/// Indents a message as the block of a YAML value.
fn block(message: &str) -> String {
    message
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect()
}

#[test]
fn a_real_message_is_decrypted_by_renderer_and_option() {
    let ring = Ring::new();
    let message = ring.encrypt("hush hush\n");
    let keydir = format!("gpg_keydir: {}\ngpg_cache: true\n", ring.path().display());
    let top = ("top.sls", "base: {'*': [a]}\n");
    let sls = format!("db:\n  user: me\n  list:\n  - |\n{}", block(&message));
    let rendered = format!("#!yaml|gpg\n{sls}");
    let (_dir, pillars) = configured(&keydir, &[top, ("a.sls", &rendered)]);
    let expected = grains("{db: {user: me, list: ['hush hush']}}").0;
    for _ in 0..2 {
        assert_eq!(pillars.compile(&id("m"), &grains("{}")), expected);
    }
    let option = format!("{keydir}decrypt_pillar: ['db:list', {{'db:none': gpg}}]\n");
    let (_dir, pillars) = configured(&option, &[top, ("a.sls", &sls)]);
    assert_eq!(pillars.compile(&id("m"), &grains("{}")), expected);
    let option = format!("{keydir}decrypt_pillar: ['db/list']\ndecrypt_pillar_delimiter: /\n");
    let (_dir, pillars) = configured(&option, &[top, ("a.sls", &sls)]);
    assert_eq!(pillars.compile(&id("m"), &grains("{}")), expected);
}

#[test]
fn a_message_of_another_key_stays_unless_it_must_not() {
    let (ring, other) = (Ring::new(), Ring::new());
    let message = other.encrypt("not for you");
    let keydir = format!(
        "gpg_keydir: {}\ndecrypt_pillar: [a]\n",
        ring.path().display()
    );
    let top = ("top.sls", "base: {'*': [a]}\n");
    let sls = format!("a: |\n{}", block(&message));
    let (_dir, pillars) = configured(&keydir, &[top, ("a.sls", &sls)]);
    let kept = pillars.compile(&id("m"), &grains("{}"));
    let text = kept.get("a").unwrap().to_text();
    assert!(text.starts_with("-----BEGIN PGP MESSAGE-----"), "{text}");
    let strict = format!("{keydir}gpg_decrypt_must_succeed: true\n");
    let (_dir, pillars) = configured(&strict, &[top, ("a.sls", &sls)]);
    let broken = pillars.compile(&id("m"), &grains("{}"));
    let errors = broken.get("_errors").unwrap().repr();
    assert!(
        errors.contains("Failed to decrypt pillar key 'a': "),
        "{errors}"
    );
}

#[test]
fn only_renderers_that_the_option_names_decrypt() {
    let top = ("top.sls", "base: {'*': [a]}\n");
    let option = "decrypt_pillar: [{a: nacl}]\n";
    let (_dir, pillars) = configured(option, &[top, ("a.sls", "a: x\n")]);
    let broken = pillars.compile(&id("m"), &grains("{}"));
    assert_eq!(
        broken.get("_errors").unwrap().repr(),
        "[\"Failed to decrypt pillar key 'a': 'nacl' is not a valid decryption renderer. \
         Valid choices are: gpg\"]"
    );
}
