//! What the fuzz targets share: inputs of several fields, the question that three of them ask, certificates made for one
//! question, a transport whose answers are in the input, and mutators that know fields and DER.

pub mod der;
pub mod fields;
pub mod made;
pub mod question;
pub mod script;
