use std::io;

use content::Pin;
use oci::ImageReference;
use serde_json::json;

use super::{Failed, Format, Place, disk, image::Known};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger cache pin --config wharfinger.toml \\
      111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1
  wharfinger cache pin --config wharfinger.toml    # lists what is pinned
  wharfinger cache pin --config wharfinger.toml --remove \\
      111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1

A pin holds what the tag means now. It counts at once, also for a server that runs.")]
pub(crate) struct Args {
    /// The image, which is in the cache: HOST/REPOSITORY[:TAG|@DIGEST]; without it, what is pinned is listed
    image: Option<ImageReference>,
    /// Let go of the image
    #[arg(long, requires = "image")]
    remove: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let inventory = args.place.inventory()?;
    let Some(image) = args.image else {
        let pins = inventory.pins();
        return args.place.print(|out| {
            pins.iter().try_for_each(|pin| match args.place.format {
                Format::Text => writeln!(out, "{} {}", pin.digest, pin.image),
                Format::Json => writeln!(out, "{}", line(pin, &[])),
            })
        });
    };
    let name = image.to_string();
    if args.remove {
        if !inventory.unpin(&name).map_err(disk)? {
            let pins = inventory.pins();
            let names: Vec<_> = pins.iter().map(|pin| pin.image.as_str()).collect();
            let expected = if names.is_empty() {
                "nothing is".to_owned()
            } else {
                format!("what is: {}", names.join(", "))
            };
            return Err(Failed::Input(format!("image `{name}` is not pinned; {expected}")));
        }
        return args.place.print(|out| match args.place.format {
            Format::Text => writeln!(out, "not pinned any more: {name}"),
            Format::Json => writeln!(out, "{}", json!({ "image": name, "pinned": false })),
        });
    }
    let known = Known::find(&inventory, &args.place.config()?, &image)?;
    let pin = Pin::new(name, known.digest, known.content);
    inventory.pin(&pin).map_err(disk)?;
    // Looked for behind the pin, so that nothing goes in between.
    let missing: Vec<_> = pin.content.iter().filter(|digest| !inventory.has(digest)).collect();
    args.place.print(|out| -> io::Result<()> {
        if args.place.format == Format::Json {
            return writeln!(out, "{}", line(&pin, &missing));
        }
        writeln!(out, "{} {}", pin.digest, pin.image)?;
        if !missing.is_empty() {
            let (missing, all) = (missing.len(), pin.content.len());
            writeln!(
                out,
                "{missing} of {all} pieces are not in the cache; they stay once they are pulled"
            )?;
        }
        Ok(())
    })
}

fn line(pin: &Pin, missing: &[&oci::Digest]) -> serde_json::Value {
    json!({ "image": pin.image, "digest": pin.digest, "pinned": true, "content": pin.content, "missing": missing })
}
