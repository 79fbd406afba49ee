//! Memory that is not needed any more.

/// Gives free pages of the heap back to the kernel. Understanding a big configuration takes many times what
/// remains of it, and the daemon lives for months with what it keeps then.
pub fn give_back() {
    // SAFETY: the function has no precondition and only concerns memory that nobody has allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    fn resident_pages() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        text.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    #[test]
    fn what_was_freed_is_given_back() {
        // Small pieces: big ones never stay with the process. Every hundredth stays and keeps the heap from
        // shrinking by itself.
        let mut pieces: Vec<Vec<u8>> = (0..200_000).map(|_| vec![1; 100]).collect();
        let mut count = 0_usize;
        pieces.retain(|_| {
            count += 1;
            count.is_multiple_of(4000)
        });
        let before = resident_pages();
        super::give_back();
        let after = resident_pages();
        assert!(after + 2000 < before, "{before} pages before, {after} after, {} pieces left", pieces.len());
    }
}
