//! placeholder, replaced in the first session
