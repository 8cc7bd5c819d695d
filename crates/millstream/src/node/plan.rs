//! What a start will do: which parts run here, which elsewhere, and on which addresses.
//!
//! Decided before anything is started, so that a mistake leaves nothing half-started.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use crate::addresses::Address;
use crate::cli::PartName;
use crate::config::Config;
use crate::failure::Failure;

/// The parts, in the order in which people read them.
pub(crate) const PARTS: [PartName; 7] = [
    PartName::Broker,
    PartName::Store,
    PartName::Generator,
    PartName::Engine,
    PartName::Orchestrator,
    PartName::Webserver,
    PartName::Console,
];

/// What a start will do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Parts that this process runs.
    here: Vec<PartName>,
    /// The user's Kafka, if the project names one.
    pub(crate) kafka: Address,
    /// The user's Cassandra, if the project names one.
    pub(crate) cassandra: Address,
}

impl Plan {
    /// Decides from the settings and the `--only` flag; an empty flag means every part.
    pub(crate) fn decide(config: &Config, only: &[PartName]) -> Result<Self, Failure> {
        let kafka = config.address("addresses.kafka")?;
        let cassandra = config.address("addresses.cassandra")?;
        let generator = config.flag("generator.enabled")?;
        let here = PARTS
            .into_iter()
            .filter(|part| only.is_empty() || only.contains(part))
            .filter(|part| match part {
                PartName::Broker => kafka == Address::Embedded,
                PartName::Store => cassandra == Address::Embedded,
                PartName::Generator => generator || only.contains(part),
                PartName::Engine
                | PartName::Orchestrator
                | PartName::Webserver
                | PartName::Console => true,
            })
            .collect();
        Ok(Self { here, kafka, cassandra })
    }

    /// Whether this process runs the part.
    pub(crate) fn runs(&self, part: PartName) -> bool {
        self.here.contains(&part)
    }

    /// Fails on the first address that is taken. The parts take their ports later, so a port can
    /// still be lost in between; their own error then says the same.
    pub(crate) fn check_ports(&self, config: &Config) -> Result<(), Failure> {
        for part in &self.here {
            let Some(key) = listen_key(*part) else { continue };
            let address = config.listen(key)?;
            if let Err(error) = TcpListener::bind(address) {
                return Err(cannot_listen(config, *part, address, &error.to_string()));
            }
        }
        Ok(())
    }
}

/// The setting that holds a part's address; `None` for one that nobody connects to.
pub(crate) fn listen_key(part: PartName) -> Option<&'static str> {
    Some(match part {
        PartName::Orchestrator => return None,
        PartName::Webserver => "webserver.listen",
        PartName::Broker => "broker.listen",
        PartName::Store => "store.listen",
        PartName::Generator => "generator.listen",
        PartName::Engine => "engine.listen",
        PartName::Console => "console.listen",
    })
}

/// A part's name for people.
pub(crate) fn name(part: PartName) -> &'static str {
    match part {
        PartName::Broker => "broker",
        PartName::Store => "store",
        PartName::Generator => "generator",
        PartName::Engine => "engine",
        PartName::Orchestrator => "orchestrator",
        PartName::Webserver => "webserver",
        PartName::Console => "console",
    }
}

/// The address by which this machine reaches a listener: one on all addresses is reached by loopback.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The failure of a part that cannot have its address.
pub(crate) fn cannot_listen(
    config: &Config,
    part: PartName,
    address: SocketAddr,
    why: &str,
) -> Failure {
    let key = listen_key(part).unwrap_or_default();
    let free = SocketAddr::new(address.ip(), 0);
    Failure::new(format!("the {} cannot listen on {address}: {why}", name(part)))
        .at_place(config.setting(key).ok().and_then(|setting| setting.origin.place()))
        .next(format!(
            "stop the process that has the port (`ss -ltnp 'sport = :{}'` names it),\n\
             or choose another: --set {key}={free} takes a free one",
            address.port()
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::Layers;

    fn plan(flags: &[&str], only: &[PartName]) -> Plan {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let config = Layers { flags, ..Layers::default() }.resolve().unwrap();
        Plan::decide(&config, only).unwrap()
    }

    #[test]
    fn a_part_whose_address_is_a_server_does_not_run_here() {
        let plan = plan(&["addresses.kafka=kafka:9092"], &[]);
        assert!(!plan.runs(PartName::Broker));
        assert!(plan.runs(PartName::Store) && plan.runs(PartName::Engine));
    }

    #[test]
    fn only_limits_the_parts_and_asks_for_the_generator() {
        let plan = plan(&["generator.enabled=false"], &[PartName::Broker, PartName::Generator]);
        assert!(plan.runs(PartName::Broker) && plan.runs(PartName::Generator));
        assert!(!plan.runs(PartName::Store) && !plan.runs(PartName::Console));
    }

    #[test]
    fn a_taken_port_is_told_with_its_setting() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let flags = vec![format!("broker.listen={}", taken.local_addr().unwrap())];
        let config = Layers { flags, ..Layers::default() }.resolve().unwrap();
        let plan = Plan::decide(&config, &[PartName::Broker]).unwrap();
        let text = plan.check_ports(&config).unwrap_err().to_string();
        assert!(text.contains("the broker cannot listen on 127.0.0.1:"), "{text}");
        assert!(text.contains("--set broker.listen=127.0.0.1:0"), "{text}");
    }
}
