//! The shell of every page: layout, styles, scripts, escaping.
