//! placeholder, replaced in the first session
fn main() {}
