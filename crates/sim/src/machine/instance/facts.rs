use std::net::Ipv4Addr;

use iam::AccountId;
use jiff::Timestamp;

use crate::{clock::iso, host::Region, machine::Frame};

/// What an instance knows of itself. What AWS would draw by chance comes from the machine's name, so that it is the same
/// after a restart.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) instance_id: String,
    pub(super) instance_type: String,
    pub(super) image_id: String,
    pub(super) private_ip: Ipv4Addr,
    pub(super) launched: Timestamp,
}

impl Facts {
    pub(super) fn of(frame: &Frame, instance_type: &str, launched: Timestamp) -> Self {
        let [third, fourth, ..] = frame.fingerprint("address");
        Self {
            account: frame.account,
            region: frame.region.clone(),
            instance_id: format!("i-{}", frame.hex("instance", 17)),
            instance_type: instance_type.to_owned(),
            image_id: format!("ami-{}", frame.hex("image", 17)),
            private_ip: Ipv4Addr::new(172, 31, third, fourth),
            launched,
        }
    }

    /// The instance is in the first zone of its region.
    pub(super) fn zone(&self) -> String {
        format!("{}a", self.region)
    }

    /// The private DNS name ("Amazon EC2 instance hostnames and domains").
    pub(super) fn hostname(&self) -> String {
        let domain = match self.region.as_str() {
            "us-east-1" => "ec2.internal".to_owned(),
            region => format!("{region}.compute.internal"),
        };
        let address = self.private_ip.to_string().replace('.', "-");
        format!("ip-{address}.{domain}")
    }

    /// `dynamic/instance-identity/document`. It is not signed here.
    pub(super) fn identity_document(&self) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let null = || "null".to_owned();
        let members = [
            ("accountId", text(self.account.as_str())),
            ("architecture", text("x86_64")),
            ("availabilityZone", text(&self.zone())),
            ("billingProducts", null()),
            ("devpayProductCodes", null()),
            ("marketplaceProductCodes", null()),
            ("imageId", text(&self.image_id)),
            ("instanceId", text(&self.instance_id)),
            ("instanceType", text(&self.instance_type)),
            ("kernelId", null()),
            ("pendingTime", text(&iso(self.launched))),
            ("privateIp", text(&self.private_ip.to_string())),
            ("ramdiskId", null()),
            ("region", text(self.region.as_str())),
            ("version", text("2017-09-30")),
        ];
        let lines = members.map(|(name, value)| format!("  \"{name}\" : {value}"));
        format!("{{\n{}\n}}", lines.join(",\n"))
    }
}
