//! The files that a report becomes.

use std::path::Path;

use super::model::Report;
use super::page::{headline, json_name, page};
use super::plot::Plots;
use super::readme::renewed;
use crate::{Error, Result, output};

/// Writes `benchmarks.md` into the folder `docs`, and `benchmarks/<date>.json` and the pictures
/// beside it; pictures of an earlier run go.
///
/// `codec` is what `nunatak-bench codec --markdown` prints, a section of the page.
///
/// # Errors
/// If a picture can't be drawn or a file can't be written.
pub fn publish(report: &Report, docs: &Path, codec: Option<&str>) -> Result<()> {
    let plots = Plots::draw(report)?;
    let folder = docs.join("benchmarks");
    std::fs::create_dir_all(&folder).map_err(Error::io(folder.display().to_string()))?;
    remove_pictures(&folder)?;
    for plot in plots.iter() {
        write(&folder.join(&plot.file), &plot.svg)?;
    }
    write(&folder.join(json_name(report)), &format!("{}\n", output::json(report)?))?;
    write(&docs.join("benchmarks.md"), &page(report, &plots, codec))
}

/// Writes the headline of `report` into its place in the README, if that has one.
///
/// # Errors
/// If the file can't be read or written.
pub fn renew_readme(report: &Report, readme: &Path) -> Result<()> {
    let text = std::fs::read_to_string(readme).map_err(Error::io(readme.display().to_string()))?;
    let renewed = headline(report).and_then(|numbers| renewed(&text, &numbers));
    renewed.map_or(Ok(()), |text| write(readme, &text))
}

/// Removes the pictures that `publish` has once written, and no other file.
fn remove_pictures(folder: &Path) -> Result<()> {
    let shown = || folder.display().to_string();
    for entry in std::fs::read_dir(folder).map_err(Error::io(shown()))? {
        let entry = entry.map_err(Error::io(shown()))?;
        if entry.file_name().to_str().is_some_and(is_picture) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(Error::io(path.display().to_string()))?;
        }
    }
    Ok(())
}

/// `<section>-<n>.svg`
fn is_picture(name: &str) -> bool {
    let number = name.strip_suffix(".svg").and_then(|stem| stem.rsplit_once('-'));
    number.is_some_and(|(_, digits)| digits.parse::<u32>().is_ok())
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(Error::io(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::is_picture;

    #[test]
    fn only_own_pictures_are_known() {
        assert!(is_picture("ingest-1.svg") && is_picture("out-of-order-12.svg"));
        assert!(!is_picture("logo.svg") && !is_picture("by-hand.svg"));
        assert!(!is_picture("ingest-1.json"));
    }
}
