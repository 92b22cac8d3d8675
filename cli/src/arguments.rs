//! The command line: what may be given, what it means, and the help.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::error::ErrorKind;
use clap::{ArgGroup, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use longhand::pki_types::UnixTime;
use longhand::{PropertyName, PssSaltLength};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::glance;
use crate::help;
use crate::problem::Problem;

pub(crate) mod policy;
pub(crate) mod source;
pub(crate) mod trust;

use policy::PolicyArguments;
use source::SourceArguments;
use trust::TrustArguments;

/// The word that stands for standard input, and elsewhere for standard output.
const STREAM: &str = "-";

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// To verify an image.
    Verify(Box<VerifyArguments>),
    /// To judge a certificate.
    Chain(Box<ChainArguments>),
    /// Help or the version, which have been shown.
    Shown(Exit),
}

/// Reads the command line. Shows help and version itself.
pub(crate) fn parse(command_line: &[OsString]) -> Result<Parsed, Problem> {
    let matches = match command().try_get_matches_from(command_line) {
        Ok(matches) => matches,
        Err(error) if is_help(error.kind()) && asks_for_help_alone(command_line) => {
            return show_help(&error).map(Parsed::Shown);
        }
        Err(error) if is_help(error.kind()) => {
            if error.kind() == ErrorKind::DisplayHelp && !asks_for_json(command_line) {
                // Not where a verdict would stand. If it cannot be written, the exit code says enough.
                let _ = write!(anstream::stderr().lock(), "{}\n\n", error.render().ansi());
            }
            return Err(Problem::usage(
                "help is given to --help alone; an image of that name is written ./NAME",
            ));
        }
        Err(error) => return Err(Problem::usage(plain_message(&error))),
    };
    let arguments = Arguments::from_arg_matches(&matches);
    match arguments.map_err(|error| Problem::usage(plain_message(&error)))?.command {
        Command::Verify(arguments) => Ok(Parsed::Verify(arguments)),
        Command::Chain(arguments) => Ok(Parsed::Chain(arguments)),
    }
}

/// Whether a command line that could not be parsed wants its error as JSON.
pub(crate) fn asks_for_json(command_line: &[OsString]) -> bool {
    command_line.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--json")
}

/// Whether a command line that could not be parsed is about a certificate, not about an image.
pub(crate) fn asks_for_chain(command_line: &[OsString]) -> bool {
    command_line.get(1).is_some_and(|word| word == "chain")
}

/// Whether nothing but help or the version is asked for. With other words beside it, `--help` may be the name of an
/// image, and a script must not take the help's 0 for a verdict.
fn asks_for_help_alone(command_line: &[OsString]) -> bool {
    const WORDS: [&str; 7] = ["verify", "chain", "help", "-h", "--help", "-V", "--version"];
    let words = command_line.get(1..).unwrap_or_default();
    words.len() <= 2 && words.iter().all(|word| WORDS.iter().any(|known| word == known))
}

/// Whether a path means standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STREAM
}

/// Whether a path means standard output or standard error, which cannot hold anything back.
pub(crate) fn is_output_stream(path: &Path) -> bool {
    [STREAM, "/dev/stdout", "/dev/stderr"].iter().any(|name| path.as_os_str() == *name)
}

/// Verifies signed OpenStack images.
#[derive(Debug, Parser)]
#[command(name = "longhand", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Box<VerifyArguments>),
    Chain(Box<ChainArguments>),
}

/// Verify an image against the signature in its properties
#[derive(Args, Debug)]
#[command(long_about = help::ABOUT_VERIFY, group = ArgGroup::new("image properties").required(true).multiple(true)
    .args(["property", "properties", "image_id"]), group = ArgGroup::new("bytes").required(true).args(["file", "image_id"]))]
