//! The thread that reads.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;

use super::block::Block;

/// How many blocks a source has: one that is taken from and one that is read into. A third was not faster.
pub(super) const BLOCKS: usize = 2;

/// What the reading thread says. That it has come to the end is said: a thread that is gone has not.
pub(crate) enum Filled {
    Block(Block),
    End,
    Failed(io::Error),
}

/// Reads `source` on a thread of its own and tells of each block, and at last of the end or the failure, which may be a
/// panic. Blocks come back through `empty`; the thread ends as well when nobody gives them back or hears what it tells.
pub(crate) fn spawn(
    source: impl Read + Send + 'static,
    empty: Receiver<Block>,
    tell: impl Fn(Filled) -> bool + Send + 'static,
) -> io::Result<()> {
    let read = move || {
        let teller = Teller(tell);
        read_all(source, &empty, &teller.0);
    };
    thread::Builder::new().name("longhand-read".to_owned()).spawn(read)?;
    Ok(())
}

struct Teller<F: Fn(Filled) -> bool>(F);

impl<F: Fn(Filled) -> bool> Drop for Teller<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)(Filled::Failed(io::Error::other("the source panicked")));
        }
    }
}

fn read_all(mut source: impl Read, empty: &Receiver<Block>, tell: &impl Fn(Filled) -> bool) {
    let mut made = 0;
    let last = loop {
        let Some(mut block) = next_block(empty, &mut made) else { return };
        match block.fill(&mut source) {
            Ok(true) if tell(Filled::Block(block)) => {}
            Ok(true) => return,
            Ok(false) => break Filled::End,
            Err(error) => break Filled::Failed(error),
        }
    };
    tell(last);
}

/// A block that came back, or a new one while there are few: a short source touches the memory of one.
fn next_block(empty: &Receiver<Block>, made: &mut usize) -> Option<Block> {
    match empty.try_recv() {
        Ok(block) => Some(block),
        Err(TryRecvError::Empty) if *made < BLOCKS => {
            *made = made.saturating_add(1);
            Some(Block::new())
        }
        Err(TryRecvError::Empty) => empty.recv().ok(),
        Err(TryRecvError::Disconnected) => None,
    }
}
