//! The report as text: the verdict, and the tree of a chain that was asked for, on standard output, all else on standard
//! error.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::chain::{ChainFacts, shown_link, skip_reason};
use super::{Asked, Check, CheckResult, NOT_REACHED, Report, tree};
use crate::printable::printable;
use crate::problem::Problem;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CARE: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Shows the verdict; quietly, only what is no yes, or one that says nothing of the certificate.
pub(super) fn show(report: &Report, problem: Option<&Problem>, quiet: bool) -> io::Result<()> {
    match problem {
        None if quiet => {
            if let Some(warning) = report.trust_warning() {
                let _ = write_warning(&mut anstream::stderr().lock(), &warning);
            }
            Ok(())
        }
        None => {
            let yes = report.asked.yes();
            writeln!(anstream::stdout(), "{GOOD}{yes}:{GOOD:#} {}", report.verified())?;
            draw_tree(report)?;
            let _ = write_findings(&mut anstream::stderr().lock(), report, None);
            Ok(())
        }
        Some(problem) => {
            // The drawing first, also where both streams lead to one place.
            let drawn = draw_tree(report);
            show_problem(report, problem);
            drawn
        }
    }
}

/// Shows what went wrong, on what, and what can be done. Standard error that cannot be written stops nothing: the exit
/// code says the same.
pub(super) fn show_problem(report: &Report, problem: &Problem) {
    let _ = write_problem(&mut anstream::stderr().lock(), report, problem);
}

/// `longhand chain` is asked for the drawing, so it stands where the verdict does.
fn draw_tree(report: &Report) -> io::Result<()> {
    let (Asked::Certificate, Some(facts)) = (report.asked, &report.chain) else { return Ok(()) };
    let mut out = anstream::stdout().lock();
    for line in tree::lines(facts) {
        let (style, mark) = if line.holds { (GOOD, '✓') } else { (BAD, '✗') };
        writeln!(out, "{}{style}{mark}{style:#} {}", line.branch, printable(&line.text))?;
    }
    out.flush()
}

fn write_problem(out: &mut impl Write, report: &Report, problem: &Problem) -> io::Result<()> {
    let message = printable(problem.message());
    if problem.is_not_required() {
        writeln!(out, "{CARE}not required:{CARE:#} {}: {message}", printable(report.image.shown()))?;
    } else {
        writeln!(out, "{BAD}error:{BAD:#} {message}")?;
    }
    for cause in problem.causes() {
        writeln!(out, "  caused by: {}", printable(cause))?;
    }
    write_findings(out, report, Some(problem))?;
    if let Some(bytes) = report.image.bytes {
        writeln!(out, "  image: {}, {bytes} bytes", printable(report.image.shown()))?;
    }
    let name = problem.name();
    let number = problem.code().map(|code| format!(" ({})", code.number())).unwrap_or_default();
    let disposition = problem.disposition().map(|disposition| format!(", {disposition}")).unwrap_or_default();
    writeln!(out, "  code: {name}{number}{disposition}")?;
    for help in problem.help() {
        writeln!(out, "  {GOOD}help:{GOOD:#} {}", printable(help))?;
    }
    Ok(())
}

/// Every check, the chain, and what should be known besides.
fn write_findings(out: &mut impl Write, report: &Report, problem: Option<&Problem>) -> io::Result<()> {
    let reached = |check: &&Check| check.detail != NOT_REACHED;
    for check in report.checks.0.iter().filter(reached) {
        // The failed one's detail is the message.
        let detail = match check.result {
            CheckResult::Failed if problem.is_some_and(|problem| problem.message() == check.detail) => {
                String::new()
            }
            _ => format!(": {}", printable(&check.detail)),
        };
        writeln!(out, "  check {}: {}{detail}", check.name.as_str(), check.result.in_words())?;
    }
    let open: Vec<_> =
        report.checks.0.iter().filter(|check| !reached(check)).map(|check| check.name.as_str()).collect();
    // Of wrong usage nothing was found, and nothing is said.
    if !open.is_empty() && open.len() < report.checks.0.len() {
        writeln!(out, "  checks not reached: {}", open.join(", "))?;
    }
    if let Some(facts) = &report.chain {
        write_chain(out, report.asked, facts)?;
    }
    for warning in report.warnings(problem.is_none()) {
        write_warning(out, &warning)?;
    }
    for note in report.chain.iter().flat_map(ChainFacts::notes) {
        writeln!(out, "{DIM}note: {note}{DIM:#}")?;
    }
    Ok(())
}

fn write_warning(out: &mut impl Write, warning: &str) -> io::Result<()> {
    writeln!(out, "{CARE}warning:{CARE:#} {}", printable(warning))
}

fn write_chain(out: &mut impl Write, asked: Asked, facts: &ChainFacts) -> io::Result<()> {
    if asked == Asked::Image {
        let links = facts.certificates();
        for (place, link) in links.iter().enumerate() {
            let word = if place == 0 { "chain:" } else { "  issued by" };
            let is_end = facts.verified().is_some() && place.saturating_add(1) == links.len();
            let end = if is_end { format!(", {}", facts.end_in_words()) } else { String::new() };
            writeln!(out, "  {word} {}{end}", printable(&shown_link(link)))?;
        }
    }
    if facts.verified().is_none() && !facts.rules().relaxed.is_empty() {
        writeln!(out, "  judged by: {}", facts.rules().in_words())?;
    }
    if let Some((certificate, violation)) = facts.violation() {
        writeln!(out, "  broken by: {}", printable(&shown_link(certificate)))?;
        writeln!(out, "  rule: {} [{}]", printable(&violation.to_string()), violation.clause())?;
    }
    for tried in facts.candidates() {
        writeln!(out, "  tried: {} [{}]", printable(&tried.to_string()), tried.violation.clause())?;
    }
    if facts.more_candidates() > 0 {
        writeln!(out, "  tried: {} more", facts.more_candidates())?;
    }
    for skipped in facts.skipped() {
        let origin = facts.rules().ids_from.map(|name| format!(" (of {name})")).unwrap_or_default();
        writeln!(out, "  skipped: {}{origin}: {}", printable(&skipped.id), printable(&skip_reason(skipped)))?;
    }
    if let Some((result, detail)) = facts.second_opinion().filter(|_| facts.policy() == "rfc5280") {
        let why = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        writeln!(out, "  second opinion: {}{why}", result.replace('_', " "))?;
    }
    match facts.revocation() {
        Some("not_checked") | None => Ok(()),
        Some(status) => writeln!(out, "  revocation: {}", status.replace('_', " ")),
    }
}
