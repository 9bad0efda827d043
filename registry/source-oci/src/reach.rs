//! How far inside an address is.

use std::net::{IpAddr, Ipv6Addr};

use tidegate_grant::is_public;

/// How far inside an address is. A redirect may lead as far inside as the registry is itself, and no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// The internet.
    Public,
    /// A network of one's own.
    Private,
    /// This machine.
    Loopback,
    /// Nothing that a registry redirects to: link-local (where clouds keep their machines' credentials), multicast,
    /// reserved.
    Never,
}

impl Reach {
    pub(crate) fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        if is_public(address) {
            return Self::Public;
        }
        match address {
            _ if address.is_loopback() => Self::Loopback,
            IpAddr::V4(v4) if v4.is_private() => Self::Private,
            IpAddr::V6(v6) if is_unique_local(v6) => Self::Private,
            _ => Self::Never,
        }
    }

    /// Whether a registry that is here may redirect to there.
    pub(crate) fn may_lead_to(self, there: Self) -> bool {
        there == Self::Public || (there != Self::Never && there <= self)
    }
}

fn is_unique_local(v6: Ipv6Addr) -> bool {
    v6.segments().first().is_some_and(|first| first & 0xfe00 == 0xfc00)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::Reach;

    #[test]
    fn nothing_leads_further_inside() {
        let reach = |text: &str| Reach::of(text.parse().unwrap());
        let (public, private, loopback) = (reach("9.9.9.9"), reach("10.0.0.1"), reach("127.0.0.1"));
        let (cloud, mapped) = (reach("169.254.169.254"), reach("::ffff:127.0.0.1"));
        assert_eq!((public, private, loopback), (Reach::Public, Reach::Private, Reach::Loopback));
        assert_eq!((cloud, mapped), (Reach::Never, Reach::Loopback));
        assert_eq!(
            (reach("fd00::1"), reach("fe80::1"), reach("0.0.0.0")),
            (Reach::Private, Reach::Never, Reach::Never)
        );
        for from in [public, private, loopback] {
            assert!(from.may_lead_to(public));
            assert!(!from.may_lead_to(cloud));
        }
        assert!(!public.may_lead_to(private) && !public.may_lead_to(loopback) && !private.may_lead_to(loopback));
        assert!(private.may_lead_to(private) && loopback.may_lead_to(private) && loopback.may_lead_to(loopback));
    }
}
