//! Icons of 20 by 20, with lines in the text's colour, drawn for this product.

use crate::{Html, Part, Raw};

/// A picture of 20 by 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// Something needs care.
    Alert,
    /// Back, or the former page.
    Back,
    /// A broker.
    Broker,
    /// Done.
    Check,
    /// Clear and run again.
    Clear,
    /// A moment, a schedule.
    Clock,
    /// A text of a program.
    Code,
    /// A link to another system.
    Connection,
    /// Close, cancel, fail.
    Cross,
    /// A DAG.
    Dag,
    /// The doctor.
    Doctor,
    /// A file.
    File,
    /// The next page.
    Forward,
    /// A grid of runs.
    Grid,
    /// Consumers that share work.
    Group,
    /// Help.
    Help,
    /// Facts.
    Info,
    /// A key or token.
    Key,
    /// A list.
    List,
    /// A lock.
    Lock,
    /// The menu.
    Menu,
    /// A message.
    Message,
    /// A note.
    Note,
    /// Pause.
    Pause,
    /// Start.
    Play,
    /// Add.
    Plus,
    /// A pool of slots.
    Pool,
    /// Run again.
    Retry,
    /// Search.
    Search,
    /// Settings.
    Settings,
    /// Sign out.
    SignOut,
    /// A stream.
    Stream,
    /// A table.
    Table,
    /// Light or dark.
    Theme,
    /// A topic.
    Topic,
    /// Delete.
    Trash,
    /// A person.
    User,
    /// Several persons.
    Users,
    /// A variable.
    Variable,
    /// A value between tasks.
    XCom,
}

