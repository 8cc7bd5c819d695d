//! Python DAG files: read and run in helper processes.
