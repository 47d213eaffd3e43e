//! A folder in memory that records what is done to it, fails where it is told to, and can lose power.

use std::collections::BTreeMap;
use std::io;

use super::disk::Disk;

/// What was done, in order.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Create(String, usize),
    Write(usize, Vec<u8>),
    Sync(usize),
    Remove(String),
    Link(String, String),
    Rename(String, String),
    SyncFolder,
}

/// How an operation fails.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Full,
    Broken,
    /// Half is written before the disk is full.
    Short,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Simulated {
    pub(super) names: BTreeMap<String, usize>,
    pub(super) contents: Vec<Vec<u8>>,
    pub(super) operations: Vec<Operation>,
    /// The mutations until one fails, and how.
    pub(super) fault: Option<(usize, Fault)>,
    /// Full until the ballast is gone.
    pub(super) full_while_ballast: bool,
    pub(super) free: u64,
}

impl Simulated {
    pub(super) fn new() -> Self {
        Self {
            free: u64::MAX,
            ..Self::default()
        }
    }

    pub(super) fn bytes(&self, name: &str) -> Option<&Vec<u8>> {
        self.contents.get(*self.names.get(name)?)
    }

    fn step(&mut self) -> io::Result<()> {
        if let Some((left, fault)) = &mut self.fault {
            if *left == 0 {
                let fault = *fault;
                self.fault = None;
                return Err(match fault {
                    Fault::Full | Fault::Short => io::ErrorKind::StorageFull.into(),
                    Fault::Broken => io::Error::from_raw_os_error(5),
                });
            }
            *left -= 1;
        }
        Ok(())
    }

    /// Returns every folder that a loss of power after `done` operations can leave: the names as of the last sync of
    /// the folder and any number of the later changes in order, and of every content that was not synced nothing,
    /// half or all.
    pub(super) fn after_power_loss(&self, done: usize) -> Vec<Self> {
        let operations = &self.operations[..done];
        let synced = operations
            .iter()
            .rposition(|operation| matches!(operation, Operation::SyncFolder))
            .map_or(0, |at| at + 1);
        let mut results = Vec::new();
        for names_until in synced..=done {
            for part in [0, 1, 2] {
                results.push(replay(operations, names_until, part));
            }
        }
        results
    }
}

/// Replays contents in full and names up to a point; of contents that were not synced, `halves` halves are kept.
fn replay(operations: &[Operation], names_until: usize, halves: usize) -> Simulated {
    let mut folder = Simulated::new();
    let mut durable = BTreeMap::new();
    for (at, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Create(_, file) => {
                folder.contents.resize(*file + 1, Vec::new());
                durable.insert(*file, 0);
            }
            Operation::Write(file, bytes) => folder.contents[*file].extend(bytes),
            Operation::Sync(file) => {
                durable.insert(*file, folder.contents[*file].len());
            }
            _ => {}
        }
        if at < names_until {
            apply(&mut folder.names, operation);
        }
    }
    for (file, durable) in durable {
        let content = &mut folder.contents[file];
        let kept = durable + (content.len() - durable) * halves / 2;
        content.truncate(kept);
    }
    folder
}

fn apply(names: &mut BTreeMap<String, usize>, operation: &Operation) {
    match operation {
        Operation::Create(name, file) => {
            names.insert(name.clone(), *file);
        }
        Operation::Remove(name) => {
            names.remove(name);
        }
        Operation::Link(from, to) => {
            names.insert(to.clone(), names[from]);
        }
        Operation::Rename(from, to) => {
            let file = names.remove(from).unwrap();
            names.insert(to.clone(), file);
        }
        _ => {}
    }
}

impl Disk for Simulated {
    type File = usize;

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.bytes(name)
            .cloned()
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn length(&mut self, name: &str) -> Option<u64> {
        self.bytes(name).map(|bytes| bytes.len() as u64)
    }

    fn create(&mut self, name: &str) -> io::Result<usize> {
        self.step()?;
        if self.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = self.contents.len();
        self.contents.push(Vec::new());
        let operation = Operation::Create(name.to_owned(), file);
        apply(&mut self.names, &operation);
        self.operations.push(operation);
        Ok(file)
    }

    fn write(&mut self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        let short = matches!(self.fault, Some((0, Fault::Short)));
        let result = if self.full_while_ballast && self.names.contains_key("state.ballast") {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            self.step()
        };
        let kept = match (&result, short) {
            (Ok(()), _) => bytes,
            (Err(_), true) => &bytes[..bytes.len() / 2],
            (Err(_), false) => &[],
        };
        self.contents[*file].extend(kept);
        self.operations.push(Operation::Write(*file, kept.to_vec()));
        result
    }

    fn sync(&mut self, file: &mut usize) -> io::Result<()> {
        self.step()?;
        self.operations.push(Operation::Sync(*file));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        if !self.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.step()?;
        let operation = Operation::Remove(name.to_owned());
        apply(&mut self.names, &operation);
        self.operations.push(operation);
        Ok(())
    }

    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        if !self.names.contains_key(from) || self.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let operation = Operation::Link(from.to_owned(), to.to_owned());
        apply(&mut self.names, &operation);
        self.operations.push(operation);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        if !self.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.step()?;
        let operation = Operation::Rename(from.to_owned(), to.to_owned());
        apply(&mut self.names, &operation);
        self.operations.push(operation);
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.step()?;
        self.operations.push(Operation::SyncFolder);
        Ok(())
    }

    fn free(&mut self) -> Option<u64> {
        Some(self.free)
    }
}
