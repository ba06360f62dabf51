//! nginx: a cache that checks nobody, and the door through which those get at the registry who cannot log in there.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result};

use super::aws::{Aws, REPOSITORY};
use super::process::{Process, free_address};
use super::server::Server;
use super::tls::Certificate;

/// Starts a cache in front of this address, with all that makes it fast.
pub(crate) fn cache(folder: &Path, origin: SocketAddr, certificate: &Certificate) -> Result<Server> {
    let (address, tls) = (free_address()?, free_address()?);
    let cache = folder.join("nginx-cache");
    let text = format!(
        "proxy_cache_path {cache} levels=2 keys_zone=all:16m max_size=20g inactive=1d use_temp_path=off;
        open_file_cache max=10000 inactive=1h;
        open_file_cache_valid 1h;
        upstream origin {{ server {origin}; keepalive 16; }}
        server {{
            listen {address} backlog=4096;
            listen {tls} ssl backlog=4096;
            ssl_certificate {certificate};
            ssl_certificate_key {key};
            ssl_protocols TLSv1.3;
            location / {{
                proxy_pass http://origin;
                proxy_http_version 1.1;
                proxy_set_header Connection \"\";
                proxy_cache all;
                proxy_cache_key $uri;
                proxy_cache_valid 200 1d;
                proxy_cache_lock on;
                proxy_cache_lock_timeout 1h;
                proxy_cache_lock_age 1h;
            }}
        }}",
        cache = cache.display(),
        certificate = certificate.certificate.display(),
        key = certificate.key.display(),
    );
    Ok(Server {
        name: "nginx",
        process: start(folder, "nginx", &text, address)?,
        address,
        tls: Some(tls),
        base: format!("/v2/{REPOSITORY}"),
        login: None,
    })
}

/// Starts what adds the login of the registry and follows its redirects, so that everybody gets 200 and bytes.
pub(crate) fn door(folder: &Path, aws: &Aws) -> Result<(Process, SocketAddr)> {
    let (address, registry) = (free_address()?, aws.registry);
    let text = format!(
        "proxy_http_version 1.1;
        proxy_set_header Connection \"\";
        proxy_max_temp_file_size 0;
        upstream registry {{ server {registry}; keepalive 16; }}
        server {{
            listen {address} backlog=4096;
            location / {{
                proxy_pass http://registry;
                proxy_set_header Connection \"\";
                proxy_set_header Host {registry};
                proxy_set_header Authorization \"Basic {login}\";
                proxy_intercept_errors on;
                error_page 307 = @layer;
            }}
            location @layer {{
                set $layer $upstream_http_location;
                proxy_pass $layer;
                proxy_set_header Connection \"\";
                proxy_set_header Authorization \"\";
            }}
        }}",
        login = aws.login
    );
    Ok((start(folder, "door", &text, address)?, address))
}

/// Starts an nginx of its own below the folder.
fn start(folder: &Path, name: &str, http: &str, address: SocketAddr) -> Result<Process> {
    let own: PathBuf = folder.join(format!("{name}-files"));
    fs::create_dir_all(&own)?;
    // As root it would serve as a user that may not enter the folder.
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let own_path = own.display();
    // `auto` counts processors that it may not use.
    let workers = available_parallelism().context("how many workers there are to be")?;
    let text = format!(
        "{user}
        daemon off;
        worker_processes {workers};
        worker_rlimit_nofile 16384;
        pid {own_path}/pid;
        error_log stderr warn;
        events {{ worker_connections 8192; }}
        http {{
            access_log off;
            sendfile on;
            tcp_nopush on;
            tcp_nodelay on;
            keepalive_requests 1000000000;
            keepalive_timeout 1h;
            client_body_temp_path {own_path}/body;
            proxy_temp_path {own_path}/proxy;
            fastcgi_temp_path {own_path}/fastcgi;
            uwsgi_temp_path {own_path}/uwsgi;
            scgi_temp_path {own_path}/scgi;
            {http}
        }}\n"
    );
    let file = own.join("nginx.conf");
    fs::write(&file, text)?;
    let mut command = Command::new("nginx");
    // Its modules are none of Debian's: nothing of /etc/nginx is read.
    command.arg("-p").arg(&own).arg("-c").arg(&file).arg("-e").arg("stderr");
    let mut process = Process::start(&mut with_system_folders(command), folder, name)?;
    process.listens(address)?;
    Ok(process)
}

/// Lets the command be found where the search path of an ordinary user does not look.
fn with_system_folders(mut command: Command) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}
