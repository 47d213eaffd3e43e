//! Arrays compared without order: every node takes one element of its own.
//!
//! Nodes that are plain values take equal elements by fingerprint, so that a long shuffled array costs one pass. What is
//! left is assigned by augmenting paths, because a node with a marker may take the element that another one needs.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use crate::model::code::FindingCode;
use crate::model::json::{Json, Number};

use super::collector::Mismatch;
use super::node::Node;
use super::place::Place;
use super::text::{bounded, named};
use super::walk::Walk;

/// Pairs of node and element that are compared at most.
const PAIRS_MAX: usize = 250_000;
/// Pairs that the search for an assignment looks at, at most.
const STEPS_MAX: usize = 20_000_000;

impl Walk<'_> {
    /// Holds elements against nodes in any order.
    pub(super) fn unordered(&mut self, nodes: &[Node], elements: &[Json], place: &Place<'_>) {
        let mut free_nodes: Vec<usize> = (0..nodes.len()).collect();
        let mut free_elements: Vec<usize> = (0..elements.len()).collect();
        // Within a tolerance equal is not the same as matching, and taking the equal one may be wrong.
        if self.options.tolerance.is_empty() {
            take_equal(nodes, elements, &mut free_nodes, &mut free_elements);
        }
        if free_nodes.len().saturating_mul(free_elements.len()) > PAIRS_MAX {
            return self.too_many(free_nodes.len(), free_elements.len(), place);
        }
        let fits: Vec<Vec<usize>> = free_nodes
            .iter()
            .filter_map(|node| nodes.get(*node))
            .map(|node| {
                let matching = free_elements.iter().enumerate().filter(|(_, element)| {
                    elements
                        .get(**element)
                        .is_some_and(|value| self.matches(node, value, &place.index(**element)))
                });
                matching.map(|(position, _)| position).collect()
            })
            .collect();
        let Some(taken_by) = assign(&fits, free_elements.len()) else {
            return self.too_many(free_nodes.len(), free_elements.len(), place);
        };
        let mut served = vec![false; free_nodes.len()];
        for node in taken_by.iter().flatten() {
            if let Some(slot) = served.get_mut(*node) {
                *slot = true;
            }
        }
        let unserved = free_nodes
            .iter()
            .zip(&served)
            .filter(|(_, served)| !**served);
        for node in unserved.filter_map(|(node, _)| nodes.get(*node)) {
            self.report(place, FindingCode::Value, || Mismatch {
                message: format!("no element equals {}", node.describe()),
                expected: Some(node.expected()),
                actual: None,
            });
        }
        let untaken = free_elements
            .iter()
            .zip(&taken_by)
            .filter(|(_, by)| by.is_none());
        for (index, element) in
            untaken.filter_map(|(index, _)| Some((*index, elements.get(*index)?)))
        {
            self.report(&place.index(index), FindingCode::Value, || Mismatch {
                message: format!("expected no such element, got {}", named(element)),
                expected: None,
                actual: Some(bounded(element)),
            });
        }
    }

    fn too_many(&mut self, nodes: usize, elements: usize, place: &Place<'_>) {
        self.report(place, FindingCode::TooDeep, || Mismatch {
            message: format!(
                "too many elements to compare without order: {elements} are left for {nodes} places"
            ),
            expected: None,
            actual: None,
        });
    }
}

/// Gives each plain value an equal element and removes both from those that are free.
fn take_equal(
    nodes: &[Node],
    elements: &[Json],
    free_nodes: &mut Vec<usize>,
    free_elements: &mut Vec<usize>,
) {
    let mut by_print: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, element) in elements.iter().enumerate().rev() {
        by_print
            .entry(print_value(element))
            .or_default()
            .push(index);
    }
    let mut taken = vec![false; elements.len()];
    free_nodes.retain(|index| {
        let Some((plain, print)) = nodes.get(*index).and_then(print_node) else {
            return true;
        };
        let Some(candidates) = by_print.get_mut(&print) else {
            return true;
        };
        let equal = candidates
            .iter()
            .rposition(|candidate| elements.get(*candidate) == Some(&plain));
        let Some(element) = equal.map(|position| candidates.remove(position)) else {
            return true;
        };
        if let Some(slot) = taken.get_mut(element) {
            *slot = true;
        }
        false
    });
    free_elements.retain(|index| !taken.get(*index).copied().unwrap_or(false));
}

/// Assigns elements to nodes so that as many nodes as possible have one, each element at most once.
///
/// Returns the node of each element, or nothing if the search takes too long.
fn assign(fits: &[Vec<usize>], elements: usize) -> Option<Vec<Option<usize>>> {
    let mut taken_by: Vec<Option<usize>> = vec![None; elements];
    let mut steps_left = STEPS_MAX;
    for start in 0..fits.len() {
        let mut reached_from: Vec<Option<usize>> = vec![None; elements];
        let mut queue = VecDeque::from([start]);
        let mut end = None;
        'search: while let Some(node) = queue.pop_front() {
            for &element in fits.get(node).map_or(&[][..], Vec::as_slice) {
                steps_left = steps_left.checked_sub(1)?;
                let slot = reached_from.get_mut(element)?;
                if slot.is_some() {
                    continue;
                }
                *slot = Some(node);
                match taken_by.get(element)? {
                    None => {
                        end = Some(element);
                        break 'search;
                    }
                    Some(holder) => queue.push_back(*holder),
                }
            }
        }
        // Every node on the way back gives up its element for the one it was reached with.
        while let Some(element) = end {
            let node = (*reached_from.get(element)?)?;
            let before = taken_by.iter().position(|holder| *holder == Some(node));
            *taken_by.get_mut(element)? = Some(node);
            if let Some(before) = before {
                *taken_by.get_mut(before)? = None;
            }
            end = before;
        }
    }
    Some(taken_by)
}

/// Returns the value that a node stands for with its fingerprint, absent if it is more than a plain value.
fn print_node(node: &Node) -> Option<(Json, u64)> {
    let plain = plain(node)?;
    let print = print_value(&plain);
    Some((plain, print))
}

fn plain(node: &Node) -> Option<Json> {
    match node {
        Node::Value(value) => Some(value.clone()),
        Node::List(nodes) => nodes.iter().map(plain).collect(),
        Node::Object(members) if members.rest.is_none() && !members.open => {
            let members: Option<Vec<_>> = members
                .named
                .iter()
                .map(|member| {
                    if member.optional {
                        return None;
                    }
                    Some((Arc::clone(&member.key), plain(&member.node)?))
                })
                .collect();
            members.map(Json::object)
        }
        _ => None,
    }
}

/// Returns the same number for equal values.
fn print_value(value: &Json) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Json::Null => 0_u8.hash(&mut hasher),
        Json::Bool(value) => (1_u8, value).hash(&mut hasher),
        Json::Number(number) => (2_u8, number_bits(*number)).hash(&mut hasher),
        Json::String(text) => (3_u8, text).hash(&mut hasher),
        Json::Array(elements) => {
            (4_u8, elements.len()).hash(&mut hasher);
            for element in elements.iter() {
                print_value(element).hash(&mut hasher);
            }
        }
        Json::Object(members) => {
            // A sum does not depend on the order of the members.
            let sum = members.iter().fold(0_u64, |sum, (key, value)| {
                let mut member = DefaultHasher::new();
                (key, print_value(value)).hash(&mut member);
                sum.wrapping_add(member.finish())
            });
            (5_u8, sum).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Returns the same bits for equal numbers; unequal ones may share them.
fn number_bits(number: Number) -> u64 {
    let float = number.as_f64();
    if float == 0.0 { 0 } else { float.to_bits() }
}
