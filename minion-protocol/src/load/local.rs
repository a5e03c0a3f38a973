//! What local users ask in the clear. The port is public: nobody is believed before the credentials
//! were checked, and credentials never reach a log, an event or a cache.

use std::fmt;

use model::{Map, Value};

use super::{Fields, LoadError};

/// A key, token or password. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Gives the text, for the one comparison it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    pub fn is(&self, known: &str) -> bool {
        use subtle::ConstantTimeEq;
        self.0.as_bytes().ct_eq(known.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Who the asker says it is, and its proof. Checked in this order: token, eauth, key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// A token from `mk_token`.
    pub token: Option<Secret>,
    /// The name of an external authentication.
    pub eauth: Option<String>,
    /// The user's name there.
    pub username: Option<String>,
    /// The user's password there.
    pub password: Option<Secret>,
    /// The content of a key file on the master's host.
    pub key: Option<Secret>,
    /// The user that belongs to the key.
    pub user: Option<String>,
}

impl Credentials {
    /// Reads all credentials out of a load.
    pub(crate) fn read(mut fields: Fields) -> Result<Self, LoadError> {
        Self::take(&mut fields)
    }

    fn take(fields: &mut Fields) -> Result<Self, LoadError> {
        let mut secret = |field| Ok(fields.optional_text(field)?.map(Secret));
        let (token, password, key) = (secret("token")?, secret("password")?, secret("key")?);
        Ok(Self {
            token,
            password,
            key,
            eauth: fields.optional_text("eauth")?,
            username: fields.optional_text("username")?,
            user: fields.optional_text("user")?,
        })
    }
}

/// The load of a clear `publish`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishLoad {
    /// Whom it is for: text, or a list.
    pub tgt: Value,
    /// How `tgt` is read.
    pub tgt_type: String,
    /// The function, or a list of functions.
    pub fun: Value,
    /// The arguments.
    pub arg: Vec<Value>,
    /// Returners, comma separated.
    pub ret: String,
    /// The jid wished for; empty or absent to be given one.
    pub jid: Option<String>,
    /// Who asks. Token and eauth come inside `kwargs`, key and user beside it.
    pub credentials: Credentials,
    /// Further keywords (`delimiter`, `metadata`, ...), without credentials.
    pub kwargs: Map,
    /// A timeout for masters of masters.
    pub to: Option<Value>,
}

impl PublishLoad {
    pub(crate) fn read(mut fields: Fields) -> Result<Self, LoadError> {
        let mut kwargs = Fields::new(fields.map_or_empty("kwargs")?);
        let outer = Credentials::take(&mut fields)?;
        let inner = Credentials::take(&mut kwargs)?;
        Ok(Self {
            tgt: fields.value("tgt")?,
            tgt_type: fields.text_or("tgt_type", "glob")?,
            fun: fields.fun()?,
            arg: fields.list_or_empty("arg")?,
            ret: fields.text_or("ret", "")?,
            jid: fields.optional_text("jid")?.filter(|jid| !jid.is_empty()),
            credentials: Credentials {
                key: outer.key,
                user: outer.user,
                ..inner
            },
            kwargs: kwargs.rest(),
            to: fields.take("to"),
        })
    }
}

/// The load of a clear `runner` or `wheel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionLoad {
    /// The function, such as `jobs.list_jobs`.
    pub fun: String,
    /// Positional arguments.
    pub arg: Vec<Value>,
    /// Keyword arguments: `kwarg`, and what stands beside the known fields.
    pub kwarg: Map,
    /// Who asks.
    pub credentials: Credentials,
}

impl FunctionLoad {
    pub(crate) fn read(mut fields: Fields) -> Result<Self, LoadError> {
        fields.take("cmd");
        let credentials = Credentials::take(&mut fields)?;
        let fun = fields.text("fun")?;
        let arg = fields.list_or_empty("arg")?;
        let kwarg = fields.map_or_empty("kwarg")?;
        let mut all = fields.rest();
        all.extend(kwarg);
        Ok(Self {
            fun,
            arg,
            kwarg: all,
            credentials,
        })
    }
}
