//! One request to the endpoint over TLS, by a joining node or `kubectl`.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use serde_json::Value;

use super::authority::Pair;
use super::error::Error;
use super::http;

/// How long the endpoint may take to take, or to answer, one request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom the caller believes, and who the caller is.
#[derive(Default)]
pub(super) struct Trust<'a> {
    /// None believes anyone: only for what proves itself otherwise (cluster-info is signed).
    pub(super) authority: Option<&'a X509>,
    pub(super) client: Option<&'a Pair>,
    pub(super) bearer: Option<&'a str>,
}

/// Sends `METHOD /path` with a body; gives the status and the JSON of the answer.
pub(super) fn ask(
    endpoint: &str,
    route: &str,
    body: &[u8],
    trust: &Trust<'_>,
) -> Result<(u16, Value), Error> {
    let network = |error| Error::network(format!("https://{endpoint}"), error);
    let stream = open(endpoint).map_err(network)?;
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    let connector = connector(trust)?;
    let host = host.trim_matches(['[', ']']);
    let mut configuration = connector.configure()?;
    if trust.authority.is_none() {
        configuration.set_verify_hostname(false);
    }
    let mut tls = configuration
        .connect(host, stream)
        .map_err(|error| Error::Tls {
            endpoint: format!("https://{endpoint}"),
            reason: error.to_string(),
        })?;
    let authorization = trust
        .bearer
        .map(|token| format!("Authorization: Bearer {token}\r\n"));
    let headers = format!("Host: {endpoint}\r\n{}", authorization.unwrap_or_default());
    http::write(&mut tls, &format!("{route} HTTP/1.1"), &headers, body).map_err(network)?;
    let answer = http::read(&mut tls).map_err(network)?;
    let json = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    Ok((answer.status(), json))
}

fn open(endpoint: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "no such host");
    for address in endpoint.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connector(trust: &Trust<'_>) -> Result<SslConnector, Error> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    // Only the cluster's own authority counts, never those of the machine.
    let mut store = X509StoreBuilder::new()?;
    match trust.authority {
        Some(authority) => store.add_cert(authority.clone())?,
        None => builder.set_verify(SslVerifyMode::NONE),
    }
    builder.set_cert_store(store.build());
    if let Some(client) = trust.client {
        builder.set_certificate(&client.certificate)?;
        builder.set_private_key(&client.key)?;
    }
    Ok(builder.build())
}
