//! What the allocator of the C library does with memory that is not used any more.

/// Smallest block that the kernel gets back as soon as it is freed.
const APART_BYTES: libc::c_int = 128 * 1024;

/// Large blocks go back to the kernel when they are freed, however large freed ones were before: by itself the
/// allocator learns from the first large one to keep all that are no larger. Configurations are read with few large
/// blocks that nobody needs afterwards. Threads share one heap, since they allocate little.
pub fn give_back_large_blocks() {
    // SAFETY: both only set numbers of the allocator, which takes any.
    let _ =
        unsafe { (libc::mallopt(libc::M_MMAP_THRESHOLD, APART_BYTES), libc::mallopt(libc::M_ARENA_MAX, 1)) };
}

/// Gives free memory back to the kernel: once a start or a reload is over, most of what it took.
pub fn give_back() {
    // SAFETY: takes no memory of ours, returns no pointer.
    let _ = unsafe { libc::malloc_trim(0) };
}

#[cfg(test)]
mod tests {
    #[test]
    fn giving_back_leaves_what_is_used() {
        super::give_back_large_blocks();
        let kept = vec![7_u8; 1 << 20];
        drop(vec![1_u8; 1 << 22]);
        super::give_back();
        assert!(kept.iter().all(|byte| *byte == 7));
    }
}