pub(crate) struct VerifyArguments {
    /// A signature property; may be repeated, and joins those of --properties
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) property: Vec<(String, String)>,

    /// The image's properties: a file, or - for standard input
    ///
    /// It holds what `openstack image show -f json IMAGE` prints, the image service's own JSON, a JSON
    /// object of the four properties, or the older form name='value', name='value'. Other properties
    /// are passed over; a signature property that is there twice, or is not text, is an error.
    #[arg(long, value_name = "FILE|-", verbatim_doc_comment)]
    pub(crate) properties: Option<PathBuf>,

    /// The time at which to judge certificates [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = point_in_time)]
    at: Option<UnixTime>,

    /// Refuse a signing certificate that is not valid at that time; without a chain a warning says so
    #[arg(long)]
    pub(crate) require_valid_dates: bool,

    /// The length that an RSA-PSS signature's salt must have: auto (any), max, digest, or a number of octets
    #[arg(long, value_name = "LENGTH", default_value = "auto", value_parser = salt_length)]
    pub(crate) pss_salt: PssSaltLength,

    /// Let an ECC_ key type stand for a key on any supported curve
    #[arg(long)]
    pub(crate) any_curve: bool,

    /// Write a copy of the image to FILE, which is there only once the image is verified
    ///
    /// Until the verdict the bytes lie in a temporary file beside FILE, which is removed if the image is not
    /// verified. Then FILE is replaced at once, whatever it was: a link is replaced itself, not what it leads
    /// to, and FILE may be IMAGE. Directories, devices, pipes and standard output cannot be FILE.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub(crate) output: Option<PathBuf>,

    /// Print one JSON object on standard output, for success and failure alike
    #[arg(long)]
    pub(crate) json: bool,

    /// Print nothing where the image is verified, but a warning where no chain is checked; without effect on --json
    #[arg(long)]
    pub(crate) quiet: bool,

    /// The image: a file, or - for standard input
    #[arg(value_name = "IMAGE|-")]
    pub(crate) file: Option<PathBuf>,

    /// The image's id in Glance, which gives its properties and its bytes
    ///
    /// The cloud is that of --os-cloud or of the `OS_*` variables. The bytes are verified while they come, and with
    /// --output kept only if they are. Certificates come from the same cloud's Barbican unless --certs, --barbican
    /// or --vault says otherwise.
    #[arg(long = "image", value_name = "ID", value_parser = glance::image_id, verbatim_doc_comment,
        conflicts_with_all = ["property", "properties"])]
    pub(crate) image_id: Option<String>,

    #[command(flatten)]
    pub(crate) source: SourceArguments,

    #[command(flatten)]
    pub(crate) policy: PolicyArguments,

    #[command(flatten)]
    pub(crate) trust: TrustArguments,
}

/// Where the image's bytes come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ImageSource<'a> {
    /// A file, or standard input.
    File(&'a Path),
    /// The image service, by the image's id.
    Glance(&'a str),
}

impl VerifyArguments {
    /// Where the image comes from; the parser sees to it that one of the two is given.
    pub(crate) fn image(&self) -> ImageSource<'_> {
        match (&self.image_id, &self.file) {
            (Some(id), _) => ImageSource::Glance(id),
            (None, Some(path)) => ImageSource::File(path),
            (None, None) => ImageSource::File(Path::new(STREAM)),
        }
    }

    /// The time that counts: the one given, or the clock's.
    pub(crate) fn at(&self) -> UnixTime {
        self.at.unwrap_or_else(now)
    }
}

/// Judge a certificate alone, and draw its chain
#[derive(Args, Debug)]
#[command(long_about = help::ABOUT_CHAIN)]
pub(crate) struct ChainArguments {
    /// The time at which to judge certificates [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = point_in_time)]
    at: Option<UnixTime>,

    /// Print one JSON object on standard output, for success and failure alike
    #[arg(long)]
    pub(crate) json: bool,

    /// The certificate: a file if there is one under that path, otherwise an id in the key manager
    #[arg(value_name = "CERTIFICATE-ID|FILE")]
    pub(crate) certificate: PathBuf,

    #[command(flatten)]
    pub(crate) source: SourceArguments,

    #[command(flatten)]
    pub(crate) trust: TrustArguments,
}

impl ChainArguments {
    /// The time that counts: the one given, or the clock's.
    pub(crate) fn at(&self) -> UnixTime {
        self.at.unwrap_or_else(now)
    }
}

