//! `kubeadm token …`: the bootstrap tokens of the control plane this node is.

use std::path::Path;

use super::arguments::{TokenOptions, TokenVerb};
use super::authority::Pair;
use super::cluster::{self, Cluster};
use super::error::Error;
use super::token::{self, Token};
use super::{clock, disk, init};

/// Does one of the verbs; gives what it prints.
pub(super) fn run(root: &Path, verb: TokenVerb) -> Result<String, Error> {
    match verb {
        TokenVerb::List => list(root),
        TokenVerb::Create(options) => create(root, options),
        TokenVerb::Delete { tokens } => delete(root, &tokens),
        TokenVerb::Generate => Ok(Token::new(None, "0", 0)?.text() + "\n"),
    }
}

fn list(root: &Path) -> Result<String, Error> {
    let now = clock::now();
    let mut tokens = Cluster::load_as_admin(root)?.tokens;
    tokens.retain(|token| token.is_alive(now));
    Ok(token::table(&tokens, now))
}

fn create(root: &Path, options: TokenOptions) -> Result<String, Error> {
    for usage in &options.usages {
        if !["signing", "authentication"].contains(&usage.as_str()) {
            return Err(Error::Validation(format!(
                "bootstrapTokens.usages: Invalid value: {usage:?}: valid usages are \
                 [authentication signing]"
            )));
        }
    }
    let now = clock::now();
    let mut token = Token::new(options.token.as_deref(), &options.ttl, now)?;
    token.description = options.description;
    token.usages = options.usages;
    token.usages.sort_unstable();
    token.uses_left = options.lab_uses;
    let text = token.text();
    let endpoint = Cluster::change(root, now, |cluster| {
        if cluster.tokens.iter().any(|known| known.id == token.id) {
            return Err(Error::Refused(format!(
                "a token with id {:?} already exists",
                token.id
            )));
        }
        cluster.tokens.push(token);
        Ok(cluster.endpoint.clone())
    })?;
    if !options.print_join_command {
        return Ok(text + "\n");
    }
    let read = |path| disk::read(&disk::under(root, path));
    let authority = Pair::from_pem(
        &read(cluster::AUTHORITY_CERTIFICATE)?,
        &read(cluster::AUTHORITY_KEY)?,
    )?;
    init::join_command(&endpoint, &text, &authority)
}

fn delete(root: &Path, tokens: &[String]) -> Result<String, Error> {
    Cluster::change(root, clock::now(), |cluster| {
        let mut answer = String::new();
        for text in tokens {
            let id = text.split('.').next().unwrap_or_default();
            let before = cluster.tokens.len();
            cluster.tokens.retain(|token| token.id != id);
            if cluster.tokens.len() == before {
                return Err(Error::Refused(format!(
                    "failed to delete bootstrap token {id:?}: not found"
                )));
            }
            answer += &format!("bootstrap token {id:?} deleted\n");
        }
        Ok(answer)
    })
}
