//! Asks `longhand` and OpenSSL about the same thousands of cases, and explains every difference or fails.
//!
//! ```console
//! $ benches/peers/run differential --cases 200000 --seed 7
//! $ benches/peers/run differential --show 4711       # one case of that seed, in full
//! ```

mod case;
mod craft;
mod der;
mod mutate;
mod random;

use std::collections::BTreeMap;
use std::process::ExitCode;

use case::Case;
use craft::Workshop;
use longhand::ErrorCode;
use longhand_peers::{good_cases, is_rsa};
use mutate::{Family, Seed};
use random::Random;

/// What both said, and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    BothYes,
    BothNo(ErrorCode),
    /// With the rule that explains it, if one does.
    OnlyIt(ErrorCode, Option<&'static str>),
    OnlyWe(Option<&'static str>),
}

fn judge(case: &Case) -> Outcome {
    match (case.ours(), case.openssls()) {
        (Ok(()), true) => Outcome::BothYes,
        (Ok(()), false) => Outcome::OnlyWe(case.why_yes()),
        (Err(code), true) => Outcome::OnlyIt(code, case.why_no(code)),
        (Err(code), false) => Outcome::BothNo(code),
    }
}

/// The seeds, by what key they have, so that rare kinds come as often as common ones.
struct Maker {
    seed: u64,
    kinds: Vec<Vec<Seed>>,
    workshop: Workshop,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let seeds: Vec<Seed> = good_cases().into_iter().filter_map(Seed::new).collect();
        let workshop = Workshop::new(seed, &seeds);
        let mut kinds: BTreeMap<String, Vec<Seed>> = BTreeMap::new();
        for seed in seeds {
            let kind = format!("{:?} {}", seed.key.id(), seed.key.bits());
            kinds.entry(kind).or_default().push(seed);
        }
        Self { seed, kinds: kinds.into_values().collect(), workshop }
    }

    fn case(&self, index: u64) -> (&'static str, Case) {
        let random = &mut Random::new(self.seed, index);
        let (name, family) = match random.below(20) {
            0..6 => ("signature", Family::Signature),
            6 => ("image", Family::Image),
            7..12 => ("public key", Family::Key),
            12..15 => ("certificate", Family::Certificate),
            _ => return ("made to be strange", self.workshop.make(random)),
        };
        let kind = loop {
            let kind = random.pick(&self.kinds);
            // The longest keys take most of the time and have no rules of their own.
            if !(is_rsa(&kind[0].key) && kind[0].key.bits() > 4096) || random.percent(10) {
                break kind;
            }
        };
        (name, random.pick(kind).spoil(random, family))
    }
}

#[derive(Default)]
struct Tally {
    families: BTreeMap<&'static str, [u64; 4]>,
    both_no: BTreeMap<ErrorCode, u64>,
    explained: BTreeMap<(String, &'static str), u64>,
    unexplained: Vec<(u64, String)>,
}

impl Tally {
    fn add(&mut self, index: u64, family: &'static str, case: &Case) {
        let outcome = judge(case);
        let column = match outcome {
            Outcome::BothYes => 0,
            Outcome::BothNo(_) => 1,
            Outcome::OnlyIt(..) => 2,
            Outcome::OnlyWe(_) => 3,
        };
        self.families.entry(family).or_default()[column] += 1;
        match outcome {
            Outcome::BothYes => {}
            Outcome::BothNo(code) => *self.both_no.entry(code).or_default() += 1,
            Outcome::OnlyIt(code, Some(why)) => {
                *self.explained.entry((format!("no: {} {code}", code.number()), why)).or_default() += 1
            }
            Outcome::OnlyWe(Some(why)) => *self.explained.entry(("yes".into(), why)).or_default() += 1,
            Outcome::OnlyIt(code, None) => self
                .unexplained
                .push((index, format!("we say {code}, OpenSSL yes: {}, {}", case.origin, case.change))),
            Outcome::OnlyWe(None) => self
                .unexplained
                .push((index, format!("we say yes, OpenSSL no: {}, {}", case.origin, case.change))),
        }
    }

    fn join(&mut self, other: Self) {
        for (family, counts) in other.families {
            self.families
                .entry(family)
                .or_default()
                .iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
        }
        other.both_no.into_iter().for_each(|(code, count)| *self.both_no.entry(code).or_default() += count);
        other.explained.into_iter().for_each(|(why, count)| *self.explained.entry(why).or_default() += count);
        self.unexplained.extend(other.unexplained);
    }

    fn print(&self) {
        let columns = ["both yes", "both no", "only OpenSSL yes", "only we yes"];
        println!("{:<20}{}", "what was changed", columns.map(|column| format!("{column:>18}")).concat());
        let mut sums = [0; 4];
        for (family, counts) in &self.families {
            println!("{family:<20}{}", counts.map(|count| format!("{count:>18}")).concat());
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        println!("{:<20}{}", "all", sums.map(|count| format!("{count:>18}")).concat());
        println!("\nDifferences that the documents name (what we said, and the rule):");
        for ((what, why), count) in &self.explained {
            println!("{count:>8}  {what:<38} {why}");
        }
        println!("\nWhere both said no, we said:");
        for (code, count) in &self.both_no {
            println!("{count:>8}  {} {code}", code.number());
        }
        println!("\nDifferences without explanation: {}", self.unexplained.len());
        for (index, what) in self.unexplained.iter().take(20) {
            println!("{index:>8}  {what}");
        }
    }
}

/// All cases, on every core; the outcome does not depend on how many there are.
fn run(maker: &Maker, cases: u64) -> Tally {
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    std::thread::scope(|scope| {
        let worker = |first| {
            move || {
                let mut tally = Tally::default();
                for index in (first..cases).step_by(workers as usize) {
                    let (family, case) = maker.case(index);
                    tally.add(index, family, &case);
                }
                tally
            }
        };
        let workers: Vec<_> = (0..workers).map(|first| scope.spawn(worker(first))).collect();
        let mut tally = Tally::default();
        workers
            .into_iter()
            .for_each(|worker| tally.join(worker.join().expect("no case makes anything panic")));
        tally.unexplained.sort();
        tally
    })
}

fn main() -> ExitCode {
    let (mut seed, mut cases, mut show) = (1, 20_000, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse::<u64>().ok());
        match (argument.as_str(), number) {
            ("--seed", Some(number)) => seed = number,
            ("--cases", Some(number)) => cases = number,
            ("--show", Some(number)) => show = Some(number),
            _ => {
                eprintln!("usage: differential [--seed N] [--cases N] [--show CASE]");
                return ExitCode::from(2);
            }
        }
    }
    let maker = Maker::new(seed);
    if let Some(index) = show {
        let (family, case) = maker.case(index);
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        println!("{family}: {}, {}\n{:?}", case.origin, case.change, judge(&case));
        println!("key type {}, {}, salt {:?}", case.key_type, case.hash_method, case.salt_length);
        println!(
            "signature {}\ncertificate {}\nimage {}",
            hex(&case.signature),
            hex(&case.certificate),
            hex(&case.image)
        );
        return ExitCode::SUCCESS;
    }
    let kinds: Vec<usize> = maker.kinds.iter().map(Vec::len).collect();
    println!(
        "seed {seed}, {cases} cases from {} good ones with {} kinds of key; {}\n",
        kinds.iter().sum::<usize>(),
        kinds.len(),
        openssl::version::version()
    );
    let tally = run(&maker, cases);
    tally.print();
    if tally.unexplained.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
