//! The steps and updates that the running system makes, at the reference architecture.

use std::hint::black_box;
use std::ops::ControlFlow;

use coinsphere_ml::lstm::{
    Architecture, Network, NetworkState, Sequences, Supervise, TrainConfig, train,
};
use criterion::{Criterion, criterion_group, criterion_main};

/// Inputs a step, as many as there are features, and outputs, as many as there are horizons.
const INPUTS: usize = 12;
const OUTPUTS: usize = 3;
const INSTRUMENTS: usize = 64;

fn values(count: usize) -> Vec<f32> {
    (0..count).map(|place| (place as f32 * 0.7).sin()).collect()
}

fn network() -> Network {
    Network::new(&Architecture::reference(INPUTS, OUTPUTS), 1).expect("the reference is possible")
}

fn steps(criterion: &mut Criterion) {
    let network = network();
    let input = values(INPUTS);
    let mut state = network.zero_state();
    let mut output = [0.0; OUTPUTS];
    criterion.bench_function("lstm/step", |bencher| {
        bencher.iter(|| network.step(&mut state, black_box(&input), &mut output));
    });

    let inputs = values(INPUTS * INSTRUMENTS);
    let mut states = vec![network.zero_state(); INSTRUMENTS];
    let mut outputs = vec![0.0; OUTPUTS * INSTRUMENTS];
    criterion.bench_function("lstm/step of 64 instruments", |bencher| {
        bencher.iter(|| {
            let mut states: Vec<&mut NetworkState> = states.iter_mut().collect();
            network.step_many(&mut states, black_box(&inputs), &mut outputs);
        });
    });

    let window = values(INPUTS * 60);
    criterion.bench_function("lstm/window of 60 steps", |bencher| {
        bencher.iter(|| network.forward(black_box(&window)));
    });
}

fn updates(criterion: &mut Criterion) {
    let network = network();
    let mut group = criterion.benchmark_group("lstm/update with 32 windows");
    group.sample_size(20);
    for (name, supervise, rows) in [
        ("last step", Supervise::LastStep, 60 + 31),
        ("every step", Supervise::EveryStep { warm_up: 20 }, 60 + 31),
    ] {
        let (inputs, targets) = (values(rows * INPUTS), values(rows * OUTPUTS));
        let data = Sequences {
            inputs: &inputs,
            targets: &targets,
            runs: std::iter::once(0..rows).collect(),
        };
        let config = TrainConfig {
            epochs: 1,
            supervise,
            ..TrainConfig::default()
        };
        let all = std::slice::from_ref(&data.runs[0]);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let observer = &mut |_: &_| ControlFlow::Continue(());
                train(network.clone(), &data, all, &[], &config, observer).expect("trainable")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps, updates);
criterion_main!(benches);
