//! Where the tasks of a DAG stand in its picture.
//!
//! Layers by the longest way from a start, order within a layer by the middle of the neighbours,
//! places as near to the neighbours as the boxes allow. A group is laid out by itself first and is then
//! one box among its siblings, so that boxes never overlap. Same DAG, same picture.
//!
//! Never does: draw, or know a state.

mod layers;
mod place;

use std::collections::{BTreeMap, BTreeSet};

use dag::Dag;

/// Height of a task's box.
pub(crate) const TASK_HEIGHT: f64 = 46.0;
const TASK_WIDTH_MIN: f64 = 148.0;
const TASK_WIDTH_MAX: f64 = 236.0;
/// Around the members of a group, and above them for its name.
const GROUP_INSET: f64 = 16.0;
const GROUP_HEAD: f64 = 26.0;

/// A box of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Frame {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// An arrow of a picture: the tasks it leads from and to, and points it passes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Picture {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) tasks: BTreeMap<String, Frame>,
    /// Outer ones first.
    pub(crate) groups: Vec<(String, Frame)>,
    pub(crate) arrows: Vec<Arrow>,
}

/// The picture of a DAG.
pub(crate) fn of(dag: &Dag) -> Picture {
    let widest = dag.tasks.iter().map(|task| text_width(short_name(&task.id)) + 34.0);
    let width = widest.fold(TASK_WIDTH_MIN, f64::max).min(TASK_WIDTH_MAX);
    let shape = Shape::of(dag);
    let block = shape.block(None, width);
    let mut picture = Picture { width: block.width, height: block.height, ..Picture::default() };
    let mut origins = BTreeMap::new();
    put(&block, None, (0.0, 0.0), &mut picture, &mut origins);
    for link in &shape.links {
        let Some(arrow) = arrow(link, &block, &picture, &origins) else { continue };
        picture.arrows.push(arrow);
    }
    picture
}

/// The name of a task or group without that of its group.
pub(crate) fn short_name(id: &str) -> &str {
    id.rsplit('.').next().unwrap_or(id)
}

/// About how wide a text of 13 pixels is, rather too wide than too narrow.
pub(crate) fn text_width(text: &str) -> f64 {
    text.chars()
        .map(|letter| match letter {
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' | ' ' => {
                5.2
            }
            'm' | 'w' | 'M' | 'W' | '@' => 12.4,
            'A'..='Z' | '_' => 8.9,
            _ if letter.is_ascii() => 8.1,
            _ => 13.0,
        })
        .sum()
}

/// The text, with an ellipsis where it would be wider than `width`.
pub(crate) fn fit(text: &str, width: f64) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        short.push(letter);
        if text_width(&short) > width - 12.0 {
            short.pop();
            break;
        }
    }
    short.push('\u{2026}');
    short
}

/// A dependency, and where it shows: between two members of the innermost group that holds both ends.
struct Link<'d> {
    from: &'d str,
    to: &'d str,
    within: Option<&'d str>,
    ends: (&'d str, &'d str),
}

/// Which task and group lies in which group, and what depends on what.
struct Shape<'d> {
    /// Members of a group, or of the DAG, in the order they were written.
    members: BTreeMap<Option<&'d str>, Vec<&'d str>>,
    links: Vec<Link<'d>>,
}

/// A group, or the DAG, laid out by itself: its origin is its upper left corner.
pub(crate) struct Block<'d> {
    width: f64,
    height: f64,
    places: Vec<(&'d str, Frame)>,
    inner: BTreeMap<&'d str, Block<'d>>,
    /// Points that an arrow between two members passes.
    routes: BTreeMap<(&'d str, &'d str), Vec<(f64, f64)>>,
}

impl<'d> Shape<'d> {
    fn of(dag: &'d Dag) -> Self {
        let known: BTreeSet<&str> = dag.groups.iter().map(|group| group.id.as_str()).collect();
        let within = |id: &'d Option<String>| id.as_deref().filter(|id| known.contains(id));
        let groups = dag.groups.iter().map(|group| (group.id.as_str(), within(&group.parent)));
        let tasks = dag.tasks.iter().map(|task| (task.id.as_str(), within(&task.group)));
        let parents: BTreeMap<&str, Option<&str>> = groups.chain(tasks).collect();
        let mut members: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for task in &dag.tasks {
            // A group stands where its first task stands.
            for (group, member) in chain(&task.id, &parents) {
                if seen.insert(member) {
                    members.entry(group).or_default().push(member);
                }
            }
        }
        let mut links = Vec::new();
        for task in &dag.tasks {
            let to: Vec<_> = chain(&task.id, &parents);
            for from in task.upstream.iter().filter(|id| parents.contains_key(id.as_str())) {
                let shared = chain(from, &parents).into_iter().find_map(|(group, one)| {
                    let other = to.iter().find(|(known, _)| *known == group)?.1;
                    Some((group, (one, other)))
                });
                let Some((within, ends)) = shared else { continue };
                links.push(Link { from, to: &task.id, within, ends });
            }
        }
        Self { members, links }
    }

