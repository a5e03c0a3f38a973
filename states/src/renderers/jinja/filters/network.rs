//! Salt's filters on IP addresses and networks, as Python's `ipaddress` sees them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use super::Filter;
use crate::renderers::jinja::dict::Dict;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::limits;
use crate::renderers::jinja::object_call::{Args, required, text_of};
use crate::renderers::jinja::value::Py;

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "is_ip" => |_, value, args, _| {
            let options = options_of(args, "is_ip")?;
            let options = options.as_deref();
            let value = from_number(value);
            Ok(Py::Bool(
                checked(&value, 4, options).is_some() || checked(&value, 6, options).is_some(),
            ))
        },
        "is_ipv4" => |_, value, args, _| {
            Ok(Py::Bool(
                checked(
                    &from_number(value),
                    4,
                    options_of(args, "is_ipv4")?.as_deref(),
                )
                .is_some(),
            ))
        },
        "is_ipv6" => |_, value, args, _| {
            Ok(Py::Bool(
                checked(
                    &from_number(value),
                    6,
                    options_of(args, "is_ipv6")?.as_deref(),
                )
                .is_some(),
            ))
        },
        "ipv4" => |_, value, args, _| filtered(&value, 4, options_of(args, "ipv4")?.as_deref()),
        "ipv6" => |_, value, args, _| filtered(&value, 6, options_of(args, "ipv6")?.as_deref()),
        "ipaddr" => |_, value, args, _| either(&value, options_of(args, "ipaddr")?.as_deref()),
        "ip_host" => |_, value, args, _| {
            each(&value, args, "ip_host", |net| {
                Ok(Py::from(net.with_prefix()))
            })
        },
        "network_hosts" => |_, value, args, _| each(&value, args, "network_hosts", hosts),
        "network_size" => |_, value, args, _| {
            each(&value, args, "network_size", |net| {
                let bits = net.width() - net.prefix;
                if bits >= 127 {
                    return Err(Fault::limit("an integer would need more than 128 bits"));
                }
                Ok(Py::Int(1i128 << bits))
            })
        },
        "ipwrap" => |_, value, _, _| wrapped(&value),
        "filter_by_networks" => |_, value, args, _| by_networks(&value, args),
        "mac_str_to_bytes" => |_, value, _, _| mac_bytes(text_of(&value)?),
        _ => return None,
    })
}

/// An address and the length of its network's prefix.
#[derive(Debug, Clone, Copy)]
struct Interface {
    address: IpAddr,
    prefix: u32,
}

impl Interface {
    /// Reads `address` or `address/prefix` (a netmask is a prefix too).
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
            Some(text) => {
                let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
                if address.is_ipv6() || mask.leading_ones() + mask.trailing_zeros() < 32 {
                    return None;
                }
                mask.leading_ones()
            }
        };
        (prefix <= width).then_some(Self { address, prefix })
    }

    fn width(self) -> u32 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    fn bits(self) -> u128 {
        bits(self.address)
    }

    fn mask(self) -> u128 {
        let all = if self.width() == 32 {
            u128::from(u32::MAX)
        } else {
            u128::MAX
        };
        match self.width() - self.prefix {
            128 => 0,
            host => (all >> host) << host,
        }
    }

    fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && bits(address) & self.mask() == self.bits() & self.mask()
    }

    fn with_prefix(self) -> String {
        format!("{}/{}", shown(self.address), self.prefix)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// Python writes IPv4-mapped addresses in hex.
fn shown(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            let segments = v6.segments();
            format!("::ffff:{:x}:{:x}", segments[6], segments[7])
        }
        other => other.to_string(),
    }
}

fn options_of(args: Args, name: &str) -> Outcome<Option<String>> {
    let [options] = args.bind(name, ["options"])?;
    Ok(match options {
        Some(options) if !options.is_none() => Some(text_of(&options)?.to_owned()),
        _ => None,
    })
}

/// A number is an address too: a small one of version 4, a larger one of version 6.
fn from_number(value: Py) -> Py {
    match value.as_int() {
        Some(int) => match (u32::try_from(int), u128::try_from(int)) {
            (Ok(bits), _) => Py::from(Ipv4Addr::from(bits).to_string()),
            (_, Ok(bits)) => Py::from(shown(IpAddr::V6(Ipv6Addr::from(bits)))),
            _ => value,
        },
        None => value,
    }
}

