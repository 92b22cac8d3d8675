//! The command `longhand`: verifies signed OpenStack images, and judges the certificates behind them.
//!
//! The words come in through `arguments`, `policy` and `trust` make of them what the library asks for, `verify` and
//! `chain` do the work and fill a `report`, `exit` says what the verdict is worth to a script. Every decision about an
//! image or a certificate is the library's.

use std::ffi::OsString;
use std::process::ExitCode;

mod advice;
mod arguments;
mod chain;
mod cloud;
mod exit;
mod fault;
mod glance;
mod help;
mod image;
mod key_manager;
mod nova_conf;
mod output;
mod policy;
mod printable;
mod problem;
mod progress;
mod properties_file;
mod recorder;
mod report;
mod trust;
mod verify;

use arguments::{ChainArguments, Parsed, VerifyArguments};
use exit::Exit;
use report::{Asked, Form, Report};

fn main() -> ExitCode {
    let command_line: Vec<OsString> = std::env::args_os().collect();
    let exit = match arguments::parse(&command_line) {
        Ok(Parsed::Verify(arguments)) => verify(&arguments),
        Ok(Parsed::Chain(arguments)) => chain(&arguments),
        Ok(Parsed::Shown(exit)) => exit,
        Err(problem) => {
            let form = if arguments::asks_for_json(&command_line) { Form::Json } else { Form::Text };
            let asked =
                if arguments::asks_for_chain(&command_line) { Asked::Certificate } else { Asked::Image };
            report::show(&Report::new(asked), Some(&problem), form)
        }
    };
    ExitCode::from(exit.number())
}

fn verify(arguments: &VerifyArguments) -> Exit {
    let mut report = Report::new(Asked::Image);
    let outcome = verify::verify(arguments, &mut report);
    let exit = report::show(&report, outcome.as_ref().err(), Form::of(arguments));
    if let (Ok(Some(placed)), Exit::Verified) = (outcome, exit) {
        placed.keep();
    }
    exit
}

fn chain(arguments: &ChainArguments) -> Exit {
    let mut report = Report::new(Asked::Certificate);
    let outcome = chain::chain(arguments, &mut report);
    report::show(&report, outcome.as_ref().err(), Form::of_chain(arguments))
}
