//! The figures in the README: the page's first table, in a place of its own.

/// What stands around the table.
const BEGIN: &str = "<!-- numbers, written by nunatak-bench compare -->";
const END: &str = "<!-- end of numbers -->";

/// The README with `numbers` in their place; nothing if it has none.
pub(super) fn renewed(readme: &str, numbers: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{numbers}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, renewed};

    #[test]
    fn only_the_numbers_change() {
        let readme = format!("# Name\n\n{BEGIN}\nold\n{END}\n\nMore.\n");
        let changed = renewed(&readme, "new").unwrap();
        assert_eq!(changed, format!("# Name\n\n{BEGIN}\nnew\n{END}\n\nMore.\n"));
        assert_eq!(renewed(&changed, "new").unwrap(), changed);
    }

    #[test]
    fn a_readme_without_a_place_stays() {
        assert_eq!(renewed("# Name\n", "new"), None);
        assert_eq!(renewed(&format!("# Name\n{BEGIN}\n"), "new"), None);
    }
}