fn now() -> UnixTime {
    // A clock before 1970 is a clock that was never set: every certificate is not yet valid then.
    UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn name_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    // In a file other properties are passed over; here one that is mistyped would be.
    if PropertyName::from_name(name).is_none() {
        return Err("NAME must be img_signature, img_signature_hash_method, img_signature_key_type or \
                    img_signature_certificate_uuid");
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn point_in_time(text: &str) -> Result<UnixTime, &'static str> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "it must be a time such as 2026-01-31T12:00:00Z")?;
    let seconds = u64::try_from(time.unix_timestamp()).map_err(|_| "it must not be before 1970")?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

fn salt_length(text: &str) -> Result<PssSaltLength, &'static str> {
    match text {
        "auto" => Ok(PssSaltLength::Auto),
        "max" => Ok(PssSaltLength::Max),
        "digest" => Ok(PssSaltLength::Digest),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map(PssSaltLength::Exactly).map_err(|_| "it is not a length that a salt can have")
        }
        _ => Err("it must be auto, max, digest or a number of octets"),
    }
}

fn command() -> clap::Command {
    Arguments::command()
        .mut_subcommand("verify", |verify| verify.after_long_help(help::after_verify()))
        .mut_subcommand("chain", |chain| chain.after_long_help(help::after_chain()))
}

fn is_help(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// Help that was asked for goes to standard output; help for want of a command is an error.
fn show_help(help: &clap::Error) -> Result<Exit, Problem> {
    let shown = help.print().and_then(|()| io::stdout().flush());
    if shown.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // Whoever read it has read enough.
        return Ok(Exit::Error);
    }
    shown.map_err(|error| Problem::caused(Fault::OutputUnwritable, "the help cannot be written", &error))?;
    Ok(if help.use_stderr() { Exit::Error } else { Exit::Verified })
}

/// The parser's message in one line, without its styles, its usage and its "error:".
fn plain_message(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.split_once("\n\nUsage:").map_or(text.as_str(), |(message, _)| message);
    let text = text.split_once("\n\nFor more information").map_or(text, |(message, _)| message);
    let lines = text.strip_prefix("error: ").unwrap_or(text).lines().map(str::trim);
    let mut message = String::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if !message.is_empty() {
            message.push_str(if line.starts_with("tip:") { "; " } else { " " });
        }
        message.push_str(line);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn salt_lengths_are_a_word_or_a_number() {
        for (text, length) in [
            ("auto", Some(PssSaltLength::Auto)),
            ("max", Some(PssSaltLength::Max)),
            ("digest", Some(PssSaltLength::Digest)),
            ("0", Some(PssSaltLength::Exactly(0))),
            ("32", Some(PssSaltLength::Exactly(32))),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("Max", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(salt_length(text).ok(), length, "{text:?}");
        }
    }

    #[test]
    fn times_are_rfc_3339_from_1970_on() {
        for (text, seconds) in [
            ("2023-11-14T22:13:20Z", Some(1_700_000_000)),
            ("2023-11-15T00:13:20+02:00", Some(1_700_000_000)),
            ("2023-11-14T22:13:20.9Z", Some(1_700_000_000)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799)),
            ("1969-12-31T23:59:59Z", None),
            ("2023-11-14", None),
            ("2023-11-14T22:13:20", None),
            ("2023-02-29T00:00:00Z", None),
            ("2023-11-14T22:13Z", None),
            ("20231114T221320Z", None),
            ("2023-11-14T22:13:20Z[UTC]", None),
            ("10000-01-01T00:00:00Z", None),
            ("now", None),
            ("", None),
        ] {
            assert_eq!(point_in_time(text).ok().map(|time| time.as_secs()), seconds, "{text:?}");
        }
    }

    #[test]
    fn a_property_is_split_at_its_first_equals_sign() {
        let read = name_and_value("img_signature=b=").ok();
        assert_eq!(read, Some(("img_signature".to_owned(), "b=".to_owned())));
        for wrong in ["img_signature", "a=b", "=", "img_signature =b"] {
            assert!(name_and_value(wrong).is_err(), "{wrong}");
        }
    }
}
