//! `network.*`: the master's name, and arithmetic with addresses. Nothing is sent anywhere.

use std::net::{IpAddr, Ipv4Addr};

use model::{Map, Value};

use super::{Answer, Arguments, Family, MinionFunctions, bad, failed};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "network",
    functions: &[
        "calc_net",
        "connect",
        "convert_cidr",
        "dig",
        "get_fqdn",
        "get_hostname",
        "hw_addr",
        "interface",
        "interface_ip",
        "interfaces",
        "ip_addrs",
        "ip_addrs6",
        "ip_in_subnet",
        "is_loopback",
        "is_private",
        "ping",
        "reverse_ip",
        "subnets",
    ],
    call,
};

/// Functions of Salt that would have to look at the machine or its neighbours.
const REFUSED: [&str; 10] = [
    "connect",
    "dig",
    "hw_addr",
    "interface",
    "interface_ip",
    "interfaces",
    "ip_addrs",
    "ip_addrs6",
    "ping",
    "subnets",
];

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    let address = || {
        let text = arguments.required_text(0, "ip_addr")?;
        text.parse::<IpAddr>().map_err(|_| {
            bad(format!(
                "'{text}' does not appear to be an IPv4 or IPv6 address"
            ))
        })
    };
    Some(match fun {
        "get_hostname" => Ok(of.tools.host_name()),
        "get_fqdn" => Ok(of.tools.host_name()),
        "is_private" => address().map(|address| Value::Bool(is_private(address))),
        "is_loopback" => address().map(|address| Value::Bool(address.is_loopback())),
        "reverse_ip" => address().map(|address| Value::Str(reversed(address))),
        "ip_in_subnet" => address().and_then(|address| {
            let (network, bits) = network(&arguments.required_text(1, "cidr")?)?;
            Ok(Value::Bool(masked(address, bits) == Some(network)))
        }),
        "convert_cidr" => arguments
            .required_text(0, "cidr")
            .and_then(|cidr| convert(&cidr)),
        "calc_net" => calc_net(arguments),
        _ if REFUSED.contains(&fun) => Some(Err(failed(format!(
            "network.{fun} asks the machine or its neighbours, which templates on the master may \
             not; take it from the minion's grains or the mine"
        ))))?,
        _ => return None,
    })
}

/// Puts the bits behind the first `bits` to zero; `None` if there are not as many.
fn masked(address: IpAddr, bits: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            Some(IpAddr::V4((u32::from(v4) & mask).into()))
        }
        IpAddr::V6(v6) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            Some(IpAddr::V6((u128::from(v6) & mask).into()))
        }
        _ => None,
    }
}

/// Reads `address/bits` or `address/mask` to the network's address and its bits.
fn network(cidr: &str) -> Result<(IpAddr, u8), FunctionError> {
    let wrong = || {
        bad(format!(
            "'{cidr}' does not appear to be an IPv4 or IPv6 network"
        ))
    };
    let (address, mask) = cidr.split_once('/').unwrap_or((cidr, ""));
    let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
    let bits = match mask {
        "" if address.is_ipv4() => 32,
        "" => 128,
        mask => match (mask.parse::<u8>(), mask.parse::<Ipv4Addr>()) {
            (Ok(bits), _) => bits,
            (_, Ok(mask)) => {
                let mask = u32::from(mask);
                if mask.leading_ones() + mask.trailing_zeros() < 32 {
                    return Err(wrong());
                }
                mask.leading_ones() as u8
            }
            _ => return Err(wrong()),
        },
    };
    let network = masked(address, bits).ok_or_else(wrong)?;
    Ok((network, bits))
}

fn convert(cidr: &str) -> Answer {
    let (network, bits) = network(cidr)?;
    let mut converted = Map::from([
        ("network", Value::Str(network.to_string())),
        ("netmask", Value::Str(mask_text(network, bits))),
    ]);
    if let IpAddr::V4(v4) = network {
        let broadcast = u32::from(v4) | u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
        converted.insert("broadcast", Ipv4Addr::from(broadcast).to_string());
    }
    Ok(converted.into())
}

fn mask_text(network: IpAddr, bits: u8) -> String {
    let all = match network {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::BROADCAST),
        IpAddr::V6(_) => IpAddr::V6(u128::MAX.into()),
    };
    masked(all, bits).unwrap_or(all).to_string()
}

fn calc_net(arguments: &Arguments) -> Answer {
    let address = arguments.required_text(0, "ip_addr")?;
    let cidr = match arguments.given(1, "netmask") {
        Some(mask) => format!("{address}/{}", mask.to_text()),
        None => address,
    };
    let (network, bits) = network(&cidr)?;
    Ok(Value::Str(format!("{network}/{bits}")))
}

fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let parts = v4.octets().into_iter().rev().map(|part| part.to_string());
            format!("{}.in-addr.arpa", parts.collect::<Vec<_>>().join("."))
        }
        IpAddr::V6(v6) => {
            let digits = format!("{:032x}", u128::from(v6));
            let digits = digits.chars().rev().map(String::from);
            format!("{}.ip6.arpa", digits.collect::<Vec<_>>().join("."))
        }
    }
}

/// The networks that Python 3.10 takes for private.
const PRIVATE: [&str; 23] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/29",
    "192.0.0.170/31",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::1/128",
    "::/128",
    "::ffff:0:0/96",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2001:10::/28",
    "fc00::/7",
    "fe80::/10",
];

fn is_private(address: IpAddr) -> bool {
    PRIVATE.iter().any(|cidr| {
        network(cidr).is_ok_and(|(network, bits)| {
            network.is_ipv4() == address.is_ipv4() && masked(address, bits) == Some(network)
        })
    })
}
