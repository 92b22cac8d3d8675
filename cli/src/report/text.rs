//! The report as text: the verdict on standard output, all else on standard error.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{NO_CHAIN, Report};
use crate::printable::printable;
use crate::problem::Problem;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CARE: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Shows the verdict; quietly, only what went wrong.
pub(super) fn show(report: &Report, problem: Option<&Problem>, quiet: bool) -> io::Result<()> {
    match problem {
        None if quiet => Ok(()),
        None => {
            writeln!(anstream::stdout(), "{GOOD}verified:{GOOD:#} {}", report.verified())?;
            show_notes(report);
            Ok(())
        }
        Some(problem) => {
            show_problem(report, problem);
            Ok(())
        }
    }
}

/// Shows what went wrong, on what, and what can be done. Standard error that cannot be written stops nothing: the exit
/// code says the same.
pub(super) fn show_problem(report: &Report, problem: &Problem) {
    let _ = write_problem(&mut anstream::stderr().lock(), report, problem);
}

fn write_problem(out: &mut impl Write, report: &Report, problem: &Problem) -> io::Result<()> {
    writeln!(out, "{BAD}error:{BAD:#} {}", printable(problem.message()))?;
    for cause in problem.causes() {
        writeln!(out, "  caused by: {}", printable(cause))?;
    }
    if let Some(check) = report.checks.failed() {
        writeln!(out, "  check: {check}")?;
    }
    if let Some(bytes) = report.image.bytes {
        writeln!(out, "  image: {}, {bytes} bytes", printable(report.image.shown()))?;
    }
    if let Some(facts) = &report.certificate {
        writeln!(out, "  certificate: {}", printable(&facts.shown()))?;
    }
    let name = problem.name();
    let disposition = problem.disposition();
    match problem.code() {
        Some(code) => writeln!(out, "  code: {name} ({}), {disposition}", code.number())?,
        None => writeln!(out, "  code: {name}, {disposition}")?,
    }
    match problem.help() {
        Some(help) => writeln!(out, "  {GOOD}help:{GOOD:#} {help}"),
        None => Ok(()),
    }
}

fn show_notes(report: &Report) {
    let mut out = anstream::stderr().lock();
    for warning in report.warnings() {
        let _ = writeln!(out, "{CARE}warning:{CARE:#} {}", printable(&warning));
    }
    let _ = writeln!(
        out,
        "{DIM}note: {NO_CHAIN}: trust in the certificate rests on the directory of --certs{DIM:#}"
    );
}
