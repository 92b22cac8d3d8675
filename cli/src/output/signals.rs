//! What is undone when the process is told to end.

use std::ffi::c_int;
use std::sync::Arc;
use std::{fs, io, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::{Pending, lock};

/// From now on, a signal that ends the process does so once everything is undone.
///
/// A signal that the process was started to ignore stays ignored: `nohup`, and a shell's background jobs.
pub(super) fn undo_at_the_end(pending: &Pending) -> io::Result<()> {
    let ignored = ignored();
    let ending = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| match ignored {
        Some(mask) => !contains(mask, *signal),
        None => *signal != SIGHUP,
    });
    // Too long a file raises this one; caught, it leaves the error to the write.
    let mut signals = Signals::new(ending.chain([SIGXFSZ]))?;
    let undo = Arc::clone(&pending.0);
    let watch = move || {
        for signal in signals.forever().filter(|signal| *signal != SIGXFSZ) {
            // Held until the end, so that nothing is put into place after it.
            let mut undo = lock(&undo);
            undo.run();
            let _ = emulate_default_handler(signal);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(watch)?;
    Ok(())
}

/// The signals that the process ignores, where the system says so: bit 0 is signal 1.
fn ignored() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

fn contains(mask: u64, signal: c_int) -> bool {
    let bit = u32::try_from(signal).ok().and_then(|number| number.checked_sub(1));
    bit.and_then(|bit| mask.checked_shr(bit)).is_some_and(|rest| rest & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_counted_from_1() {
        assert!(contains(0b1, SIGHUP) && contains(0b10, SIGINT) && !contains(0b10, SIGHUP));
        assert!(contains(1 << 14, SIGTERM) && !contains(u64::MAX, 0) && !contains(u64::MAX, 65));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_says_what_is_ignored() {
        // The standard library ignores a broken pipe.
        assert!(contains(ignored().unwrap(), signal_hook::consts::SIGPIPE));
    }
}
