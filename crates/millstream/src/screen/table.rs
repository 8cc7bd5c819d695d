//! Aligned columns of text.

/// Which side of its column a cell keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Columns with a header and rows; widths fit the longest cell.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(String, Side)>,
    rows: Vec<Vec<String>>,
}

/// Cells longer than this are cut, so that one long value does not push the rest off the screen.
const CELL_CHARS_MAX: usize = 120;

impl Table {
    /// A table with these columns and no rows.
    pub(crate) fn new(columns: &[(&str, Side)]) -> Self {
        let columns = columns.iter().map(|(name, side)| ((*name).to_owned(), *side)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row with one cell per column.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        let mut cells: Vec<_> = cells.into_iter().map(shorten).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// The lines, header first, without trailing spaces.
    pub(crate) fn lines(&self) -> Vec<String> {
        let header: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let all = || std::iter::once(&header).chain(&self.rows);
        let widths: Vec<_> = (0..header.len())
            .map(|at| all().map(|row| row[at].chars().count()).max().unwrap_or(0))
            .collect();
        all().map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width), (_, side)) in row.iter().zip(widths).zip(&self.columns) {
            let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
            match side {
                Side::Left => line.extend([cell.as_str(), &gap, "  "]),
                Side::Right => line.extend([gap.as_str(), cell, "  "]),
            }
        }
        line.trim_end().to_owned()
    }
}

fn shorten(cell: String) -> String {
    let cell = cell.replace(['\n', '\r', '\t'], " ");
    if cell.chars().count() <= CELL_CHARS_MAX {
        return cell;
    }
    let kept: String = cell.chars().take(CELL_CHARS_MAX - 3).collect();
    format!("{kept}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_numbers_keep_right() {
        let mut table = Table::new(&[("NAME", Side::Left), ("N", Side::Right)]);
        table.row(vec!["a".into(), "1,000".into()]);
        table.row(vec!["longer".into(), "1".into()]);
        assert_eq!(table.lines(), ["NAME        N", "a       1,000", "longer      1"]);
    }

    #[test]
    fn a_long_cell_is_cut() {
        let mut table = Table::new(&[("V", Side::Left)]);
        table.row(vec!["x".repeat(500)]);
        assert_eq!(table.lines()[1].chars().count(), CELL_CHARS_MAX);
    }
}
