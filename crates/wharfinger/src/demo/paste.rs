use secrecy::ExposeSecret;

use super::{Stage, screen::Screen};

/// Prints commands that can be pasted into another terminal while the demo stays up.
pub(crate) fn print(screen: &Screen, stage: &Stage) {
    screen.heading("7. Your turn: it stays up until Ctrl-C");
    for command in commands(stage) {
        screen.line("");
        screen.line(&format!("  {command}"));
    }
    screen.line("");
}

fn commands(stage: &Stage) -> [String; 4] {
    let (address, token) = (stage.address(), stage.token().secret().expose_secret());
    let (ca, ca_folder) = (stage.edge().ca.display(), stage.edge().ca_folder().display());
    let image = format!("{}/{}:1", Stage::registry(), Stage::REPOSITORY);
    let folder = stage.folder().display();
    // `cargo run` puts the program where no shell looks for it.
    let program = std::env::current_exe().map_or("wharfinger".to_owned(), |path| path.display().to_string());
    [
        format!(
            "skopeo copy --src-cert-dir {ca_folder} --src-creds robot:{token} docker://{address}/{image} oci:{folder}/by-skopeo"
        ),
        format!("podman pull --cert-dir {ca_folder} --creds robot:{token} {address}/{image}"),
        format!(
            "WHARFINGER_TOKEN={token} {program} pull {image} --proxy https://{address} --ca-bundle {ca} --output oci:{folder}/by-wharfinger"
        ),
        format!(
            "curl --cacert {ca} --resolve {host}:{port}:127.0.0.1 https://{host}:{port}/.well-known/openid-configuration",
            host = Stage::issuer().host(),
            port = address.port()
        ),
    ]
}
