//! DAG files, scheduler and executor joined into one service.
