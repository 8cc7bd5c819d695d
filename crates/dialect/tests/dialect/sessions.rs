//! The session: optimized plans give the same values.

use dialect::parse_expression;

use crate::evaluation::{context, sample};

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
