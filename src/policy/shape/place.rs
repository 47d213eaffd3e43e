//! Where a walk stands, as a chain on the stack: a path is only written where something is wrong.

use std::sync::Arc;

use crate::model::path::{Path, Step};

/// One place of a walk. The root has no step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    above: Option<(&'a Place<'a>, At<'a>)>,
    depth: usize,
}

/// How a place is reached from the one above it.
#[derive(Debug, Clone, Copy)]
enum At<'a> {
    /// By a key that the sample names.
    Key(&'a Arc<str>),
    /// By any key: places that differ in it are alike.
    AnyKey(&'a Arc<str>),
    /// By a position in an array.
    Index(usize),
}

impl At<'_> {
    fn step(self) -> Step {
        match self {
            Self::Key(key) | Self::AnyKey(key) => Step::Key(Arc::clone(key)),
            Self::Index(index) => Step::Index(i64::try_from(index).unwrap_or(i64::MAX)),
        }
    }

    fn shape(self) -> Step {
        match self {
            Self::Key(key) => Step::Key(Arc::clone(key)),
            Self::AnyKey(_) | Self::Index(_) => Step::Any,
        }
    }
}

impl<'a> Place<'a> {
    /// Returns `$`.
    pub(crate) const ROOT: Self = Self {
        above: None,
        depth: 0,
    };

    fn below(&'a self, at: At<'a>) -> Self {
        Self {
            above: Some((self, at)),
            depth: self.depth + 1,
        }
    }

    /// Returns the place of a member that the sample names.
    pub(crate) fn key(&'a self, key: &'a Arc<str>) -> Self {
        self.below(At::Key(key))
    }

    /// Returns the place of a member among many alike.
    pub(crate) fn any_key(&'a self, key: &'a Arc<str>) -> Self {
        self.below(At::AnyKey(key))
    }

    /// Returns the place of an element.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        self.below(At::Index(index))
    }

    fn collect(&self, step: impl Fn(At<'a>) -> Step) -> Path {
        let mut steps = Vec::with_capacity(self.depth);
        let mut here = self.above;
        while let Some((above, at)) = here {
            steps.push(step(at));
            here = above.above;
        }
        let root = Path::root();
        steps
            .into_iter()
            .rev()
            .fold(root, |path, step| path.then(step))
    }

    /// Returns the path to this place.
    pub(crate) fn path(&self) -> Path {
        self.collect(At::step)
    }

    /// Returns the path that this place shares with those alike.
    pub(crate) fn shape(&self) -> Path {
        self.collect(At::shape)
    }

    /// Tells whether `shape` is the shape of this place.
    pub(crate) fn has_shape(&self, shape: &Path) -> bool {
        self.follows(shape, |step, at| match (step, at) {
            (Step::Any, At::AnyKey(_) | At::Index(_)) => true,
            (Step::Key(key), At::Key(here)) => key == here,
            _ => false,
        })
    }

    /// Tells whether the pattern covers exactly this place.
    pub(crate) fn is_at(&self, pattern: &Path) -> bool {
        self.follows(pattern, |step, at| match (step, at) {
            (Step::Any, _) => true,
            (Step::Key(key), At::Key(here) | At::AnyKey(here)) => key == here,
            (Step::Index(index), At::Index(here)) => usize::try_from(*index) == Ok(here),
            _ => false,
        })
    }

    fn follows(&self, path: &Path, agree: impl Fn(&Step, At<'a>) -> bool) -> bool {
        if path.steps().len() != self.depth {
            return false;
        }
        let mut here = self.above;
        for step in path.steps().iter().rev() {
            let Some((above, at)) = here else {
                return false;
            };
            if !agree(step, at) {
                return false;
            }
            here = above.above;
        }
        true
    }
}
