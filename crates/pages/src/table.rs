//! Tables. On a narrow screen each row becomes a card whose values carry their column's name.

use std::borrow::Cow;

use crate::{Html, Part, Raw};

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// Texts.
    #[default]
    Left,
    /// Numbers, under each other.
    Right,
    /// Buttons at the end of a row.
    Actions,
}

/// A column: its name and how it is set.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// Its name.
    pub label: &'a str,
    /// How it is set.
    pub align: Align,
}

impl<'a> Column<'a> {
    /// A column of texts.
    #[must_use]
    pub const fn left(label: &'a str) -> Self {
        Self { label, align: Align::Left }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn right(label: &'a str) -> Self {
        Self { label, align: Align::Right }
    }

    /// The column of buttons; its name is for screen readers.
    #[must_use]
    pub const fn actions(label: &'a str) -> Self {
        Self { label, align: Align::Actions }
    }
}

/// A table that is being written.
#[derive(Debug)]
pub struct Table<'a> {
    columns: Vec<Column<'a>>,
    rows: Html,
    region: Option<Cow<'static, str>>,
}

impl<'a> Table<'a> {
    /// No rows yet.
    #[must_use]
    pub fn new(columns: &[Column<'a>]) -> Self {
        Self { columns: columns.to_vec(), rows: Html::new(), region: None }
    }

    /// The rows become the live region of this name.
    #[must_use]
    pub fn live(mut self, id: impl Into<Cow<'static, str>>) -> Self {
        self.region = Some(id.into());
        self
    }

    /// Adds a row: a cell for each column.
    pub fn row(&mut self, cells: &[&dyn Part]) {
        self.row_with("", cells);
    }

    /// Adds a row of a class.
    pub fn row_with(&mut self, class: &'static str, cells: &[&dyn Part]) {
        self.rows.put("<tr class=\"{}\">", &[&Raw(class)]);
        for (column, cell) in self.columns.iter().zip(cells) {
            let class = class_of(column.align);
            let values: [&dyn Part; 3] = [&class, &column.label, cell];
            self.rows.put("<td class=\"{}\" data-label=\"{}\">{}</td>", &values);
        }
        self.rows.raw("</tr>");
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table.
    #[must_use]
    pub fn finish(self) -> Html {
        let Self { columns, rows, region } = self;
        Html::of(|out| {
            out.raw("<div class=\"table-frame\"><table class=\"table\"><thead><tr>");
            for column in &columns {
                if column.align == Align::Actions {
                    let label = "<th class=\"end\" scope=\"col\"><span class=\"sr\">{}</span></th>";
                    out.put(label, &[&column.label]);
                } else {
                    let values: [&dyn Part; 2] = [&class_of(column.align), &column.label];
                    out.put("<th class=\"{}\" scope=\"col\">{}</th>", &values);
                }
            }
            out.raw("</tr></thead>");
            match region {
                Some(id) => out.region_as("tbody", "", id, |out| out.push(&rows)),
                None => out.put("<tbody>{}</tbody>", &[&rows]),
            }
            out.raw("</table></div>");
        })
    }
}

const fn class_of(align: Align) -> Raw {
    Raw(match align {
        Align::Left => "",
        Align::Right => "num",
        Align::Actions => "end",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_carries_the_name_of_its_column() {
        let columns = [Column::left("Name"), Column::right("Size"), Column::actions("Do")];
        let mut table = Table::new(&columns).live("rows");
        table.row(&[&"<a>", &3_u64, &Html::new()]);
        let html = table.finish();
        assert!(html.as_str().contains("<td class=\"\" data-label=\"Name\">&lt;a&gt;</td>"));
        assert!(html.as_str().contains("<td class=\"num\" data-label=\"Size\">3</td>"));
        assert_eq!(html.regions().count(), 1);
    }
}
