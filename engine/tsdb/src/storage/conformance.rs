//! What every [`Storage`] must do, as one function that any implementation's test can call.

use std::io::ErrorKind;

use super::Storage;

/// Runs a claim and says which one did not hold.
macro_rules! claim {
    ($claim:expr, $($what:tt)*) => {
        if !$claim {
            return Err(format!($($what)*));
        }
    };
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn text(error: std::io::Error) -> String {
    error.to_string()
}

/// Checks an empty storage against the contract of [`Storage`].
///
/// # Errors
/// The first promise that it breaks, in words.
pub fn check(storage: &dyn Storage) -> Result<(), String> {
    check_files(storage)?;
    check_names(storage)?;
    check_links(storage)?;
    check_folders(storage)?;
    check_paths(storage)?;
    check_lock(storage)
}

fn kind<T>(result: std::io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn check_files(storage: &dyn Storage) -> Result<(), String> {
    let file = storage.create("file").map_err(text)?;
    claim!(file.is_empty().map_err(text)?, "a new file is not empty");
    claim!(kind(storage.create("file")) == Some(ErrorKind::AlreadyExists), "a file was made twice");
    file.append(b"hello ").map_err(text)?;
    file.append(b"world").map_err(text)?;
    file.append(b"").map_err(text)?;
    file.sync().map_err(text)?;
    claim!(file.len().map_err(text)? == 11, "the length is wrong after appends");
    // Whatever is announced, what is read is the same.
    for (offset, len) in [(6, 5), (0, 100), (u64::MAX, u64::MAX)] {
        file.will_read(offset, len);
    }
    let mut buf = [0; 5];
    file.read_at(6, &mut buf).map_err(text)?;
    claim!(&buf == b"world", "read {buf:?} at 6");
    let past = kind(file.read_at(7, &mut buf));
    claim!(past == Some(ErrorKind::UnexpectedEof), "a read past the end gave {past:?}");
    let far = kind(file.read_at(u64::MAX / 2, &mut buf));
    claim!(far == Some(ErrorKind::UnexpectedEof), "a read far past the end gave {far:?}");
    file.truncate(4).map_err(text)?;
    let again = storage.open("file").map_err(text)?;
    again.append(b"!").map_err(text)?;
    claim!(file.len().map_err(text)? == 5, "two handles see two lengths");
    let map = storage.map("file").map_err(text)?;
    claim!((*map).as_ref() == b"hell!", "the map has other bytes");
    storage.remove("file").map_err(text)?;
    claim!((*map).as_ref() == b"hell!", "the map lost its bytes with the name");
    file.read_at(0, &mut buf).map_err(text)?;
    claim!(&buf == b"hell!", "an open file lost its bytes with the name");
    claim!(kind(storage.open("file")) == Some(ErrorKind::NotFound), "a removed file was opened");
    claim!(kind(storage.map("file")) == Some(ErrorKind::NotFound), "a removed file was mapped");
    claim!(
        kind(storage.remove("file")) == Some(ErrorKind::NotFound),
        "a removed file was removed again"
    );
    let empty = storage.create("empty").map_err(text)?;
    empty.sync().map_err(text)?;
    claim!((*storage.map("empty").map_err(text)?).as_ref().is_empty(), "an empty file's map");
    storage.remove("empty").map_err(text)
}

fn check_names(storage: &dyn Storage) -> Result<(), String> {
    for (name, bytes) in [("b", b"bb"), ("a", b"aa")] {
        storage.create(name).map_err(text)?.append(bytes).map_err(text)?;
    }
    storage.rename("b", "a").map_err(text)?;
    claim!(kind(storage.open("b")) == Some(ErrorKind::NotFound), "the old name is still there");
    let map = storage.map("a").map_err(text)?;
    claim!((*map).as_ref() == b"bb", "the rename did not replace");
    claim!(
        kind(storage.rename("missing", "x")) == Some(ErrorKind::NotFound),
        "a missing file was renamed"
    );
    storage.sync_folder("").map_err(text)?;
    storage.remove("a").map_err(text)
}

fn check_links(storage: &dyn Storage) -> Result<(), String> {
    let file = storage.create("first").map_err(text)?;
    file.append(b"shared").map_err(text)?;
    file.sync().map_err(text)?;
    storage.create_folder("links").map_err(text)?;
    storage.link("first", "links/second").map_err(text)?;
    let again = kind(storage.link("first", "links/second"));
    claim!(again == Some(ErrorKind::AlreadyExists), "a link over a file gave {again:?}");
    let missing = kind(storage.link("missing", "links/third"));
    claim!(missing == Some(ErrorKind::NotFound), "a link to nothing gave {missing:?}");
    storage.sync_folder("links").map_err(text)?;
    storage.remove("first").map_err(text)?;
    let map = storage.map("links/second").map_err(text)?;
    claim!((*map).as_ref() == b"shared", "the second name lost its bytes with the first");
    storage.free_space().map_err(text)?;
    storage.remove("links").map_err(text)
}

fn check_folders(storage: &dyn Storage) -> Result<(), String> {
    storage.create_folder("x/y").map_err(text)?;
    storage.create_folder("x/y").map_err(text)?;
    storage.create("x/y/2").map_err(text)?.append(b"22").map_err(text)?;
    storage.create("x/y/1").map_err(text)?;
    storage.create_folder("x/y/3").map_err(text)?;
    storage.sync_folder("x/y").map_err(text)?;
    let list = storage.list("x/y").map_err(text)?;
    let list: Vec<_> = list.iter().map(|e| (e.name.as_str(), e.is_folder, e.len)).collect();
    claim!(list == [("1", false, 0), ("2", false, 2), ("3", true, 0)], "listed {list:?}");
    storage.rename("x/y", "x/z").map_err(text)?;
    claim!(storage.open("x/z/2").is_ok(), "a file did not come with its folder");
    claim!(kind(storage.list("x/y")) == Some(ErrorKind::NotFound), "a moved folder was listed");
    claim!(
        kind(storage.create("no/file")) == Some(ErrorKind::NotFound),
        "a file was made in a folder that is not there"
    );
    storage.remove("x").map_err(text)?;
    claim!(storage.list("").map_err(text)?.is_empty(), "something is left in the root");
    Ok(())
}

fn check_paths(storage: &dyn Storage) -> Result<(), String> {
    for path in ["/a", "a/", "a//b", "../a", "a/../b", "."] {
        let found = kind(storage.create(path));
        claim!(found == Some(ErrorKind::InvalidInput), "path {path:?} gave {found:?}");
    }
    Ok(())
}

fn check_lock(storage: &dyn Storage) -> Result<(), String> {
    let lock = storage.lock().map_err(text)?;
    claim!(kind(storage.lock()) == Some(ErrorKind::WouldBlock), "the lock was given twice");
    drop(lock);
    storage.lock().map(drop).map_err(text)
}
