//! The session: optimized plans give the same values, and NULLs come first.

use dialect::parse_expression;

use crate::evaluation::{context, sample};
use datafusion::arrow::util::pretty::pretty_format_batches;

#[test]
fn the_optimizer_keeps_untaken_branches_untaken() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for sql in [
            "i <> 1 and 1 / (i - 1) > 0",
            "case when i = 1 then false else 1 / (i - 1) > 0 end",
            "if(i = 1, false, 1 / (i - 1) > 0)",
        ] {
            let frame = context().read_batch(sample()).unwrap();
            let expr = parse_expression(sql, frame.schema()).unwrap();
            let kept = frame.filter(expr).unwrap().collect().await.unwrap();
            let rows: usize = kept.iter().map(|batch| batch.num_rows()).sum();
            assert_eq!(rows, 2, "{sql}");
        }
    });
}

#[test]
fn nulls_sort_first_and_listed_functions_come_before_datafusions() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let context = context();
        context.register_batch("t", sample()).unwrap();
        let sorted =
            context.sql("SELECT i FROM t ORDER BY i").await.unwrap().collect().await.unwrap();
        let shown = pretty_format_batches(&sorted).unwrap().to_string();
        let first = shown.lines().nth(3).unwrap();
        assert_eq!(first.replace(['|', ' '], ""), "", "{shown}");
        let found = context
            .sql("SELECT concat('a', NULL) IS NULL AS b")
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        let shown = pretty_format_batches(&found).unwrap().to_string();
        assert!(shown.contains("true"), "{shown}");
    });
}