/// Gives the address as text if it is of the version and passes the options.
fn checked(value: &Py, version: u8, options: Option<&str>) -> Option<String> {
    let text = value.as_str()?;
    let interface = Interface::parse(text)?;
    if interface.address.is_ipv4() != (version == 4) {
        return None;
    }
    for option in options.unwrap_or_default().split(',') {
        if !has_property(interface.address, option.trim()) {
            return None;
        }
    }
    Some(if text.contains('/') {
        interface.with_prefix()
    } else {
        shown(interface.address)
    })
}

fn has_property(address: IpAddr, option: &str) -> bool {
    match option {
        "global" | "public" => !is_private(address),
        "private" => is_private(address),
        "link-local" | "linklocal" | "ll" | "link_local" => match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(_) => within(address, &["fe80::/10"]),
        },
        "loopback" | "lo" => address.is_loopback(),
        "multicast" => address.is_multicast(),
        "reserved" => within(
            address,
            &[
                "240.0.0.0/4",
                "::/8",
                "100::/8",
                "200::/7",
                "400::/6",
                "800::/5",
                "1000::/4",
                "4000::/3",
                "6000::/3",
                "8000::/3",
                "a000::/3",
                "c000::/3",
                "e000::/4",
                "f000::/5",
                "f800::/6",
                "fe00::/9",
            ],
        ),
        "site-local" | "sl" | "site_local" => within(address, &["fec0::/10"]),
        "unspecified" => address.is_unspecified(),
        // An unknown option is no condition.
        _ => true,
    }
}

fn is_private(address: IpAddr) -> bool {
    let excepted = [
        "192.0.0.9/32",
        "192.0.0.10/32",
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:20::/28",
        "2001:30::/28",
    ];
    within(
        address,
        &[
            "0.0.0.0/8",
            "10.0.0.0/8",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.0.170/31",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "::1/128",
            "::/128",
            "::ffff:0:0/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "fc00::/7",
            "fe80::/10",
        ],
    ) && !within(address, &excepted)
}

fn within(address: IpAddr, networks: &[&str]) -> bool {
    networks
        .iter()
        .filter_map(|network| Interface::parse(network))
        .any(|network| network.contains(address))
}

fn filtered(value: &Py, version: u8, options: Option<&str>) -> Outcome<Py> {
    match value {
        Py::Str(_) | Py::Markup(_) => {
            Ok(checked(value, version, options).map_or(Py::None, Py::from))
        }
        Py::List(_) | Py::Tuple(_) | Py::Iterator(..) => {
            let found = value.items()?;
            limits::spend(found.len() as u64 * 8)?;
            Ok(Py::list(
                found
                    .iter()
                    .filter_map(|item| checked(&from_number(item.clone()), version, options))
                    .map(Py::from)
                    .collect(),
            ))
        }
        _ => Ok(Py::None),
    }
}

fn either(value: &Py, options: Option<&str>) -> Outcome<Py> {
    let value = match value {
        Py::Iterator(..) => &Py::list(value.items()?),
        other => other,
    };
    let (four, six) = (filtered(value, 4, options)?, filtered(value, 6, options)?);
    match (&four, &six) {
        (Py::None, _) => Ok(six),
        (_, Py::None) => Ok(four),
        _ => {
            let mut all = four.items()?;
            all.extend(six.items()?);
            Ok(Py::list(all))
        }
    }
}

/// Applies a function to the addresses among the values; one value gives one answer.
fn each(value: &Py, args: Args, name: &str, of: impl Fn(Interface) -> Outcome<Py>) -> Outcome<Py> {
    let [options, version] = args.bind(name, ["options", "version"])?;
    let options = match &options {
        Some(options) if !options.is_none() => Some(text_of(options)?),
        _ => None,
    };
    let value = match value {
        Py::Iterator(..) => &Py::list(value.items()?),
        other => other,
    };
    let found = match version.as_ref().and_then(Py::as_int) {
        Some(4) => filtered(value, 4, options)?,
        Some(6) => filtered(value, 6, options)?,
        _ => either(value, options)?,
    };
    if !found.is_true()? {
        return Ok(Py::None);
    }
    let parse = |item: &Py| {
        Interface::parse(item.as_str().unwrap_or_default())
            .ok_or_else(|| Fault::python("not an address"))
    };
    match &found {
        Py::List(_) => {
            let answers: Outcome<Vec<Py>> =
                found.items()?.iter().map(|item| of(parse(item)?)).collect();
            Ok(Py::list(answers?))
        }
        one => of(parse(one)?),
    }
}

