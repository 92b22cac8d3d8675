//! The command `longhand`: verifies the signature of an OpenStack image.
//!
//! The words come in through `arguments`, `verify` does the work and fills a `report`, `exit` says what the verdict
//! is worth to a script. Every decision about a signature is the library's.

use std::ffi::OsString;
use std::process::ExitCode;

mod advice;
mod arguments;
mod exit;
mod fault;
mod help;
mod image;
mod not_yet;
mod output;
mod printable;
mod problem;
mod progress;
mod properties_file;
mod report;
mod verify;

use arguments::{Parsed, VerifyArguments};
use exit::Exit;
use report::{Form, Report};

fn main() -> ExitCode {
    let command_line: Vec<OsString> = std::env::args_os().collect();
    let exit = match arguments::parse(&command_line) {
        Ok(Parsed::Verify(arguments)) => run(&arguments),
        Ok(Parsed::Shown(exit)) => exit,
        Err(problem) => {
            let form = if arguments::asks_for_json(&command_line) { Form::Json } else { Form::Text };
            report::show(&Report::default(), Some(&problem), form)
        }
    };
    ExitCode::from(exit.number())
}

fn run(arguments: &VerifyArguments) -> Exit {
    let mut report = Report::default();
    let outcome = verify::verify(arguments, &mut report);
    let exit = report::show(&report, outcome.as_ref().err(), Form::of(arguments));
    if let (Ok(Some(placed)), Exit::Verified) = (outcome, exit) {
        placed.keep();
    }
    exit
}
