//! Text in pages, so that a string costs its bytes and a place.
//!
//! Strings are appended to pages that never move. A page remembers whose strings it took; when
//! less than half of it is alive, its living strings move to the page at the end and the page is
//! given back. The work of one removal is therefore bounded by one page.

/// Where a string stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    page: u32,
    start: u32,
    len: u32,
}

impl Place {
    /// The place of nothing.
    pub(crate) const NOWHERE: Self = Self { page: u32::MAX, start: 0, len: 0 };
}

const LARGEST_PAGE: usize = 64 * 1024;
const SMALLEST_PAGE: usize = 512;

#[derive(Debug, Default)]
struct Page {
    text: String,
    /// Who put strings here, in order; some may have left.
    owners: Vec<u32>,
    /// Bytes that are still in use.
    live: usize,
}

impl Page {
    fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.owners.capacity() * 4
    }
}

/// Pages of text.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    pages: Vec<Page>,
    /// Pages without memory, to be used again.
    empty: Vec<u32>,
    /// The page that grows.
    current: u32,
    /// Bytes in all pages, counted as they change.
    page_bytes: usize,
}

impl Arena {
    /// The text at a place; empty if the place is not in use.
    pub(crate) fn get(&self, place: Place) -> &str {
        let (start, end) = (place.start as usize, place.start as usize + place.len as usize);
        self.pages.get(place.page as usize).and_then(|p| p.text.get(start..end)).unwrap_or("")
    }

    /// Adds a string that belongs to `owner`.
    pub(crate) fn push(&mut self, owner: u32, text: &str) -> Place {
        let page = self.page_for(text.len());
        let number = self.number_of(page);
        let page = &mut self.pages[page];
        let before = page.heap_bytes();
        let start = page.text.len() as u32;
        page.text.push_str(text);
        page.owners.push(owner);
        page.live += text.len();
        self.page_bytes += page.heap_bytes() - before;
        Place { page: number, start, len: text.len() as u32 }
    }

    /// Takes a string away; returns a page that is worth to be emptied by [`Arena::take`].
    pub(crate) fn remove(&mut self, place: Place) -> Option<u32> {
        let page = self.pages.get_mut(place.page as usize)?;
        page.live = page.live.saturating_sub(place.len as usize);
        let sparse = page.live * 2 < page.text.len();
        (sparse && place.page != self.current).then_some(place.page)
    }

    /// Takes a page out; the caller moves what is alive in it (by `owners`) with
    /// [`Arena::push`], and then gives its number back with [`Arena::give_back`]. Places in the page
    /// are no longer valid.
    pub(crate) fn take(&mut self, page: u32) -> Option<Taken> {
        let slot = self.pages.get_mut(page as usize)?;
        let taken = std::mem::take(slot);
        self.page_bytes -= taken.heap_bytes();
        Some(Taken { text: taken.text, owners: taken.owners, page })
    }

    /// Lets the number of a page that was taken out be used again. Not before all is moved: a string
    /// that came to stand in a new page of this number would be taken for one of the old page.
    pub(crate) fn give_back(&mut self, taken: &Taken) {
        self.empty.push(taken.page);
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.page_bytes
            + self.pages.capacity() * size_of::<Page>()
            + self.empty.capacity() * size_of::<u32>()
    }

    /// The index of a page with room for `len` bytes.
    fn page_for(&mut self, len: usize) -> usize {
        let current = self.current as usize;
        if self.pages.get(current).is_some_and(|p| p.text.capacity() - p.text.len() >= len) {
            return current;
        }
        self.seal();
        let capacity = (self.page_bytes / 8).clamp(SMALLEST_PAGE, LARGEST_PAGE).max(len);
        let page = Page { text: String::with_capacity(capacity), ..Page::default() };
        self.page_bytes += page.heap_bytes();
        let at = match self.empty.pop() {
            Some(number) => number as usize,
            None => self.pages.len(),
        };
        if at == self.pages.len() {
            self.pages.push(page);
        } else {
            self.pages[at] = page;
        }
        self.current = self.number_of(at);
        at
    }

    /// Gives back what the growing page will not use.
    fn seal(&mut self) {
        if let Some(page) = self.pages.get_mut(self.current as usize) {
            let before = page.heap_bytes();
            page.owners.shrink_to_fit();
            self.page_bytes -= before - page.heap_bytes();
        }
    }

    /// Pages are counted in 32 bits: at 64 KiB each that is 256 TiB of text.
    #[expect(clippy::unused_self, reason = "reads as a question to the arena")]
    fn number_of(&self, index: usize) -> u32 {
        index as u32
    }
}

/// A page that was taken out.
#[derive(Debug)]
pub(crate) struct Taken {
    text: String,
    /// Who had put strings there.
    pub(crate) owners: Vec<u32>,
    page: u32,
}

impl Taken {
    /// The text at a place, if the place is in this page.
    pub(crate) fn get(&self, place: Place) -> Option<&str> {
        let start = place.start as usize;
        (place.page == self.page).then(|| self.text.get(start..start + place.len as usize))?
    }
}
