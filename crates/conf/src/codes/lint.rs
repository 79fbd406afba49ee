//! Judgements on files that are legal: `KA1000` to `KA1999`.

use super::Code;

pub(super) const CODES: &[Code] = &[];
