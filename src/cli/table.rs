//! Columns that line up, with styles that do not count as width.

use anstyle::Style;
use comfy_table::{ContentArrangement, Table, presets};

use super::fit;
use super::output::{result, styled};

/// One cell: a text and how it looks. What is wrong with the text's own control characters is replaced.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    style: Style,
    text: String,
}

impl Cell {
    /// Returns a cell in a style.
    #[expect(clippy::needless_pass_by_value, reason = "a cell takes what it shows")]
    pub(super) fn new(style: Style, text: impl ToString) -> Self {
        let text = text
            .to_string()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        Self { style, text }
    }

    /// Returns a cell without a style.
    pub(super) fn plain(text: impl ToString) -> Self {
        Self::new(Style::new(), text)
    }
}

/// Returns the rows as lines: two spaces between columns, none at the end of a line.
pub(super) fn lines(rows: &[Vec<Cell>]) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    for row in rows {
        table.add_row(row.iter().map(|cell| styled(cell.style, &cell.text)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Prints the rows to standard output: where they are too wide for its terminal, each cell after the other.
pub(super) fn print(rows: &[Vec<Cell>]) {
    shown(rows).into_iter().for_each(result);
}

/// Returns the rows as lines for standard output.
pub(super) fn shown(rows: &[Vec<Cell>]) -> Vec<String> {
    let lines = lines(rows);
    let columns = fit::columns(&std::io::stdout()).unwrap_or(usize::MAX);
    if lines.iter().all(|line| fit::width(line) <= columns) {
        return lines;
    }
    let joined = rows.iter().map(|row| {
        let cells = row.iter().filter(|cell| !cell.text.trim().is_empty());
        let cells: Vec<String> = cells
            .map(|cell| styled(cell.style, cell.text.trim_end()))
            .collect();
        cells.join("  ")
    });
    joined.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::ERROR;

    #[test]
    fn styles_count_as_no_width() {
        let rows = [
            vec![Cell::plain("a"), Cell::plain("one"), Cell::plain("")],
            vec![
                Cell::new(ERROR, "long"),
                Cell::plain("two"),
                Cell::plain("x\ny"),
            ],
        ];
        let plain: Vec<String> = lines(&rows)
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        assert_eq!(plain, ["a     one", "long  two  x y"]);
    }
}
