//! Whether an answer is one that may be given.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::catalog::{Catalog, UPSTREAMS};
use super::client::{Answer, End};
use super::question::{May, Question};

/// What became of a question, where nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// All that was asked for, right byte for byte.
    Right,
    Redirected,
    /// It was not for them, and they were told so.
    Refused,
    /// An error that faults excuse, with this status.
    Failed(u16),
    /// The connection ended before there was an answer.
    Unanswered,
    /// The answer broke off.
    Broken,
    Left,
    Down,
    /// Wrong bytes of a file that was damaged while it was read, or from AWS itself.
    Damaged,
}

/// Damage that was done to files, so that what was being read from them is not held against the server.
#[derive(Debug, Default)]
pub(super) struct Damages(Mutex<HashMap<String, Vec<Damage>>>);

#[derive(Clone, Copy, Debug)]
struct Damage {
    at: u64,
    /// When the last byte was written.
    done: Instant,
}

impl Damages {
    /// Around the write: what comes after it is told before, for an answer may be quicker.
    pub(super) fn add(&self, digest: &str, at: u64, done: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(digest.to_owned()).or_default().push(Damage { at, done });
    }

    /// Whether one byte differs, by a damage that was done after the answer had begun.
    fn excuse(&self, digest: &str, first: u64, wanted: &[u8], answer: &Answer) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let differing = wanted.iter().zip(&answer.body).enumerate().filter(|(_, (a, b))| a != b);
        let mut differing = differing.map(|(offset, _)| first + offset as u64);
        let damages = all.get(digest).map_or(&[][..], |damages| damages);
        differing.all(|offset| {
            let mut damages = damages.iter();
            damages.any(|damage| damage.at == offset && damage.done + TICK >= answer.began)
        })
    }
}

/// The grain of a file's times: two changes within it are one.
const TICK: Duration = Duration::from_millis(20);

/// Judges an answer: what is wrong with it, or what became of the question.
pub(super) fn judge(
    catalog: &Catalog,
    damages: &Damages,
    question: &Question,
    answer: &Answer,
) -> Result<Outcome, String> {
    match (&answer.end, answer.status) {
        // A redirect was followed, and it is AWS that says nothing.
        (End::Stuck, 307) => return Ok(Outcome::Broken),
        (End::Stuck, _) => return Err("nothing came for too long".to_owned()),
        (End::Down, _) => return Ok(Outcome::Down),
        (End::Left, _) => return Ok(Outcome::Left),
        (End::Broken(why), _) if why.contains("no length") => return Err(why.clone()),
        (End::Broken(_), 0) => return Ok(Outcome::Unanswered),
        (End::Broken(_), _) => return Ok(Outcome::Broken),
        (End::Complete, _) => {}
    }
    match answer.status {
        // What AWS itself says to a client that was sent there, and which bytes it gets, is no matter of the server.
        400.. if answer.is_from_aws => Ok(Outcome::Failed(answer.status)),
        200 | 206 if answer.is_from_aws => match success(catalog, damages, question, answer) {
            Err(_) if matches!(question.may, May::Have { .. }) => Ok(Outcome::Damaged),
            outcome => outcome,
        },
        200 | 206 => success(catalog, damages, question, answer),
        307 => redirect(catalog, question, answer),
        401 if question.may == May::LogIn => envelope(question, answer).map(|()| Outcome::Refused),
        _ if question.may == May::LogIn => Err("whoever has not logged in is to be told so".to_owned()),
        404 if question.may == May::Nothing => envelope(question, answer).map(|()| Outcome::Refused),
        403 | 429 | 502..=504 => envelope(question, answer).map(|()| Outcome::Failed(answer.status)),
        status => Err(format!("{status} is no answer to this")),
    }
}

fn success(catalog: &Catalog, damages: &Damages, question: &Question, answer: &Answer) -> Result<Outcome, String> {
    let digest = match &question.may {
        May::Nothing | May::LogIn => return Err("it was handed out".to_owned()),
        May::List => return list(question, answer),
        May::Have { digest, .. } => digest.clone(),
        May::HaveTag { place, tag } => {
            let repository = &catalog.repositories[catalog.places[*place].repository];
            let mut ever = repository.manifests.iter().map(|manifest| &manifest.digest);
            let tag = &repository.tags[*tag];
            let sent = |digest: &&String| match (&answer.digest, question.request.head) {
                (Some(told), _) => told == *digest,
                (None, true) => true,
                (None, false) => *catalog.bytes[*digest] == answer.body[..],
            };
            let Some(digest) = ever.find(|digest| tag.ever_stood_for(digest) && sent(digest)) else {
                return Err(format!("the tag {} never stood for this", tag.name));
            };
            digest.clone()
        }
    };
    let wanted = &catalog.bytes[&digest];
    if question.request.head {
        let told = answer.digest.is_some() || matches!(question.may, May::Have { .. });
        return match answer.length {
            Some(length) if told && length != wanted.len() as u64 => Err(format!("its size is told as {length}")),
            _ => Ok(Outcome::Right),
        };
    }
    let whole = 0..wanted.len();
    let part = question.request.range.map_or(whole.clone(), |(first, last)| {
        // Sizes of layers that were made here.
        let [first, end] = [first, last + 1].map(|offset| usize::try_from(offset).unwrap_or(usize::MAX));
        first..end.min(wanted.len())
    });
    // Whoever asks for a part may be sent everything.
    let part = if answer.status == 200 { whole } else { part };
    let wanted = &wanted[part.clone()];
    if answer.body == wanted {
        return Ok(Outcome::Right);
    }
    if answer.body.len() != wanted.len() {
        return Err(format!("{} bytes came in place of {}", answer.body.len(), wanted.len()));
    }
    if damages.excuse(&digest, part.start as u64, wanted, answer) {
        return Ok(Outcome::Damaged);
    }
    let differs = wanted
        .iter()
        .zip(&answer.body)
        .position(|(a, b)| a != b)
        .unwrap_or_default();
    Err(format!("the bytes are wrong from offset {} on", part.start + differs))
}

