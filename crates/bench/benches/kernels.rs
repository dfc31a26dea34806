//! Every kernel's plans, timed by criterion: `cargo bench -p lsra-bench -- gemm/f32`.

use criterion::{Criterion, Throughput};
use lsra_bench::{Unit, kernels};
use lsra_kernels::Isa;

fn main() {
    let isa = Isa::from_env().expect("LSRA_ISA names a tier of this CPU");
    // Criterion's own filter leaves data and oracles of what is not asked for to be made; this one does not.
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let mut criterion = Criterion::default().configure_from_args();
    for plan in kernels::plans().into_iter().filter(|p| p.name.contains(&filter)) {
        let mut case = (plan.build)(isa);
        let mut group = criterion.benchmark_group("kernels");
        if let Unit::Rate { amount, .. } = case.unit {
            group.throughput(Throughput::Elements(amount as u64));
        }
        group.bench_function(&plan.name, |b| b.iter(&mut case.run));
        group.finish();
    }
    criterion.final_summary();
}
