//! The metadata database of the orchestrator: SQLite by default, PostgreSQL by address.