fn list(question: &Question, answer: &Answer) -> Result<Outcome, String> {
    if question.request.head {
        return Ok(Outcome::Right);
    }
    let list: Value = serde_json::from_slice(&answer.body).map_err(|error| format!("a list is no JSON: {error}"))?;
    let tags = list["tags"].as_array().ok_or("a list has no tags")?;
    match tags
        .iter()
        .all(|tag| tag.as_str().is_some_and(|tag| tag.starts_with('v')))
    {
        true => Ok(Outcome::Right),
        false => Err("a list has tags that are not there".to_owned()),
    }
}

fn redirect(catalog: &Catalog, question: &Question, answer: &Answer) -> Result<Outcome, String> {
    let May::Have { place, .. } = &question.may else {
        return Err("AWS is to hand out what is not theirs, or no layer".to_owned());
    };
    let upstream = UPSTREAMS[catalog.places[*place].upstream];
    let location = answer.location.as_deref().unwrap_or_default();
    match upstream.delivery {
        "stream" => Err("this upstream never redirects".to_owned()),
        _ if location.starts_with("https://prod-") => Ok(Outcome::Redirected),
        _ => Err("the redirect leads elsewhere".to_owned()),
    }
}

/// Every refusal explains itself in the form of the specification; to HEAD there is no body.
fn envelope(question: &Question, answer: &Answer) -> Result<(), String> {
    if question.request.head {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body);
    let kind = answer.kind.as_deref().unwrap_or_default();
    let value: Value = serde_json::from_str(&body).unwrap_or_default();
    let error = &value["errors"][0];
    let whole = error["code"].as_str().is_some_and(|code| !code.is_empty())
        && error["message"].as_str().is_some_and(|message| !message.is_empty());
    match whole && kind.starts_with("application/json") {
        true => Ok(()),
        false => Err(format!("this refusal is no error of the specification ({kind})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::soak::client::{Manner, Request};

    fn question(may: May) -> Question {
        Question {
            request: Request {
                head: false,
                path: "/v2/prod/team/app/blobs/x".to_owned(),
                login: None,
                range: None,
                manner: Manner::Fast,
            },
            may,
        }
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            length: Some(body.len() as u64),
            digest: None,
            kind: Some("application/json".to_owned()),
            location: None,
            is_from_aws: false,
            body: body.as_bytes().to_vec(),
            end: End::Complete,
            began: Instant::now(),
            ended: Instant::now(),
        }
    }

    fn judged(may: May, answer: &Answer) -> Result<Outcome, String> {
        judge(&catalog(), &Damages::default(), &question(may), answer)
    }

    fn catalog() -> Catalog {
        Catalog::of([("d", "0123456789")])
    }

    fn d() -> May {
        May::Have {
            place: 0,
            digest: "d".to_owned(),
        }
    }

    #[test]
    fn right_bytes_alone_are_right() {
        assert_eq!(judged(d(), &answer(200, "0123456789")), Ok(Outcome::Right));
        let error = judged(d(), &answer(200, "0123466789")).unwrap_err();
        assert_eq!(error, "the bytes are wrong from offset 5 on");
        assert_eq!(
            judged(d(), &answer(200, "012345678")).unwrap_err(),
            "9 bytes came in place of 10"
        );
        let mut part = question(d());
        part.request.range = Some((2, 4));
        let judged = |body| judge(&catalog(), &Damages::default(), &part, &answer(206, body));
        assert_eq!(judged("234"), Ok(Outcome::Right));
        assert_eq!(judged("235").unwrap_err(), "the bytes are wrong from offset 4 on");
    }

    #[test]
    fn what_is_not_theirs_is_never_handed_out() {
        for may in [May::Nothing, May::LogIn] {
            assert_eq!(
                judged(may, &answer(200, "0123456789")).unwrap_err(),
                "it was handed out"
            );
        }
        assert!(judged(May::LogIn, &answer(404, "")).is_err());
        assert!(judged(d(), &answer(401, "")).is_err());
        assert!(judged(d(), &answer(404, "")).is_err());
    }

    #[test]
    fn a_refusal_is_an_error_of_the_specification() {
        let good = r#"{"errors":[{"code":"DENIED","message":"x"}]}"#;
        assert_eq!(judged(d(), &answer(403, good)), Ok(Outcome::Failed(403)));
        assert!(judged(d(), &answer(403, "{}")).is_err());
        assert!(judged(d(), &answer(502, "Bad Gateway")).is_err());
        assert!(judged(d(), &answer(500, good)).is_err());
    }

    #[test]
    fn damage_excuses_its_own_byte_and_what_had_begun() {
        let damages = Damages::default();
        let wrong = answer(200, "0123466789");
        damages.add("d", 4, wrong.began);
        assert!(judge(&catalog(), &damages, &question(d()), &wrong).is_err());
        damages.add("d", 5, wrong.began);
        assert_eq!(
            judge(&catalog(), &damages, &question(d()), &wrong),
            Ok(Outcome::Damaged)
        );
        let later = Answer {
            began: wrong.began + Duration::from_secs(1),
            ..wrong
        };
        assert!(judge(&catalog(), &damages, &question(d()), &later).is_err());
    }
}
