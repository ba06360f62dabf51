use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use indicatif::{HumanBytes, ProgressBar};
use sim::Call;
use tempfile::TempDir;

use super::{Image, Stage, Step, screen::Screen};
use crate::pull::{Event, Progress, Pulled};

/// Tells the story of a keyless pull in seven steps; the last is the reader's. The stage is handed out as soon as it is
/// set, so that it can be cleared away wherever the story ends.
pub(crate) async fn tell(screen: &Screen, place: &mut Option<Stage>, litter: &mut Vec<Arc<TempDir>>) -> Result<()> {
    screen.line("Wharfinger: a keyless pull, rehearsed against a simulated AWS");
    let stage = place.insert(Stage::set().await?);
    litter.push(stage.litter());
    let image = aws_comes_up(screen, stage).await.context("step 1, the simulated AWS")?;
    issuer_comes_up(screen, stage).await.context("step 2, the issuer")?;
    aws_is_linked(screen, stage)
        .await
        .context("step 3, provider and role")?;
    first_pull(screen, stage, &image)
        .await
        .context("step 4, the first pull")?;
    second_pull(screen, stage, &image)
        .await
        .context("step 5, the second pull")?;
    trust_breaks(screen, stage, &image)
        .await
        .context("step 6, the broken trust")?;
    screen.clear();
    Ok(())
}

async fn aws_comes_up(screen: &Screen, stage: &mut Stage) -> Result<Image> {
    screen.heading("1. A simulated AWS comes up");
    screen.busy("starting");
    let address = stage.start_aws().await?.addr();
    let (region, registry) = (Stage::REGION, Stage::registry());
    screen.done(&format!(
        "all of AWS's hosts are at {address}, under TLS with certificates of a private CA:"
    ));
    screen.detail(&format!("sts.{region}.amazonaws.com\niam.amazonaws.com\napi.ecr.{region}.amazonaws.com\n{registry}\nprod-{region}-starport-layer-bucket.s3.{region}.amazonaws.com"));
    screen.done(&format!(
        "the account {} owns the images, the account {} will own the role",
        Stage::REGISTRY_ACCOUNT,
        Stage::ROLE_ACCOUNT
    ));
    screen.busy("making an image");
    let image = tokio::task::spawn_blocking(|| Image::generate(&LAYERS, SEED)).await??;
    let bar = screen.bytes("pushing", image.size());
    stage.push("1", &image, |bytes| bar.inc(bytes)).await?;
    screen.done(&format!(
        "{}:1 is pushed: {} layers, {}, {}",
        Stage::REPOSITORY,
        image.layers.len(),
        HumanBytes(image.size()),
        image.digest()
    ));
    Ok(image)
}

async fn issuer_comes_up(screen: &Screen, stage: &mut Stage) -> Result<()> {
    screen.heading("2. Wharfinger comes up: registry and OpenID Connect issuer");
    screen.busy("making a signing key");
    stage.start_proxy().await?;
    screen.done(&format!("the registry is at https://{}", stage.address()));
    let url = format!("{}/.well-known/openid-configuration", Stage::ISSUER);
    let document: serde_json::Value = serde_json::from_slice(
        &stage
            .client()?
            .get(&url)
            .send()
            .await?
            .error_for_status()?
            .bytes()
            .await?,
    )?;
    ensure!(
        document["issuer"] == Stage::ISSUER,
        "{url} names the issuer {}",
        document["issuer"]
    );
    screen.done(&format!(
        "the issuer is {}, as its discovery document says:",
        Stage::ISSUER
    ));
    screen.detail(&document.to_string());
    Ok(())
}

async fn aws_is_linked(screen: &Screen, stage: &Stage) -> Result<()> {
    screen.heading("3. AWS learns to trust it, by documents that Wharfinger generated");
    screen.busy("calling IAM");
    let linked = stage.link().await?;
    screen.done(&format!("identity provider {}", linked.provider.as_str()));
    screen.done(&format!("role {} with the trust policy", linked.role));
    screen.document(&linked.trust);
    screen.done("and the permissions policy");
    screen.document(&linked.permissions);
    screen.done(&format!(
        "the repository {} of the account {} lets the role in",
        Stage::REPOSITORY,
        Stage::REGISTRY_ACCOUNT
    ));
    screen.document(&linked.repository);
    Ok(())
}

async fn first_pull(screen: &Screen, stage: &Stage, image: &Image) -> Result<()> {
    screen.heading("4. The first pull");
    stage.register()?;
    screen.done(&format!(
        "the upstream {}/prod is registered: that registry, by that role",
        Stage::TEAM
    ));
    let before = stage.aws()?.trail_len();
    let pulled = pull(screen, stage, image, "first").await?;
    screen.clear();
    for step in stage.journal().take() {
        show(screen, &step);
    }
    screen.done("what AWS saw:");
    let calls = stage.aws()?.trail();
    for line in described(calls.iter().filter(|call| call.number > before)) {
        screen.detail(&line);
    }
    arrived(screen, &pulled, image)?;
    Ok(())
}

