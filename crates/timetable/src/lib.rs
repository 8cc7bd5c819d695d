//! When a DAG runs: cron expressions, time zones, and Airflow's timetables over them.
//!
//! Owns the question "which run comes next". The answers are those of Airflow's own timetables for the
//! same expression, zone and moment (`judges/timetables.py` asks both); what Airflow takes and this crate
//! does not is refused by name.
//!
//! Never does: look at a clock, keep runs, start anything.

mod cron;
mod schedule;
mod zone;

pub use cron::{Cron, CronError};
pub use schedule::{DataInterval, NextRun, Restriction, Timetable};
pub use zone::{Zone, ZoneError};