fn hosts(network: Interface) -> Outcome<Py> {
    let host_bits = network.width() - network.prefix;
    if host_bits > 20 {
        return Err(limits::too_many_items());
    }
    let first = network.bits() & network.mask();
    let last = first + ((1u128 << host_bits) - 1);
    let (from, to) = match (host_bits, network.address) {
        (0 | 1, _) => (first, last),
        (_, IpAddr::V4(_)) => (first + 1, last - 1),
        (_, IpAddr::V6(_)) => (first + 1, last),
    };
    limits::copied_items((to - from + 1) as usize)?;
    let address = |bits: u128| match network.address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(bits as u32)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(bits)),
    };
    Ok(Py::list(
        (from..=to)
            .map(|bits| Py::from(shown(address(bits))))
            .collect(),
    ))
}

fn wrapped(value: &Py) -> Outcome<Py> {
    let one = |item: &Py| match checked(item, 6, None) {
        Some(_) => {
            let text = item.as_str().unwrap_or_default();
            Py::from(format!("[{}]", text.trim_matches(['[', ']'])))
        }
        None => item.clone(),
    };
    match value {
        Py::List(_) | Py::Tuple(_) => Ok(Py::list(value.items()?.iter().map(one).collect())),
        other => Ok(one(other.defined()?)),
    }
}

fn by_networks(value: &Py, args: Args) -> Outcome<Py> {
    let [networks] = args.bind("filter_by_networks", ["networks"])?;
    let networks = required(networks, "filter_by_networks", "networks")?;
    if networks.is_none() {
        return Ok(value.clone());
    }
    let mut parsed = Vec::new();
    for network in networks.items()? {
        let text = text_of(&network)?;
        let network = Interface::parse(text).ok_or_else(|| {
            Fault::python(format!(
                "'{text}' does not appear to be an IPv4 or IPv6 network"
            ))
        })?;
        if network.bits() & !network.mask() != 0 {
            return Err(Fault::python(format!("{text} has host bits set")));
        }
        parsed.push(network);
    }
    let kept = |items: &Py| -> Outcome<Py> {
        let mut kept = Vec::new();
        for item in items.items()? {
            let text = text_of(&item)?;
            let address: IpAddr = text.parse().map_err(|_| {
                Fault::python(format!(
                    "'{text}' does not appear to be an IPv4 or IPv6 address"
                ))
            })?;
            for network in &parsed {
                if network.contains(address) {
                    kept.push(item.clone());
                }
            }
        }
        Ok(Py::list(kept))
    };
    match value {
        Py::Dict(dict) => {
            let mut made = Dict::default();
            for (name, items) in dict.borrow().iter() {
                made.insert(name.clone(), kept(items)?)?;
            }
            Ok(Py::dict(made))
        }
        Py::List(_) | Py::Tuple(_) | Py::Str(_) => kept(value),
        other => Err(Fault::python(format!(
            "Do not know how to filter a <class '{}'>",
            other.type_name()
        ))),
    }
}

fn mac_bytes(text: &str) -> Outcome<Py> {
    let invalid = || Fault::python("Invalid MAC address");
    let digits = match text.chars().count() {
        12 => text.to_owned(),
        17 => {
            let separator = text.chars().nth(2).ok_or_else(invalid)?;
            text.replace(separator, "")
        }
        _ => return Err(invalid()),
    };
    let bytes: Option<Vec<u8>> = (0..12)
        .step_by(2)
        .map(|at| {
            digits
                .get(at..at + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect();
    bytes
        .map(|bytes| Py::Bytes(Rc::from(bytes)))
        .ok_or_else(invalid)
}
