//! The thread that reads.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
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

/// Starts a thread that reads the source it is then given, and tells of each block, and at last of the end or the failure,
/// which may be a panic. Blocks come back through `empty`; the thread ends as well when nobody gives them back or hears
/// what it tells. A source that panics when it is dropped, after it has panicked before, aborts the process, as Rust does.
pub(crate) fn spawn<R: Read + Send + 'static>(
    empty: Receiver<Block>,
    tell: impl Fn(Filled) -> bool + Send + 'static,
) -> io::Result<Sender<R>> {
    let (hand_over, source) = channel();
    let read = move || {
        let teller = Teller(tell);
        if let Ok(source) = source.recv() {
            read_all(source, Blocks { empty, made: 0, spare: None }, &teller.0);
        }
    };
    thread::Builder::new().name("longhand-read".to_owned()).spawn(read)?;
    Ok(hand_over)
}

struct Teller<F: Fn(Filled) -> bool>(F);

impl<F: Fn(Filled) -> bool> Drop for Teller<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)(Filled::Failed(io::Error::other("the source panicked")));
        }
    }
}

fn read_all(mut source: impl Read, mut blocks: Blocks, tell: &impl Fn(Filled) -> bool) {
    let last = loop {
        let Some(mut block) = blocks.next() else { return };
        match blocks.fill(&mut block, &mut source) {
            Ok(true) if tell(Filled::Block(block)) => {}
            Ok(true) => return,
            Ok(false) => break Filled::End,
            Err(error) => break Filled::Failed(error),
        }
    };
    tell(last);
}

/// The blocks that are not with whoever takes their bytes.
struct Blocks {
    empty: Receiver<Block>,
    made: usize,
    /// One that came back while another was read into.
    spare: Option<Block>,
}

impl Blocks {
    /// A block that came back, or a new one while there are few: a short source touches the memory of one. `None` when
    /// nobody gives any back.
    fn next(&mut self) -> Option<Block> {
        if !self.are_wanted() {
            return None;
        }
        if let Some(block) = self.spare.take() {
            return Some(block);
        }
        if self.made < BLOCKS {
            self.made = self.made.saturating_add(1);
            return Some(Block::new());
        }
        self.empty.recv().ok()
    }

    /// Whether somebody is there to give blocks back.
    fn are_wanted(&mut self) -> bool {
        if self.spare.is_some() {
            return true;
        }
        match self.empty.try_recv() {
            Ok(block) => self.spare = Some(block),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return false,
        }
        true
    }

    /// A source may be interrupted for ever: that is read on only while somebody wants it.
    fn fill(&mut self, block: &mut Block, source: &mut impl Read) -> io::Result<bool> {
        loop {
            match block.fill(source) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted && self.are_wanted() => {}
                outcome => return outcome,
            }
        }
    }
}
