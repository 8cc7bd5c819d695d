//! Why a table is empty or late, in one sentence.
