//! `serve` with a configuration that cannot be used: what its text says is wrong.

use toml::Value;

use crate::{
    house::{House, seal_key},
    program::{contents, run},
};

#[test]
fn an_unknown_key_is_named_with_those_that_there_are() {
    let mut house = House::new();
    house.set("data_folder", "data");
    house.assert_refused(&["data_folder", "expected one of", "`data_dir`"]);
    let mut house = House::new();
    house.set("listen.adress", "127.0.0.1:0");
    house.assert_refused(&["listen.adress", "expected one of", "`address`"]);
}

#[test]
fn a_missing_key_is_named() {
    for key in ["public_url", "data_dir", "resources", "listen"] {
        let mut house = House::new();
        house.unset(key);
        house.assert_refused(&["wharfinger.toml", "missing", &format!("`{key}`")]);
    }
}

#[test]
fn a_value_of_another_kind_is_named_by_its_key() {
    for (key, value, expected) in [
        ("resources", Value::from("resources"), "expected a sequence"),
        ("public_url", Value::from(5), "expected a string"),
        ("listen.address", Value::from(8443), "expected a string"),
        ("connect.resolve", Value::from("a=b"), "expected a sequence"),
    ] {
        let mut house = House::new();
        house.set(key, value);
        house.assert_refused(&["line ", key, expected]);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let house = House::new();
    let before = contents(house.folder());
    let outcome = run(house.folder(), &["serve", "--config", "none.toml"]);
    outcome.assert_refused(&["--config `none.toml`", "cannot be read", "No such file"]);
    assert!(contents(house.folder()) == before);
}

#[test]
fn a_folder_in_the_place_of_the_file_is_named() {
    let house = House::new();
    run(house.folder(), &["serve", "--config", "resources"]).assert_refused(&["resources", "directory"]);
}

#[test]
fn broken_toml_is_named_by_its_line() {
    let house = House::new();
    house.assert_text_refused(
        "public_url = \"x\"\n[listen\n",
        &["text.toml: line 2: ", "expected `]`"],
    );
    house.assert_text_refused("public_url\n", &["text.toml: line 1: ", "expected"]);
}

#[test]
fn an_address_that_is_none_is_named_by_its_key() {
    for address in ["8443", "127.0.0.1", "localhost:8443", ":8443", "127.0.0.1:70000", ""] {
        let mut house = House::new();
        house.set("listen.address", address);
        house.assert_refused(&["wharfinger.toml", "listen.address: "]);
    }
}

#[test]
fn an_admin_listener_where_clients_are_served_is_refused() {
    for (address, clients) in [
        ("127.0.0.1:8443", "127.0.0.1:8443"),
        ("0.0.0.0:8443", "127.0.0.1:8443"),
        ("127.0.0.1:8443", "[::]:8443"),
    ] {
        let mut house = House::new();
        house.set("listen.address", clients);
        house.set("admin.listen", address);
        house.assert_refused(&[
            "admin.listen: ",
            &format!("`{address}`"),
            &format!("`{clients}`"),
            "expected another port",
        ]);
    }
    let mut house = House::new();
    house.set("admin.listen", "9464");
    house.assert_refused(&["admin.listen: ", "`9464`", "expected ADDRESS:PORT"]);
}

#[test]
fn an_issuer_that_aws_would_not_take_is_named() {
    for (url, reason) in [
        ("https://images.example.com:8443", "has a port"),
        ("https://images.example.com:443", "has a port"),
        ("http://images.example.com", "does not begin with https://"),
        ("https://images.example.com/", "ends with a slash"),
        ("https://images.example.com/a/", "ends with a slash"),
        ("https://images.example.com/?a", "query"),
        ("images.example.com", "does not begin with https://"),
    ] {
        let mut house = House::new();
        house.set("issuer.url", url);
        house.assert_refused(&[
            "issuer.url: ",
            &format!("`{url}`"),
            reason,
            "expected https://HOST[/PATH]",
        ]);
    }
}

#[test]
fn a_public_url_that_cannot_stand_for_a_missing_issuer_is_named() {
    for (url, reason) in [
        ("http://images.example.com", "does not begin with https://"),
        ("https://images.example.com:8443", "has a port"),
    ] {
        let mut house = House::new();
        house.set("public_url", url);
        house.assert_refused(&[
            "issuer.url: ",
            "missing",
            "public_url",
            &format!("`{url}`"),
            reason,
            "expected",
        ]);
    }
}

#[test]
fn a_public_url_with_more_than_a_host_is_named() {
    for url in [
        "https://images.example.com/path",
        "https://images.example.com/",
        "https://images.example.com?a",
        "https://me@images.example.com",
        "images.example.com",
        "ftp://images.example.com",
    ] {
        let mut house = House::new();
        house.set("public_url", url);
        house.assert_refused(&["public_url: ", &format!("`{url}`"), "expected https://HOST[:PORT]"]);
    }
}

#[test]
fn a_certificate_without_its_key_is_refused_and_the_reverse() {
    for (given, missing) in [
        ("listen.certificate", "listen.key"),
        ("listen.key", "listen.certificate"),
    ] {
        let mut house = House::new();
        house.set(given, "tls.pem");
        house.assert_refused(&[given, missing, "expected both, or none"]);
    }
}

#[test]
fn an_empty_list_of_resources_is_refused() {
    let mut house = House::new();
    house.set("resources", Vec::<String>::new());
    house.assert_refused(&["resources: ", "empty", "expected one or more"]);
}

#[test]
fn a_seal_key_comes_from_one_place() {
    let mut house = House::new();
    house.set("issuer.seal_key_env", "SEAL_KEY");
    house.assert_refused(&["issuer.seal_key_file", "issuer.seal_key_env", "expected one of them"]);
    house.unset("issuer.seal_key_file");
    house.unset("issuer.seal_key_env");
    house.assert_refused(&[
        "issuer.seal_key_file: ",
        "missing",
        "expected",
        "openssl rand -base64 32",
    ]);
}

#[test]
fn a_seal_key_in_the_configuration_is_refused_and_not_repeated() {
    let (mut house, key) = (House::new(), seal_key());
    house.set("issuer.seal_key", key.trim());
    let outcome = house.assert_refused(&["issuer.seal_key", "expected one of", "`seal_key_file`"]);
    outcome.assert_silent_about(key.trim());
    // Without quotes the whole line is broken.
    let text = format!("[issuer]\nseal_key_file = {key}");
    let outcome = house.assert_text_refused(&text, &["line 2: ", "expected"]);
    outcome.assert_silent_about(key.trim());
}

#[test]
fn an_entry_of_the_resolve_map_that_is_none_is_named() {
    for (entry, reason) in [
        ("sts.amazonaws.com", "has no `=`"),
        ("sts.amazonaws.com=localhost:443", "has no IP address"),
        ("sts.amazonaws.com=127.0.0.1", "has no IP address"),
        ("=127.0.0.1:443", "has no host name"),
        ("*=127.0.0.1:443", "has no host name"),
        ("a.test=127.0.0.1:1", "an earlier entry names"),
    ] {
        let mut house = House::new();
        house.set("connect.resolve", vec!["A.test=127.0.0.1:2", entry]);
        house.assert_refused(&[
            "connect.resolve: ",
            &format!("`{entry}`"),
            reason,
            "expected NAME=ADDRESS:PORT",
        ]);
    }
}