async fn second_pull(screen: &Screen, stage: &Stage, image: &Image) -> Result<()> {
    screen.heading("5. The second pull comes from the cache");
    let before = stage.aws()?.trail_len();
    let pulled = pull(screen, stage, image, "second").await?;
    screen.clear();
    arrived(screen, &pulled, image)?;
    let requests = stage.aws()?.trail_len() - before;
    ensure!(requests == 0, "AWS got {requests} requests");
    screen.done(&format!("AWS got {requests} requests"));
    Ok(())
}

async fn trust_breaks(screen: &Screen, stage: &Stage, image: &Image) -> Result<()> {
    screen.heading("6. Somebody breaks the trust policy");
    screen.busy("calling IAM");
    stage.trust("somebody-else").await?;
    screen.done("the trust policy wants the subject somebody-else from now on");
    stage.wait(PAUSE);
    screen.done(
        "two hours pass (the clocks of AWS and of Wharfinger were moved): the login and the tag have to be renewed",
    );
    let refused = stage.pull("1", "third", Arc::new(crate::pull::Silent)).await?;
    let error = refused
        .err()
        .context("the pull succeeded, although the trust is broken")?;
    screen.clear();
    screen.refused("the pull fails, and the client is told why:");
    let explanation = error.detail().context("the error has no explanation")?;
    let likeliest = &explanation["causes"][0];
    for (name, part) in [
        ("tried", &explanation["tried"]),
        ("said", &explanation["said"]),
        ("cause", &likeliest["why"]),
        ("fix", &likeliest["fix"]),
    ] {
        screen.named(name, part.as_str().unwrap_or_default());
    }
    screen.busy("calling IAM");
    stage.trust(Stage::TEAM).await?;
    let pulled = pull(screen, stage, image, "fourth").await?;
    screen.clear();
    screen.done("the fix is applied");
    arrived(screen, &pulled, image)?;
    stage.journal().take();
    Ok(())
}

async fn pull(screen: &Screen, stage: &Stage, image: &Image, layout: &str) -> Result<Pulled> {
    screen.bytes("pulling", image.size());
    Ok(stage.pull("1", layout, Arc::new(Counter(screen.bar()))).await??)
}

fn arrived(screen: &Screen, pulled: &Pulled, image: &Image) -> Result<()> {
    ensure!(
        pulled.digest == image.digest(),
        "{} was pulled; expected {}",
        pulled.digest,
        image.digest()
    );
    screen.done(&format!(
        "pulled {} with {} layers, every digest verified",
        pulled.digest,
        pulled.layers.len()
    ));
    Ok(())
}

fn show(screen: &Screen, step: &Step) {
    match step {
        Step::Minted(claims) => {
            screen.done("Wharfinger minted a token:");
            screen.detail(&serde_json::to_string_pretty(claims).unwrap_or_default());
        }
        Step::Assumed { session, expires_at } => {
            screen.done("STS verified it against the issuer's keys and the trust policy, and gave a role session:");
            screen.detail(&format!("{session}, until {expires_at:.0}"));
        }
        Step::LoggedIn { region, expires_at } => {
            screen.done(&format!(
                "ECR gave that session a login for the registries of {region}, used until {expires_at:.0}"
            ));
        }
    }
}

/// One line for each kind of call, in the order in which the kinds first came.
fn described<'a>(calls: impl Iterator<Item = &'a Call>) -> Vec<String> {
    let mut kinds: Vec<(String, u32)> = Vec::new();
    for call in calls {
        let status = call.status.map_or("?".to_owned(), |status| status.to_string());
        let kind = format!("{status} {} at {}", call.action, call.host);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    kinds
        .into_iter()
        .map(|(kind, count)| format!("{count} × {kind}"))
        .collect()
}

/// Moves the live line as bytes arrive.
struct Counter(ProgressBar);

impl Progress for Counter {
    fn event(&self, event: &Event<'_>) {
        if let Event::Finished(blob) = event {
            self.0.inc(blob.size);
        }
    }
}

/// Sizes of the layers in bytes: 32 MiB.
const LAYERS: [usize; 5] = [2 << 20, 5 << 20, 6 << 20, 8 << 20, 11 << 20];
const SEED: u64 = 20_151_221;
/// Longer than a role session and than the upstream's tags last.
const PAUSE: Duration = Duration::from_hours(2);
