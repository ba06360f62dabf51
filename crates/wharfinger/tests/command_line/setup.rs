//! `serve` with a configuration that names what cannot be used: files, directories, addresses.

use std::{fs, net::TcpListener};

use crate::{
    house::{House, seal_key},
    program::{contents, run},
    served::Served,
};

#[test]
fn a_certificate_that_is_not_there_is_named() {
    let (house, edge) = House::with_certificate();
    fs::remove_file(&edge.certificate).unwrap();
    let path = edge.certificate.display().to_string();
    house.assert_refused(&["listen.certificate: ", &path, "cannot be read", "No such file"]);
}

#[test]
fn a_certificate_that_holds_something_else_is_named() {
    let (house, edge) = House::with_certificate();
    for wrong in [
        fs::read_to_string(&edge.key).unwrap(),
        String::new(),
        "hello".to_owned(),
    ] {
        fs::write(&edge.certificate, wrong).unwrap();
        house.assert_refused(&[
            "listen.certificate: ",
            "proxy.crt",
            "expected one or more PEM blocks of type CERTIFICATE",
        ]);
    }
}

#[test]
fn a_key_that_cannot_be_used_is_named_and_not_repeated() {
    let (house, edge) = House::with_certificate();
    fs::remove_file(&edge.key).unwrap();
    house.assert_refused(&["proxy.key", "cannot be read", "No such file"]);
    fs::copy(&edge.certificate, &edge.key).unwrap();
    house.assert_refused(&["proxy.key", "expected a PEM block of type PRIVATE KEY"]);
    fs::write(
        &edge.key,
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    house.assert_refused(&["proxy.key"]).assert_silent_about("c2VjcmV0");
}

#[test]
fn a_seal_key_that_is_not_there_is_named() {
    let mut house = House::new();
    fs::remove_file(house.path("seal.key")).unwrap();
    house.assert_refused(&[
        "issuer.seal_key_file",
        "seal.key",
        "No such file",
        "expected 32 bytes in base64",
    ]);
    house.unset("issuer.seal_key_file");
    house.set("issuer.seal_key_env", "A_SEAL_KEY");
    house.assert_refused(&[
        "issuer.seal_key_env `A_SEAL_KEY`",
        "not found",
        "expected 32 bytes in base64",
    ]);
}

#[test]
fn a_seal_key_that_is_none_is_named_and_not_repeated() {
    let house = House::new();
    let key = seal_key();
    for wrong in ["hunter2", &key[..40], &key[1..], &format!("{}{key}", key.trim())] {
        house.write("seal.key", wrong);
        let outcome = house.assert_refused(&["issuer.seal_key_file", "seal.key", "32 bytes in base64", "openssl"]);
        outcome.assert_silent_about(wrong.trim());
    }
}

#[test]
fn a_ca_bundle_that_cannot_be_used_is_named() {
    let mut house = House::new();
    house.set("connect.ca_bundle", "bundle.pem");
    house.assert_refused(&["connect.ca_bundle: ", "bundle.pem", "cannot be read", "No such file"]);
    for (text, found) in [
        ("", "no certificate"),
        ("hello\n", "no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "a damaged certificate",
        ),
    ] {
        house.write("bundle.pem", text);
        let expected = "expected one or more PEM blocks of type CERTIFICATE";
        house.assert_refused(&["connect.ca_bundle: ", "bundle.pem", found, expected]);
    }
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut house = House::new();
    house.set("listen.address", address.as_str());
    house.assert_refused(&[
        "listen.address: ",
        &address,
        "in use",
        "expected",
        "a port that is free",
    ]);
}

#[test]
fn a_busy_port_for_the_administrator_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut house = House::new();
    house.set("admin.listen", address.as_str());
    house.assert_refused(&["admin.listen: ", &address, "in use", "expected", "a port that is free"]);
}

#[test]
fn an_address_of_another_machine_is_named() {
    let mut house = House::new();
    // An address for documentation (RFC 5737): no machine has it.
    house.set("listen.address", "192.0.2.1:0");
    house.assert_refused(&["listen.address: ", "192.0.2.1:0", "expected an address of this machine"]);
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let mut house = House::new();
    house.write("file", "");
    for (directory, reason) in [("file", "File exists"), ("file/below", "Not a directory")] {
        house.set("data_dir", directory);
        let path = format!("data_dir `{}`", house.path(directory).display());
        house.assert_refused(&[&path, reason, "expected a directory that this user may write"]);
    }
}

#[test]
fn a_data_directory_in_which_content_cannot_be_kept_is_named() {
    let house = House::new();
    fs::create_dir(house.path("data")).unwrap();
    house.write("data/content", "");
    house.assert_refused(&[
        "data_dir: ",
        "data/content",
        "expected a directory that this user may create and write",
    ]);
}

#[test]
fn a_data_directory_serves_one_process() {
    let house = House::new();
    let first = Served::start(house.serve());
    house.assert_refused(&[
        "data_dir: ",
        "data/content",
        "in use",
        &format!("process {}", first.id()),
    ]);
    first.signal("TERM");
    assert!(first.end().0.success());
    let next = Served::start(house.serve());
    next.signal("TERM");
    assert!(next.end().0.success(), "the lock ended with its process");
}

#[test]
fn a_signing_key_under_another_seal_key_is_refused_and_kept() {
    let house = House::new();
    let first = Served::start(house.serve());
    first.signal("TERM");
    assert!(first.end().0.success());
    // The lock names the process that has held it last.
    fs::remove_file(house.path("data/content/lock")).unwrap();
    let before = contents(house.folder());

    house.write("seal.key", &seal_key());
    let outcome = run(house.folder(), &["serve", "--config", "wharfinger.toml"]);
    outcome.assert_refused(&["data_dir: ", "data/issuer.key", "does not open with this seal key"]);

    let mut after = contents(house.folder());
    after.remove(&house.path("data/content/lock"));
    after.insert(house.path("seal.key"), before[&house.path("seal.key")].clone());
    assert!(after == before, "the key or the content was changed");
}