    fn block(&self, group: Option<&'d str>, width: f64) -> Block<'d> {
        let members = self.members.get(&group).cloned().unwrap_or_default();
        let inner = members.iter().filter(|id| self.members.contains_key(&Some(**id)));
        let inner: BTreeMap<&str, Block<'d>> =
            inner.map(|id| (*id, self.block(Some(id), width))).collect();
        let sizes: Vec<(f64, f64)> = members
            .iter()
            .map(|id| match inner.get(id) {
                None => (width, TASK_HEIGHT),
                Some(block) => {
                    (block.width + 2.0 * GROUP_INSET, block.height + GROUP_HEAD + GROUP_INSET)
                }
            })
            .collect();
        let index: BTreeMap<&str, usize> =
            members.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let edges: BTreeSet<(usize, usize)> = self
            .links
            .iter()
            .filter(|link| link.within == group)
            .filter_map(|link| Some((*index.get(link.ends.0)?, *index.get(link.ends.1)?)))
            .collect();
        let layers = layers::of(members.len(), &edges);
        let placed = place::of(&layers, &sizes);
        let routes = placed.routes.into_iter().filter_map(|((from, to), points)| {
            Some(((*members.get(from)?, *members.get(to)?), points))
        });
        Block {
            width: placed.width,
            height: placed.height,
            routes: routes.collect(),
            places: members.into_iter().zip(placed.frames).collect(),
            inner,
        }
    }
}

/// A task or group with the group it lies in, then that group with its own, up to the DAG.
fn chain<'d>(
    id: &'d str,
    parents: &BTreeMap<&'d str, Option<&'d str>>,
) -> Vec<(Option<&'d str>, &'d str)> {
    let mut chain: Vec<(Option<&str>, &str)> = Vec::new();
    let mut at = Some(id);
    while let Some(member) = at {
        // What lies in itself lies in the DAG.
        let circle = chain.iter().any(|(_, known)| *known == member);
        at = parents.get(member).copied().flatten().filter(|_| !circle);
        if !circle {
            chain.push((at, member));
        }
    }
    chain
}

/// Writes the frames of a block, and where its origin is.
fn put<'d>(
    block: &Block<'d>,
    name: Option<&'d str>,
    origin: (f64, f64),
    picture: &mut Picture,
    origins: &mut BTreeMap<Option<&'d str>, (f64, f64)>,
) {
    origins.insert(name, origin);
    for (id, frame) in &block.places {
        let frame = Frame { x: frame.x + origin.0, y: frame.y + origin.1, ..*frame };
        match block.inner.get(id) {
            None => {
                picture.tasks.insert((*id).to_owned(), frame);
            }
            Some(inner) => {
                picture.groups.push(((*id).to_owned(), frame));
                let origin = (frame.x + GROUP_INSET, frame.y + GROUP_HEAD);
                put(inner, Some(id), origin, picture, origins);
            }
        }
    }
}

fn arrow(
    link: &Link<'_>,
    block: &Block<'_>,
    picture: &Picture,
    origins: &BTreeMap<Option<&str>, (f64, f64)>,
) -> Option<Arrow> {
    let (from, to) = (picture.tasks.get(link.from)?, picture.tasks.get(link.to)?);
    let (x, y) = *origins.get(&link.within)?;
    let routes = find(block, None, link.within)?;
    let passed = routes.get(&link.ends).into_iter().flatten();
    let mut points = vec![(from.x + from.width, from.y + from.height / 2.0)];
    points.extend(passed.map(|(right, down)| (right + x, down + y)));
    points.push((to.x, to.y + to.height / 2.0));
    Some(Arrow { from: link.from.to_owned(), to: link.to.to_owned(), points })
}

type Routes<'d> = BTreeMap<(&'d str, &'d str), Vec<(f64, f64)>>;

/// The routes of the block of this name.
fn find<'b, 'd>(
    block: &'b Block<'d>,
    name: Option<&'d str>,
    wanted: Option<&str>,
) -> Option<&'b Routes<'d>> {
    if name == wanted {
        return Some(&block.routes);
    }
    block.inner.iter().find_map(|(id, inner)| find(inner, Some(id), wanted))
}

#[cfg(test)]
mod tests;
