//! The failures of the tutorial's stack, each made for real: whoever asks `millstream doctor`, `GET
//! /api/doctor` or the page `/doctor` is told the right cause first.

mod dags;
mod house;
mod python;
mod records;
mod servers;
mod sources;
mod tables;
