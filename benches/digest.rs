//! Hashing, the sha2 crate beside us. With `RUSTFLAGS='--cfg longhand_portable'`: what other processors run.

#![allow(missing_docs, reason = "the bench's macro makes an undocumented function")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use longhand::{HashMethod, StreamingDigest};

/// Less than a block, about a certificate, and what a stream is read in.
const SIZES: [usize; 3] = [100, 1_500, 64 * 1024];

fn digests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("digest");
    for size in SIZES {
        let data = vec![0x5a; size];
        group.throughput(Throughput::Bytes(u64::try_from(size).unwrap_or(u64::MAX)));
        ours(&mut group, HashMethod::Sha256, &data);
        of_the_crate::<sha2::Sha256>(&mut group, HashMethod::Sha256, &data);
        ours(&mut group, HashMethod::Sha512, &data);
        of_the_crate::<sha2::Sha512>(&mut group, HashMethod::Sha512, &data);
    }
}

fn ours(group: &mut BenchmarkGroup<'_, WallTime>, hash_method: HashMethod, data: &[u8]) {
    group.bench_function(format!("longhand {hash_method}/{}", data.len()), |bencher| {
        bencher.iter(|| {
            let mut digest = StreamingDigest::new(hash_method);
            digest.update(black_box(data));
            digest.finish()
        });
    });
}

fn of_the_crate<D: sha2::Digest>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    hash_method: HashMethod,
    data: &[u8],
) {
    group.bench_function(format!("sha2 {hash_method}/{}", data.len()), |bencher| {
        bencher.iter(|| D::digest(black_box(data)));
    });
}

criterion_group!(benches, digests);
criterion_main!(benches);