/// What each icon is drawn with.
#[rustfmt::skip]
const LINES: &[(Icon, &str)] = &[
    (Icon::Alert, "<path d=\"M10 3.2 17.3 16H2.7z\"/><path d=\"M10 8.2v3.6M10 13.7v.1\"/>"),
    (Icon::Back, "<path d=\"m12 5-5 5 5 5\"/>"),
    (Icon::Broker, "<rect x=\"3.5\" y=\"3.5\" width=\"13\" height=\"5\" rx=\"1.2\"/><rect x=\"3.5\" y=\"11.5\" width=\"13\" height=\"5\" rx=\"1.2\"/><path d=\"M6.5 6h.1M6.5 14h.1\"/>"),
    (Icon::Check, "<path d=\"m4.5 10.5 3.6 3.6 7.4-8\"/>"),
    (Icon::Clear, "<path d=\"m8 16 8.2-8.2a1 1 0 0 0 0-1.4l-2.6-2.6a1 1 0 0 0-1.4 0L3.8 12a1 1 0 0 0 0 1.4L6.4 16H17M8 8l4 4\"/>"),
    (Icon::Clock, "<circle cx=\"10\" cy=\"10\" r=\"6.8\"/><path d=\"M10 6v4l2.8 2\"/>"),
    (Icon::Code, "<path d=\"m7 6-4 4 4 4M13 6l4 4-4 4\"/>"),
    (Icon::Connection, "<path d=\"M8.5 11.5a3 3 0 0 0 4.2 0l2.8-2.8a3 3 0 0 0-4.2-4.2l-1 1M11.5 8.5a3 3 0 0 0-4.2 0l-2.8 2.8a3 3 0 0 0 4.2 4.2l1-1\"/>"),
    (Icon::Cross, "<path d=\"m5.5 5.5 9 9M14.5 5.5l-9 9\"/>"),
    (Icon::Dag, "<circle cx=\"4.8\" cy=\"10\" r=\"2\"/><circle cx=\"15.2\" cy=\"5\" r=\"2\"/><circle cx=\"15.2\" cy=\"15\" r=\"2\"/><path d=\"M6.8 9.4c3 0 3.4-4.4 6.4-4.4M6.8 10.6c3 0 3.4 4.4 6.4 4.4\"/>"),
    (Icon::Doctor, "<path d=\"M3 10.5h3l2-5 3.5 9 2-4H17\"/>"),
    (Icon::File, "<path d=\"M5 3.5h6.5L15 7v9.5H5z\"/><path d=\"M11.2 3.7V7.3h3.6\"/>"),
    (Icon::Forward, "<path d=\"m8 5 5 5-5 5\"/>"),
    (Icon::Grid, "<rect x=\"3.5\" y=\"3.5\" width=\"5\" height=\"5\" rx=\"1\"/><rect x=\"11.5\" y=\"3.5\" width=\"5\" height=\"5\" rx=\"1\"/><rect x=\"3.5\" y=\"11.5\" width=\"5\" height=\"5\" rx=\"1\"/><rect x=\"11.5\" y=\"11.5\" width=\"5\" height=\"5\" rx=\"1\"/>"),
    (Icon::Group, "<circle cx=\"10\" cy=\"5.5\" r=\"2\"/><circle cx=\"5\" cy=\"14\" r=\"2\"/><circle cx=\"15\" cy=\"14\" r=\"2\"/><path d=\"m9 7.3-3 5M11 7.3l3 5M7 14h6\"/>"),
    (Icon::Help, "<circle cx=\"10\" cy=\"10\" r=\"6.8\"/><path d=\"M8 8.2c0-2.6 4-2.5 4 0 0 1.6-2 1.6-2 3.2M10 13.6v.1\"/>"),
    (Icon::Info, "<circle cx=\"10\" cy=\"10\" r=\"6.8\"/><path d=\"M10 9.3v4M10 6.7v.1\"/>"),
    (Icon::Key, "<circle cx=\"6.5\" cy=\"13.5\" r=\"3\"/><path d=\"m8.7 11.3 7-7M13 7l2 2M15.7 4.3 17 5.6\"/>"),
    (Icon::List, "<path d=\"M7.5 5.5H17M7.5 10H17M7.5 14.5H17M3.5 5.5h.1M3.5 10h.1M3.5 14.5h.1\"/>"),
    (Icon::Lock, "<rect x=\"4.5\" y=\"9\" width=\"11\" height=\"7.5\" rx=\"1.5\"/><path d=\"M7 9V6.5a3 3 0 0 1 6 0V9\"/>"),
    (Icon::Menu, "<path d=\"M3.5 6h13M3.5 10h13M3.5 14h13\"/>"),
    (Icon::Message, "<path d=\"M3.5 4.5h13v9h-7l-3.5 3v-3H3.5z\"/><path d=\"M6.5 8h7M6.5 10.5h4\"/>"),
    (Icon::Note, "<path d=\"M4.5 3.5h11v8.5L11 16.5H4.5z\"/><path d=\"M15.3 12H11v4.3M7.5 7h5M7.5 9.8h3\"/>"),
    (Icon::Pause, "<path d=\"M7 5v10M13 5v10\"/>"),
    (Icon::Play, "<path d=\"M6.5 4.5v11l9-5.5z\"/>"),
    (Icon::Plus, "<path d=\"M10 4.5v11M4.5 10h11\"/>"),
    (Icon::Pool, "<path d=\"M3.5 6.5 10 3.5l6.5 3L10 9.5zM3.5 10l6.5 3 6.5-3M3.5 13.5l6.5 3 6.5-3\"/>"),
    (Icon::Retry, "<path d=\"M15.8 8.2A6.2 6.2 0 1 0 16 12M16.2 4v4.3h-4.3\"/>"),
    (Icon::Search, "<circle cx=\"9\" cy=\"9\" r=\"5\"/><path d=\"m12.8 12.8 3.7 3.7\"/>"),
    (Icon::Settings, "<path d=\"M3.5 6h6M13.5 6h3M3.5 14h3M10.5 14h6\"/><circle cx=\"11.5\" cy=\"6\" r=\"2\"/><circle cx=\"8.5\" cy=\"14\" r=\"2\"/>"),
    (Icon::SignOut, "<path d=\"M8 3.5H4v13h4M8 10h9M13.8 6.8 17 10l-3.2 3.2\"/>"),
    (Icon::Stream, "<path d=\"M3 7c2.3-2.7 4.7-2.7 7 0s4.7 2.7 7 0M3 13c2.3-2.7 4.7-2.7 7 0s4.7 2.7 7 0\"/>"),
    (Icon::Table, "<rect x=\"3.5\" y=\"4\" width=\"13\" height=\"12\" rx=\"1.5\"/><path d=\"M3.5 8h13M8.5 8v8\"/>"),
    (Icon::Theme, "<circle cx=\"10\" cy=\"10\" r=\"6.5\"/><path d=\"M10 3.5v13a6.5 6.5 0 0 0 0-13z\" fill=\"currentColor\"/>"),
    (Icon::Topic, "<path d=\"M4 5.5h12M4 10h12M4 14.5h12\"/><path d=\"M7.5 4v3M12 8.5v3M9 13v3\"/>"),
    (Icon::Trash, "<path d=\"M4 5.5h12M8 5.5v-2h4v2M5.5 5.5l.7 11h7.6l.7-11M8.5 8.5v5M11.5 8.5v5\"/>"),
    (Icon::User, "<circle cx=\"10\" cy=\"7\" r=\"3\"/><path d=\"M4 16.5c.6-3.4 3-5 6-5s5.4 1.6 6 5\"/>"),
    (Icon::Users, "<circle cx=\"7.5\" cy=\"7\" r=\"2.6\"/><path d=\"M2.5 16c.4-3 2.3-4.5 5-4.5s4.6 1.5 5 4.5M12.5 4.7a2.6 2.6 0 0 1 0 4.7M14.3 11.9c1.8.6 2.9 2 3.2 4.1\"/>"),
    (Icon::Variable, "<path d=\"M6 4c-2.5 3.6-2.5 8.4 0 12M14 4c2.5 3.6 2.5 8.4 0 12M7.8 8l4.4 4.4M12.2 8l-4.4 4.4\"/>"),
    (Icon::XCom, "<path d=\"M3.5 7h11M11.5 4l3 3-3 3M16.5 13h-11M8.5 10l-3 3 3 3\"/>"),
];

impl Icon {
    fn lines(self) -> &'static str {
        LINES.iter().find(|(icon, _)| *icon == self).map_or("", |(_, lines)| lines)
    }
}

impl Part for Icon {
    fn add_to(&self, out: &mut Html) {
        out.put(
            "<svg class=\"icon\" viewBox=\"0 0 20 20\" width=\"20\" height=\"20\" \
             aria-hidden=\"true\">{}</svg>",
            &[&Raw(self.lines())],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_is_drawn_and_stands_at_its_place() {
        assert_eq!(LINES.len(), Icon::XCom as usize + 1);
        for (at, (icon, lines)) in LINES.iter().enumerate() {
            assert_eq!(*icon as usize, at, "{icon:?}");
            assert!(lines.starts_with('<'), "{icon:?}");
        }
    }
}
